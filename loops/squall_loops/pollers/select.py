"""Wait by select.

The kernel's facts (select(2), the Windows Sockets manual), and what they mean for us:

- Three sets of numbers, and no word for errors. An error or a hang-up makes a descriptor readable, an error writable, too: it
  reaches who watches for READ or WRITE as that. Who watches for neither is put into the readable set, and when it fires,
  poll(2) (on Windows a peek at the socket) is asked whether it is a hang-up. If it is mere data, the number is *hushed*:
  left out of the wait, or it would spin, and asked for a hang-up every ``PEEK_INTERVAL`` seconds until it is updated.
- The third set means out-of-band data on POSIX, which is nobody's error, so it stays empty; on Windows a refused connect
  is reported there and nowhere else.
- A set has FD_SETSIZE places. On POSIX these are the numbers 0 to 1023, and Python refuses the others with ValueError: the
  refusal is made to come from ``register`` (FD-026). On Windows they are a count of sockets of any number, 512 in Python.
- The kernel keeps nothing and one bad number fails the whole wait with EBADF: the bad ones are then looked for one by
  one and dropped (FD-032). ``register`` asks with a wait of no time (FD-033).
- Regular files are always ready (FD-034). Windows takes sockets only: anything else is refused as OSError.
- The wait counts microseconds; Python rounds up and repeats it after EINTR. Windows refuses three empty sets; the loop's waker
  is always in the first one.
"""

from __future__ import annotations

import select
import socket

from squall_loops.contract.errors import UnwatchableError
from squall_loops.contract.event_loop import ERROR, READ, WRITE
from squall_loops.contract.poller import Poller

PEEK_INTERVAL = 0.25
"""Seconds between looks for a hang-up behind unread data that nobody asked for."""
WINDOWS_PLACES = 512


class SelectPoller(Poller):
    """The oldest way, and the only one on Windows."""

    def __init__(self, *, windows: bool = False) -> None:
        self._places = WINDOWS_PLACES if windows else None
        self._watched: dict[int, int] = {}
        self._readers: set[int] = set()
        self._writers: set[int] = set()
        self._connecting: set[int] = set()
        self._hushed: set[int] = set()

    def register(self, fd: int, events: int) -> None:
        """Watch the number. UnwatchableError when there is no place for it, OSError when it is not open."""
        if self._places is not None and len(self._watched) >= self._places:
            message = f"descriptor {fd} cannot be watched: select has {self._places} places and all are taken"
            raise UnwatchableError(message)
        try:
            select.select([fd], [], [], 0)
        except ValueError as exc:
            message = f"descriptor {fd} cannot be watched: {exc} (its sets end at FD_SETSIZE)"
            raise UnwatchableError(message) from exc
        self._watch(fd, events)

    def modify(self, fd: int, events: int) -> None:
        """Watch the number for other events."""
        if fd in self._watched:
            self._watch(fd, events)
        else:
            self.register(fd, events)  # it was closed and dropped; perhaps it is open again

    def _watch(self, fd: int, events: int) -> None:
        self.unregister(fd)
        self._watched[fd] = events
        if events & READ or not events & WRITE:
            self._readers.add(fd)
        if events & WRITE:
            self._writers.add(fd)
            if self._places is not None:
                self._connecting.add(fd)

    def unregister(self, fd: int) -> None:
        """Stop watching the number."""
        self._watched.pop(fd, None)
        for numbers in (self._readers, self._writers, self._connecting, self._hushed):
            numbers.discard(fd)

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Wait for events."""
        found = {fd: ERROR for fd in self._hushed if _hung_up(fd)}
        if found:
            timeout = 0
        elif self._hushed:
            timeout = PEEK_INTERVAL if timeout is None else min(timeout, PEEK_INTERVAL)
        try:
            readable, writable, failed = select.select(self._readers, self._writers, self._connecting, timeout)
        except OSError:
            if not self._drop_closed():
                raise
            return []
        for fd in readable:
            if self._watched[fd] & READ:
                found[fd] = READ
            elif _hung_up(fd):
                found[fd] = ERROR
            else:
                self._readers.remove(fd)
                self._hushed.add(fd)
        for fd in writable:
            found[fd] = found.get(fd, 0) | WRITE
        for fd in failed:
            found[fd] = found.get(fd, 0) | ERROR
        return list(found.items())

    def _drop_closed(self) -> bool:
        """Forget the numbers that made the wait fail; tell whether there were any."""
        before = len(self._watched)
        for fd in list(self._watched):
            try:
                select.select([fd], [], [], 0)
            except OSError:
                self.unregister(fd)
        return len(self._watched) < before

    def close(self) -> None:
        """Forget everything; select keeps nothing in the kernel."""
        for fd in list(self._watched):
            self.unregister(fd)


def _hung_up(fd: int) -> bool:
    """Tell whether the descriptor has an error or a hang-up, which is not the same as being readable."""
    if hasattr(select, "poll"):
        probe = select.poll()
        probe.register(fd, 0)
        return any(events & ERROR for _, events in probe.poll(0))
    if not select.select([fd], [], [], 0)[0]:
        return False
    end = socket.socket(fileno=fd)
    try:
        return end.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True
    finally:
        end.detach()
