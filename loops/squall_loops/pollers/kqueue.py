"""Wait by kqueue.

The kernel's facts (kqueue(2) of FreeBSD, NetBSD, OpenBSD and macOS), and what they mean for us:

- EVFILT_READ and EVFILT_WRITE are separate entries and come as separate events: they are registered one by one and merged
  per number. If the kernel takes the first and refuses the second, the first is taken back.
- With no room for events, ``kevent`` raises what goes wrong with a change; so changes and waits are never mixed, and EV_ERROR
  cannot arrive among the events.
- There is no filter for errors. EV_EOF on a filter says that its direction is over, with the socket's error in ``fflags``; it
  may come while data is still to be read. For one who watches READ or WRITE that is a readiness whose ``recv`` or ``send``
  reveals the rest; ``fflags`` adds ERROR.
- Who watches neither gets both filters with EV_CLEAR: each tells of its changes once, so unread data and room to write cost
  one idle turn and no spin. One EV_EOF ends a pipe or a terminal; a socket is over when both directions are, or it has an
  error: half-closed is not hung up (FD-016, FD-035). As EV_CLEAR tells once and we are level-triggered, the number then
  stands in ``_over`` and is reported by every poll. (NOTE_LOWAT would need no memory, but macOS cuts it to the size of the
  buffer, and a full buffer would spin.)
- Adding EVFILT_WRITE for a pipe whose reader has gone is refused with EPIPE by macOS up to 10.x and FreeBSD: that is the
  hang-up itself, and it is reported as such.
- Closing a number removes its entries, even when a duplicate lives on: EV_DELETE may say ENOENT or EBADF, and both are fine.
- A regular file is readable while its offset is not at its end, and EVFILT_WRITE refuses it: a third behaviour beside those
  of epoll and poll, and a handler that may never run; we refuse regular files as epoll does (FD-034).
- A child does not inherit the queue through fork: there is nothing of the parent's that it could disturb.
- The wait counts nanoseconds; Python repeats it after EINTR.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from collections.abc import Iterable
from typing import Any

from squall_loops.contract.errors import UnwatchableError
from squall_loops.contract.event_loop import ERROR, READ, WRITE
from squall_loops.contract.poller import Poller

BATCH = 1024
"""The most events of one wait; what did not fit comes with the next one."""


class KqueuePoller(Poller):
    """The BSD way. ``kernel`` stands in for the module ``select`` where that has no kqueue."""

    def __init__(self, kernel: Any = select) -> None:
        self._kernel = kernel
        self._kqueue = kernel.kqueue()
        self._filters: dict[int, list[int]] = {}
        self._quiet: dict[int, set[int]] = {}
        """Numbers that watch neither READ nor WRITE -> the filters whose direction has yet to end before it is a hang-up."""
        self._over: dict[int, int] = {}
        """Numbers of which the kernel will not speak again -> what every poll reports of them."""

    def register(self, fd: int, events: int) -> None:
        """Watch the number. UnwatchableError for a regular file, OSError or ValueError when the kernel refuses it."""
        mode = os.fstat(fd).st_mode
        if stat.S_ISREG(mode):
            message = f"descriptor {fd} cannot be watched: it is a regular file"
            raise UnwatchableError(message)
        kernel = self._kernel
        filters, flags = self._wanted(events), kernel.KQ_EV_ADD
        if not filters:
            filters, flags = [kernel.KQ_FILTER_READ, kernel.KQ_FILTER_WRITE], kernel.KQ_EV_ADD | kernel.KQ_EV_CLEAR
            self._quiet[fd] = set(filters) if stat.S_ISSOCK(mode) else set()
        self._filters[fd] = []
        try:
            self._add(fd, filters, flags)
        except BaseException:
            self.unregister(fd)
            raise

    def _wanted(self, events: int) -> list[int]:
        kernel = self._kernel
        return [kernel.KQ_FILTER_READ] * bool(events & READ) + [kernel.KQ_FILTER_WRITE] * bool(events & WRITE)

    def _add(self, fd: int, filters: Iterable[int], flags: int) -> None:
        entered = self._filters[fd]
        for kind in filters:
            if not self._change(fd, kind, flags, tolerated=errno.EPIPE):
                self._over[fd] = ERROR if fd in self._quiet else WRITE | ERROR
            elif kind not in entered:
                entered.append(kind)

    def _change(self, fd: int, kind: int, flags: int, tolerated: int) -> bool:
        """Make one change; False when the kernel answered with the tolerated error."""
        try:
            self._kqueue.control([self._kernel.kevent(fd, kind, flags)], 0, 0)
        except OSError as exc:
            if exc.errno != tolerated:
                raise
            return False
        return True

    def modify(self, fd: int, events: int) -> None:
        """Watch the number for other events."""
        wanted = self._wanted(events)
        if fd not in self._filters or fd in self._quiet or fd in self._over or not wanted:
            self.unregister(fd)
            self.register(fd, events)
            return
        # What is there is added as well: if the number was closed and reused meanwhile, the kernel has forgotten it.
        self._add(fd, wanted, self._kernel.KQ_EV_ADD)
        self._delete(fd, [kind for kind in self._filters[fd] if kind not in wanted])

    def unregister(self, fd: int) -> None:
        """Stop watching the number."""
        self._over.pop(fd, None)
        self._quiet.pop(fd, None)
        self._delete(fd, list(self._filters.get(fd, ())))
        self._filters.pop(fd, None)

    def _delete(self, fd: int, filters: Iterable[int]) -> None:
        for kind in filters:
            self._filters[fd].remove(kind)
            try:
                self._change(fd, kind, self._kernel.KQ_EV_DELETE, tolerated=errno.ENOENT)
            except OSError as exc:
                if exc.errno != errno.EBADF:
                    raise

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Wait for events."""
        events = self._kqueue.control(None, BATCH, 0 if self._over else timeout)
        found: dict[int, int] = {}
        for event in events:
            meaning = self._quiet_meaning(event) if event.ident in self._quiet else self._meaning(event)
            if meaning:
                found[event.ident] = found.get(event.ident, 0) | meaning
        for fd, meaning in self._over.items():
            found[fd] = found.get(fd, 0) | meaning
        return list(found.items())

    def _meaning(self, event: Any) -> int:
        ready = READ if event.filter == self._kernel.KQ_FILTER_READ else WRITE
        return ready | ERROR if event.flags & self._kernel.KQ_EV_EOF and event.fflags else ready

    def _quiet_meaning(self, event: Any) -> int:
        """Return 0: a hang-up is entered into ``_over``, and mere readiness was not asked for."""
        if event.flags & self._kernel.KQ_EV_EOF:
            remaining = self._quiet[event.ident]
            remaining.discard(event.filter)
            if event.fflags or not remaining:
                self._over[event.ident] = ERROR
        return 0

    def close(self) -> None:
        """Close the queue."""
        self._filters.clear()
        self._quiet.clear()
        self._over.clear()
        self._kqueue.close()
