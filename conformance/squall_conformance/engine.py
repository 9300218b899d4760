"""A run of the kit: targets, clauses, workers and results. Standard library only.

    report = run(["epoll", "package.module:factory"], Options(jobs=2), print)

Exit codes (``RunReport.exit_code``): 0 as expected, 1 unexpected result, 2 usage (raised here as ValueError), 3 a target cannot
start, 4 stale or expired deviation, 5 nothing or fewer clauses than the baseline ran; 130 when the run was interrupted.
"""

from __future__ import annotations

import datetime as dt
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from squall_conformance import registry, verdicts
from squall_conformance.clause import Clause
from squall_conformance.court import Court, Laws, control_for
from squall_conformance.isolation.places import Places
from squall_conformance.isolation.workshop import Workshop
from squall_conformance.judge import Judge
from squall_conformance.outcome import Outcome, Result, RunReport, TargetReport
from squall_conformance.schedule import Queue, Schedule
from squall_conformance.target import Target, environment, version_of
from squall_loops.contract.rule import Rule

_HOPELESS: Final = 3  # clauses that hung, with none that passed, after which the rest of a target is not run


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to run, and how.

    ``rules`` are ids of rules, letters of areas or globs; ``clauses`` are ids of clauses or globs; nothing means all.
    ``jobs`` 0 means one for each core. ``timeout_scale`` multiplies every clause's time limit. With ``repeat`` above 1 each
    clause is run that often, and what differs is flaky. ``control`` is the loop that failures are compared with; by default
    the first of select, epoll and poll that is not the target. ``deviations`` are files besides those that the targets and the
    kit bring along (none of these when ``known_deviations`` is false). ``baseline`` is the least number of clauses that must
    really run on each target. ``fork=False`` runs each clause in a fresh interpreter, which is slower by far.
    """

    profiles: tuple[str, ...] = ("kernel",)
    rules: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    jobs: int = 0
    timeout_scale: float = 1.0
    repeat: int = 1
    control: str = ""
    deviations: tuple[Path, ...] = ()
    known_deviations: bool = True
    baseline: int = 0
    fork: bool = True


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first event: ``total`` results are to come for these targets."""

    total: int
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TargetStarted:
    """A target can be made; its clauses follow."""

    spec: str
    name: str
    version: str
    abilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TargetFailed:
    """A target cannot be judged, and why; its clauses are ``notrun``."""

    spec: str
    name: str
    error: str


@dataclass(frozen=True, slots=True)
class ClauseFinished:
    """One result: number ``done`` of ``total``."""

    result: Result
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The last event."""

    report: RunReport


Event = RunStarted | TargetStarted | TargetFailed | ClauseFinished | RunFinished


def run(specs: Sequence[str], options: Options | None = None, on_event: Callable[[Event], None] | None = None) -> RunReport:
    """Judge the loops that the specs name, and return the report; ``on_event`` is called in this thread as things happen.

    Whatever a target does (it cannot be imported, hangs, crashes, exits, forks) is in its part of the report; the others are
    judged all the same. No process is left behind. An interrupt ends the run early: the report is of what was done, and its
    ``exit_code`` is 130. Raises SelectionError (no such profile, rule or clause) and DeviationError (a wrong file), both of
    them ValueErrors, before anything is run.
    """
    return _Run(list(dict.fromkeys(specs)), options or Options(), on_event or (lambda _: None)).run()


@dataclass(slots=True)
class _Part:
    """One target's part of a run."""

    target: Target
    judge: Judge
    report: TargetReport
    started: bool = False
    hangs: int = 0
    passes: int = 0
    order: dict[str, int] = field(default_factory=dict)


