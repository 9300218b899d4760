"""The contract over a Twisted reactor's public methods."""

# ruff: noqa: D102 - the contract describes these methods, and every line less makes a script easier to believe

from __future__ import annotations

import contextvars
import logging
import math
import os
import select
import time
import weakref
from contextlib import suppress
from typing import Any

from squall_loops.contract import (
    ALL_EVENTS,
    ERROR,
    READ,
    WRITE,
    AlreadyRegisteredError,
    Callback,
    Descriptor,
    Handler,
    NotRegisteredError,
)


def hung_up(number: int) -> bool:
    """Say whether the kernel reports an error or a hang-up."""
    poll = select.poll()
    poll.register(number, 0)
    return bool(poll.poll(0))


class Watched:
    """What the reactor is given for one descriptor (``IReadDescriptor`` and ``IWriteDescriptor``)."""

    def __init__(self, shim: TwistedShim, number: int, fd: Descriptor, handler: Handler, events: int) -> None:
        self.shim, self.number, self.fd, self.events = shim, number, fd, events
        self.handler, self.context = handler, contextvars.copy_context()

    def fileno(self) -> int:
        return self.number

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        return "watched"

    def give(self, events: int) -> None:
        if self.shim.entries.get(self.number) is self:
            self.context.run(self.shim.call, self.handler, self.fd, events)

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        if self.events & READ:
            self.give(READ)
        elif hung_up(self.number):  # asked for neither: watched as a reader for the sake of a hang-up
            self.give(ERROR)
        else:  # only data, and more of it would call again and again: look later
            self.shim.reactor.removeReader(self)
            self.shim.reactor.callLater(0.05, self.shim.look_again, self.number)

    def doWrite(self) -> None:  # noqa: N802 - Twisted's name
        self.give(WRITE)

    def connectionLost(self, _reason: object) -> None:  # noqa: N802 - Twisted's name
        if self.shim.entries.get(self.number) is self:  # the reactor has dropped it; the contract goes on until it is removed
            self.give((self.events | ERROR) & ALL_EVENTS)
            self.shim.reactor.callLater(0, self.connectionLost, None)


class TwistedShim:
    """What this script's check calls, made with the reactor's own ``addReader``, ``callLater``, ``run`` and so on."""

    abilities = frozenset[str]()
    resolution = 0.001

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.entries: dict[int, Watched] = {}
        self.timers: weakref.WeakSet[Any] = weakref.WeakSet()
        self.owner = os.getpid()
        self.running = self.stopped = self.closed = False
        self.leaving: BaseException | None = None

    def refuse_closed(self) -> None:
        if self.closed:
            raise RuntimeError("the loop is closed")

    def number_of(self, fd: Descriptor) -> int:
        number = fd if isinstance(fd, int) else fd.fileno()
        known = (number for number, entry in self.entries.items() if entry.fd is fd)
        return number if number >= 0 else next(known, -1)

    def watch(self, entry: Watched) -> None:
        (self.reactor.addReader if entry.events & ~WRITE else self.reactor.removeReader)(entry)
        (self.reactor.addWriter if entry.events & WRITE else self.reactor.removeWriter)(entry)

    def look_again(self, number: int) -> None:
        if number in self.entries:
            self.watch(self.entries[number])

    def call(self, callback: Callback, *args: Any) -> None:
        try:
            callback(*args)
        except (KeyboardInterrupt, SystemExit) as exc:  # Twisted would log it; it has to leave start()
            self.leaving = exc
            self.reactor.crash()
        except BaseException as exc:  # noqa: BLE001 - the error hook's business
            self.handle_callback_exception(callback, exc)

    def add_handler(self, fd: Descriptor, handler: Handler, events: int) -> None:
        self.refuse_closed()
        number = self.number_of(fd)
        if number < 0 or events & ~ALL_EVENTS:
            raise ValueError(f"cannot watch {fd!r} for {events:#x}")
        if number in self.entries:
            raise AlreadyRegisteredError(f"{fd!r} has a handler already")
        os.fstat(number)  # select takes closed descriptors without a word
        entry = self.entries[number] = Watched(self, number, fd, handler, events)
        try:
            self.watch(entry)
        except BaseException:
            del self.entries[number]
            raise

    def update_handler(self, fd: Descriptor, events: int) -> None:
        number = self.number_of(fd)
        if number not in self.entries:
            raise NotRegisteredError(f"{fd!r} has no handler")
        self.entries[number].events = events
        self.watch(self.entries[number])

    def remove_handler(self, fd: Descriptor) -> None:
        entry = self.entries.pop(self.number_of(fd), None)
        if entry:
            with suppress(OSError):  # a reactor over epoll minds that a descriptor was closed
                self.reactor.removeReader(entry)
                self.reactor.removeWriter(entry)

    def add_callback(self, callback: Callback, *args: object) -> None:
        self.refuse_closed()
        if not callable(callback):
            raise TypeError(f"{callback!r} cannot be called")
        self.reactor.callFromThread(contextvars.copy_context().run, self.call, callback, *args)

    def add_callback_from_signal(self, callback: Callback, *args: object) -> None:
        self.add_callback(callback, *args)

    def call_at(self, deadline: float, callback: Callback, *args: object) -> Any:
        self.refuse_closed()
        if math.isnan(deadline) or not callable(callback):
            raise (ValueError if callable(callback) else TypeError)(f"call_at({deadline}, {callback!r})")
        delay = min(max(0.0, deadline - self.time()), 1e8)
        timer = self.reactor.callLater(delay, contextvars.copy_context().run, self.call, callback, *args)
        self.timers.add(timer)
        return timer

    def remove_timeout(self, handle: Any) -> None:
        if handle.active():
            handle.cancel()

    def start(self) -> None:
        self.refuse_closed()
        if self.running or os.getpid() != self.owner:
            raise RuntimeError("the loop runs already, or belongs to the parent process")
        self.running = True
        if self.stopped:
            self.reactor.callLater(0, self.reactor.crash)
        try:
            self.reactor.run(installSignalHandlers=False)
        finally:
            self.running = self.stopped = False
        leaving, self.leaving = self.leaving, None
        if leaving:
            raise leaving

    def stop(self) -> None:
        self.stopped = True
        if self.running:
            self.reactor.crash()

    def close(self, all_fds: bool = False) -> None:  # noqa: FBT001, FBT002 - the contract's signature
        if self.running:
            raise RuntimeError("the loop is running")
        for entry in list(self.entries.values()):
            self.remove_handler(entry.number)
            if all_fds:
                os.close(entry.fd) if isinstance(entry.fd, int) else entry.fd.close()  # type: ignore[attr-defined] # it has close() where it has fileno()
        for timer in list(self.timers):
            self.remove_timeout(timer)
        self.closed = True

    def time(self) -> float:
        return time.monotonic()

    def handle_callback_exception(self, callback: Callback, exc: BaseException) -> None:
        logging.getLogger("squall.loops").error("%r raised", callback, exc_info=exc)
