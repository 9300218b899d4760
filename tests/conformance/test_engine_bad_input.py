"""Whatever a loop does to its judge is a result: named, bounded in time, and without consequence for other targets."""

from __future__ import annotations

import os

import psutil
import pytest

from squall_conformance import engine
from squall_conformance.isolation import workshop
from squall_conformance.isolation.protocol import MARKER
from squall_conformance.outcome import Outcome

ONE = ("CB-001/each_runs_exactly_once",)


@pytest.fixture(autouse=True)
def no_process_is_left(monkeypatch):
    """After each test no process exists that bears the marker of one of its runs."""
    markers = []
    make = workshop.Workshop.__init__

    def remember(self, **kwargs):
        make(self, **kwargs)
        markers.append(self.marker)

    monkeypatch.setattr(workshop.Workshop, "__init__", remember)
    yield
    left = [process for process in psutil.process_iter() if _marker(process) in markers]
    assert markers
    assert not left


def _marker(process):
    try:
        return process.environ().get(MARKER) if process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def run(*names, clauses=ONE, **options):
    specs = [name if ":" in name or name == "select" else f"misbehaving.loops:{name}" for name in names]
    return engine.run(specs, engine.Options(clauses=clauses, **{"timeout_scale": 0.2, "jobs": 2, **options}))


def only(report):
    (result,) = report.targets[0].results
    return result


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_package:make", "No module named 'no_such_package'"),
        ("misbehaving.loops:no_such_factory", "no_such_factory"),
        ("misbehaving.raises_on_import:make", "cannot be imported: LookupError: no engine room"),
        ("misbehaving.exits_on_import:make", "exits with status 0 without a result when it is imported"),
        ("misbehaving.loops:factory_raises", "LookupError: no such engine aboard"),
        ("misbehaving.loops:factory_returns_nothing", "its factory returned None"),
        ("misbehaving.loops:factory_returns_text", "its factory returned an object of type builtins.str"),
        ("misbehaving.loops:segfaults_when_made", "is killed by SIGSEGV when it is made"),
        ("misbehaving.loops:exits_when_made", "exits with status 0 without a result when it is made"),
        ("misbehaving.loops:leaves_by_system_exit", "cannot be made: SystemExit: enough"),
    ],
)
def test_a_target_that_cannot_start_says_why_and_the_others_are_judged(name, words):
    report = run(name, "select")
    bad, good = report.targets
    assert words in bad.start_error
    assert [result.outcome for result in bad.results] == [Outcome.NOTRUN]
    assert [result.outcome for result in good.results] == [Outcome.PASS]
    assert report.exit_code == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "misbehaving.hangs_on_import:make",
            "hangs when it is imported: no result within 1 s, in <module> (hangs_on_import.py:5)",
        ),
        ("misbehaving.loops:hangs_when_made", "hangs when it is made: no result within 1 s, in hangs_when_made (loops.py:"),
        ("misbehaving.loops:hangs_in_c_when_made", "hangs when it is made: no result within 1 s"),
    ],
)
def test_a_target_that_hangs_before_it_starts_says_where_and_the_others_are_judged(name, words):
    report = run(name, "select", timeout_scale=0.1)
    bad, good = report.targets
    assert words in bad.start_error
    assert "File" in bad.start_detail
    assert [result.outcome for result in good.results] == [Outcome.PASS]
    assert report.exit_code == 3


