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
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._waiting_alone: deque[threading.Event] = deque()

    @contextmanager
    def take(self, *, exclusive: bool = False) -> Iterator[Place]:
        """Wait for a place, or for being alone, and hold it in the ``with`` block."""
        mine = threading.Event()
        with self._lock:
            (self._waiting_alone if exclusive else self._waiting).append(mine)
            self._hand_out()
        mine.wait()
        place = Place(self, exclusive=exclusive)
        try:
            yield place
        finally:
            place.leave()

    def give_back(self, *, exclusive: bool) -> None:
        """Count one place as free again."""
        with self._lock:
            self._taken -= 1
            self._alone = self._alone and not exclusive
            self._hand_out()

    def _hand_out(self) -> None:
        """Wake those, and only those, for whom there is a place now."""
        if self._waiting_alone and not self._taken:
            self._taken, self._alone = 1, True
            self._waiting_alone.popleft().set()
        while self._waiting and not self._waiting_alone and not self._alone and self._taken < self._count:
            self._taken += 1
            self._waiting.popleft().set()
