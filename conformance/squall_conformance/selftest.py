"""The examiner examined: each saboteur, a loop with one defect, must be caught by a clause of its rule, for the right reason.

Three parts: every MUST and SHOULD rule has a saboteur and every saboteur is caught; the golden matrix of saboteurs and clauses
holds, so that no clause convicts more than it did; and clean loops trip nothing, again and again.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from squall_conformance import golden, registry
from squall_conformance.clause import Clause
from squall_conformance.golden import Cell
from squall_conformance.isolation.attempt import Attempt
from squall_conformance.isolation.places import Places
from squall_conformance.isolation.workshop import Worker, Workshop
from squall_conformance.outcome import Outcome
from squall_conformance.target import lacking, machine_abilities
from squall_conformance.verdicts import BAD
from squall_loops.contract.rule import Level
from squall_loops.contract.rules import BY_ID, RULES

_WAITERS: Final = 24  # threads for each job; nearly all of them wait beside saboteurs that hang
_SWEEPERS: Final = 3  # sweeps at once for each job, since some of them only wait beside a clause that hangs
_SILENCE: Final = 1.0  # seconds that a clause may last in a sweep, before it is run alone
_BARREN: Final = 3  # sweeps without a pass, after which the rest of a row is run alone, side by side
_AGAIN: Final = 2  # runs alone before a cell that differs from the golden matrix is believed


class Saboteur(Protocol):
    """What the catalogue of saboteurs says of each; see ``tests/conformance/saboteurs/catalogue.py``."""

    name: str
    rule: str
    spec: str
    defect: str
    reason: str
    outcomes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to prove. ``clean`` are the loops that must trip nothing, ``repeats`` times; ``saboteurs`` are names (none: all)."""

    profile: str = "kernel"
    saboteurs: tuple[str, ...] = ()
    matrix: bool = True
    update: bool = False
    clean: tuple[str, ...] = ("saboteurs.reference:Reference",)
    repeats: int = 20
    jobs: int = 0
    timeout_scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was found out: number ``done`` of ``total`` in its part (``caught``, ``matrix`` or ``clean``)."""

    part: str
    text: str
    ok: bool
    done: int
    total: int


@dataclass(slots=True, kw_only=True)
class Report:
    """What a self-test has shown. It is passed when there are no problems."""

    saboteurs: int = 0
    clauses: int = 0
    cells: int = 0
    clean_runs: int = 0
    caught: dict[str, str] = field(default_factory=dict)
    """Saboteur -> the clause of its own rule that caught it, and its words."""
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """Return 0 when all is well, 1 otherwise, 5 when nothing was run."""
        if not self.cells and not self.clean_runs:
            return 5
        return 1 if self.problems else 0


def run(folder: Path, options: Options | None = None, on_event: Callable[[Step], None] | None = None) -> Report:
    """Prove the saboteurs of that folder (a package ``saboteurs`` with ``catalogue.py`` and ``golden.json``).

    ``on_event`` is called in this thread. GoldenError when the golden file is damaged, SelectionError when a saboteur that was
    asked for or the profile does not exist.
    """
    options = options or Options()
    began = time.monotonic()
    with Workshop(timeout_scale=options.timeout_scale) as workshop:
        proof = _Proof(folder, options, workshop, on_event or (lambda _: None))
        report = proof.prove()
    report.seconds = time.monotonic() - began
    return report


def load(folder: Path) -> Sequence[Saboteur]:
    """Import the catalogue of that folder and return its saboteurs."""
    parent = str(folder.resolve().parent)
    if parent not in sys.path:
        sys.path.insert(0, parent)
    catalogue: Any = importlib.import_module(f"{folder.name}.catalogue")
    return tuple(catalogue.load())


def coverage(saboteurs: Iterable[Saboteur], profile: str) -> list[str]:
    """Return a sentence for each rule that no saboteur breaks, and for each saboteur without a rule or an id of its own."""
    saboteurs = list(saboteurs)
    broken = {saboteur.rule for saboteur in saboteurs}
    wanted = [rule for rule in RULES if rule.profile == profile and rule.level is not Level.MAY and not rule.untestable]
    names = [saboteur.name for saboteur in saboteurs]
    return [
        *(
            f"rule {rule.id} has no saboteur: nothing proves that its clauses can fail"
            for rule in wanted
            if rule.id not in broken
        ),
        *(
            f"saboteur {one.name} breaks {one.rule}, which the contract does not have"
            for one in saboteurs
            if one.rule not in BY_ID
        ),
        *(f"two saboteurs are called {name}" for name in sorted({name for name in names if names.count(name) > 1})),
    ]


class _Proof:
    def __init__(self, folder: Path, options: Options, workshop: Workshop, on_event: Callable[[Step], None]) -> None:
        self._options = options
        self._workshop = workshop
        self._on_event = on_event
        self._file = folder / "golden.json"
        everyone = load(folder)
        self._package = folder.name
        unknown = set(options.saboteurs) - {saboteur.name for saboteur in everyone}
        if unknown:
            message = f"no saboteur is called {min(unknown)!r}"
            raise registry.SelectionError(message)
        self._saboteurs = [one for one in everyone if not options.saboteurs or one.name in options.saboteurs]
        self._clauses = registry.load_profile(options.profile)
        self._jobs = options.jobs or os.cpu_count() or 1
        self._places = Places(self._jobs)
        self._sweepers = Places(self._jobs * _SWEEPERS)
        self._report = Report(saboteurs=len(self._saboteurs), clauses=len(self._clauses))
        if not options.saboteurs:
            self._report.problems += coverage(everyone, options.profile)
        self._workers: dict[str, Worker] = {}
        self._seen: dict[Cell, Attempt] = {}
        self._lock = threading.Lock()
        self._machine = machine_abilities()

    def prove(self) -> Report:
        """Do all three parts."""
        self._hire()
        self._catch()
        if self._options.matrix:
            self._compare()
        self._stay_clean()
        return self._report

    def _hire(self) -> None:
        """One template serves all saboteurs: their modules are ours, and harmless to import."""
        template = self._workshop.template() if self._workshop.fork else None
        if template:
            template.warm([f"{self._package}.catalogue", *sorted({one.spec.partition(":")[0] for one in self._saboteurs})])
        for saboteur in self._saboteurs:
            worker = self._workshop.worker(saboteur.spec)
            worker.adopt(template, _abilities(saboteur.spec))
            self._workers[saboteur.name] = worker

    def _catch(self) -> None:
        """Run each saboteur through the clauses of its own rule; those that escape are tried again, without neighbours."""
        left = self._saboteurs
        for turn in range(1 + _AGAIN):
            cells = [(one.name, clause) for one in left for clause in self._clauses if clause.rule == one.rule]
            for _ in self._play("caught", cells, alone=turn > 0):
                pass
            left = [one for one in left if self._uncaught(one)]
        for done, saboteur in enumerate(self._saboteurs, 1):
            problem = self._uncaught(saboteur)
            if problem:
                self._report.problems.append(problem)
            text = problem or f"{saboteur.name}: {self._report.caught[saboteur.name]}"
            self._on_event(Step("caught", text, not problem, done, len(self._saboteurs)))

    def _uncaught(self, saboteur: Saboteur) -> str:
        """Return what is wrong with a saboteur's conviction, or an empty string."""
        own = {clause: attempt for (name, clause), attempt in self._seen.items() if name == saboteur.name}
        own = {clause: attempt for clause, attempt in own.items() if registry.matches(saboteur.rule, clause)}
        told = "; ".join(f"{clause}: {attempt.outcome.value} {attempt.message}" for clause, attempt in own.items())
        caught = [clause for clause, attempt in own.items() if attempt.outcome.value in saboteur.outcomes]
        right = [clause for clause in caught if saboteur.reason in own[clause].message]
        if right:
            self._report.caught[saboteur.name] = f"{right[0]}: {own[right[0]].message}"
            return ""
        if own and all(attempt.outcome is Outcome.UNSUPPORTED for attempt in own.values()):
            self._report.caught[saboteur.name] = f"cannot be tried on this machine ({told})"
            return ""
        if caught:
            return f"{saboteur.name} ({saboteur.rule}) is caught for the wrong reason: {saboteur.reason!r} is not in {told}"
        who = f"{saboteur.name} ({saboteur.rule}: {saboteur.defect})"
        return f"{who} escapes: {' or '.join(saboteur.outcomes)} is wanted; {told or 'its rule has no clause'}"

    def _compare(self) -> None:
        """Run every saboteur through every clause, and compare with the golden matrix."""
        allowed = golden.read(self._file)
        self._sweep()
        seen = {
            cell: attempt.outcome.value for cell, attempt in self._seen.items() if attempt.outcome is not Outcome.UNSUPPORTED
        }
        both = self._look_again(allowed, seen)
        if self._options.update:
            self._update(allowed, both)
            return
        for (name, clause), outcome, expected in golden.differences(allowed, seen):
            if not both[name, clause] & expected:
                words = self._seen[name, clause].message
                self._report.problems.append(
                    f"{name} x {clause}: {outcome} instead of {' or '.join(sorted(expected))}: {words}"
                )

    def _sweep(self) -> None:
        """Run every saboteur through every clause it was not run on yet: sweeps for what passes, alone for what does not."""
        with ThreadPoolExecutor(self._jobs * _WAITERS, thread_name_prefix="squall-row") as pool:
            rows = [pool.submit(self._row, saboteur.name) for saboteur in self._saboteurs]
            for done, row in enumerate(as_completed(rows), 1):
                name, cells = row.result()
                self._seen.update({(name, clause): attempt for clause, attempt in cells.items()})
                self._report.cells += len(cells)
                bad = sum(attempt.outcome in BAD for attempt in cells.values())
                self._on_event(Step("matrix", f"{name} does not pass {bad} other clauses", True, done, len(rows)))

    def _row(self, name: str) -> tuple[str, dict[str, Attempt]]:
        worker = self._workers[name]
        able = worker.abilities | self._machine
        left = [one for one in self._clauses if (name, one.id) not in self._seen and not lacking(registry.needs(one), able)]
        cells: dict[str, Attempt] = {}
        doubtful: list[Clause] = []
        barren = 0
        while left and barren < _BARREN:
            with self._sweepers.take():
                passed = worker.sweep(left, _SILENCE)
            barren = 0 if passed else barren + 1
            cells.update({clause.id: Attempt(outcome=Outcome.PASS) for clause in left[:passed]})
            doubtful += left[passed : passed + 1]
            left = left[passed + 1 :]
        with ThreadPoolExecutor(_WAITERS) as pool:
            for _, clause, attempt in pool.map(lambda one: self._cell(name, one, alone=False), [*doubtful, *left]):
                cells[clause.id] = attempt
        return name, cells

    def _look_again(self, allowed: dict[Cell, frozenset[str]], seen: dict[Cell, str]) -> dict[Cell, frozenset[str]]:
        """Run cells that differ again, alone; return all outcomes that each of the cells has had in this run."""
        both = {cell: frozenset({outcome}) for cell, outcome in seen.items()}
        doubtful = [cell for cell, _, _ in golden.differences(allowed, seen)]
        clauses = {clause.id: clause for clause in self._clauses}

        def settled(cell: Cell) -> bool:
            return not self._options.update and bool(both[cell] & allowed.get(cell, golden.PASS))

        for _ in range(_AGAIN):
            left = [(name, clauses[clause]) for name, clause in doubtful if not settled((name, clause))]
            for name, clause, attempt in self._play("again", left, alone=True):
                both[name, clause.id] |= {attempt.outcome.value}
        return both

    def _update(self, allowed: dict[Cell, frozenset[str]], both: dict[Cell, frozenset[str]]) -> None:
        """Write what was seen; rows of saboteurs that were not run stay, and what was seen both ways before stays so."""
        rows = {cell: outcomes for cell, outcomes in allowed.items() if cell[0] not in self._workers and not self._all}
        for cell, outcomes in both.items():
            before = allowed.get(cell, frozenset())
            rows[cell] = outcomes | before if len(before) > 1 and outcomes <= before else outcomes
        golden.write(self._file, rows)

    @property
    def _all(self) -> bool:
        return not self._options.saboteurs

    def _stay_clean(self) -> None:
        """Run clean loops through every clause, over and over; nothing may trip."""
        for spec in self._options.clean:
            worker = self._workshop.worker(spec)
            worker.start()
            if worker.error:
                self._report.problems.append(f"the clean loop {spec} {worker.error}")
                continue
            self._workers[spec] = worker
            cells = [(spec, clause) for _ in range(self._options.repeats) for clause in self._clauses]
            for name, clause, attempt in self._play("clean", cells, keep_serial=True):
                self._report.clean_runs += 1
                if attempt.outcome in BAD:
                    words = f"{name} trips {clause.id}: {attempt.outcome.value} {attempt.message}"
                    self._report.problems.append(words)

    def _play(
        self, part: str, cells: Sequence[tuple[str, Clause]], *, alone: bool = False, keep_serial: bool = False
    ) -> Iterable[tuple[str, Clause, Attempt]]:
        """Run cells side by side and yield them as they finish; the latest attempt of each is kept."""
        with ThreadPoolExecutor(self._jobs * _WAITERS, thread_name_prefix="squall-cell") as pool:
            try:
                futures = [
                    pool.submit(self._cell, name, clause, alone=alone or (keep_serial and clause.serial))
                    for name, clause in cells
                ]
                for done, future in enumerate(as_completed(futures), 1):
                    name, clause, attempt = future.result()
                    self._seen[name, clause.id] = attempt
                    self._report.cells += 1
                    if part != "caught":
                        text = f"{name} x {clause.id}: {attempt.outcome.value}"
                        self._on_event(Step(part, text, part != "clean" or attempt.outcome not in BAD, done, len(cells)))
                    yield name, clause, attempt
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _cell(self, name: str, clause: Clause, *, alone: bool) -> tuple[str, Clause, Attempt]:
        worker = self._workers[name]
        missing = lacking(registry.needs(clause), worker.abilities | self._machine)
        if missing:
            return name, clause, Attempt(outcome=Outcome.UNSUPPORTED, message=missing)
        with self._places.take(exclusive=alone) as place:
            return name, clause, worker.run(clause, place.tick)


def _abilities(spec: str) -> frozenset[str]:
    """Return what a saboteur's class declares; a factory that is no class declares nothing but what every loop of ours can."""
    module, _, name = spec.partition(":")
    factory = getattr(importlib.import_module(module), name)
    declared = getattr(factory, "abilities", None)
    return frozenset(declared) if isinstance(declared, (set, frozenset)) else frozenset({"several-loops"})
