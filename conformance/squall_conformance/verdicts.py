"""What follows from results: a verdict for each profile, and the exit code of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from squall_conformance.outcome import Outcome, Result, RunReport, TargetReport
from squall_conformance.registry import level

AS_EXPECTED: Final = 0
UNEXPECTED: Final = 1
USAGE: Final = 2
NO_START: Final = 3
STALE: Final = 4
TOO_FEW: Final = 5
INTERRUPTED: Final = 130

BAD: Final = frozenset({Outcome.FAIL, Outcome.HANG, Outcome.CRASH, Outcome.LEAK})
"""The outcomes of a single run that speak against a loop."""

_EXECUTED: Final = BAD | {Outcome.PASS, Outcome.FLAKY, Outcome.XFAIL, Outcome.XPASS, Outcome.INVALID}
_UNEXPECTED: Final = BAD | {Outcome.FLAKY, Outcome.XPASS}


def verdict(results: Iterable[Result], wanted: Sequence[str]) -> str:
    """Return ``conformant``, ``partial`` or ``failing`` for one profile of one target.

    ``wanted`` are the ids of all clauses of the profile. Only those of MUST rules count here: one that failed makes the profile
    failing; one that was not run, does not apply, is known to fail, is flaky or could not be judged makes it partial.
    """
    outcomes = {result.clause: result.outcome for result in results}
    found = {outcomes.get(clause, Outcome.NOTRUN) for clause in wanted if level(clause.partition("/")[0]) == "MUST"}
    if found & BAD:
        return "failing"
    return "conformant" if found and found <= {Outcome.PASS, Outcome.XPASS} else "partial"


def executed(target: TargetReport) -> int:
    """Return how many clauses of a target have really been run to an outcome."""
    return sum(1 for result in target.results if result.outcome in _EXECUTED)


def exit_code(report: RunReport, *, stale: bool, baseline: int) -> int:
    """Return the exit code of a run. When several apply: cannot start, unexpected result, too few ran, stale deviation."""
    if any(target.start_error for target in report.targets):
        return NO_START
    if any(result.outcome in _UNEXPECTED for target in report.targets for result in target.results):
        return UNEXPECTED
    counts = [executed(target) for target in report.targets]
    if not counts or min(counts) < max(baseline, 1):
        return TOO_FEW
    return STALE if stale else AS_EXPECTED
