"""What a loop does all day: callbacks, timers, readiness, wake-ups; and the memory that it takes for it.

Time is the time of the processor, spent by this process and by the kernel for it: nothing here ever waits for long, and
what other programs do meanwhile counts less than it would on a clock.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from time import process_time
from typing import Final

from squall_conformance.bench.descriptors import idle_sockets
from squall_conformance.bench.drive import Drive
from squall_conformance.bench.line import Line, Memory, Once, Rate

WIDTH: Final = 100
"""How many callbacks wait at any time."""
BATCH: Final = 1000
"""How many timers there are at a time."""
READY: Final = 10
"""How many descriptors are ready in each turn; the others are idle."""


def _started(drive: Drive) -> float:
    begin = process_time()
    drive.start()
    return process_time() - begin


@contextlib.contextmanager
def callbacks(drive: Drive) -> Iterator[Once]:
    """Callbacks that each add the next one."""
    soon, stop = drive.soon, drive.stop

    def once(times: int) -> float:
        left = times

        def again() -> None:
            nonlocal left
            left -= 1
            if left >= WIDTH:
                soon(again)
            elif left == 0:
                stop()

        for _ in range(WIDTH):
            soon(again)
        return _started(drive)

    yield once


@contextlib.contextmanager
def timers_cancelled(drive: Drive) -> Iterator[Once]:
    """Timers a minute or more away that are cancelled soon, as a server's timeouts are."""
    at, cancel, soon, time = drive.at, drive.cancel, drive.soon, drive.time

    def once(times: int) -> float:
        batches = times // BATCH

        def batch() -> None:
            nonlocal batches
            minute = time() + 60
            for handle in [at(minute + i * 7919 % BATCH, _nothing) for i in range(BATCH)]:
                cancel(handle)
            batches -= 1
            if batches:
                soon(batch)
            else:
                drive.stop()

        soon(batch)
        return _started(drive)

    yield once


@contextlib.contextmanager
def timers_fired(drive: Drive) -> Iterator[Once]:
    """Timers that are due, within a millisecond."""
    at, time = drive.at, drive.time

    def once(times: int) -> float:
        batches, left = times // BATCH, 0

        def batch() -> None:
            nonlocal left
            left = BATCH
            now = time()
            for i in range(BATCH):
                at(now + i * 7919 % BATCH * 1e-6, fire)

        def fire() -> None:
            nonlocal batches, left
            left -= 1
            if left == 0:
                batches -= 1
                if batches:
                    batch()
                else:
                    drive.stop()

        batch()
        return _started(drive)

    yield once


def _nothing() -> None:
    pass


@contextlib.contextmanager
def readiness(drive: Drive, count: int) -> Iterator[Once]:
    """Events delivered to handlers, of ``count`` sockets of which a few are readable all the time."""
    left = 0
    stop = drive.stop

    def handler(_thing: object, _events: int) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            stop()

    def once(times: int) -> float:
        nonlocal left
        left = times
        return _started(drive)

    with idle_sockets(count) as sockets, _watched(drive, sockets, handler):
        # Sockets come in pairs, one after the other: to write into every second one makes those between readable.
        for one in sockets[: 2 * READY : 2] if count >= 2 * READY else sockets:
            one.send(b"x")
        yield once


@contextlib.contextmanager
def exchanges(drive: Drive) -> Iterator[Once]:
    """Bytes that travel to and fro in socket pairs: an event, a ``recv`` and a ``send`` each."""
    left = 0
    stop = drive.stop

    def handler(one: socket.socket, _events: int) -> None:
        nonlocal left
        one.send(one.recv(1))
        left -= 1
        if left <= 0:
            stop()

    def once(times: int) -> float:
        nonlocal left
        left = times
        return _started(drive)

    with idle_sockets(2 * READY) as sockets, _watched(drive, sockets, handler):
        for one in sockets[::2]:
            one.send(b"x")
        yield once


@contextlib.contextmanager
def _watched(drive: Drive, sockets: list[socket.socket], handler: Callable[..., object]) -> Iterator[None]:
    for one in sockets:
        drive.watch(one, handler)
    yield
    for one in sockets:
        drive.unwatch(one)


@contextlib.contextmanager
def wake_ups(drive: Drive) -> Iterator[Once]:
    """Callbacks from another thread, each added once the one before it has run, so that the loop waits for it."""
    from_thread, stop = drive.from_thread, drive.stop

    def once(times: int) -> float:
        ran = threading.Semaphore(0)
        release, acquire = ran.release, ran.acquire

        def others() -> None:
            for _ in range(times):
                from_thread(release)
                acquire()
            from_thread(stop)

        thread = threading.Thread(target=others, daemon=True)
        drive.soon(thread.start)
        seconds = _started(drive)
        thread.join()
        return seconds

    with _one_processor():
        yield once


@contextlib.contextmanager
def _one_processor() -> Iterator[None]:
    """Keep this thread, and those that it starts, on one processor where the platform can (sched_setaffinity(2)).

    Otherwise the figure jumps by a factor of ten with where the scheduler happens to put the two threads.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def memory_of_timers(drive: Drive, count: int) -> float:
    """Bytes for each waiting timer, its deadline included."""
    at, now = drive.at, drive.time()

    def set_all() -> None:
        for i in range(count):
            at(now + 60 + i, _nothing)

    return _bytes_each(set_all, count)


def memory_of_handlers(drive: Drive, count: int) -> float:
    """Bytes for each registered handler; the sockets themselves are not counted."""

    def watch_all() -> None:
        for one in sockets:
            drive.watch(one, _ignore)

    with idle_sockets(count) as sockets:
        each = _bytes_each(watch_all, count)
        for one in sockets:
            drive.unwatch(one)
        return each


def _ignore(_thing: object, _events: int) -> None:
    pass


def _bytes_each(make: Callable[[], object], count: int) -> float:
    gc.collect()
    tracemalloc.start()
    make()
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken / count


LINES: Final[tuple[Line, ...]] = (
    Rate("callbacks", "callbacks", callbacks, 20 * WIDTH),
    Rate("timers-cancelled", "timers scheduled and cancelled", timers_cancelled, BATCH, BATCH),
    Rate("timers-fired", "timers fired", timers_fired, BATCH, BATCH),
    Rate("events-10", "events, 10 descriptors", partial(readiness, count=10), 1000),
    Rate("events-1000", "events, 1,000 descriptors", partial(readiness, count=1000), 1000),
    Rate("events-10000", "events, 10,000 descriptors", partial(readiness, count=10_000), 1000),
    Rate("exchanges", "bytes received and sent", exchanges, 500),
    Rate("wake-ups", "wake-ups from another thread", wake_ups, 200),
    Memory("memory-timer", "memory per timer", memory_of_timers, 20_000),
    Memory("memory-handler", "memory per handler", memory_of_handlers, 900),
)
"""In the order of the table. The handlers are so few because select(2) ends at 1024 descriptors."""
