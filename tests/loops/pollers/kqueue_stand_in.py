"""A stand-in for ``select.kqueue`` and ``select.kevent``, built on poll(2), for machines that have none.

It does what kqueue(2) says of EVFILT_READ and EVFILT_WRITE on sockets, pipes, terminals and regular files; every sentence of
the manual page that it claims to obey has its test in ``test_kqueue_stand_in.py``. What it cannot know without consuming
it, the number of a socket's error, it gives as EIO. Other filters are refused with EINVAL.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import struct
import termios
import time
from types import SimpleNamespace

KQ_FILTER_READ, KQ_FILTER_WRITE = -1, -2
KQ_EV_ADD, KQ_EV_DELETE, KQ_EV_ENABLE, KQ_EV_DISABLE = 0x1, 0x2, 0x4, 0x8
KQ_EV_ONESHOT, KQ_EV_CLEAR, KQ_EV_EOF, KQ_EV_ERROR = 0x10, 0x20, 0x8000, 0x4000

SLICE = 2
"""Milliseconds between looks while an entry with EV_CLEAR is ready but has been told already."""
ENDED = select.POLLERR | select.POLLHUP


class kevent:  # noqa: N801 - the name of the real one
    """The structure; compares by its fields as the real one does."""

    def __init__(  # noqa: PLR0913, PLR0917 - the real one's arguments
        self,
        ident,
        filter=KQ_FILTER_READ,  # noqa: A002 - the real one's name
        flags=KQ_EV_ADD,
        fflags=0,
        data=0,
        udata=0,
    ):
        self.ident = ident if isinstance(ident, int) else ident.fileno()
        self.filter, self.flags, self.fflags, self.data, self.udata = filter, flags, fflags, data, udata

    def __repr__(self):
        return f"kevent({self.ident}, {self.filter}, {self.flags:#x}, {self.fflags}, {self.data})"


class Knote:
    """One entry of the kernel's: identified by number and filter, belonging to one open file."""

    def __init__(self, change):
        self.ident, self.filter = change.ident, change.filter
        self.flags = change.flags & (KQ_EV_ONESHOT | KQ_EV_CLEAR)
        self.enabled, self.told = True, None
        self.udata = change.udata
        self.file = identity(change.ident)

    def state(self):
        """Return (data, ended, failed) when the filter's condition holds, None otherwise."""
        if stat.S_ISREG(os.fstat(self.ident).st_mode):
            left = os.fstat(self.ident).st_size - os.lseek(self.ident, 0, os.SEEK_CUR)
            return (left, False, False) if left > 0 else None
        probe = select.poll()
        if self.filter == KQ_FILTER_READ:
            probe.register(self.ident, select.POLLIN | select.POLLRDHUP)
        else:
            probe.register(self.ident, select.POLLOUT)
        seen = dict(probe.poll(0)).get(self.ident, 0)
        if not seen:
            return None
        return self._data(), bool(seen & (ENDED | select.POLLRDHUP)), bool(seen & select.POLLERR) and self._is_socket()

    def _is_socket(self):
        return stat.S_ISSOCK(os.fstat(self.ident).st_mode)

    def _data(self):
        request = termios.FIONREAD if self.filter == KQ_FILTER_READ else termios.TIOCOUTQ
        try:
            return struct.unpack("i", fcntl.ioctl(self.ident, request, b"\0\0\0\0"))[0]
        except OSError:
            return 1  # a listening socket, an eventfd: ready, and not to be counted

    def event(self):
        """Return the kevent to tell, None when there is nothing (new) to tell."""
        state = self.state() if self.enabled else None
        if state is None:
            self.told = None
            return None
        if self.flags & KQ_EV_CLEAR and state == self.told:
            return None
        data, ended, failed = state
        flags = self.flags | KQ_EV_ADD | (KQ_EV_EOF if ended else 0)
        return kevent(self.ident, self.filter, flags, errno.EIO if failed else 0, data, self.udata)


def identity(fd):
    """Return what tells one open file from the next one with the same number."""
    found = os.fstat(fd)
    return found.st_dev, found.st_ino, found.st_mode


def reader_is_gone(fd):
    """Tell whether the number is the write end of a pipe that nobody reads any more."""
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        return False
    probe = select.poll()
    probe.register(fd, select.POLLOUT)
    return bool(dict(probe.poll(0)).get(fd, 0) & select.POLLERR)


