"""Whatever a loop does to its judge is a result: named, bounded in time, and without consequence for other targets."""

from __future__ import annotations

import psutil
import pytest

from squall_conformance import engine
from squall_conformance.isolation import workshop
from squall_conformance.isolation.protocol import MARKER
from squall_conformance.outcome import Outcome

ONE = ("CB-001/each_runs_exactly_once",)

CANNOT_START = {
    "no_such_package:make": "No module named 'no_such_package'",
    "misbehaving.loops:no_such_factory": "no_such_factory",
    "misbehaving.raises_on_import:make": "cannot be imported: LookupError: no engine room",
    "misbehaving.exits_on_import:make": "exits with status 0 without a result when it is imported",
    "misbehaving.hangs_on_import:make": "hangs when it is imported: no result within 2 s, in <module> (hangs_on_import.py:5)",
    "misbehaving.loops:factory_raises": "LookupError: no such engine aboard",
    "misbehaving.loops:factory_returns_nothing": "its factory returned None",
    "misbehaving.loops:factory_returns_text": "its factory returned an object of type builtins.str",
    "misbehaving.loops:segfaults_when_made": "is killed by SIGSEGV when it is made",
    "misbehaving.loops:exits_when_made": "exits with status 0 without a result when it is made",
    "misbehaving.loops:leaves_by_system_exit": "cannot be made: SystemExit: enough",
    "misbehaving.loops:hangs_when_made": "hangs when it is made: no result within 2 s, in hangs_when_made (loops.py:",
    "misbehaving.loops:hangs_in_c_when_made": "hangs when it is made: no result within 2 s",
}

IN_A_CLAUSE = {
    "Segfaults": (Outcome.CRASH, "killed by SIGSEGV"),
    "Aborts": (Outcome.CRASH, "killed by SIGABRT"),
    "ExitsZero": (Outcome.CRASH, "exited with status 0 without a result"),
    "ClosesEverything": (Outcome.CRASH, "exited with status 0 without a result"),
    "ClosesTheChannelOnly": (Outcome.CRASH, "closed the descriptor on which its result was to be sent"),
    "Exits": (Outcome.FAIL, "SystemExit: 0"),
    "EatsMemory": (Outcome.FAIL, "MemoryError"),
    "RaisesInThread": (Outcome.FAIL, "thread helper ended with LookupError: lost in a thread"),
    "Forks": (Outcome.LEAK, "left behind: 2 child processes"),
    "LeaksDescriptors": (Outcome.LEAK, "left behind: 2 descriptors"),
    "LeaksThreads": (Outcome.LEAK, "left behind: 1 thread"),
    "LeaksWhenClosed": (Outcome.PASS, ""),
    "LeavesChild": (Outcome.LEAK, "left behind: 2 child processes"),
    "LeavesGrandchild": (Outcome.LEAK, "left behind: sleep ("),
    "Prints": (Outcome.PASS, ""),
    "ClosesStdout": (Outcome.PASS, ""),
    "OpensOnce": (Outcome.PASS, ""),
    "SleepsAlways": (Outcome.PASS, ""),
    "HangsOnStart": (Outcome.HANG, "no result within 1.5 s, in start (loops.py:"),
    "IgnoresSigterm": (Outcome.HANG, "no result within 1.5 s"),
    "Stops": (Outcome.HANG, "no result within 1.5 s"),
    "KillsItsParent": (Outcome.HANG, "no result within 1.5 s"),
}

UNFORKABLE = {
    "misbehaving.starts_thread_on_import:make": "importing it starts threads (2 now)",
    "misbehaving.opens_pipe_on_import:make": "importing it opens",
}


def run(specs, **options):
    """Run on those targets, and see that no process is left which bears the marker of the run."""
    markers = []
    make = workshop.Workshop.__init__

    def remember(self, **kwargs):
        make(self, **kwargs)
        markers.append(self.marker)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workshop.Workshop, "__init__", remember)
        report = engine.run(specs, engine.Options(**{"clauses": ONE, "jobs": 2, **options}))
    assert len(markers) == 1
    assert not [process for process in psutil.process_iter() if _marker(process) in markers]
    return report


def _marker(process):
    try:
        return process.environ().get(MARKER) if process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


@pytest.fixture(scope="module")
def starts():
    return run([*CANNOT_START, "misbehaving.loops:good"], timeout_scale=0.2)


