"""All worker processes of one run: a worker for each target, made when it is first needed, and a clean end for everything."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from squall_conformance.clause import Clause
from squall_conformance.isolation import processes
from squall_conformance.isolation.attempt import Attempt, Ended
from squall_conformance.isolation.protocol import Message
from squall_conformance.isolation.spawned import run_once
from squall_conformance.isolation.watch import Tick
from squall_conformance.outcome import Outcome

if hasattr(os, "fork"):
    from squall_conformance.isolation.forked import Template

CAN_FORK: Final = hasattr(os, "fork") and hasattr(os, "waitid")
_PROBE_SECONDS: Final = 10.0  # for a target to be imported, made and closed, on a machine of ordinary speed
_VERBS: Final = {"import": "imported", "make": "made", "close": "closed", "": "started"}


class Workshop:
    """Owns the run's private directory, its marker and its workers. A context manager; ``close`` leaves no process behind."""

    def __init__(self, *, timeout_scale: float = 1.0, fork: bool = True) -> None:
        self.timeout_scale = timeout_scale
        self.fork = fork and CAN_FORK
        self.marker = secrets.token_hex(12)
        self.directory = Path(tempfile.mkdtemp(prefix="squall-"))
        self._workers: list[Worker] = []
        self._templates: list[Template] = []
        self._lock = threading.Lock()
        self._closed = False

    def worker(self, spec: str) -> Worker:
        """Return a worker for a target; it is not started yet."""
        worker = Worker(self, spec)
        with self._lock:
            self._workers.append(worker)
        return worker

    def template(self) -> Template:
        """Start one more template. RuntimeError once the workshop is closed."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the run is over")
            template = Template(self.directory, self.marker)
            self._templates.append(template)
        return template

    def private_directory(self) -> Path:
        """Return the path of a directory for one run, not made yet."""
        return self.directory / secrets.token_hex(6)

    def close(self) -> list[int]:
        """End every worker and whatever of the run's processes is left; return the ids of what nobody had seen to."""
        with self._lock:
            self._closed = True
            templates, self._templates = self._templates, []
        for template in templates:
            template.close()
        left = processes.kill_marked(self.marker)
        shutil.rmtree(self.directory, ignore_errors=True)
        return left

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(slots=True)
class Worker:
    """Runs clauses on one target. ``error`` says why it cannot, once ``start`` has tried."""

    workshop: Workshop
    spec: str
    abilities: frozenset[str] = frozenset()
    error: str = ""
    detail: str = ""
    note: str = ""
    template: Template | None = None
    _started: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, tick: Tick | None = None) -> None:
        """Probe the target in a process of its own and warm a template for it. What goes wrong is in ``error``."""
        with self._lock:
            if self._started:
                return
            self._started = True
            if self.workshop.fork:
                self.template = self.workshop.template()
            ended = self._run({"op": "probe", "spec": self.spec}, _PROBE_SECONDS * self.workshop.timeout_scale, tick)
            self._learn(ended)
            if self.template and not self.error:
                answer = self.template.warm((ended.result or {}).get("modules", ()))
                if "unforkable" in answer:
                    self.note = f"a fresh interpreter for each clause, because {answer['unforkable']}"
                    self.template.close()
                    self.template = None

    def _learn(self, ended: Ended) -> None:
        attempt = ended.judged()
        self.detail = attempt.detail
        if ended.result is None and ended.timed_out:
            self.error = f"hangs when it is {_VERBS[ended.at]}: {attempt.message}"
        elif ended.result is None:
            self.error = f"{_present(ended)} when it is {_VERBS[ended.at]}"
        else:
            self.error = str(ended.result.get("error", ""))
            self.detail = str(ended.result.get("detail", ""))
            if ended.result.get("outcome") == "crash":
                self.error = attempt.message
            self.abilities = frozenset(ended.result.get("abilities", ()))

    def adopt(self, template: Template | None, abilities: frozenset[str]) -> None:
        """Share another's template, which has imported what this target needs; nothing is probed."""
        self.template = template
        self.abilities = abilities
        self._started = True

    def run(self, clause: Clause, tick: Tick | None = None) -> Attempt:
        """Run the clause once in a process of its own."""
        timeout = clause.timeout * self.workshop.timeout_scale
        return self._run({"op": "clause", "spec": self.spec, "clause": clause.id}, timeout, tick).judged()

    def sweep(self, clauses: Sequence[Clause], silence: float) -> int:
        """Run clauses one after the other in a single process, and return how many passed before one did not.

        Quicker than ``run`` for each, but less certain: only a pass is worth anything, and what comes next has to be run alone.
        ``silence`` is the longest time in seconds for one of them.
        """
        request = {"op": "sweep", "spec": self.spec, "clauses": [clause.id for clause in clauses]}
        return len(self._run(request, silence * self.workshop.timeout_scale, None).passed)

    def _run(self, request: Message, timeout: float, tick: Tick | None) -> Ended:
        if self.template is None:
            return run_once(self.workshop.private_directory(), self.workshop.marker, request, timeout, tick)
        try:
            return self.template.run(request, timeout, tick)
        except OSError as exc:
            return Ended(result=None, exit_code=None, seconds=0.0, output=f"{exc!r}\n{self.template.log()}")


def lost(reason: str) -> Attempt:
    """Return what stands for an attempt that could not be made because the run is over."""
    return Attempt(outcome=Outcome.NOTRUN, message=reason)


def _present(ended: Ended) -> str:
    """Return how a process ended, as what its target does whenever it is started."""
    end = ended.end()
    return f"is {end}" if end.startswith("killed") else end.replace("exited with", "exits with", 1)