@pytest.mark.parametrize(
    ("name", "outcome", "words"),
    [
        ("Segfaults", Outcome.CRASH, "killed by SIGSEGV"),
        ("Aborts", Outcome.CRASH, "killed by SIGABRT"),
        ("ExitsZero", Outcome.CRASH, "exited with status 0 without a result"),
        ("ClosesEverything", Outcome.CRASH, "exited with status 0 without a result"),
        ("ClosesTheChannelOnly", Outcome.CRASH, "closed the descriptor on which its result was to be sent"),
        ("Exits", Outcome.FAIL, "SystemExit: 0"),
        ("EatsMemory", Outcome.FAIL, "MemoryError"),
        ("RaisesInThread", Outcome.FAIL, "thread helper ended with LookupError: lost in a thread"),
        ("Forks", Outcome.LEAK, "left behind: 2 child processes"),
        ("LeaksDescriptors", Outcome.LEAK, "left behind: 2 descriptors"),
        ("LeaksThreads", Outcome.LEAK, "left behind: 1 thread"),
        ("LeavesChild", Outcome.LEAK, "left behind: 2 child processes"),
        ("LeavesGrandchild", Outcome.LEAK, "left behind: sleep ("),
        ("Prints", Outcome.PASS, ""),
        ("ClosesStdout", Outcome.PASS, ""),
        ("OpensOnce", Outcome.PASS, ""),
    ],
)
@pytest.mark.slow
def test_what_a_loop_does_in_a_clause_has_its_outcome(name, outcome, words):
    report = run(name)
    result = only(report)
    assert result.outcome is outcome
    assert words in result.message
    assert report.exit_code == (0 if outcome is Outcome.PASS else 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["HangsOnStart", "IgnoresSigterm", "Stops", "KillsItsParent"])
def test_a_loop_that_hangs_is_ended_whatever_it_does_against_it(name):
    result = only(run(name))
    assert result.outcome is Outcome.HANG if name != "KillsItsParent" else result.outcome in {Outcome.HANG, Outcome.CRASH}


@pytest.mark.slow
def test_a_hang_comes_with_the_stacks_of_its_threads():
    result = only(run("HangsOnStart"))
    assert result.message.startswith("no result within 0.6 s, in start (loops.py:")
    assert "--- stacks ---" in result.detail
    assert "each_runs_exactly_once" in result.detail


def test_a_crash_comes_with_the_stack_and_the_output():
    result = only(run("Segfaults"))
    assert "Segmentation fault" in result.detail


@pytest.mark.slow
def test_a_target_that_hangs_in_every_clause_is_given_up_and_does_not_cost_its_whole_time():
    report = run("HangsOnStart", "select", clauses=("CB-00*",), timeout_scale=0.4)
    bad, good = report.targets
    outcomes = [result.outcome for result in bad.results]
    assert bad.start_error.startswith("hangs in each of the first 3 clauses")
    assert set(outcomes) == {Outcome.HANG, Outcome.NOTRUN}
    assert outcomes.count(Outcome.NOTRUN) >= 3
    assert {result.outcome for result in good.results} == {Outcome.PASS}
    assert report.exit_code == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "why"),
    [("starts_thread_on_import", "importing it starts threads (2 now)"), ("opens_pipe_on_import", "importing it opens")],
)
def test_a_target_that_cannot_be_forked_gets_a_fresh_interpreter_for_each_clause(module, why):
    report = run(f"misbehaving.{module}:make", timeout_scale=1.0)
    assert only(report).outcome is Outcome.PASS
    assert why in report.notes[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "outcome", "words"),
    [
        ("good", Outcome.PASS, ""),
        ("Segfaults", Outcome.CRASH, "killed by SIGSEGV"),
        ("ExitsZero", Outcome.CRASH, "exited with status 0 without a result"),
        ("LeavesGrandchild", Outcome.PASS, ""),
        ("LeaksDescriptors", Outcome.LEAK, "2 descriptors"),
        ("HangsOnStart", Outcome.HANG, "in start (loops.py:"),
    ],
)
def test_outcomes_are_the_same_where_nothing_can_be_forked(name, outcome, words):
    result = only(run(name, fork=False, timeout_scale=0.3))
    assert result.outcome is outcome
    assert words in result.message


def test_a_name_of_an_environment_variable_marks_every_process_of_a_run():
    assert MARKER not in os.environ
    assert only(run("good")).outcome is Outcome.PASS
