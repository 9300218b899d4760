"""What all loops over a host have in common: the tables, the contexts, the guard around callbacks, the end.

A host is asked for nothing but what its own API offers. Its defects are not repaired here, because the conformance kit judges
strangers' loops through these adapters; only what such APIs do not speak of is supplied: the object that was registered,
refusals, the identity of registrations, hang-ups where neither reading nor writing is wanted, the order of equal deadlines.
"""

from __future__ import annotations

import contextlib
import os
from abc import abstractmethod
from collections.abc import Iterator

from squall_loops.contract import (
    ERROR,
    AlreadyRegisteredError,
    Callback,
    Descriptor,
    Handler,
    LoopRunningError,
    NotRegisteredError,
    UnwatchableError,
)
from squall_loops.hosts.registration import Registration, Watch
from squall_loops.loop_base import LoopBase, check_events, check_handler, check_timer
from squall_loops.turn.signals import SignalWakeup
from squall_loops.wakers.pipe import PipeWaker
from squall_loops.wakers.socketpair import SocketpairWaker
from squall_loops.wakers.waker import Waker


class HostLoop(LoopBase):
    """An event loop over a host that owns the thread."""

    def __init__(self) -> None:
        self._registrations: dict[int, Registration] = {}
        super().__init__()
        self._watch: Watch = self._make_watch()
        self._waker: Waker | None = None
        self._wakeup: SignalWakeup | None = None

    def __repr__(self) -> str:
        state = "forked" if self._forked else "closed" if self._closed else "running" if self._host_runs() else "stopped"
        return f"<{type(self).__name__} over {self._host()!r} {state} handlers={len(self._registrations)}>"

    # What a host supplies

    @abstractmethod
    def _host(self) -> object:
        """Return the host's own loop."""

    @abstractmethod
    def _make_watch(self) -> Watch:
        """Return the way in which this host watches descriptors."""

    @abstractmethod
    def _host_runs(self) -> bool:
        """Tell whether the host runs, in any thread, whoever has started it."""

    @abstractmethod
    def _close_host(self) -> None:
        """Free the host; in a forked child without touching what is shared with the parent."""

    @abstractmethod
    def _leave_to_parent(self) -> None:
        """In a forked child, just after the fork: let go of what is shared, and have a running host return."""

    # Descriptors

    def add_handler(self, fd: Descriptor, handler: Handler, events: int) -> None:
        """Watch a descriptor; see the contract."""
        self._check_open()
        check_handler(handler, events)
        number = fd if isinstance(fd, int) else fd.fileno()
        if number in self._registrations or (not isinstance(fd, int) and id(fd) in self._numbers):
            raise AlreadyRegisteredError(f"descriptor {number} ({fd!r}) has a handler already")
        _check_number(number)
        registration = Registration(number, fd, handler, events)
        self._watch.arm(registration, events)
        self._registrations[number] = registration
        if not isinstance(fd, int):
            self._numbers[id(fd)] = number

    def update_handler(self, fd: Descriptor, events: int) -> None:
        """Watch for other events; see the contract."""
        check_events(events)
        registration = self._registrations.get(self._number(fd))
        if registration is None:
            raise NotRegisteredError(f"descriptor {fd!r} has no handler to update")
        if not self._forked:
            self._watch.arm(registration, events)
        registration.events = events

    def remove_handler(self, fd: Descriptor) -> None:
        """Stop watching; see the contract."""
        registration = self._registrations.pop(self._number(fd), None)
        if registration is None:
            return
        self._numbers.pop(id(registration.thing), None)
        if not self._forked:
            self._watch.disarm(registration)
        registration.let_go()

    def _deliver(self, registration: Registration, ready: int) -> None:
        """Call the handler, unless nothing of this is wanted any more."""
        run, handler = registration.run, registration.handler
        wanted = ready & (registration.events | ERROR)
        if run is None or handler is None or not wanted:
            return
        try:
            run(handler, registration.thing, wanted)
        except (KeyboardInterrupt, SystemExit) as exc:
            self._end_by(exc)
        except BaseException as exc:  # noqa: BLE001 - reported; only the two above end a loop (EX-009)
            self._report(handler, exc)

    # Callbacks and timers

    def _check_timer(self, deadline: float, callback: Callback) -> None:
        self._check_open()
        check_timer(deadline, callback)

    # Signals

    def _watch_signals(self) -> None:
        """Make the host notice signals by a descriptor that is borrowed while it is started by us. OSError for want of it."""
        waker = PipeWaker() if os.name == "posix" else SocketpairWaker()
        try:
            self._watch.attach(waker.fileno(), waker.drain)
        except BaseException:
            waker.close()
            raise
        self._waker, self._wakeup = waker, SignalWakeup(waker)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        wakeup = self._wakeup
        if wakeup is None:
            yield
            return
        try:
            wakeup.borrow()
            yield
        finally:
            wakeup.give_back()

    def _drop_waker(self) -> None:
        waker, self._waker, self._wakeup = self._waker, None, None
        if waker is not None:
            if not self._forked:
                self._watch.detach(waker.fileno())
            waker.close()

    # The end

    def close(self, all_fds: bool = False) -> None:  # noqa: FBT001, FBT002 - Tornado's signature
        """Free everything, the host too; see the contract."""
        if self._closed:
            return
        if not self._forked and self._host_runs():
            raise LoopRunningError("the loop is running: stop it first")
        self._mark_closed()
        registrations = list(self._registrations.values())
        things = [(registration.number, registration.thing) for registration in registrations]
        for registration in registrations:
            if not self._forked:
                self._watch.disarm(registration)
            registration.let_go()
        self._registrations.clear()
        self._numbers.clear()
        if not self._forked:
            self._drop_waker()
            self._watch.close()
        self._close_host()
        if all_fds:
            self._close_things(things)

    def _after_fork(self) -> None:
        self._forked = True
        if self._wakeup is not None:
            self._wakeup.forget()
        self._drop_waker()
        self._watch.leave_to_parent()
        self._leave_to_parent()


def _check_number(number: int) -> None:
    """Refuse what is not open; some hosts would find out in the middle of a wait (FD-033)."""
    if number < 0:
        raise UnwatchableError(f"{number} is no open descriptor")
    if os.name == "posix":
        os.fstat(number)