class kqueue:  # noqa: N801 - the name of the real one
    """The queue. It has a descriptor of its own, as the real one has, so that a leak can be seen."""

    refuses_broken_pipes = False

    def __init__(self):
        self._fd = os.open(os.devnull, os.O_RDONLY)
        self._owner = os.getpid()
        self._knotes = {}

    @property
    def closed(self):
        return self._fd < 0

    def fileno(self):
        if self.closed:
            raise ValueError("I/O operation on closed kqueue object")
        return self._fd

    def close(self):
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def control(self, changelist, max_events, timeout=None):
        self.fileno()
        if os.getpid() != self._owner:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if max_events < 0 or (timeout is not None and timeout < 0):
            raise ValueError("max_events and timeout must not be negative")
        errors = []
        for change in changelist or ():
            try:
                self._apply(change)
            except OSError as exc:
                if len(errors) >= max_events:
                    raise
                errors.append(kevent(change.ident, change.filter, KQ_EV_ERROR, 0, exc.errno, change.udata))
        if errors or not max_events:
            return errors
        return self._wait(max_events, None if timeout is None else time.monotonic() + timeout)

    def _apply(self, change):
        self._forget_closed()
        key = (change.ident, change.filter)
        mode = os.fstat(change.ident).st_mode
        if change.filter not in {KQ_FILTER_READ, KQ_FILTER_WRITE} or (change.filter == KQ_FILTER_WRITE and stat.S_ISREG(mode)):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if change.flags & KQ_EV_ADD and key not in self._knotes:
            if self.refuses_broken_pipes and change.filter == KQ_FILTER_WRITE and reader_is_gone(change.ident):
                raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
            self._knotes[key] = Knote(change)
        if key not in self._knotes:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        if change.flags & KQ_EV_DELETE:
            del self._knotes[key]
        elif change.flags & KQ_EV_DISABLE:
            self._knotes[key].enabled = False
        else:
            self._knotes[key].enabled = True
            self._knotes[key].udata = change.udata

    def _forget_closed(self):
        for key, knote in list(self._knotes.items()):
            try:
                alive = identity(knote.ident) == knote.file
            except OSError:
                alive = False
            if not alive:
                del self._knotes[key]

    def _wait(self, max_events, deadline):
        while True:
            self._forget_closed()
            found = self._collect(max_events)
            left = None if deadline is None else deadline - time.monotonic()
            if found or (left is not None and left <= 0):
                return found
            self._sleep(left)

    def _collect(self, max_events):
        found = []
        for key, knote in list(self._knotes.items()):
            event = knote.event() if len(found) < max_events else None
            if event is None:
                continue
            found.append(event)
            knote.told = (event.data, bool(event.flags & KQ_EV_EOF), bool(event.fflags))
            # To the end of the queue: who was told waits for the others.
            del self._knotes[key]
            if not knote.flags & KQ_EV_ONESHOT:
                self._knotes[key] = knote
        return found

    def _sleep(self, seconds):
        waiting, wanted = select.poll(), {}
        milliseconds = None if seconds is None else max(seconds * 1000, 0)
        for knote in self._knotes.values():
            if not knote.enabled:
                continue
            if knote.told is not None and knote.flags & KQ_EV_CLEAR:
                milliseconds = SLICE if milliseconds is None else min(milliseconds, SLICE)
                continue
            if stat.S_ISREG(os.fstat(knote.ident).st_mode):
                milliseconds = SLICE if milliseconds is None else min(milliseconds, SLICE)
                continue
            asked = select.POLLIN | select.POLLRDHUP if knote.filter == KQ_FILTER_READ else select.POLLOUT
            wanted[knote.ident] = wanted.get(knote.ident, 0) | asked
        for fd, asked in wanted.items():
            waiting.register(fd, asked)
        waiting.poll(milliseconds)


class OldMacKqueue(kqueue):
    """macOS up to 10.x: EVFILT_WRITE for a pipe without a reader is refused."""

    refuses_broken_pipes = True


def kernel(queue=kqueue):
    """Return what KqueuePoller takes in place of the module ``select``."""
    names = {name: value for name, value in globals().items() if name.startswith("KQ_")}
    return SimpleNamespace(kqueue=queue, kevent=kevent, **names)
