"""The self-test: every saboteur is caught by its own clause for the right reason, and clean loops trip nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from squall_conformance import golden, selftest
from squall_loops.contract.rules import RULES

FOLDER = Path(__file__).parent / "saboteurs"
SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def caught():
    """Every saboteur on the clauses of its own rule, and the reference loop on all of them."""
    return selftest.run(FOLDER, selftest.Options(matrix=False, repeats=2))


@SLOW
@pytest.mark.parametrize("name", [saboteur.name for saboteur in selftest.load(FOLDER)])
def test_the_saboteur_is_caught_by_a_clause_of_its_own_rule_in_the_right_words(caught, name):
    assert name in caught.caught, [problem for problem in caught.problems if name in problem]


@SLOW
def test_nothing_else_is_wrong_and_clean_loops_trip_nothing(caught):
    assert caught.problems == []
    assert caught.clean_runs == 2 * caught.clauses
    assert caught.exit_code == 0


def test_every_must_and_should_rule_has_a_saboteur():
    assert selftest.coverage(selftest.load(FOLDER), "kernel") == []


def test_rules_without_saboteur_and_saboteurs_without_rule_are_told():
    class Stray:
        name, rule = "Stray", "XX-001"

    problems = selftest.coverage([Stray, Stray], "kernel")
    assert sum("has no saboteur" in problem for problem in problems) == sum(not rule.untestable for rule in RULES)
    assert "saboteur Stray breaks XX-001, which the contract does not have" in problems
    assert "two saboteurs are called Stray" in problems


@SLOW
def test_a_saboteur_that_escapes_or_is_caught_for_a_wrong_reason_is_a_problem(monkeypatch):
    class Innocent:
        name, rule, spec, defect, reason, outcomes = (
            "Innocent",
            "CB-001",
            "saboteurs.reference:Reference",
            "none",
            "",
            ("fail",),
        )

    class Misjudged:
        name, rule, spec, defect = "Misjudged", "CB-001", "misbehaving.loops:Deaf", "deaf"
        reason, outcomes = "purple", ("fail",)

    monkeypatch.setattr(selftest, "load", lambda _: (Innocent, Misjudged))
    report = selftest.run(FOLDER, selftest.Options(matrix=False, clean=(), saboteurs=("Innocent", "Misjudged")))
    escaped, misjudged = report.problems
    assert escaped.startswith("Innocent (CB-001: none) escapes: fail is wanted")
    assert misjudged.startswith("Misjudged (CB-001) is caught for the wrong reason: 'purple' is not in")
    assert report.exit_code == 1


@SLOW
def test_a_clean_loop_that_trips_is_a_problem_and_so_is_one_that_cannot_start(monkeypatch):
    clean = ("misbehaving.loops:Deaf", "misbehaving.loops:factory_raises")
    monkeypatch.setattr(selftest.registry, "load_profile", lambda _: (selftest.registry.load("CB-001/each_runs_exactly_once"),))
    monkeypatch.setattr(selftest, "load", lambda _: ())
    monkeypatch.setattr(selftest, "coverage", lambda *_: [])
    report = selftest.run(FOLDER, selftest.Options(matrix=False, clean=clean, repeats=2))
    assert len(report.problems) == 3
    assert report.problems[0].startswith("misbehaving.loops:Deaf trips CB-001/each_runs_exactly_once: fail")
    assert "the clean loop misbehaving.loops:factory_raises" in report.problems[2]


def test_the_golden_matrix_is_read_as_it_was_written(tmp_path):
    file = tmp_path / "golden.json"
    cells = {
        ("A", "CB-001/x"): frozenset({"fail"}),
        ("A", "CB-002/y"): frozenset({"fail", "pass"}),
        ("A", "CB-003/z"): frozenset({"pass"}),
        ("B", "CB-001/x"): frozenset({"hang"}),
    }
    golden.write(file, cells)
    assert golden.read(file) == {cell: outcomes for cell, outcomes in cells.items() if outcomes != {"pass"}}
    assert golden.read(tmp_path / "none.json") == {}


def test_a_damaged_golden_matrix_is_refused(tmp_path):
    file = tmp_path / "golden.json"
    for text in ("{", '{"schema": 7, "rows": {}}', "[]"):
        file.write_text(text)
        with pytest.raises(golden.GoldenError, match=r"golden\.json"):
            golden.read(file)


def test_what_the_golden_matrix_does_not_allow_is_a_difference():
    allowed = {("A", "x"): frozenset({"fail"}), ("A", "y"): frozenset({"fail", "pass"})}
    seen = {("A", "x"): "hang", ("A", "y"): "pass", ("A", "z"): "fail", ("B", "x"): "pass"}
    assert list(golden.differences(allowed, seen)) == [
        (("A", "x"), "hang", {"fail"}),
        (("A", "z"), "fail", {"pass"}),
    ]


@SLOW
def test_the_golden_matrix_has_a_row_for_each_saboteur():
    names = {saboteur.name for saboteur in selftest.load(FOLDER)}
    assert {name for name, _ in golden.read(FOLDER / "golden.json")} == names


@SLOW
def test_the_golden_matrix_holds_and_a_difference_is_a_problem(monkeypatch):
    few = selftest.Options(saboteurs=("SharedTimers", "SpinsOnClosed"), clean=(), repeats=0)
    assert selftest.run(FOLDER, few).problems == []
    monkeypatch.setattr(golden, "read", lambda _: {})
    assert [problem.partition(":")[0] for problem in selftest.run(FOLDER, few).problems] == [
        "SharedTimers x TH-007/two_loops_in_two_threads_keep_to_themselves",
        "SpinsOnClosed x FD-032/a_stray_close_stays_local",
    ]


def test_a_saboteur_that_nobody_knows_is_refused():
    with pytest.raises(selftest.registry.SelectionError, match="no saboteur is called 'Nobody'"):
        selftest.run(FOLDER, selftest.Options(saboteurs=("Nobody",)))
