"""What every report says of a run, computed once: cells, counts, failures and the command that shows one again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from squall_conformance.outcome import Outcome, Result, RunReport, TargetReport
from squall_loops.contract.rule import Rule
from squall_loops.contract.rules import AREAS, BY_ID

SEVERITY: Final = (
    Outcome.CRASH,
    Outcome.HANG,
    Outcome.FAIL,
    Outcome.LEAK,
    Outcome.FLAKY,
    Outcome.XPASS,
    Outcome.INVALID,
    Outcome.NOTRUN,
    Outcome.XFAIL,
    Outcome.PASS,
    Outcome.UNSUPPORTED,
    Outcome.UNTESTABLE,
)
"""Worst first: a rule with several clauses shows the worst of them, and *passed* where only some were unsupported."""

UNEXPECTED: Final = frozenset(SEVERITY[:6])
"""Outcomes that make a run fail."""

NOT_EXECUTED: Final = frozenset({Outcome.UNSUPPORTED, Outcome.UNTESTABLE, Outcome.NOTRUN})

MEANINGS: Final[dict[Outcome, str]] = {
    Outcome.PASS: "kept the rule",
    Outcome.FAIL: "broke the rule",
    Outcome.HANG: "did not come back; it was stopped from outside",
    Outcome.CRASH: "took the interpreter down",
    Outcome.LEAK: "left descriptors, threads or children behind",
    Outcome.FLAKY: "passed in some runs only",
    Outcome.UNSUPPORTED: "needs what this loop or machine does not have",
    Outcome.XFAIL: "failed as its list of known deviations says",
    Outcome.XPASS: "passed although a deviation is listed: the list is out of date",
    Outcome.INVALID: "the control loop failed it here too, so nothing is said of the loop",
    Outcome.UNTESTABLE: "no clause can check it",
    Outcome.NOTRUN: "was not run",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One rule on one target: the worst outcome and the clauses behind it."""

    outcome: Outcome
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over some results of one target. ``executed`` leaves out what was unsupported, untestable or not run."""

    total: int
    passed: int
    unexpected: int
    known: int
    unsupported: int
    untestable: int
    notrun: int
    invalid: int

    @property
    def executed(self) -> int:
        """Return how many were run."""
        return self.total - self.unsupported - self.untestable - self.notrun


def worst(results: list[Result]) -> Outcome:
    """Return the outcome that stands for all of them (``notrun`` when there are none)."""
    return min((result.outcome for result in results), key=SEVERITY.index, default=Outcome.NOTRUN)


def tally(results: list[Result]) -> Tally:
    """Count the outcomes."""
    outcomes = [result.outcome for result in results]
    return Tally(
        total=len(outcomes),
        passed=outcomes.count(Outcome.PASS),
        unexpected=sum(outcome in UNEXPECTED for outcome in outcomes),
        known=outcomes.count(Outcome.XFAIL),
        unsupported=outcomes.count(Outcome.UNSUPPORTED),
        untestable=outcomes.count(Outcome.UNTESTABLE),
        notrun=outcomes.count(Outcome.NOTRUN),
        invalid=outcomes.count(Outcome.INVALID),
    )


def label(target: TargetReport) -> str:
    """Return the target's name with the version of the loop; that of a kernel, which has a name before it, is left out."""
    version = "" if " " in target.version else target.version
    return f"{target.name or target.spec} {version}".rstrip()


def of_level(target: TargetReport, level: str) -> list[Result]:
    """Return the target's results of one level (MUST, SHOULD, MAY)."""
    return [result for result in target.results if result.level == level]


def cells(target: TargetReport) -> dict[str, Cell]:
    """Return rule id -> cell."""
    by_rule: dict[str, list[Result]] = {}
    for result in target.results:
        by_rule.setdefault(result.rule, []).append(result)
    return {rule: Cell(worst(results), tuple(results)) for rule, results in by_rule.items()}


def by_area(target: TargetReport) -> dict[str, list[Result]]:
    """Return area letters -> results."""
    areas: dict[str, list[Result]] = {}
    for result in target.results:
        areas.setdefault(area_of(result.rule), []).append(result)
    return areas


def area_of(rule_id: str) -> str:
    """Return the letters of a rule's id."""
    return rule_id.partition("-")[0]


def area_name(area: str) -> str:
    """Return the area's name, or its letters where the contract does not know it."""
    return AREAS.get(area, area)


def rule_ids(run: RunReport) -> list[str]:
    """Return every rule that the run speaks of, in the order of the contract; strangers come last."""
    seen = {result.rule for target in run.targets for result in target.results}
    return [rule_id for rule_id in BY_ID if rule_id in seen] + sorted(seen - BY_ID.keys())


def area_ids(run: RunReport) -> list[str]:
    """Return the areas of those rules, in the order of the contract."""
    return list(dict.fromkeys(area_of(rule_id) for rule_id in rule_ids(run)))


def rule_of(result: Result) -> Rule | None:
    """Return the contract's rule for the result, or None when it is not of this contract."""
    return BY_ID.get(result.rule)


def unexpected(run: RunReport) -> Iterator[tuple[TargetReport, Result]]:
    """Yield what makes the run fail, by rule and then by target; a target that was given up has said so with its error."""
    judged = [target for target in run.targets if not target.start_error]
    for rule_id in rule_ids(run):
        for target in judged:
            for result in target.results:
                if result.rule == rule_id and result.outcome in UNEXPECTED:
                    yield target, result


def with_outcome(run: RunReport, outcome: Outcome) -> Iterator[tuple[TargetReport, Result]]:
    """Yield the results with that outcome, target by target."""
    return ((target, result) for target in run.targets for result in target.results if result.outcome is outcome)


def repro_command(target: TargetReport, result: Result) -> str:
    """Return the command that runs this one clause again with all its detail."""
    return f"squall repro {shlex.quote(target.spec)} {shlex.quote(result.clause)}"


def rate(result: Result) -> str:
    """Return ``3/200`` where some runs of a clause were bad and others were not, else nothing."""
    return f"{result.bad_runs}/{result.runs}" if 0 < result.bad_runs < result.runs else ""
