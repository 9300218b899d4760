"""Hang-ups of descriptors that nobody wants to read or write just now (FD-016, FD-039).

The hosts' interfaces know readers and writers only. But an epoll instance, like a kqueue, can itself be watched for reading,
and our pollers over them report hang-ups of descriptors that ask for nothing else. So there is one inner poller, made when
first needed, that holds just the descriptors without READ and WRITE, and is itself one reader of the host.

A kqueue tells of a hang-up once; its handler is then called once, not for as long as the hang-up lasts. Where there is
neither (Windows, and systems with poll(2) only) such descriptors wait unwatched until they are to be read or written again.
"""

from __future__ import annotations

import select

from squall_loops.contract import ERROR
from squall_loops.hosts.registration import Deliver, Registration, Watch
from squall_loops.pollers.epoll import EpollPoller
from squall_loops.pollers.kqueue import KqueuePoller


class _InnerEpoll(EpollPoller):
    def fileno(self) -> int:
        return self._epoll.fileno()


class _InnerKqueue(KqueuePoller):
    def fileno(self) -> int:
        return int(self._kqueue.fileno())


_Inner = _InnerEpoll | _InnerKqueue


def _make_inner() -> _Inner | None:
    if hasattr(select, "epoll"):
        return _InnerEpoll()
    return _InnerKqueue() if hasattr(select, "kqueue") else None


class Hangups:
    """The inner poller, attached to the watch of its host."""

    def __init__(self, watch: Watch, deliver: Deliver) -> None:
        self._watch = watch
        self._deliver = deliver
        self._inner: _Inner | None = None
        self._number = -1
        self._held: dict[int, Registration] = {}

    def add(self, registration: Registration) -> None:
        """Watch for a hang-up. OSError or ValueError where the kernel refuses the descriptor."""
        inner = self._inner or self._open()
        if inner is not None:
            inner.register(registration.number, ERROR)
            self._held[registration.number] = registration

    def _open(self) -> _Inner | None:
        inner = _make_inner()
        if inner is not None:
            try:
                self._watch.attach(inner.fileno(), self._look)
            except BaseException:
                inner.close()
                raise
            self._inner, self._number = inner, inner.fileno()
        return inner

    def discard(self, registration: Registration) -> None:
        """Stop watching; harmless when it was not watched or is closed."""
        if self._held.get(registration.number) is registration and self._inner is not None:
            del self._held[registration.number]
            self._inner.unregister(registration.number)

    def _look(self) -> None:
        inner = self._inner
        if inner is None:
            return
        numbers = [number for number, _ in inner.poll(0)]
        if inner.fileno() != self._number:  # the poller has begun anew, to get rid of a ghost
            self._watch.detach(self._number)
            self._number = inner.fileno()
            self._watch.attach(self._number, self._look)
        for registration in [self._held[number] for number in numbers if number in self._held]:
            self._deliver(registration, ERROR)

    def close(self, *, attached: bool = True) -> None:
        """Close the inner poller; ``attached=False`` in a forked child, whose parent goes on using the host's registration."""
        inner, self._inner = self._inner, None
        self._held.clear()
        if inner is not None:
            if attached:
                self._watch.detach(self._number)
            inner.close()
