"""From single runs of a clause to its outcome: a second run alone, the control loop, repeats and known deviations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from squall_conformance import registry
from squall_conformance.clause import Clause
from squall_conformance.deviations import Deviations
from squall_conformance.isolation.attempt import Attempt
from squall_conformance.isolation.places import Places
from squall_conformance.isolation.workshop import Worker
from squall_conformance.outcome import Outcome, Result
from squall_conformance.target import Target, lacking, machine_abilities
from squall_conformance.verdicts import BAD


@dataclass(slots=True, kw_only=True)
class Judge:
    """Judges one target. ``control`` returns the worker of the control loop, or None when there is none to compare with."""

    target: Target
    worker: Worker
    places: Places
    control: Callable[[], Worker | None]
    deviations: Deviations = field(default_factory=Deviations)
    repeat: int = 1
    machine: frozenset[str] = field(default_factory=machine_abilities)

    @property
    def abilities(self) -> frozenset[str]:
        """Return what this loop on this machine can do."""
        return self.worker.abilities | self.machine

    def judge(self, clause: Clause) -> Result:
        """Run the clause as often as it takes to be sure, and return its outcome."""
        missing = lacking(registry.needs(clause), self.abilities)
        if missing:
            return self.result(clause, Outcome.UNSUPPORTED, missing, runs=0)
        runs = [self._attempt(self.worker, clause, alone=clause.serial) for _ in range(self.repeat)]
        if runs[-1].outcome in BAD and self.repeat == 1 and not self.deviations.expect(clause.id, runs[-1].outcome):
            runs.append(self._attempt(self.worker, clause, alone=runs[-1].outcome is not Outcome.HANG))
        result = self._sum_up(clause, runs)
        if result.bad_runs and self._control_fails(clause):
            result.outcome = Outcome.INVALID
            result.message = f"the control loop {self.control_spec} fails it too on this machine: {result.message}"
            return result
        self.deviations.apply(result)
        return result

    def result(self, clause: Clause, outcome: Outcome, message: str = "", *, runs: int = 1) -> Result:
        """Return a result of this target that needed no run or could not have one."""
        level = registry.level(clause.rule)
        return Result(
            target=self.target.spec,
            clause=clause.id,
            rule=clause.rule,
            level=level,
            outcome=outcome,
            message=message,
            runs=runs,
        )

    @property
    def control_spec(self) -> str:
        """Return the spec of the control loop, or an empty string."""
        worker = self.control()
        return worker.spec if worker else ""

    def _attempt(self, worker: Worker, clause: Clause, *, alone: bool) -> Attempt:
        with self.places.take(exclusive=alone) as place:
            return worker.run(clause, place.tick)

    def _sum_up(self, clause: Clause, runs: list[Attempt]) -> Result:
        bad = [run for run in runs if run.outcome in BAD]
        shown = bad[-1] if bad else runs[-1]
        outcome = shown.outcome
        message = shown.message
        if bad and len(bad) < len(runs):
            kinds = " and ".join(sorted(kind.value for kind in Counter(run.outcome for run in bad)))
            outcome, message = Outcome.FLAKY, f"{kinds} in {len(bad)} of {len(runs)} runs: {shown.message}"
        result = self.result(clause, outcome, message, runs=len(runs))
        result.bad_runs = len(bad)
        result.detail = shown.detail
        result.milliseconds = shown.milliseconds
        result.leaks = shown.leaks
        return result

    def _control_fails(self, clause: Clause) -> bool:
        """Whether the control loop fails the clause too, twice, so that the machine or the clause is to blame."""
        worker = self.control()
        if worker is None or lacking(registry.needs(clause), worker.abilities | self.machine):
            return False
        return all(self._attempt(worker, clause, alone=clause.serial).outcome in BAD for _ in range(2))
