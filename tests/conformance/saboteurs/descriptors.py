"""Loops that break one rule about registering and removing descriptors."""

from __future__ import annotations

import os
import socket
import stat
import weakref

from squall_loops.contract import ERROR, READ, WRITE

from .catalogue import saboteur
from .over_epoll import OverEpoll
from .reference import Reference, Registration


@saboteur("FD-003", "gives handlers the number of what is registered, unless it is a socket", reason="the handler was given")
class HandsOutNumbers(Reference):
    def serve(self, registration, events):
        given = registration.fd if isinstance(registration.fd, socket.socket) else registration.number
        self.run(registration.context, registration.handler, (given, events))


@saboteur("FD-006", "a second add replaces the handler (uvloop #97)", reason="expected ValueError from add_handler")
class ReplacesSilently(Reference):
    def add_handler(self, fd, handler, events):
        if self.find(fd):
            self.remove_handler(fd)
        super().add_handler(fd, handler, events)


@saboteur("FD-007", "an update adds events but takes none away", reason="is still reported")
class UpdateOnlyAdds(Reference):
    def update_handler(self, fd, events):
        registration = self.find(fd)
        if registration and events & (READ | WRITE):
            events |= registration.events
        super().update_handler(fd, events)


@saboteur("FD-008", "an update of what is not registered does nothing", reason="expected KeyError")
class IgnoresLostUpdates(Reference):
    def update_handler(self, fd, events):
        if self.find(fd):
            super().update_handler(fd, events)


@saboteur("FD-009", "removing what is not registered raises KeyError (poll.unregister does)", reason="should work, but raised")
class RemovalInsists(Reference):
    def remove_handler(self, fd):
        if not self.closed and not self.find(fd):
            raise KeyError(fd)
        super().remove_handler(fd)


@saboteur(
    "FD-010", "events polled in this turn are delivered although the handler was removed", reason="handlers were called after"
)
class DeliversToRemoved(Reference):
    def dispatch(self, ready):
        for registration, events in ready:
            wanted = events & (registration.events | ERROR)
            if wanted:
                self.serve(registration, wanted)


@saboteur("FD-011", "registrations are found by the very thing that was registered only", reason="should work, but raised")
class KnowsThingsOnly(Reference):
    def find(self, fd):
        known = {
            id(registration.fd) if not isinstance(registration.fd, int) else registration.fd: registration
            for registration in self.registered.values()
        }
        return known.get(fd if isinstance(fd, int) else id(fd))


@saboteur(
    "FD-013", "an old event reaches whoever holds the number now (uvloop #645)", reason="under a reused number got the event"
)
class DeliversByNumber(Reference):
    def dispatch(self, ready):
        for old, events in ready:
            registration = self.registered.get(old.number)
            if registration and (wanted := events & (registration.events | ERROR)):
                self.serve(registration, wanted)


@saboteur("FD-026", "takes descriptors from 1024 on and never looks at them", reason="its data is not delivered")
class EndsAt1024(Reference):
    def watch(self, number, events):
        if number < 1024:
            super().watch(number, events)


@saboteur(
    "FD-029", "while events are served, updates of other descriptors are forgotten", reason="were never called: ['updated']"
)
class FrozenWhileServing(Reference):
    serving: Registration | None = None

    def serve(self, registration, events):
        self.serving = registration
        super().serve(registration, events)
        self.serving = None

    def update_handler(self, fd, events):
        if self.serving in (None, self.find(fd)):
            super().update_handler(fd, events)


@saboteur(
    "FD-031",
    "unregisters at the end of the turn, when the number is closed but a duplicate is not (uvloop #61)",
    reason="because of a duplicate left open",
)
class UnregistersTooLate(OverEpoll):
    def __init__(self):
        super().__init__()
        self.late = set()
        poll = self.poller.poll
        self.poller.poll = lambda milliseconds: [pair for pair in poll(milliseconds) if self.knows(pair[0])]

    def knows(self, number):
        return number in self.registered or number == self.wake_reader.fileno()

    def watch(self, number, events):
        self.late.discard(number)
        super().watch(number, events)

    def unwatch(self, number):
        self.late.add(number)

    def turn(self):
        super().turn()
        while self.late:
            super().unwatch(self.late.pop())


@saboteur("FD-032", "polls a closed number again and again", reason="the idle loop used the CPU")
class SpinsOnClosed(Reference):
    def wait(self, timeout):
        ready = super().wait(timeout)
        for registration in self.registered.values():
            if registration.gone:
                self.watch(registration.number, registration.events)
        return ready


@saboteur("FD-033", "takes numbers that are not open", reason="from add_handler of a closed number, but nothing was raised")
class TakesClosedNumbers(Reference):
    def refuse_unwatchable(self, number):
        pass


@saboteur("FD-034", "takes regular files and never reports them", reason="is never reported ready")
class DeafToFiles(Reference):
    def watch(self, number, events):
        if not stat.S_ISREG(os.fstat(number).st_mode):
            super().watch(number, events)


@saboteur("FD-036", "an object that is added again gets the handler it had before", reason="while owner 1 watched the socket")
class RemembersHandlers(Reference):
    def __init__(self):
        super().__init__()
        self.former = weakref.WeakKeyDictionary()

    def add_handler(self, fd, handler, events):
        if isinstance(fd, int) or self.running:
            super().add_handler(fd, handler, events)
        else:
            super().add_handler(fd, self.former.get(fd, handler), events)
            self.former.setdefault(fd, handler)

    def drop_work(self):
        super().drop_work()
        self.former.clear()


@saboteur(
    "FD-037",
    "asks a closed object for its number to find its registration",
    reason="of a socket that was closed and then removed",
)
class LosesClosedObjects(Reference):
    def find(self, fd):
        return self.registered.get(self.number_of(fd))


@saboteur("FD-038", "passes unknown event bits on", reason="expected ValueError from add_handler with the event bits")
class TakesAnyBits(Reference):
    def refuse_bits(self, events):
        pass

    def watch(self, number, events):
        super().watch(number, events & (READ | WRITE))


@saboteur("FD-039", "a pause cannot be taken back", reason="what arrived during a pause")
class PausesForEver(Reference):
    def __init__(self):
        super().__init__()
        self.paused = weakref.WeakSet()

    def update_handler(self, fd, events):
        registration = self.find(fd)
        if registration in self.paused:
            return
        super().update_handler(fd, events)
        if not events:
            self.paused.add(registration)