@pytest.fixture(scope="module")
def clauses():
    return run([f"misbehaving.loops:{name}" for name in [*IN_A_CLAUSE, "good"]], timeout_scale=0.5)


@pytest.fixture(scope="module")
def unforkable():
    return run([*UNFORKABLE, "misbehaving.loops:good"])


def part(report, spec):
    return next(target for target in report.targets if target.spec.endswith(spec))


def only(report, spec):
    (result,) = part(report, spec).results
    return result


@pytest.mark.slow
@pytest.mark.parametrize("spec", CANNOT_START)
def test_a_target_that_cannot_start_says_why(starts, spec):
    assert CANNOT_START[spec] in part(starts, spec).start_error
    assert only(starts, spec).outcome is Outcome.NOTRUN


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["misbehaving.hangs_on_import:make", "misbehaving.loops:hangs_when_made"])
def test_a_target_that_hangs_before_it_starts_shows_its_stack(starts, spec):
    assert 'File "' in part(starts, spec).start_detail


@pytest.mark.slow
def test_targets_that_cannot_start_leave_the_others_as_they_are(starts):
    assert part(starts, "good").start_error == ""
    assert only(starts, "good").outcome is Outcome.PASS
    assert starts.exit_code == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_A_CLAUSE)
def test_what_a_loop_does_in_a_clause_has_its_outcome(clauses, name):
    outcome, words = IN_A_CLAUSE[name]
    result = only(clauses, f":{name}")
    assert (result.outcome, words in result.message) == (outcome, True), result


@pytest.mark.slow
def test_targets_that_misbehave_in_clauses_leave_the_others_as_they_are(clauses):
    assert only(clauses, "good").outcome is Outcome.PASS
    assert clauses.exit_code == 1


@pytest.mark.slow
def test_a_hang_comes_with_the_stacks_down_to_the_clause_and_no_further(clauses):
    detail = only(clauses, ":HangsOnStart").detail
    assert "--- stacks ---" in detail
    assert "each_runs_exactly_once" in detail
    assert "supervisor.py" not in detail


@pytest.mark.slow
def test_a_crash_comes_with_the_stack(clauses):
    assert "Segmentation fault" in only(clauses, ":Segfaults").detail


@pytest.mark.slow
def test_a_failure_comes_with_the_traceback_and_a_leak_with_what_was_left(clauses):
    assert "LookupError: lost in a thread" in only(clauses, ":RaisesInThread").detail
    assert "pipe:[" in only(clauses, ":LeaksDescriptors").detail


@pytest.mark.slow
def test_each_bad_result_was_seen_twice(clauses):
    assert {
        only(clauses, f":{name}").bad_runs for name, (outcome, _) in IN_A_CLAUSE.items() if outcome is not Outcome.PASS
    } == {2}


@pytest.mark.slow
def test_a_target_that_hangs_in_every_clause_is_given_up_and_does_not_cost_all_its_time():
    report = run(["misbehaving.loops:HangsOnStart"], clauses=("CB-*", "TM-*"), timeout_scale=0.2, control="none")
    bad = report.targets[0]
    outcomes = [result.outcome for result in bad.results]
    assert bad.start_error.startswith("hangs in each of the first 3 clauses")
    assert set(outcomes) == {Outcome.HANG, Outcome.NOTRUN}
    assert report.exit_code == 3


@pytest.mark.slow
@pytest.mark.parametrize("spec", UNFORKABLE)
def test_a_target_that_cannot_be_forked_gets_a_fresh_interpreter_for_each_clause(unforkable, spec):
    assert only(unforkable, spec).outcome is Outcome.PASS
    assert [note for note in unforkable.notes if note.startswith(spec) and UNFORKABLE[spec] in note]


@pytest.mark.slow
def test_outcomes_are_the_same_where_nothing_can_be_forked():
    names = ["good", "Segfaults", "ExitsZero", "LeaksDescriptors", "HangsOnStart"]
    report = run([f"misbehaving.loops:{name}" for name in names], fork=False, timeout_scale=0.5)
    seen = {name: only(report, f":{name}") for name in names}
    assert seen.pop("good").outcome is Outcome.PASS
    assert {name: (result.outcome, IN_A_CLAUSE[name][1] in result.message) for name, result in seen.items()} == {
        name: (IN_A_CLAUSE[name][0], True) for name in seen
    }
