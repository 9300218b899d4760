"""The smaller seam: one kernel call that waits. ``turn/loop.py`` makes an event loop of any poller."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable


class Poller(ABC):
    """Waits for descriptors. It keeps no handlers and calls nothing: ``poll`` returns pairs and touches nothing else.

    Not promised: thread safety, or any order of the pairs.
    """

    @abstractmethod
    def register(self, fd: int, events: int) -> None:
        """Start to watch the number for ``events`` (union of READ, WRITE, ERROR; errors are watched in any case).

        Raises UnwatchableError (a ValueError) or OSError when this kernel call cannot watch it; then nothing changed.
        """

    @abstractmethod
    def modify(self, fd: int, events: int) -> None:
        """Watch a registered number for ``events`` instead."""

    @abstractmethod
    def unregister(self, fd: int) -> None:
        """Stop watching; harmless where the kernel has forgotten the number already because it was closed."""

    @abstractmethod
    def poll(self, timeout: float | None) -> Iterable[tuple[int, int]]:
        """Wait at most ``timeout`` seconds (None: without limit, 0: not at all) and return ``(fd, events)`` pairs.

        Rounds up to the kernel's own unit, so a timer is never early. Returns early, with nothing, when a signal's Python
        handler ran and the wait was over; what that handler raises leaves from here.
        """

    @abstractmethod
    def close(self) -> None:
        """Free the kernel object. Idempotent. Must not disturb a parent process that shares it after ``fork``."""
