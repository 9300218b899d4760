"""The contract over an asyncio loop's public methods."""

# ruff: noqa: D102 - the contract describes these methods, and every line less makes a script easier to believe

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import os
import select
import time
from typing import Any, NamedTuple

from squall_loops.contract import (
    ALL_EVENTS,
    ERROR,
    READ,
    WRITE,
    AlreadyRegisteredError,
    Callback,
    Descriptor,
    Handler,
    LoopForkedError,
    NotRegisteredError,
)


def hung_up(number: int) -> bool:
    """Say whether the kernel reports an error or a hang-up."""
    poll = select.poll()
    poll.register(number, 0)
    return bool(poll.poll(0))


class Entry(NamedTuple):
    """One descriptor's handler, and the context it was given in."""

    fd: Descriptor
    handler: Handler
    events: int
    context: contextvars.Context


class AsyncioShim:
    """What this script's check calls, made with the loop's own ``add_reader``, ``call_soon_threadsafe`` and so on."""

    abilities = frozenset({"several-loops", "native-tasks"})
    resolution = max(0.001, time.get_clock_info("monotonic").resolution)

    def __init__(self, host: asyncio.AbstractEventLoop) -> None:
        self.host = host
        self.entries: dict[int, Entry] = {}
        self.owner = os.getpid()

    def number_of(self, fd: Descriptor) -> int:
        number = fd if isinstance(fd, int) else fd.fileno()
        known = (number for number, entry in self.entries.items() if entry.fd is fd)
        return number if number >= 0 else next(known, -1)

    def watch(self, number: int, entry: Entry) -> None:
        self.entries[number] = entry
        if entry.events & ~WRITE or not entry.events:
            self.host.add_reader(number, self.ready, number, entry, READ)
        else:
            self.host.remove_reader(number)
        if entry.events & WRITE:
            self.host.add_writer(number, self.ready, number, entry, WRITE)
        else:
            self.host.remove_writer(number)

    def ready(self, number: int, entry: Entry, events: int) -> None:
        if self.entries.get(number) is not entry:
            return
        if entry.events & events:
            entry.context.run(self.call, entry.handler, entry.fd, events)
        elif hung_up(number):  # asked for neither: watched as a reader for the sake of a hang-up
            entry.context.run(self.call, entry.handler, entry.fd, ERROR)
        else:  # only data, and more of it would call again and again: look later
            self.host.remove_reader(number)
            self.host.call_later(0.05, self.look_again, number)

    def look_again(self, number: int) -> None:
        if number in self.entries:
            self.watch(number, self.entries[number])

    def call(self, callback: Callback, *args: Any) -> None:
        try:
            callback(*args)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as exc:  # noqa: BLE001 - the error hook's business
            self.handle_callback_exception(callback, exc)

    def add_handler(self, fd: Descriptor, handler: Handler, events: int) -> None:
        number = self.number_of(fd)
        if number < 0 or events & ~ALL_EVENTS:
            raise ValueError(f"cannot watch {fd!r} for {events:#x}")
        if number in self.entries:
            raise AlreadyRegisteredError(f"{fd!r} has a handler already")
        try:
            self.watch(number, Entry(fd, handler, events, contextvars.copy_context()))
        except BaseException:
            del self.entries[number]
            raise

    def update_handler(self, fd: Descriptor, events: int) -> None:
        number = self.number_of(fd)
        if number not in self.entries:
            raise NotRegisteredError(f"{fd!r} has no handler")
        self.watch(number, self.entries[number]._replace(events=events))

    def remove_handler(self, fd: Descriptor) -> None:
        number = self.number_of(fd)
        if self.entries.pop(number, None) and os.getpid() == self.owner:  # a forked child shares the kernel's object
            self.host.remove_reader(number)
            self.host.remove_writer(number)

    def add_callback(self, callback: Callback, *args: object) -> None:
        if not callable(callback):
            raise TypeError(f"{callback!r} cannot be called")
        self.host.call_soon_threadsafe(self.call, callback, *args)

    def add_callback_from_signal(self, callback: Callback, *args: object) -> None:
        self.add_callback(callback, *args)

    def call_at(self, deadline: float, callback: Callback, *args: object) -> asyncio.TimerHandle:
        if math.isnan(deadline) or not callable(callback):
            raise (ValueError if callable(callback) else TypeError)(f"call_at({deadline}, {callback!r})")
        return self.host.call_at(deadline, self.call, callback, *args)

    def remove_timeout(self, handle: asyncio.TimerHandle) -> None:
        handle.cancel()

    def create_task(self, coroutine: Any) -> asyncio.Task[Any]:
        return self.host.create_task(coroutine)

    def start(self) -> None:
        if os.getpid() != self.owner:
            raise LoopForkedError("the loop belongs to the parent process")
        self.host.run_forever()

    def stop(self) -> None:
        self.host.stop()

    def close(self, all_fds: bool = False) -> None:  # noqa: FBT001, FBT002 - the contract's signature
        if self.host.is_running():
            raise RuntimeError("the loop is running")
        for fd, *_ in list(self.entries.values()):
            self.remove_handler(fd)
            if all_fds:
                os.close(fd) if isinstance(fd, int) else fd.close()  # type: ignore[attr-defined] # it has close() where it has fileno()
        if os.getpid() == self.owner:
            self.host.close()

    def time(self) -> float:
        return self.host.time()

    def handle_callback_exception(self, callback: Callback, exc: BaseException) -> None:
        logging.getLogger("squall.loops").error("%r raised", callback, exc_info=exc)