class _Run:
    def __init__(self, specs: list[str], options: Options, on_event: Callable[[Event], None]) -> None:
        if not specs:
            raise registry.SelectionError("no target was named, so there is nothing to judge")
        self._options = options
        self._on_event = on_event
        self._clauses, self._untestable = registry.select(options.profiles, options.rules, options.clauses)
        self._specs = specs
        self._jobs = options.jobs or os.cpu_count() or 1
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._done = 0
        self._over = False
        self._notes: list[str] = []
        laws = Laws(
            repeat=options.repeat,
            control=options.control,
            deviations=options.deviations,
            known_deviations=options.known_deviations,
        )
        self._court = Court(specs, laws)

    def run(self) -> RunReport:
        started, began = dt.datetime.now(dt.UTC), time.monotonic()
        interrupted = False
        with Workshop(timeout_scale=self._options.timeout_scale, fork=self._options.fork) as workshop:
            self._workshop = workshop
            self._places = Places(self._jobs)
            self._parts = {spec: self._part(spec) for spec in self._specs}
            self._on_event(RunStarted(len(self._clauses) * len(self._specs), tuple(self._specs)))
            schedules = [self._schedule(serial=False), self._schedule(serial=True)]
            thread = threading.Thread(target=self._work_all, args=(schedules,), name="squall-run", daemon=True)
            thread.start()
            try:
                self._pass_on_events()
            except BaseException as exc:
                self._over = True
                for schedule in schedules:
                    schedule.stop()
                if not isinstance(exc, KeyboardInterrupt):
                    raise
                interrupted = True
            finally:
                workshop.close()
            thread.join(5.0)
        report = self._report(started, time.monotonic() - began, interrupted=interrupted)
        self._on_event(RunFinished(report))
        return report

    def _part(self, spec: str) -> _Part:
        judge = self._court.judge(spec, self._workshop, self._places)
        order = {clause.id: place for place, clause in enumerate(self._clauses)}
        report = TargetReport(spec=spec, name=judge.target.name, version=judge.target.version)
        return _Part(judge.target, judge, report, order=order)

    def _schedule(self, *, serial: bool) -> Schedule:
        clauses = [clause for clause in self._clauses if clause.serial is serial]
        return Schedule([Queue(spec, clauses) for spec in self._specs], self._work)

    def _work_all(self, schedules: list[Schedule]) -> None:
        try:
            for schedule in schedules:
                schedule.run(self._jobs)
        except BaseException as exc:  # noqa: BLE001 - raised again in the caller's thread
            self._events.put(exc)
        self._events.put(None)

    def _pass_on_events(self) -> None:
        while True:
            try:
                event = self._events.get(timeout=0.5)  # so that an interrupt is seen on every system
            except queue.Empty:
                continue
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            self._on_event(event)

    def _work(self, spec: str, clause: Clause | None) -> None:
        """Start a target, or judge one clause of it."""
        part = self._parts[spec]
        if clause is None:
            self._start(part)
        elif part.report.start_error:
            self._finish(part, part.judge.result(clause, Outcome.NOTRUN, "the target cannot be judged", runs=0))
        else:
            self._finish(part, part.judge.judge(clause))

    def _start(self, part: _Part) -> None:
        if part.started:
            return
        part.started = True
        worker = part.judge.worker
        with self._places.take() as place:
            worker.start(place.tick)
        if worker.error:
            self._give_up(part, worker.error, worker.detail)
        else:
            part.report.abilities = tuple(sorted(part.judge.abilities))
            self._events.put(TargetStarted(part.report.spec, part.report.name, part.report.version, part.report.abilities))
            if worker.note:
                self._notes.append(f"{part.report.name}: {worker.note}")

    def _give_up(self, part: _Part, error: str, detail: str) -> None:
        part.report.start_error = error
        part.report.start_detail = detail
        self._events.put(TargetFailed(part.report.spec, part.report.name, error))

    def _finish(self, part: _Part, result: Result) -> None:
        if self._over:
            return
        with self._lock:
            part.report.results.append(result)
            self._done += 1
            done = self._done
            part.hangs += result.outcome is Outcome.HANG
            part.passes += result.outcome is Outcome.PASS
            hopeless = part.hangs >= _HOPELESS and not part.passes and not part.report.start_error
            if hopeless:
                self._give_up(part, f"hangs in each of the first {part.hangs} clauses: {result.message}", result.detail)
        self._events.put(ClauseFinished(result, done, len(self._clauses) * len(self._specs)))

    def _report(self, started: dt.datetime, seconds: float, *, interrupted: bool) -> RunReport:
        stale = [note for part in self._parts.values() for note in self._settle(part)]
        report = RunReport(
            started=started.isoformat(timespec="seconds"),
            seconds=seconds,
            kit=version_of("squall"),
            contract=registry.CONTRACT,
            environment=environment(),
            control=self._options.control or control_for(""),
            profiles=self._options.profiles,
            targets=[part.report for part in self._parts.values()],
            notes=[*self._notes, *stale],
        )
        report.exit_code = verdicts.exit_code(report, stale=bool(stale), baseline=self._options.baseline)
        if interrupted:
            report.exit_code = verdicts.INTERRUPTED
            report.notes.insert(0, f"interrupted: {self._done} of {len(self._clauses) * len(self._specs)} results are here")
        return report

    def _settle(self, part: _Part) -> list[str]:
        """Complete a target's report: what was not run, what cannot be tested, verdicts; return notes on stale deviations."""
        report = part.report
        have = {result.clause for result in report.results}
        report.results += [
            part.judge.result(clause, Outcome.NOTRUN, "the run ended before", runs=0)
            for clause in self._clauses
            if clause.id not in have
        ]
        report.results.sort(key=lambda result: part.order[result.clause])
        report.results += [_untestable(report.spec, rule) for rule in self._untestable]
        stale = part.judge.deviations.settle(report.results, part.target, dt.datetime.now(dt.UTC).date())
        for profile in self._options.profiles:
            report.verdicts[profile] = verdicts.verdict(
                report.results, [clause.id for clause in registry.load_profile(profile)]
            )
        return stale


def _untestable(spec: str, rule: Rule) -> Result:
    return Result(
        target=spec,
        clause=rule.id,
        rule=rule.id,
        level=rule.level.value,
        outcome=Outcome.UNTESTABLE,
        message=rule.untestable,
        runs=0,
    )
