"""Wake by a pair of connected sockets.

The kernel's facts (unix(7); on Windows a pair over the loopback address), and what they mean for us:

- Works wherever Python does, and on Windows it is all that select(2) and ``signal.set_wakeup_fd`` take.
- The buffers are limited and the pair has to be non-blocking; a full one is readable, so a refused byte is no loss.
"""

from __future__ import annotations

import socket

from squall_loops.wakers.waker import DRAIN_SIZE, WAKE_BYTE, Waker


class SocketpairWaker(Waker):
    """A connection to ourselves."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()  # closed on exec since PEP 446
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self.signal_fd = self._writer.fileno()

    def fileno(self) -> int:
        """Return the number of the reading socket."""
        return self._reader.fileno()

    def wake(self) -> None:
        """Send one byte."""
        try:
            self._writer.send(WAKE_BYTE)
        except BlockingIOError:
            # Full: it is readable.
            return

    def drain(self) -> bytes:
        """Receive what is there, at most DRAIN_SIZE bytes."""
        try:
            return self._reader.recv(DRAIN_SIZE)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Close both sockets."""
        self.signal_fd = -1
        self._reader.close()
        self._writer.close()
