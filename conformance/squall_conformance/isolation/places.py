"""How many clauses run at once: so many share, one that measures time is alone, and those that only wait do not count."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from squall_conformance.isolation import processes

_PATIENCE: Final = 0.5  # seconds after which a clause that uses no processor gives its place away
_BUSY: Final = 0.2  # the share of a processor from which a clause counts as busy


class Place:
    """A place that one clause holds."""

    def __init__(self, places: Places, *, exclusive: bool) -> None:
        self._places = places
        self._exclusive = exclusive
        self._held = True

    def tick(self, pid: int, seconds: float) -> None:
        """Give the place away when the clause has run for long and only waits: it probably hangs, and needs no processor."""
        if self._held and seconds > _PATIENCE and (processes.cpu_seconds(pid) or 0.0) < _BUSY * seconds:
            self.leave()

    def leave(self) -> None:
        """Give the place back; harmless when that was done already."""
        if self._held:
            self._held = False
            self._places.give_back(exclusive=self._exclusive)


class Places:
    """As many shared places as there are jobs, given out in the order of asking; who wants to be alone comes first."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken = 0
        self._alone = False
        self._condition = threading.Condition()
        self._waiting: deque[object] = deque()
        self._waiting_alone: deque[object] = deque()

    @contextmanager
    def take(self, *, exclusive: bool = False) -> Iterator[Place]:
        """Wait for a place, or for being alone, and hold it in the ``with`` block."""
        me = object()
        waiting = self._waiting_alone if exclusive else self._waiting
        with self._condition:
            waiting.append(me)
            try:
                self._condition.wait_for(lambda: waiting[0] is me and self._free(exclusive=exclusive))
            finally:
                waiting.remove(me)
                self._condition.notify_all()
            self._alone = exclusive
            self._taken += 1
        place = Place(self, exclusive=exclusive)
        try:
            yield place
        finally:
            place.leave()

    def _free(self, *, exclusive: bool) -> bool:
        if exclusive:
            return not self._taken
        return not self._alone and not self._waiting_alone and self._taken < self._count

    def give_back(self, *, exclusive: bool) -> None:
        """Count one place as free again."""
        with self._condition:
            self._taken -= 1
            self._alone = self._alone and not exclusive
            self._condition.notify_all()
