"""Wait by epoll.

The kernel's facts (epoll(7), epoll_ctl(2), epoll_wait(2)), and what they mean for us:

- EPOLLIN, EPOLLOUT, EPOLLERR and EPOLLHUP have the very values of READ, WRITE and ERROR; nothing is translated. EPOLLERR and
  EPOLLHUP are reported whatever was asked for, also for an empty set.
- epoll watches open file *descriptions*, keyed by description and number. Closing a number forgets it only when that was
  the last number of its description: a duplicate, also one in a forked child, keeps the entry alive, and it fires under a
  number that is closed, or belongs to something else by now, and can no longer be removed (EPOLL_CTL_DEL finds the new
  description or none). Nothing but a new epoll instance gets rid of it. So one batch of events out of ``LOOKS`` is examined:
  EPOLL_CTL_MOD tells whether the number is still what was registered, poll(2) whether it is really ready. A ghost ends in
  a new instance: no spin lasts (FD-031, FD-032).
- For the same reason EPOLL_CTL_DEL and EPOLL_CTL_MOD may say ENOENT or EBADF, and EPOLL_CTL_ADD EEXIST, where a program closed
  or replaced what it had registered. Removing tolerates them; adding and modifying mean "watch this number from now on".
- EPERM refuses regular files and directories, EBADF what is not open: both leave ``register`` as OSError (FD-033, FD-034).
- The wait counts milliseconds in 32 bits; Python rounds up, so that no timer is early, and repeats it after EINTR.
- ``maxevents`` limits one batch only; what did not fit comes first in the next one, so nobody starves (FD-027, FD-028).
- After fork both processes share one instance: a child may close its copy of the descriptor, and must not call epoll_ctl.
"""

from __future__ import annotations

import errno
import select

from squall_loops.contract.poller import Poller

LOOKS = 64
"""Every so many batches are checked for ghosts."""
BATCH = 1024
"""The most events of one wait."""
GONE = frozenset({errno.EBADF, errno.ENOENT, errno.EPERM})
"""The number is closed, or belongs to something else by now, which was not registered or cannot be."""


class EpollPoller(Poller):
    """Linux's own way to wait for many descriptors."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, int] = {}
        self._looks = 0

    def register(self, fd: int, events: int) -> None:
        """Watch the number. OSError or ValueError when the kernel refuses it."""
        try:
            self._epoll.register(fd, events)
        except FileExistsError:
            self._epoll.modify(fd, events)
        self._watched[fd] = events

    def modify(self, fd: int, events: int) -> None:
        """Watch the number for other events."""
        try:
            self._epoll.modify(fd, events)
        except FileNotFoundError:
            self._epoll.register(fd, events)
        self._watched[fd] = events

    def unregister(self, fd: int) -> None:
        """Stop watching the number."""
        if self._watched.pop(fd, None) is None:
            return
        try:
            self._epoll.unregister(fd)
        except OSError as exc:
            if exc.errno not in GONE:
                raise

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Wait for events."""
        pairs = self._epoll.poll(timeout, BATCH)
        if pairs:
            self._looks = looks = self._looks + 1
            if looks >= LOOKS:
                self._looks = 0
                if self._has_ghost(pairs) and self._begin_anew():
                    return []
        return pairs

    def _has_ghost(self, pairs: list[tuple[int, int]]) -> bool:
        """Tell whether an event comes from a description that no longer has the number it is reported under."""
        truth = select.poll()
        for fd, events in pairs:
            if fd not in self._watched or not self._is_entered(fd):
                return True
            truth.register(fd, events)
        # Two descriptions may be entered under one number, the closed and the present one: does the present one agree?
        seen = dict(truth.poll(0))
        return any(not seen.get(fd, 0) & events for fd, events in pairs)

    def _is_entered(self, fd: int) -> bool:
        """Tell whether what has the number now is what was registered under it; changing nothing is the way to ask."""
        try:
            self._epoll.modify(fd, self._watched[fd])
        except OSError as exc:
            if exc.errno not in GONE:
                raise
            return False
        return True

    def _begin_anew(self) -> bool:
        """Move every registration to a new instance; numbers that were closed meanwhile are left behind.

        False when the kernel has no room for a second instance now: the ghost stays until the next try (RS-011).
        """
        kept: dict[int, int] = {}
        try:
            fresh = select.epoll()
        except OSError:
            return False
        for fd, events in self._watched.items():
            if not self._is_entered(fd):
                continue
            try:
                fresh.register(fd, events)
            except OSError:
                fresh.close()
                return False
            kept[fd] = events
        self._epoll.close()
        self._epoll, self._watched = fresh, kept
        return True

    def close(self) -> None:
        """Close this process's copy of the instance."""
        self._watched.clear()
        self._epoll.close()
