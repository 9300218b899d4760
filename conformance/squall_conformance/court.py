"""Judges for any number of targets that share places and control loops: what the engine and the pytest plugin stand on."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from squall_conformance import known
from squall_conformance.deviations import Deviation, Deviations, load
from squall_conformance.isolation.places import Places
from squall_conformance.isolation.workshop import Worker, Workshop
from squall_conformance.judge import Judge
from squall_conformance.target import target
from squall_loops import registry as loops

_CONTROLS: Final = ("select", "epoll", "poll", "kqueue", "asyncio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Laws:
    """By what a court judges: repeats, deviations, and the control loop ("" means the first of our own that is not judged)."""

    repeat: int = 1
    control: str = ""
    deviations: tuple[Path, ...] = ()
    known_deviations: bool = True


class Court:
    """Makes a judge for each target. DeviationError when a file of deviations is wrong."""

    def __init__(self, specs: Iterable[str], laws: Laws) -> None:
        given = [entry for file in laws.deviations for entry in load(file)]
        self._laws = laws
        self._deviations: dict[str, tuple[Deviation, ...]] = {
            spec: known.deviations(target(spec), given, shipped=laws.known_deviations) for spec in specs
        }
        self._controls: dict[str, Worker] = {}
        self._lock = threading.Lock()

    def judge(self, spec: str, workshop: Workshop, places: Places) -> Judge:
        """Return a new judge for one of the targets; its worker is not started yet."""
        return Judge(
            target=target(spec),
            worker=workshop.worker(spec),
            places=places,
            control=lambda: self._control(spec, workshop),
            deviations=Deviations(self._deviations[spec]),
            repeat=self._laws.repeat,
        )

    def _control(self, spec: str, workshop: Workshop) -> Worker | None:
        """Return the worker of the loop to compare a target with; it is started when it is first asked for."""
        chosen = control_for(spec, self._laws.control)
        if not chosen:
            return None
        with self._lock:
            if chosen not in self._controls:
                self._controls[chosen] = workshop.worker(chosen)
            worker = self._controls[chosen]
        worker.start()
        return None if worker.error else worker


def control_for(spec: str, chosen: str = "") -> str:
    """Return the spec of the loop to compare with: the chosen one, or the first available of our own that is not the target."""
    if chosen and chosen != spec:
        return chosen
    available = {info.spec for info in loops.known_loops() if info.available}
    return next((name for name in _CONTROLS if name in available and name != spec), "")
