"""The loop that is ours: turns of callbacks, timers and descriptors over any poller.

One turn: run the callbacks that wait now, run the timers that are due now, look at the descriptors (waiting only if nothing
else is to be done), and serve those that were ready. What any of them adds belongs to a later turn, so none starves another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from typing import Any, ClassVar, Final, TypeAlias

from squall_loops.contract import (
    ERROR,
    READ,
    AlreadyRegisteredError,
    Callback,
    Descriptor,
    Handler,
    LoopClosedError,
    LoopForkedError,
    LoopRunningError,
    NotRegisteredError,
    Poller,
    TimerHandle,
)
from squall_loops.loop_base import LoopBase, check_events, check_handler, check_timer
from squall_loops.pollers.choose import make_poller
from squall_loops.turn.callbacks import CallbackQueue
from squall_loops.turn.signals import SignalWakeup
from squall_loops.turn.timers import Timer, TimerHeap
from squall_loops.wakers.choose import make_waker
from squall_loops.wakers.waker import Waker

LONGEST_WAIT: Final = 86400.0
"""Seconds; kernel calls count milliseconds in 32 bits, and one idle turn a day is none at all (TM-014)."""

Registration: TypeAlias = tuple[Any, Handler, Context, int]
"""What was registered, its handler, the context it belongs to, and the events that may be delivered."""


class TurnLoop(LoopBase):
    """An event loop over a poller.

    ``poller`` is the kernel call to wait by (None: the best of this machine; the loop owns it and closes it). ``waker`` is one
    of ``eventfd``, ``pipe`` and ``socketpair`` (None: the environment variable SQUALL_WAKER, or the best of this machine).
    ``clock`` is a callable that returns seconds and never goes back. OSError when the process has no descriptors left.
    """

    abilities: ClassVar[frozenset[str]] = frozenset({"several-loops"})

    def __init__(
        self, poller: Poller | None = None, *, waker: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._callbacks = CallbackQueue()
        self._timers = TimerHeap()
        self._handlers: dict[int, Registration] = {}
        self._removed: set[int] = set()  # numbers whose events of this turn are stale (FD-010, FD-013)
        self._running = self._stopping = False
        self._waiting = False  # true only while add_callback has to wake the loop
        self._wake_lock = threading.RLock()  # reentrant: a signal handler may wake while its thread is waking
        self._wakers: list[Waker] = []
        self._poller = make_poller() if poller is None else poller
        try:
            self._make_wakers(waker)
        except BaseException:
            self._close_wakers()
            self._poller.close()
            raise
        super().__init__()

    def __repr__(self) -> str:
        state = "forked" if self._forked else "closed" if self._closed else "running" if self._running else "stopped"
        return (
            f"<{type(self).__name__} over {type(self._poller).__name__} {state} handlers={len(self._registered())}"
            f" callbacks={len(self._callbacks)} timers={len(self._timers)}>"
        )

    # Wake-ups

    def _make_wakers(self, name: str | None) -> None:
        waker = self._watch_waker(make_waker(name))
        self._waker = waker
        self._signals = SignalWakeup(waker if waker.signal_fd >= 0 else self._watch_waker(make_waker("pipe")))

    def _watch_waker(self, waker: Waker) -> Waker:
        self._wakers.append(waker)
        self._poller.register(waker.fileno(), READ)
        self._handlers[waker.fileno()] = (waker, _drain, Context(), READ)
        return waker

    def _wake(self) -> None:
        """End the wait, once: whoever finds ``_waiting`` true makes it false and writes; the others need not."""
        with self._wake_lock:
            if self._waiting:
                self._waiting = False
                self._waker.wake()

    def _close_wakers(self) -> None:
        with self._wake_lock:
            self._waiting = False
            for waker in self._wakers:
                waker.close()
            self._wakers.clear()

    # Descriptors

    def add_handler(self, fd: Descriptor, handler: Handler, events: int) -> None:
        """Watch a descriptor; see the contract."""
        self._check_open()
        check_handler(handler, events)
        number = fd if isinstance(fd, int) else fd.fileno()
        if number in self._handlers or id(fd) in self._numbers:
            raise AlreadyRegisteredError(f"descriptor {number} ({fd!r}) has a handler already")
        self._poller.register(number, events)
        self._handlers[number] = (fd, handler, copy_context(), events | ERROR)
        if not isinstance(fd, int):
            self._numbers[id(fd)] = number

    def update_handler(self, fd: Descriptor, events: int) -> None:
        """Watch for other events; see the contract."""
        check_events(events)
        number = self._number(fd)
        registration = self._handlers.get(number)
        if registration is None:
            raise NotRegisteredError(f"descriptor {number} ({fd!r}) has no handler to update")
        if not self._forked:
            self._poller.modify(number, events)
        thing, handler, context, _ = registration
        self._handlers[number] = (thing, handler, context, events | ERROR)

    def remove_handler(self, fd: Descriptor) -> None:
        """Stop watching; see the contract."""
        number = self._number(fd)
        registration = self._handlers.pop(number, None)
        if registration is None:
            return
        self._numbers.pop(id(registration[0]), None)
        self._removed.add(number)
        if not self._forked:
            self._poller.unregister(number)

    # Callbacks and timers

    def add_callback(self, callback: Callback, *args: object) -> None:
        """Call back in a later turn; see the contract."""
        if self._closed:
            raise LoopClosedError("the loop is closed: no callback can be added")
        if not callable(callback):
            raise TypeError(f"a callback must be callable, not {callback!r}")
        self._callbacks.append((copy_context(), callback, args))
        if self._waiting:
            self._wake()

    def add_callback_from_signal(self, callback: Callback, *args: object) -> None:
        """Do what ``add_callback`` does: it is a few atomic steps, and safe wherever a signal handler interrupts."""
        self.add_callback(callback, *args)

    def call_at(self, deadline: float, callback: Callback, *args: object) -> TimerHandle:
        """Call back once; see the contract."""
        if self._closed:
            raise LoopClosedError("the loop is closed: no timer can be set")
        check_timer(deadline, callback)
        return self._timers.add(deadline, copy_context(), callback, args)

    def remove_timeout(self, handle: TimerHandle) -> None:
        """Cancel a timer; TypeError when the handle is none of ``call_at``."""
        if not isinstance(handle, Timer):
            raise TypeError(f"remove_timeout takes what call_at returned, not {handle!r}")
        self._timers.cancel(handle)

    def time(self) -> float:
        """Return the clock's seconds."""
        return self._clock()

    # Running

    def start(self) -> None:
        """Run turns until one of them was stopped; see the contract."""
        self._check_open()
        if self._running:
            raise LoopRunningError("the loop is running already")
        self._running = True
        try:
            self._signals.borrow()
            self._run_turns()
        finally:
            self._running = self._stopping = False
            self._signals.give_back()

    def stop(self) -> None:
        """End ``start`` after this turn; see the contract."""
        self._stopping = True
        if self._waiting:
            self._wake()

    def _run_turns(self) -> None:
        callbacks, timers, report = self._callbacks, self._timers, self._report
        while True:
            if callbacks:
                callbacks.run_present(report)
            if timers.heap:
                timers.run_due(self.time(), report)
            ready = self._wait()
            if ready:
                self._dispatch(ready)
            if self._stopping:
                return

    def _wait(self) -> Iterable[tuple[int, int]]:
        """Look at the descriptors, and wait for them if there is nothing else to do.

        Whoever adds a callback appends it first and looks at ``_waiting`` then; here ``_waiting`` is set first and the
        callbacks are looked at then. So either sees the other, in whatever order the interpreter takes their steps.
        """
        if self._forked:
            raise LoopForkedError("the loop belongs to the parent process; a child has to make its own")
        if self._callbacks or self._stopping:
            return self._poller.poll(0)
        self._waiting = True
        try:
            return self._poller.poll(self._patience())
        finally:
            self._waiting = False

    def _patience(self) -> float | None:
        """Return how many seconds the loop may wait."""
        if self._callbacks or self._stopping:
            return 0
        deadline = self._timers.next_deadline()
        if deadline is None:
            return None
        return min(max(deadline - self.time(), 0), LONGEST_WAIT)

    def _dispatch(self, pairs: Iterable[tuple[int, int]]) -> None:
        handlers, removed = self._handlers, self._removed
        removed.clear()
        for fd, events in pairs:
            registration = handlers.get(fd)
            if registration is None or fd in removed:
                continue
            thing, handler, context, mask = registration
            wanted = events & mask
            if not wanted:
                continue
            try:
                context.run(handler, thing, wanted)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as exc:  # noqa: BLE001 - reported; only the two above end a loop (EX-009)
                self._report(handler, exc)

    # The end

    def close(self, all_fds: bool = False) -> None:  # noqa: FBT001, FBT002 - Tornado's signature
        """Free everything; see the contract."""
        if self._running and not self._forked:
            raise LoopRunningError("the loop is running: stop it first")
        if self._closed:
            return
        self._mark_closed()
        registered = self._registered()
        self._close_wakers()
        self._poller.close()
        self._handlers.clear()
        self._numbers.clear()
        self._callbacks.clear()
        self._timers.clear()
        if all_fds:
            self._close_things(registered)

    def _registered(self) -> list[tuple[int, Any]]:
        """Return number and thing of what the program has registered, without what is our own."""
        return [(number, entry[0]) for number, entry in self._handlers.items() if not isinstance(entry[0], Waker)]

    def _after_fork(self) -> None:
        """In a forked child: give up this process's copies of the kernel objects, and touch none that are shared."""
        self._forked = True
        self._removed.update(self._handlers)  # if a handler forked, the rest of its turn belongs to the parent
        self._wake_lock = threading.RLock()  # another thread of the parent may have held it
        self._signals.forget()
        self._close_wakers()
        self._poller.close()


def _drain(waker: Waker, _events: int) -> None:
    waker.drain()
