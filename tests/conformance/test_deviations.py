"""Known deviations: read strictly, applied strictly, and never silently out of date."""

from __future__ import annotations

import datetime as dt

import pytest

from squall_conformance import known
from squall_conformance.deviations import DeviationError, Deviations, load
from squall_conformance.outcome import Outcome, Result
from squall_conformance.target import Target

TODAY = dt.date(2026, 11, 22)
TARGET = Target("uvloop", "uvloop", "uvloop", "0.23.0")
ENTRY = {
    "clause": '"FD-012/one"',
    "outcome": '["fail"]',
    "kind": '"bug"',
    "reason": '"forgets"',
    "issue": '"https://example.org/1"',
}


def write(folder, head="schema = 1", **changes):
    lines = {**ENTRY, **changes}
    file = folder / "squall.deviations.toml"
    body = "\n".join(f"{key} = {value}" for key, value in lines.items() if value is not None)
    file.write_text(f"{head}\n[[deviation]]\n{body}\n")
    return file


def entries(folder, **changes):
    return Deviations([entry for entry in load(write(folder, **changes)) if entry.concerns(TARGET)])


def result(clause="FD-012/one", outcome=Outcome.FAIL):
    return Result(target="uvloop", clause=clause, rule=clause.partition("/")[0], level="MUST", outcome=outcome, message="seen")


def test_a_known_failure_becomes_xfail_and_keeps_its_message(tmp_path):
    found = result()
    entries(tmp_path).apply(found)
    assert found.outcome is Outcome.XFAIL
    assert found.message == "fail: seen"
    assert found.deviation == "bug: forgets (https://example.org/1)"


def test_a_failure_of_another_kind_than_the_known_one_stays_what_it_is(tmp_path):
    found = result(outcome=Outcome.HANG)
    entries(tmp_path).apply(found)
    assert found.outcome is Outcome.HANG
    assert "known as fail: forgets" in found.message


def test_a_pass_of_what_is_known_to_fail_is_unexpected(tmp_path):
    found = result(outcome=Outcome.PASS)
    entries(tmp_path).apply(found)
    assert found.outcome is Outcome.XPASS
    assert "remove the entry" in found.message


@pytest.mark.parametrize("pattern", ['"FD-012"', '"FD"', '"FD-01*"', '"*/one"'])
def test_an_entry_for_several_clauses_is_content_when_one_of_them_fails(tmp_path, pattern):
    deviations = entries(tmp_path, clause=pattern)
    results = [result(), result("FD-012/one", Outcome.PASS)]
    for each in results:
        deviations.apply(each)
    assert deviations.settle(results, TARGET, TODAY) == []
    assert [each.outcome for each in results] == [Outcome.XFAIL, Outcome.PASS]


def test_an_entry_for_several_clauses_that_all_pass_makes_all_of_them_unexpected(tmp_path):
    deviations = entries(tmp_path, clause='"FD-012"')
    results = [result(outcome=Outcome.PASS), result("FD-012/two", Outcome.PASS)]
    for each in results:
        deviations.apply(each)
    deviations.settle(results, TARGET, TODAY)
    assert [each.outcome for each in results] == [Outcome.XPASS, Outcome.XPASS]


def test_a_flaky_deviation_allows_passes(tmp_path):
    deviations = entries(tmp_path, outcome='["flaky"]')
    passed, flaky = result(outcome=Outcome.PASS), result(outcome=Outcome.FLAKY)
    for each in (passed, flaky):
        deviations.apply(each)
    assert (passed.outcome, flaky.outcome) == (Outcome.PASS, Outcome.XFAIL)
    assert deviations.settle([passed], TARGET, TODAY) == []


def test_an_entry_whose_clauses_do_not_apply_here_is_stale(tmp_path):
    (note,) = entries(tmp_path).settle([result(outcome=Outcome.UNSUPPORTED)], TARGET, TODAY)
    assert "entry 1" in note
    assert "matched nothing" in note


def test_an_entry_whose_clause_was_not_in_the_run_says_nothing(tmp_path):
    assert entries(tmp_path).settle([result("CB-001/other", Outcome.PASS)], TARGET, TODAY) == []


def test_an_entry_about_a_result_that_nobody_can_judge_is_not_stale(tmp_path):
    assert entries(tmp_path).settle([result(outcome=Outcome.INVALID)], TARGET, TODAY) == []


@pytest.mark.parametrize(
    ("until", "expired"),
    [
        ('"2026-11-22"', True),
        ("2026-11-22", True),
        ('"2026-11-23"', False),
        ('"0.23"', True),
        ('"0.24"', False),
        ('"0.23.1"', False),
    ],
)
def test_an_entry_expires_on_its_day_or_with_its_version(tmp_path, until, expired):
    deviations = entries(tmp_path, until=until)
    found = result()
    deviations.apply(found)
    assert found.outcome is Outcome.XFAIL
    assert bool(deviations.settle([found], TARGET, TODAY)) is expired


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clause": None}, "'clause' is missing"),
        ({"reason": None}, "'reason' is missing"),
        ({"reason": '" "'}, "reason is empty"),
        ({"issue": None}, "of kind 'bug' needs an issue"),
        ({"kind": '"mood"'}, "kind is 'mood'; it has to be one of: bug, by-design, platform, upstream"),
        ({"outcome": '["pass"]'}, "it has to be a list of: fail, hang, crash, leak, flaky"),
        ({"outcome": "[]"}, "it has to be a list of"),
        ({"outcome": "3"}, "it has to be a list of"),
        ({"reason": "7"}, "reason is 7; it has to be a text in quotes"),
        ({"when": "\"os = 'linux'\""}, "when: condition"),
        ({"when": "\"colour == 'red'\""}, "'colour' is not one of"),
        ({"until": '"soon"'}, "until is 'soon'; it has to be a date"),
        ({"cause": '"?"'}, "unknown key 'cause'"),
        ({"head": "schema = 2"}, "schema is 2"),
        ({"head": "schema = 1\nloop = 'x'"}, "unknown key 'loop'"),
        ({"head": "schema = 1\n]"}, "is no TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_the_entry_and_what_would_be_right(tmp_path, changes, words):
    with pytest.raises(DeviationError) as caught:
        load(write(tmp_path, **changes))
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "head" in changes or "entry 1" in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DeviationError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_by_design_deviations_need_no_issue(tmp_path):
    (entry,) = load(write(tmp_path, kind='"by-design"', issue=None))
    assert entry.describe() == "by-design: forgets"


@pytest.mark.parametrize(("target", "concerned"), [("uvloop", True), ("uv*", True), ("rloop", False)])
def test_a_file_may_be_about_one_target_only(tmp_path, target, concerned):
    (entry,) = load(write(tmp_path, head=f'schema = 1\ntarget = "{target}"'))
    assert entry.concerns(TARGET) is concerned


def test_a_loops_package_brings_its_own_file(tmp_path, monkeypatch):
    package = tmp_path / "brine"
    package.mkdir()
    (package / "__init__.py").touch()
    write(package)
    monkeypatch.syspath_prepend(tmp_path)
    (entry,) = known.deviations(Target("brine:make", "brine:make", "brine", "1.0"))
    assert entry.clause == "FD-012/one"
    assert known.deviations(Target("brine:make", "brine:make", "brine", "1.0"), shipped=False) == ()


def test_every_file_that_the_kit_ships_can_be_read_and_names_its_target():
    files = sorted((known.Path(known.__file__).parent).glob("*.toml"))
    assert all(entry.target for file in files for entry in load(file))
