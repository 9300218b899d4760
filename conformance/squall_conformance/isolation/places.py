"""How many clauses run at once: shared places, an exclusive one for those that measure time, and none for those that only wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from squall_conformance.isolation import processes

_PATIENCE: Final = 1.0  # seconds after which a clause that uses no processor gives its place away
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
    """As many shared places as there are jobs. Who waits for all of them together comes before who waits for one."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken = 0
        self._alone = False
        self._waiting_alone = 0
        self._condition = threading.Condition()

    @contextmanager
    def take(self, *, exclusive: bool = False) -> Iterator[Place]:
        """Wait for a place, or for being alone, and hold it in the ``with`` block."""
        with self._condition:
            if exclusive:
                self._waiting_alone += 1
                self._condition.wait_for(lambda: not self._taken and not self._alone)
                self._waiting_alone -= 1
                self._alone = True
            else:
                self._condition.wait_for(lambda: not self._alone and not self._waiting_alone and self._taken < self._count)
                self._taken += 1
        place = Place(self, exclusive=exclusive)
        try:
            yield place
        finally:
            place.leave()

    def give_back(self, *, exclusive: bool) -> None:
        """Count one place as free again."""
        with self._condition:
            if exclusive:
                self._alone = False
            else:
                self._taken -= 1
            self._condition.notify_all()
