"""Descriptors on a reactor.

Twisted's facts, and what they mean for us:

- A reactor knows readers and writers with ``fileno``, ``doRead`` and ``doWrite``; a registration is one object that is both.
- The reactors over epoll and poll treat an error or a hang-up without unread data as the end: they drop the descriptor, reader
  and writer, and only then call ``connectionLost``. So there it is registered again, for level-triggered events go on, and the
  hang-up is delivered as ERROR with the readiness that was asked for: neither ``recv`` nor ``send`` would wait.
- They know it under the number they were given. When that is closed, epoll's reactor fails halfway through the removal and
  keeps the number as registered; poll's reports it as a hang-up, select's looks for it and reports it likewise.
- select's takes any number and fails in the wait if it is 1024 or more (FD-026); it is asked before.
- Events of one wait go to whoever is registered under the number when their turn comes. So a registration made meanwhile is
  fresh until the next wait, and its events are compared with what the kernel says of it now (FD-010, FD-013).
- ``reactor.stop`` reports every descriptor as lost. They are registered again when the loop is started again.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.internet.selectreactor import SelectReactor
from zope.interface import implementer

from squall_loops.contract import ERROR, READ, WRITE, UnwatchableError
from squall_loops.hosts.hangups import Hangups
from squall_loops.hosts.registration import Deliver, Registration, Watch


class _Numbered:
    """What a reactor asks of its readers besides their work."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        return "squall"


@implementer(IReadDescriptor)
class Attached(_Numbered):
    """A descriptor of the loop's own."""

    def __init__(self, number: int, function: Callable[[], object]) -> None:
        super().__init__(number)
        self._function = function

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """Call the function."""
        self._function()

    def connectionLost(self, _reason: object) -> None:  # noqa: N802 - Twisted's name
        """Stay silent: the reactor is being stopped."""


@implementer(IReadDescriptor, IWriteDescriptor)
class Selectable(_Numbered):
    """A registered descriptor."""

    def __init__(self, watch: ReactorWatch, registration: Registration) -> None:
        super().__init__(registration.number)
        self._watch = watch
        self._registration = registration

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """Deliver READ."""
        self._watch.deliver(self._registration, READ)

    def doWrite(self) -> None:  # noqa: N802 - Twisted's name
        """Deliver WRITE."""
        self._watch.deliver(self._registration, WRITE)

    def connectionLost(self, _reason: object) -> None:  # noqa: N802 - Twisted's name
        """Go on watching."""
        self._watch.lost(self._registration)


class ReactorWatch(Watch):
    """Watches by ``addReader`` and ``addWriter``, and by an inner poller for hang-ups."""

    def __init__(self, reactor: Any, deliver: Deliver) -> None:
        self._reactor = reactor
        self._deliver = deliver
        self._hangups = Hangups(self, deliver)
        self._attached: dict[int, Attached] = {}
        self._armed: dict[int, Registration] = {}
        self._fresh: set[Registration] = set()

    def attach(self, number: int, function: Callable[[], object]) -> None:
        """Make it a reader."""
        attached = Attached(number, function)
        self._reactor.addReader(attached)
        self._attached[number] = attached

    def detach(self, number: int) -> None:
        """Make it none any more."""
        attached = self._attached.pop(number, None)
        if attached is not None:
            self._take_off(attached, READ)

    def arm(self, registration: Registration, events: int) -> None:
        """Watch for exactly these events."""
        if isinstance(self._reactor, SelectReactor):
            _check_select(registration.number)
        if registration.note is None:
            registration.note = Selectable(self, registration)
            self._freshen(registration)
        had, wanted = registration.armed, events & (READ | WRITE) or ERROR
        try:
            self._add(registration, wanted & ~had)
        except BaseException:
            self._remove(registration, wanted & ~had)
            raise
        self._remove(registration, had & ~wanted)
        registration.armed = wanted
        self._armed[registration.number] = registration

    def _add(self, registration: Registration, events: int) -> None:
        if events & READ:
            self._reactor.addReader(registration.note)
        if events & WRITE:
            self._reactor.addWriter(registration.note)
        if events & ERROR:
            self._hangups.add(registration)

    def _remove(self, registration: Registration, events: int) -> None:
        self._take_off(registration.note, events)
        if events & ERROR:
            self._hangups.discard(registration)

    def _take_off(self, selectable: _Numbered, events: int) -> None:
        """Have the reactor forget it, also where the kernel knows nothing of it any more."""
        try:
            if events & READ:
                self._reactor.removeReader(selectable)
            if events & WRITE:
                self._reactor.removeWriter(selectable)
        except (OSError, KeyError, ValueError):
            _forget(self._reactor, selectable)

    def disarm(self, registration: Registration) -> None:
        """Stop watching."""
        if self._armed.get(registration.number) is registration:
            del self._armed[registration.number]
        if registration.note is not None:
            self._remove(registration, registration.armed)
        registration.armed = 0

    def _freshen(self, registration: Registration) -> None:
        """Distrust its events until the reactor has begun another turn."""
        if self._reactor.running:
            if not self._fresh:
                self._reactor.callLater(0, self._fresh.clear)
            self._fresh.add(registration)

    def deliver(self, registration: Registration, ready: int) -> None:
        """Hand on what the reactor has found."""
        if registration in self._fresh:
            ready &= _truth(registration.number, ready)
        if ready:
            self._deliver(registration, ready)

    def lost(self, registration: Registration) -> None:
        """The reactor has dropped it: watch it again and tell its handler, unless it is closed or the reactor is stopping."""
        registration.armed &= ERROR
        if not registration.live or getattr(self._reactor, "_stopped", False):
            return
        try:
            os.fstat(registration.number)
            self.arm(registration, registration.events)
        except (OSError, ValueError):
            return
        self.deliver(registration, ERROR | registration.events & (READ | WRITE))

    def arm_anew(self) -> None:
        """Give a reactor that was stopped by its own ``stop`` what it has dropped then."""
        for attached in self._attached.values():
            self._reactor.addReader(attached)
        for registration in list(self._armed.values()):
            if not registration.armed:
                try:
                    self.arm(registration, registration.events)
                except (OSError, ValueError):
                    continue  # closed while the loop stood still

    def close(self) -> None:
        """Close the inner poller."""
        self._hangups.close()

    def leave_to_parent(self) -> None:
        """Close this process's copy of the inner poller."""
        self._hangups.close(attached=False)


def _truth(number: int, events: int) -> int:
    """Return what the kernel says of a descriptor just now."""
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(number, events & (READ | WRITE))  # the values are those of POLLIN, POLLOUT, POLLERR and POLLHUP
        return sum(found for _, found in poller.poll(0))
    readable, writable, failed = select.select([number], [number], [number], 0)
    return READ * len(readable) | WRITE * len(writable) | ERROR * len(failed)


def _check_select(number: int) -> None:
    try:
        select.select([number], [], [], 0)
    except ValueError as exc:
        raise UnwatchableError(f"select cannot watch descriptor {number}: {exc}") from exc


def _forget(reactor: Any, selectable: _Numbered) -> None:
    number = selectable.fileno()
    known = getattr(reactor, "_selectables", {})
    if known.get(number, selectable) is not selectable:
        return
    known.pop(number, None)
    for name in ("_reads", "_writes"):
        numbers = getattr(reactor, name, None)
        if isinstance(numbers, dict):
            numbers.pop(number, None)
        elif isinstance(numbers, set):
            numbers.discard(number)
