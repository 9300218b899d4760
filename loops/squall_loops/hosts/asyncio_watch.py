"""Descriptors on an asyncio loop: its readers and writers, an inner poller for hang-ups, or a thread where it has neither."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from squall_loops.contract import ERROR, READ, WRITE
from squall_loops.hosts.hangups import Hangups
from squall_loops.hosts.registration import Deliver, Registration, Watch
from squall_loops.hosts.selector_thread import SelectorThread


class AsyncioWatch(Watch):
    """Watches by the loop's own ``add_reader`` and ``add_writer`` for as long as they exist."""

    def __init__(self, loop: asyncio.AbstractEventLoop, deliver: Deliver) -> None:
        self._loop = loop
        self._deliver = deliver
        self._hangups = Hangups(self, deliver)
        self._thread: SelectorThread | None = None

    def attach(self, number: int, function: Callable[[], object]) -> None:
        """Make it a reader."""
        self._loop.add_reader(number, function)

    def detach(self, number: int) -> None:
        """Make it none any more."""
        if not self._loop.is_closed():
            self._loop.remove_reader(number)

    def arm(self, registration: Registration, events: int) -> None:
        """Watch for exactly these events."""
        if self._thread is None:
            try:
                self._arm_here(registration, events)
            except NotImplementedError:
                self._thread = SelectorThread(self._loop.call_soon_threadsafe, self._deliver)
        if self._thread is not None:
            self._thread.arm(registration, events)

    def _arm_here(self, registration: Registration, events: int) -> None:
        had, wanted = registration.armed, events & (READ | WRITE) or ERROR
        try:
            self._add(registration, wanted & ~had)
        except BaseException:
            self._remove(registration, wanted & ~had)
            raise
        self._remove(registration, had & ~wanted)
        registration.armed = wanted

    def _add(self, registration: Registration, events: int) -> None:
        number = registration.number
        if events & READ:
            self._loop.add_reader(number, self._deliver, registration, READ)
        if events & WRITE:
            self._loop.add_writer(number, self._deliver, registration, WRITE)
        if events & ERROR:
            self._hangups.add(registration)

    def _remove(self, registration: Registration, events: int) -> None:
        number = registration.number
        # A closed number makes some loops' removal raise what the kernel said; it is gone then, which is all we want.
        if events & READ:
            with contextlib.suppress(OSError, NotImplementedError):
                self._loop.remove_reader(number)
        if events & WRITE:
            with contextlib.suppress(OSError, NotImplementedError):
                self._loop.remove_writer(number)
        if events & ERROR:
            self._hangups.discard(registration)

    def disarm(self, registration: Registration) -> None:
        """Stop watching."""
        if self._thread is not None:
            self._thread.disarm(registration)
        elif not self._loop.is_closed():
            self._remove(registration, registration.armed)
        registration.armed = 0

    def close(self) -> None:
        """Close the inner poller and end the thread."""
        self._hangups.close()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.close()

    def leave_to_parent(self) -> None:
        """Close this process's copies only."""
        self._hangups.close(attached=False)
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.leave_to_parent()
