"""A correct loop of the plainest kind, over poll(2): the body that every saboteur inherits, and a second opinion on the rules.

Nothing here comes from ``squall_loops.turn``. Each step of a turn is one small method, so that a saboteur overrides one
of them and has one defect. Speed is no aim.
"""

from __future__ import annotations

import contextlib
import contextvars
import heapq
import logging
import math
import os
import select
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count

from squall_loops.contract import (
    ALL_EVENTS,
    ERROR,
    AlreadyRegisteredError,
    Callback,
    Descriptor,
    EventLoop,
    Handler,
    LoopClosedError,
    LoopForkedError,
    LoopRunningError,
    NotRegisteredError,
    TimerHandle,
)

LONGEST_WAIT = 86400.0
"""Seconds; poll(2) takes 32 bit milliseconds, so a wait for a far deadline is cut into days."""


class Call:
    """One promised call: what, with what, and in which context. Emptied once it was made or cancelled.

    ``foreign`` is for saboteurs that tell calls of other threads apart (``homed.py``).
    """

    def __init__(self, callback: Callback, args: tuple[object, ...], context: contextvars.Context) -> None:
        self.callback: Callback | None = callback
        self.args = args
        self.context: contextvars.Context | None = context
        self.foreign = False

    def empty(self) -> None:
        self.callback, self.args, self.context = None, (), None


class Timer(Call):
    """A call with a deadline; timers of equal deadlines go by their serial numbers."""

    def __init__(
        self, deadline: float, serial: int, callback: Callback, args: tuple[object, ...], context: contextvars.Context
    ) -> None:
        super().__init__(callback, args, context)
        self.deadline = deadline
        self.serial = serial

    def __lt__(self, other: Timer) -> bool:
        return (self.deadline, self.serial) < (other.deadline, other.serial)


class Registration:
    """One descriptor's handler. ``gone`` once the kernel said that the number is closed."""

    def __init__(self, fd: Descriptor, number: int, handler: Handler, events: int, context: contextvars.Context) -> None:
        self.fd = fd
        self.number = number
        self.handler = handler
        self.events = events
        self.context = context
        self.gone = False


