"""A run of the kit: what is selected, in which order it is told, and what follows from it."""

from __future__ import annotations

import _thread
from pathlib import Path

import pytest

from squall_conformance import engine
from squall_conformance.court import control_for
from squall_conformance.deviations import DeviationError
from squall_conformance.engine import Options
from squall_conformance.outcome import Outcome
from squall_conformance.registry import SelectionError

ONE = "CB-001/each_runs_exactly_once"
DEAF = "misbehaving.loops:Deaf"
SLOW = pytest.mark.slow


def run(*specs, on_event=None, **options):
    return engine.run(specs, Options(**{"clauses": (ONE,), **options}), on_event)


def outcomes(report):
    return [result.outcome for target in report.targets for result in target.results]


@SLOW
def test_events_tell_the_run_from_its_start_to_its_end():
    events = []
    report = run("select", "no_such:thing", on_event=events.append)
    kinds = [type(event) for event in events]
    assert events[0] == engine.RunStarted(2, ("select", "no_such:thing"))
    assert set(kinds[1:-1]) == {engine.TargetStarted, engine.TargetFailed, engine.ClauseFinished}
    assert events[-1] == engine.RunFinished(report)
    assert [event.done for event in events if isinstance(event, engine.ClauseFinished)] == [1, 2]
    assert all(event.total == 2 for event in events if isinstance(event, engine.ClauseFinished))


@SLOW
def test_a_report_says_what_was_judged_where_and_against_what():
    report = run("select")
    (target,) = report.targets
    assert (target.spec, target.name, target.start_error) == ("select", "select", "")
    assert {"fork", "several-loops"} <= set(target.abilities)
    assert report.environment.keys() >= {"python", "os", "cores"}
    assert report.control == "select"
    assert report.profiles == ("kernel",)
    assert report.kit
    assert report.exit_code == 0


@SLOW
def test_a_part_of_a_profile_never_makes_a_loop_conformant():
    assert run("select").targets[0].verdicts == {"kernel": "partial"}


@SLOW
def test_results_come_in_the_order_of_the_rules_whatever_finished_first():
    report = run("select", rules=("CB", "LC-00*"), clauses=())
    ids = [result.clause for result in report.targets[0].results]
    assert [clause[:2] for clause in ids] == sorted(clause[:2] for clause in ids)
    assert len(ids) > 15


@SLOW
def test_each_target_is_judged_once_however_often_it_is_named():
    assert len(run("select", "select").targets) == 1


@SLOW
def test_a_failure_is_seen_twice_and_makes_the_run_unexpected():
    report = run(DEAF)
    (result,) = report.targets[0].results
    assert (result.outcome, result.runs, result.bad_runs) == (Outcome.FAIL, 2, 2)
    assert report.targets[0].verdicts == {"kernel": "failing"}
    assert report.exit_code == 1


@SLOW
def test_what_fails_once_only_is_flaky(tmp_path, monkeypatch):
    monkeypatch.setenv("SQUALL_TEST_FLAG", str(tmp_path / "flag"))
    report = run("misbehaving.loops:FailsAtFirst")
    (result,) = report.targets[0].results
    assert (result.outcome, result.runs, result.bad_runs) == (Outcome.FLAKY, 2, 1)
    assert result.message.startswith("fail in 1 of 2 runs")
    assert report.exit_code == 1


@SLOW
def test_repeats_count_how_often_a_clause_fails(tmp_path, monkeypatch):
    monkeypatch.setenv("SQUALL_TEST_FLAG", str(tmp_path / "flag"))
    (result,) = run("misbehaving.loops:FailsAtFirst", repeat=5).targets[0].results
    assert (result.outcome, result.runs, result.bad_runs) == (Outcome.FLAKY, 5, 1)


@SLOW
def test_what_the_control_loop_fails_too_is_held_against_nobody():
    report = run("misbehaving.loops:Exits", control=DEAF)
    (result,) = report.targets[0].results
    assert result.outcome is Outcome.INVALID
    assert result.message.startswith(f"the control loop {DEAF} fails it too")
    assert report.exit_code == 0


def test_the_control_is_a_loop_of_our_own_that_is_not_judged():
    assert control_for("uvloop") == "select"
    assert control_for("select") not in {"select", ""}
    assert control_for("uvloop", "poll") == "poll"
    assert control_for("poll", "poll") == "select"


@SLOW
def test_a_clause_that_needs_what_is_not_there_is_unsupported_with_the_reason():
    report = run("misbehaving.loops:Lonely", clauses=("TH-007/*",))
    assert {result.outcome for result in report.targets[0].results} == {Outcome.UNSUPPORTED}
    assert "needs several-loops" in report.targets[0].results[0].message
    assert report.exit_code == 5


@SLOW
def test_fewer_clauses_than_the_baseline_are_an_error():
    assert run("select", baseline=1).exit_code == 0
    assert run("select", baseline=2).exit_code == 5


@SLOW
def test_deviations_are_run_and_expected(tmp_path):
    entry = '[[deviation]]\nclause = "{}"\noutcome = ["fail"]\nkind = "by-design"\nreason = "deaf"\n{}\n'
    file = tmp_path / "deviations.toml"
    file.write_text("schema = 1\n" + entry.format(ONE, ""))
    expected = run(DEAF, deviations=(file,))
    assert (outcomes(expected), expected.exit_code) == ([Outcome.XFAIL], 0)
    assert expected.targets[0].verdicts == {"kernel": "partial"}
    unexpected = run("select", deviations=(file,))
    assert (outcomes(unexpected), unexpected.exit_code) == ([Outcome.XPASS], 1)
    file.write_text("schema = 1\n" + entry.format(ONE, 'until = "2020-01-01"'))
    expired = run(DEAF, deviations=(file,))
    assert (outcomes(expired), expired.exit_code) == ([Outcome.XFAIL], 4)
    assert "expired with 2020-01-01" in expired.notes[0]


def test_what_does_not_exist_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(SelectionError, match=r"no profile 'kernels'; there are: .*kernel"):
        run("select", profiles=("kernels",))
    with pytest.raises(SelectionError, match="no rule matches 'CB-999'; near it: CB-001"):
        run("select", rules=("CB-999",))
    with pytest.raises(SelectionError, match="no clause matches 'nothing'"):
        run("select", clauses=("nothing",))
    with pytest.raises(SelectionError, match="no target"):
        run()
    with pytest.raises(DeviationError, match="cannot be read"):
        run("select", deviations=(tmp_path / "none.toml",))


@SLOW
def test_an_interrupt_ends_the_run_with_a_report_of_what_was_done():
    def interrupt(event):
        if isinstance(event, engine.ClauseFinished) and event.done == 3:
            _thread.interrupt_main()

    report = run("select", "misbehaving.loops:SleepsAlways", clauses=("CB-*", "TM-*"), on_event=interrupt)
    found = outcomes(report)
    assert report.exit_code == 130
    assert report.notes[0].startswith("interrupted: ")
    assert 3 <= found.count(Outcome.PASS) < len(found)
    assert Outcome.NOTRUN in found


@SLOW
def test_an_error_of_the_front_ends_the_run_and_comes_out():
    def fail(event):
        if getattr(event, "done", 0):
            raise LookupError("the display is broken")

    with pytest.raises(LookupError, match="the display is broken"):
        run("select", on_event=fail)


@SLOW
def test_each_clause_runs_in_a_process_and_folder_of_its_own_without_input():
    before = sorted(Path.cwd().iterdir())
    report = run("misbehaving.loops:LooksAround")
    assert outcomes(report) == [Outcome.PASS]
    assert sorted(Path.cwd().iterdir()) == before
