"""Wake by an eventfd.

The kernel's facts (eventfd(2)), and what they mean for us:

- One descriptor holds a counter of 64 bits; a write adds to it, a read returns it and makes it zero. So any number of
  wake-ups is drained by one read of 8 bytes, and it cannot fill up.
- A write must be 8 bytes, and ``signal.set_wakeup_fd`` writes one: the loop gives the signals a pipe of their own.
- Linux only; FreeBSD 13 has it as well, but Python offers it on Linux.
"""

from __future__ import annotations

import os

from squall_loops.wakers.waker import Waker


class EventfdWaker(Waker):
    """A counter in the kernel."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Return the eventfd's number."""
        return self._fd

    def wake(self) -> None:
        """Add one to the counter."""
        os.eventfd_write(self._fd, 1)

    def drain(self) -> bytes:
        """Set the counter to zero; says nothing of signals."""
        try:
            os.eventfd_read(self._fd)
        except BlockingIOError:
            # Zero already.
            return b""
        return b""

    def close(self) -> None:
        """Close the eventfd."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