class Reference(EventLoop):
    """See the module: correct, plain, and made to be broken in one place."""

    abilities = frozenset({"several-loops"})

    def __init__(self) -> None:
        self.callbacks: deque[Call] = deque()
        self.timers: list[Timer] = []
        self.cancelled = 0
        self.serials = count()
        self.registered: dict[int, Registration] = {}
        self.running = False
        self.stopping = False
        self.closed = False
        self.pid = os.getpid()
        self.woken = False
        self.wake_lock = threading.RLock()
        self.former_wakeup: int | None = None
        self.poller = select.poll()
        self.open_waker()

    # -- adding ------------------------------------------------------------------------------------------------------

    def add_callback(self, callback: Callback, *args: object) -> None:
        self.refuse_closed()
        self.refuse_uncallable(callback)
        self.enqueue(Call(callback, args, self.capture_context()))
        self.wake()

    def add_callback_from_signal(self, callback: Callback, *args: object) -> None:
        self.add_callback(callback, *args)

    def enqueue(self, call: Call) -> None:
        self.callbacks.append(call)

    def call_at(self, deadline: float, callback: Callback, *args: object) -> TimerHandle:
        self.refuse_closed()
        self.refuse_uncallable(callback)
        self.refuse_nan(deadline)
        timer = Timer(deadline, self.next_serial(), callback, args, self.capture_context())
        heapq.heappush(self.timers, timer)
        return timer

    def next_serial(self) -> int:
        return next(self.serials)

    def remove_timeout(self, handle: TimerHandle) -> None:
        assert isinstance(handle, Timer)
        if handle.callback is not None:
            handle.empty()
            self.cancelled += 1
            self.sweep_cancelled()

    def sweep_cancelled(self) -> None:
        if self.cancelled > 64 and self.cancelled * 2 > len(self.timers):
            self.timers[:] = [timer for timer in self.timers if timer.callback is not None]
            heapq.heapify(self.timers)
            self.cancelled = 0

    def capture_context(self) -> contextvars.Context:
        return contextvars.copy_context()

    def refuse_closed(self) -> None:
        if self.closed:
            raise LoopClosedError("the loop is closed")

    def refuse_uncallable(self, callback: object) -> None:
        if not callable(callback):
            raise TypeError(f"{callback!r} cannot be called")

    def refuse_nan(self, deadline: float) -> None:
        if math.isnan(deadline):
            raise ValueError("the deadline is not a number")

    # -- descriptors -------------------------------------------------------------------------------------------------

    def add_handler(self, fd: Descriptor, handler: Handler, events: int) -> None:
        self.refuse_closed()
        self.refuse_uncallable(handler)
        self.refuse_bits(events)
        number = self.number_of(fd)
        if number in self.registered:
            raise AlreadyRegisteredError(f"descriptor {number} has a handler already")
        self.refuse_unwatchable(number)
        self.watch(number, events)
        self.registered[number] = Registration(fd, number, handler, events, self.capture_context())

    def update_handler(self, fd: Descriptor, events: int) -> None:
        self.refuse_bits(events)
        registration = self.find(fd)
        if registration is None:
            raise NotRegisteredError(f"descriptor {fd!r} has no handler")
        registration.events = events
        self.watch(registration.number, events)

    def remove_handler(self, fd: Descriptor) -> None:
        registration = self.find(fd)
        if registration is not None:
            del self.registered[registration.number]
            self.unwatch(registration.number)

    def number_of(self, fd: Descriptor) -> int:
        return fd if isinstance(fd, int) else fd.fileno()

    def find(self, fd: Descriptor) -> Registration | None:
        """Look up by number; an object that was closed meanwhile no longer knows its number and is found by identity."""
        try:
            number = self.number_of(fd)
        except (OSError, ValueError):
            number = -1
        if number in self.registered:
            return self.registered[number]
        return next((registration for registration in self.registered.values() if registration.fd is fd), None)

    def refuse_bits(self, events: int) -> None:
        if events & ~ALL_EVENTS:
            raise ValueError(f"unknown events {events & ~ALL_EVENTS:#x}")

    def refuse_unwatchable(self, number: int) -> None:
        os.fstat(number)

    def watch(self, number: int, events: int) -> None:
        self.poller.register(number, events & ~ERROR)

    def unwatch(self, number: int) -> None:
        with contextlib.suppress(KeyError):  # it was closed, and poll said so: see wait
            self.poller.unregister(number)

    # -- running -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self.refuse_start()
        try:
            self.running = True
            self.borrow_wakeup()
            self.turn()
            while not self.stopping:
                self.turn()
        finally:
            self.running = self.stopping = False
            self.return_wakeup()

    def refuse_start(self) -> None:
        self.refuse_closed()
        if os.getpid() != self.pid:
            raise LoopForkedError("the loop belongs to the parent process")
        if self.running:
            raise LoopRunningError("the loop runs already")

    def stop(self) -> None:
        self.stopping = True

    def turn(self) -> None:
        self.woken = False  # before the look at the queue: whoever finds it set has added before that look
        ready = self.wait(self.timeout())
        self.dispatch(ready)
        self.run_timers()
        self.run_callbacks()

    def has_work(self) -> bool:
        return bool(self.callbacks) or self.stopping

    def timeout(self) -> float | None:
        """Seconds that this turn may wait; None is for ever."""
        if self.has_work():
            return 0.0
        while self.timers and self.timers[0].callback is None:
            heapq.heappop(self.timers)
        if not self.timers:
            return None
        return min(max(0.0, self.timers[0].deadline - self.time()), LONGEST_WAIT)

    def wait(self, timeout: float | None) -> list[tuple[Registration, int]]:
        """Wait once and pair each event with the registration that it was polled for."""
        ready = []
        for number, events in self.poller.poll(None if timeout is None else math.ceil(timeout * 1000)):
            if number == self.wake_reader.fileno():
                self.drain()
                continue
            registration = self.registered[number]
            if events & select.POLLNVAL:
                registration.gone = True
                self.poller.unregister(number)
            else:
                ready.append((registration, events))
        return ready

    def dispatch(self, ready: Iterable[tuple[Registration, int]]) -> None:
        for registration, events in ready:
            if self.registered.get(registration.number) is not registration:
                continue  # removed by an earlier handler of this turn; the number may be somebody else's already
            wanted = events & (registration.events | ERROR)
            if wanted:
                self.serve(registration, wanted)

    def serve(self, registration: Registration, events: int) -> None:
        self.run(registration.context, registration.handler, (registration.fd, events))

    def run_timers(self) -> None:
        due = self.due_timers(self.time())
        try:
            while due:
                self.make_call(due.popleft())
        finally:  # what is left after KeyboardInterrupt is not lost
            for timer in due:
                heapq.heappush(self.timers, timer)

    def due_timers(self, now: float) -> deque[Timer]:
        due: deque[Timer] = deque()
        while self.timers and self.timers[0].deadline <= now:
            due.append(heapq.heappop(self.timers))
        return due

    def run_callbacks(self) -> None:
        for _ in range(len(self.callbacks)):
            self.make_call(self.callbacks.popleft())

    def make_call(self, call: Call) -> None:
        callback, args, context = call.callback, call.args, call.context
        call.empty()
        if callback is not None and context is not None:
            self.run(context, callback, args)

    def run(self, context: contextvars.Context, callback: Callback, args: tuple[object, ...]) -> None:
        try:
            context.run(callback, *args)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as exc:  # noqa: BLE001 - EX-009: everything else is reported
            self.report(callback, exc)

    def report(self, callback: Callback, exc: BaseException) -> None:
        try:
            self.handle_callback_exception(callback, exc)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # a hook that fails is no reason to stop
            logging.getLogger("squall.loops").exception("the error hook failed")

    def handle_callback_exception(self, callback: Callback, exc: BaseException) -> None:
        logging.getLogger("squall.loops").error("error in %r", callback, exc_info=exc)

    def time(self) -> float:
        return time.monotonic()

    # -- waking ------------------------------------------------------------------------------------------------------

    def open_waker(self) -> None:
        self.wake_reader, self.wake_writer = socket.socketpair()
        self.wake_reader.setblocking(False)
        self.wake_writer.setblocking(False)
        self.poller.register(self.wake_reader, select.POLLIN)

    def wake(self) -> None:
        """Make the present or the next wait end. One byte a turn is enough, so that signal numbers always find room."""
        if self.woken or os.getpid() != self.pid:
            return
        self.woken = True
        with self.wake_lock:  # against close in another thread: the number must not be somebody else's
            if not self.closed:
                self.send_wake()

    def send_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full of wake-ups and signals: the wait will end
            self.wake_writer.send(b"\0")

    def drain(self) -> None:
        """Take what is in the waker; what is not ours is a signal's number, and goes where it went before we borrowed it."""
        try:
            numbers = self.wake_reader.recv(4096).replace(b"\0", b"")
        except BlockingIOError:
            return
        if numbers and self.former_wakeup is not None and self.former_wakeup != -1:
            with contextlib.suppress(OSError):  # full or closed: the interpreter would have dropped them as well
                os.write(self.former_wakeup, numbers)

    def borrow_wakeup(self) -> None:
        """Let signals end the wait: only the main thread receives them, and only it may set the descriptor."""
        if threading.current_thread() is threading.main_thread():
            self.former_wakeup = signal.set_wakeup_fd(self.wake_writer.fileno(), warn_on_full_buffer=False)
            BORROWERS.append(self)

    def return_wakeup(self) -> None:
        if self in BORROWERS:
            BORROWERS.remove(self)
            assert self.former_wakeup is not None
            signal.set_wakeup_fd(self.former_wakeup)
            self.drain()
            self.former_wakeup = None

    # -- closing -----------------------------------------------------------------------------------------------------

    def close(self, all_fds: bool = False) -> None:  # noqa: FBT001, FBT002 - the contract's signature
        if self.closed:
            return
        if self.running and os.getpid() == self.pid:
            raise LoopRunningError("the loop runs; stop it first")
        if os.getpid() != self.pid:
            self.wake_lock = threading.RLock()  # another thread of the parent may have held it during fork
        with self.wake_lock:
            self.closed = True
            self.close_waker()
        registrations = list(self.registered.values())
        self.drop_work()
        if all_fds:
            self.close_registered(registrations)

    def close_waker(self) -> None:
        self.wake_reader.close()
        self.wake_writer.close()

    def drop_work(self) -> None:
        for call in (*self.callbacks, *self.timers):
            call.empty()
        self.callbacks.clear()
        self.timers.clear()
        self.registered.clear()
        self.poller = select.poll()

    def close_registered(self, registrations: Iterable[Registration]) -> None:
        for registration in registrations:
            try:
                self.close_one(registration)
            except OSError as exc:
                self.report(self.close, exc)

    def close_one(self, registration: Registration) -> None:
        close: Callable[[], object] | None = getattr(registration.fd, "close", None)
        if close is not None:
            close()
        elif not registration.gone:
            os.close(registration.number)


BORROWERS: list[Reference] = []
"""The loops whose wakers signals are written to just now, innermost last."""


def give_wakeup_back_in_child() -> None:
    """A child's signals are none of the parent's business: set what was set before the outermost loop started."""
    if BORROWERS:
        assert BORROWERS[0].former_wakeup is not None
        signal.set_wakeup_fd(BORROWERS[0].former_wakeup)
        BORROWERS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=give_wakeup_back_in_child)
