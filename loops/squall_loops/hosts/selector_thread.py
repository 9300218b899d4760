"""Watching descriptors for a host that cannot: a thread waits in its place.

The thread blocks in poll(2), or in select where that is all there is (Windows). What is ready it disarms and hands to the
loop's thread, where the handlers run, and only when they have run it is armed again: so the contract's level-triggered events
hold, and the thread does not spin while a handler is waited for.

One lock guards the table. Changes wake the thread through a waker; the thread takes a fresh copy of the table each time.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Sequence

from squall_loops.contract import ERROR, READ, WRITE
from squall_loops.hosts.registration import Deliver, Registration
from squall_loops.wakers.choose import make_waker

_Ready = Sequence[tuple[Registration, int]]


class SelectorThread:
    """The thread and its table. ``hand_over(function, *args)`` calls in the loop's thread, soon; it is thread-safe."""

    def __init__(self, hand_over: Callable[..., object], deliver: Deliver) -> None:
        self._hand_over = hand_over
        self._deliver = deliver
        self._lock = threading.Lock()
        self._table: dict[int, Registration] = {}
        self._pending: set[Registration] = set()
        """Handed over and not served yet, so not to be waited for."""
        self._ended = False
        self._waker = make_waker()
        self._thread = threading.Thread(target=self._run, name="squall-selector", daemon=True)
        self._thread.start()

    def arm(self, registration: Registration, events: int) -> None:
        """Watch for exactly these events. ValueError where select cannot see the descriptor."""
        if not hasattr(select, "poll"):
            select.select([registration.number], [], [], 0)  # refuses now what would fail in the thread
        with self._lock:
            registration.armed = events | ERROR
            self._table[registration.number] = registration
        self._waker.wake()

    def disarm(self, registration: Registration) -> None:
        """Stop watching."""
        with self._lock:
            registration.armed = 0
            self._pending.discard(registration)
            if self._table.get(registration.number) is registration:
                del self._table[registration.number]
        self._waker.wake()

    def _run(self) -> None:
        while True:
            with self._lock:
                wanted = {number: it for number, it in self._table.items() if it not in self._pending}
            ready = _wait(self._waker.fileno(), {number: it.armed for number, it in wanted.items()})
            self._waker.drain()
            with self._lock:
                if self._ended:
                    return
                found = [(wanted[n], events) for n, events in ready if n in wanted and self._table.get(n) is wanted[n]]
                self._pending.update(registration for registration, _ in found)
            if found and not self._offer(found):
                return

    def _offer(self, found: _Ready) -> bool:
        try:
            self._hand_over(self._serve, found)
        except RuntimeError:  # the host was closed by somebody else: nobody is left to serve
            return False
        return True

    def _serve(self, found: _Ready) -> None:
        """In the loop's thread: call the handlers, then have the descriptors waited for again.

        What was ready then may not be so now, for the thread looked while other callbacks ran; so it is looked at again.
        """
        try:
            for registration, events in found:
                if events >= 0 and registration.live:
                    now = dict(_wait(None, {registration.number: registration.armed}))
                    self._deliver(registration, max(now.get(registration.number, 0), 0))
        finally:
            with self._lock:
                for registration, events in found:
                    if events >= 0:  # what is closed stays out of the wait until it is armed or removed
                        self._pending.discard(registration)
            if not self._ended:
                self._waker.wake()

    def close(self) -> None:
        """End the thread and wait for it."""
        with self._lock:
            self._ended = True
            self._table.clear()
            self._pending.clear()
        self._waker.wake()
        self._thread.join()
        self._waker.close()

    def leave_to_parent(self) -> None:
        """In a forked child, where the thread does not exist: close this process's copies of the waker."""
        self._lock = threading.Lock()  # the thread may have held it at the moment of the fork
        self._ended = True
        self._waker.close()


_CLOSED = -1
"""Instead of events: the number is no open descriptor any more."""


def _wait(waker: int | None, wanted: dict[int, int]) -> list[tuple[int, int]]:
    """Wait for the waker or any of ``wanted``, without a waker not at all, and return what is ready, the waker left out."""
    return _poll(waker, wanted) if hasattr(select, "poll") else _select(waker, wanted)


def _poll(waker: int | None, wanted: dict[int, int]) -> list[tuple[int, int]]:
    poller = select.poll()
    if waker is not None:
        poller.register(waker, select.POLLIN)
    for number, events in wanted.items():
        poller.register(number, events & (READ | WRITE))  # the values are those of POLLIN and POLLOUT
    ready = poller.poll(0 if waker is None else None)
    return [(number, _CLOSED if events & select.POLLNVAL else events) for number, events in ready if number != waker]


def _select(waker: int | None, wanted: dict[int, int]) -> list[tuple[int, int]]:
    reading = [number for number, events in wanted.items() if events & READ]
    writing = [number for number, events in wanted.items() if events & WRITE]
    try:
        if waker is None:
            readable, writable, failed = select.select(reading, writing, list(wanted), 0)
        else:
            readable, writable, failed = select.select([waker, *reading], writing, list(wanted))
    except (OSError, ValueError):
        return [(number, _CLOSED) for number in wanted if _is_closed(number)]
    ready: dict[int, int] = {}
    # Windows reports a refused connect as exceptional only; to a waiting writer it is readiness to learn the reason.
    for numbers, event in ((readable, READ), (writable, WRITE), (failed, ERROR | WRITE)):
        for number in numbers:
            ready[number] = ready.get(number, 0) | event
    return [(number, events) for number, events in ready.items() if number != waker]


def _is_closed(number: int) -> bool:
    try:
        select.select([number], [], [], 0)
    except (OSError, ValueError):
        return True
    return False
