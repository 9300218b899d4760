"""The pytest front: inert unless asked for, one item for each target and clause, and failures that explain themselves."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow

HERE = str(Path(__file__).parent)
CB_001 = "CB-001/each_runs_exactly_once"


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", HERE)

    def run(*arguments):
        return pytester.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", "-rA", *arguments, timeout=60)

    return run


def test_nothing_happens_in_a_project_that_does_not_ask(run, pytester):
    pytester.makepyfile("def test_own(): pass")
    outcome = run()
    outcome.assert_outcomes(passed=1)
    outcome.stdout.no_fnmatch_line("*squall::*")


def test_each_clause_on_each_target_is_an_item_with_a_telling_name(run):
    outcome = run("--squall-target", "select", "--squall-target", "misbehaving.loops:good", "--squall-rule", "CB-001")
    outcome.assert_outcomes(passed=2)
    outcome.stdout.fnmatch_lines([f"PASSED squall::select::{CB_001}", f"PASSED squall::misbehaving.loops:good::{CB_001}"])


def test_a_failure_prints_the_rule_its_sentence_what_came_and_how_to_repeat_it(run):
    outcome = run("--squall-target", "misbehaving.loops:Deaf", "--squall-rule", "CB-001")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(
        [
            f"*FAIL: misbehaving.loops:Deaf {CB_001}",
            "rule:  CB-001 (MUST) *",
            "got:   *",
            f"again: squall repro misbehaving.loops:Deaf {CB_001}",
        ]
    )


def test_a_target_that_cannot_start_fails_each_of_its_items_with_the_reason(run):
    outcome = run("--squall-target", "misbehaving.loops:segfaults_when_made", "--squall-rule", "CB-001")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*cannot be judged: is killed by SIGSEGV when it is made"])


def test_the_ini_file_asks_for_items_when_pytest_is_run_without_paths(run, pytester):
    pytester.makeini("[pytest]\nsquall_targets =\n    select\n")
    pytester.makepyfile("def test_own(): pass")
    run("--squall-rule", "CB-001").assert_outcomes(passed=2)
    run("--squall-rule", "CB-001", ".").assert_outcomes(passed=1)


def test_known_deviations_are_expected_failures_and_strict(run, pytester):
    entry = '[[deviation]]\nclause = "{}"\noutcome = ["fail"]\nkind = "by-design"\nreason = "deaf"\n'
    file = pytester.makefile(".toml", deviations="schema = 1\n" + entry.format(CB_001))
    arguments = ("--squall-rule", "CB-001", "--squall-deviations", str(file))
    run("--squall-target", "misbehaving.loops:Deaf", *arguments).assert_outcomes(xfailed=1)
    run("--squall-target", "misbehaving.loops:good", *arguments).assert_outcomes(failed=1)


def test_a_rule_that_does_not_exist_is_an_error_of_usage(run):
    outcome = run("--squall-target", "select", "--squall-rule", "XX-999")
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(["*no rule matches 'XX-999'*"])


def test_workers_of_xdist_share_the_items(run):
    outcome = run("-n", "2", "--squall-target", "select", "--squall-rule", "CB-00*")
    assert outcome.parseoutcomes()["passed"] >= 9
    assert "failed" not in outcome.parseoutcomes()


def test_a_module_can_ask_for_itself(run, pytester):
    pytester.makepyfile(
        """
        import pytest
        from squall_conformance import plugin

        @pytest.mark.parametrize(("target", "clause"), plugin.cells(["select"])[:3])
        def test_mine(squall_judge, target, clause):
            squall_judge(target, clause)
        """
    )
    run().assert_outcomes(passed=3)
