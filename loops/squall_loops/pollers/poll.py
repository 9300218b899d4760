"""Wait by poll.

The kernel's facts (poll(2)), and what they mean for us:

- POLLIN, POLLOUT, POLLERR and POLLHUP have the values of READ, WRITE and ERROR on Linux, macOS and the BSDs (they come from
  System V); nothing is translated. POLLERR and POLLHUP are reported whatever was asked for, also for an empty set.
- The kernel keeps nothing: each wait passes the whole list. So there is no number that it could refuse beforehand:
  ``register`` asks with a wait of no time, and POLLNVAL says that the number is not open, or cannot be watched (FD-033).
- A number that is closed while it is watched is reported as POLLNVAL by every wait at once: it is dropped, so that it
  neither stops nor spins the loop (FD-032). If it was reused in the meantime, the new file is watched in its place.
- Regular files are always ready (FD-034).
- The wait counts milliseconds in 32 bits: rounded up, so that no timer is early. Python repeats it after EINTR.
"""

from __future__ import annotations

import errno
import math
import os
import select

from squall_loops.contract.errors import UnwatchableError
from squall_loops.contract.poller import Poller


class PollPoller(Poller):
    """The System V way, without a limit of numbers."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._watched: set[int] = set()

    def register(self, fd: int, events: int) -> None:
        """Watch the number. UnwatchableError when it is not open or of a kind that cannot be watched."""
        probe = select.poll()
        probe.register(fd, events)
        if any(seen & select.POLLNVAL for _, seen in probe.poll(0)):
            message = f"descriptor {fd} cannot be watched by poll: {os.strerror(errno.EBADF)}"
            raise UnwatchableError(message)
        self._poll.register(fd, events)
        self._watched.add(fd)

    def modify(self, fd: int, events: int) -> None:
        """Watch the number for other events."""
        if fd in self._watched:
            self._poll.modify(fd, events)
        else:
            self.register(fd, events)  # it was closed and dropped; perhaps it is open again

    def unregister(self, fd: int) -> None:
        """Stop watching the number."""
        if fd in self._watched:
            self._watched.remove(fd)
            self._poll.unregister(fd)

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Wait for events."""
        pairs = self._poll.poll(None if timeout is None else math.ceil(timeout * 1000))
        for fd, events in pairs:
            if events & select.POLLNVAL:
                self.unregister(fd)
        return pairs

    def close(self) -> None:
        """Forget everything; poll keeps nothing in the kernel."""
        for fd in list(self._watched):
            self.unregister(fd)
