"""Which clause of which target is next: a target's start and first clause together, then one clause of each target in turn."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from squall_conformance.clause import Clause

_WAITERS: Final = 8  # threads for each job: most of them wait beside clauses that hang


class Queue:
    """The clauses of one target that are still to be run."""

    def __init__(self, spec: str, clauses: Iterable[Clause]) -> None:
        self.spec = spec
        self.clauses = deque(clauses)
        self.started = False
        self.busy = False


class Schedule:
    """Hands out work to threads. ``work`` is called with a target and a clause, or with None to start the target first."""

    def __init__(self, queues: list[Queue], work: Callable[[str, Clause | None], None]) -> None:
        self._queues = deque(queues)
        self._work = work
        self._condition = threading.Condition()
        self._stopped = False
        self._error: BaseException | None = None

    def run(self, jobs: int) -> None:
        """Do all the work in as many threads as it may take; return when it is done or ``stop`` was called."""
        threads = [
            threading.Thread(target=self._serve, name=f"squall-job-{number}", daemon=True) for number in range(jobs * _WAITERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._error:
            raise self._error

    def stop(self) -> None:
        """Hand out nothing more."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()

    def _serve(self) -> None:
        try:
            while (queue := self._next()) is not None:
                try:
                    self._serve_one(queue)
                finally:
                    with self._condition:
                        queue.busy = False
                        self._condition.notify_all()
        except BaseException as exc:  # noqa: BLE001 - handed to the thread that waits in ``run``
            self._error = exc
            self.stop()

    def _serve_one(self, queue: Queue) -> None:
        if not queue.started:
            self._work(queue.spec, None)
            with self._condition:
                queue.started = True
                queue.busy = False
                self._condition.notify_all()
        with self._condition:
            clause = queue.clauses.popleft() if queue.clauses and not self._stopped else None
        if clause:
            self._work(queue.spec, clause)

    def _next(self) -> Queue | None:
        """Wait for a target that has work and is not being started; None when there is no work left."""
        with self._condition:
            while not self._stopped:
                for _ in range(len(self._queues)):
                    queue = self._queues[0]
                    self._queues.rotate(-1)
                    if queue.clauses and not queue.busy:
                        queue.busy = not queue.started
                        return queue
                if not any(queue.clauses for queue in self._queues):
                    return None
                self._condition.wait()
            return None
