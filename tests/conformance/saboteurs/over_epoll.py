"""The plain loop over epoll(7) instead of poll(2): still correct, and a body for defects that only a kernel object can have."""

from __future__ import annotations

import contextlib
import os
import select

from squall_loops.contract import ERROR

from .reference import Reference


class EpollAsPoll:
    """epoll with the methods of ``select.poll``: registering twice modifies, and the wait is in milliseconds."""

    def __init__(self) -> None:
        self.epoll = select.epoll()

    def register(self, fd, events):
        try:
            self.epoll.register(fd, events)
        except FileExistsError:
            self.epoll.modify(fd, events)

    def unregister(self, fd):
        with contextlib.suppress(OSError):  # closed, and so forgotten by the kernel
            self.epoll.unregister(fd)

    def poll(self, milliseconds):
        return self.epoll.poll(None if milliseconds is None else milliseconds / 1000)


class OverEpoll(Reference):
    """A child process has the kernel object in common with its parent, and so leaves it alone."""

    def __init__(self) -> None:
        super().__init__()
        self.poller = EpollAsPoll()
        self.poller.register(self.wake_reader, select.EPOLLIN)

    def watch(self, number, events):
        self.poller.register(number, events & ~ERROR)

    def unwatch(self, number):
        if os.getpid() == self.pid:
            self.poller.unregister(number)
