"""What every waker has."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Waker(ABC):
    """A descriptor that turns readable when somebody wants the loop's attention. Non-blocking, closed on exec."""

    signal_fd: int = -1
    """Where ``signal.set_wakeup_fd`` may write one byte a signal; -1 when this kind of descriptor takes no single bytes."""

    @abstractmethod
    def fileno(self) -> int:
        """Return the number to watch for READ."""

    @abstractmethod
    def wake(self) -> None:
        """Make the descriptor readable; from any thread. Never blocks: when it is full it is readable already."""

    @abstractmethod
    def drain(self) -> bytes:
        """Read once what is there, so that a stream of wake-ups cannot hold the reader (TH-010).

        Returns the bytes: WAKE_BYTE for each ``wake``, and the numbers of signals. What is left makes it readable again.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the descriptors back. Idempotent."""


WAKE_BYTE = b"\0"
"""No signal has the number 0."""
DRAIN_SIZE = 65536
"""The capacity of a pipe on Linux, in bytes: one read empties it."""
