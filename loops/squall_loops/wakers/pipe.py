"""Wake by a pipe.

The kernel's facts (pipe(7)), and what they mean for us:

- The buffer is limited (64 KiB on Linux, 16 KiB on macOS, one page for a user with many pipes): the write end has to be
  non-blocking, and EAGAIN is good news: the reader has something to wake up for.
- A write of one byte is atomic, so the same pipe takes the numbers of signals from ``signal.set_wakeup_fd``.
- Not on Windows, where select(2) takes sockets only.
"""

from __future__ import annotations

import os

from squall_loops.wakers.waker import DRAIN_SIZE, WAKE_BYTE, Waker


class PipeWaker(Waker):
    """A pipe to ourselves."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()  # closed on exec since PEP 446
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self.signal_fd = self._writer

    def fileno(self) -> int:
        """Return the number of the read end."""
        return self._reader

    def wake(self) -> None:
        """Write one byte."""
        try:
            os.write(self._writer, WAKE_BYTE)
        except BlockingIOError:
            # Full: it is readable.
            return

    def drain(self) -> bytes:
        """Read what is there, at most DRAIN_SIZE bytes."""
        try:
            return os.read(self._reader, DRAIN_SIZE)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Close both ends."""
        ends = (self._reader, self._writer)
        self._reader = self._writer = self.signal_fd = -1
        for end in ends:
            if end >= 0:
                os.close(end)
