"""Clauses on resources: what the loop takes it gives back, and what it does not own it leaves alone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from squall_conformance.clause import clause
from squall_conformance.stage import Stage, expect
from squall_loops.contract import ERROR, READ, EventLoop

SPIN = 0.05
"""The share of the CPU above which a wait is no wait: idle loops use less than half a percent, a spin takes what it can get."""


def open_descriptors() -> set[int]:
    """Return the numbers of all open descriptors of this process."""
    folder = "/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd"
    numbers = set()
    for name in os.listdir(folder):  # noqa: PTH208 - the folder must not stay open during the look
        with contextlib.suppress(OSError):  # the listing itself was one of them
            os.fstat(int(name))
            numbers.add(int(name))
    return numbers


def use(stage: Stage, loop: EventLoop) -> None:
    """Let the loop do a little of everything: a descriptor, a timer, a wait, a callback from another thread."""
    left, right = socket.socketpair()
    with left, right:
        loop.add_handler(left, lambda fd, _events: fd.recv(1), READ)
        right.send(b"x")
        fired: list[bool] = []
        loop.call_at(loop.time() + 0.001, fired.append, True)
        stage.until(loop, lambda: fired)
        waker = threading.Thread(target=loop.add_callback, args=[loop.stop])
        waker.start()
        loop.start()
        waker.join()
        loop.remove_handler(left)


@clause("RS-001", timeout=4)
def close_frees_every_descriptor(stage: Stage) -> None:
    """Make, use and close one loop, then four more, and count the process's descriptors."""
    for number in range(5):
        loop = stage.loop()
        use(stage, loop)
        loop.close()
        del loop
        if not number:  # what is opened once in a process is not the loop's
            gc.collect()
            before = open_descriptors()
    gc.collect()
    left = len(open_descriptors()) - len(before)
    expect(left <= 0, f"4 loops were made, used and closed, and {left} descriptors more are open than before")


@clause("RS-002", timeout=4)
def close_ends_threads_and_children(stage: Stage) -> None:
    """Make, use and close a loop, and look for threads and child processes that were not there before."""
    before = set(threading.enumerate())
    loop = stage.loop()
    use(stage, loop)
    loop.close()
    patience = time.monotonic() + 0.5
    while (left := set(threading.enumerate()) - before) and time.monotonic() < patience:
        time.sleep(0.001)
    expect(not left, f"after close these threads of the loop are still there: {', '.join(thread.name for thread in left)}")
    if hasattr(os, "waitid"):
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        expect(False, "after close the process has a child process that the loop started")


@clause("RS-003", timeout=4, serial=True)
def an_idle_wait_costs_nothing(stage: Stage) -> None:
    """Let a loop with an idle descriptor and a far timer wait for 0.3 s, and ask the kernel what that cost."""
    import resource  # noqa: PLC0415 - not on Windows

    left, _right = stage.pair()
    loop = stage.loop()
    loop.add_handler(left, lambda _fd, _events: None, READ)
    handle = loop.call_at(loop.time() + 60, int)
    stage.turns(loop)
    before = resource.getrusage(resource.RUSAGE_SELF)
    share = stage.busy(loop, 0.3)
    after = resource.getrusage(resource.RUSAGE_SELF)
    loop.remove_timeout(handle)
    wakes = after.ru_nvcsw - before.ru_nvcsw
    expect(
        share < SPIN, f"in 0.3 s of waiting the loop used the CPU for {share:.0%} of the time; it should for next to nothing"
    )
    expect(
        wakes < 15, f"in 0.3 s of waiting the process woke {wakes} times ({wakes / 0.3:.0f} a second); it should once or twice"
    )


@clause("RS-003", timeout=4, serial=True)
def a_paused_reader_costs_nothing(stage: Stage) -> None:
    """Let data wait on a socket that is watched for ERROR only and on one that is watched for nothing, and measure the CPU."""
    loop = stage.loop()
    for events in (0, ERROR):
        left, right = stage.pair()
        loop.add_handler(left, lambda _fd, _events: None, READ)
        stage.turns(loop, 2)
        loop.update_handler(left, events)
        right.send(b"x")
        share = stage.busy(loop, 0.1)
        expect(
            share < SPIN,
            f"with unread data on a socket watched for events {events} the waiting loop used {share:.0%} of the CPU",
        )
        loop.remove_handler(left)


def socket_numbers() -> tuple[int, int]:
    """Return the numbers of two connected sockets."""
    left, right = socket.socketpair()
    return left.detach(), right.detach()


@clause("RS-004", timeout=3)
def leaves_the_blocking_flag(stage: Stage) -> None:
    """Watch blocking and non-blocking sockets and pipes, and compare the flag in the handler, after removal and after close."""
    ends: list[tuple[str, bool, int]] = []
    for blocking in (True, False):
        for kind, pair in (("socket", socket_numbers()), ("pipe", os.pipe())):
            os.write(pair[1], b"x")
            ends.append((kind, blocking, pair[0]))
            for number in pair:
                os.set_blocking(number, blocking)
                stage.later(partial(os.close, number))
    loop = stage.loop()
    seen: set[int] = set()

    def compare(when: str) -> None:
        for kind, blocking, number in ends:
            now = os.get_blocking(number)
            expect(now == blocking, f"a {kind} whose blocking flag was {blocking} has it {now} {when}")

    def handler(fd: int, _events: int) -> None:
        os.read(fd, 1)
        seen.add(fd)
        compare("while its handler runs")

    for _kind, _blocking, number in ends:
        loop.add_handler(number, handler, READ)
    compare("while it is registered")
    served = stage.until(loop, lambda: len(seen) == len(ends))
    stage.fail_on_reports()
    expect(served, f"of {len(ends)} descriptors with data {len(seen)} were served")
    for _kind, _blocking, number in ends:
        loop.remove_handler(number)
    compare("after remove_handler")
    stage.turns(loop, 2)
    loop.close()
    compare("after the loop was closed")


@clause("RS-005", timeout=3)
def leaves_the_close_on_exec_flag(stage: Stage) -> None:
    """Watch an inheritable and a non-inheritable socket, and compare the flag while and after they are registered."""
    pairs = [stage.pair(), stage.pair()]
    for inheritable, pair in zip((True, False), pairs, strict=True):
        pair[0].set_inheritable(inheritable)
    loop = stage.loop()

    def compare(when: str) -> None:
        for inheritable, pair in zip((True, False), pairs, strict=True):
            now = pair[0].get_inheritable()
            expect(now == inheritable, f"a socket that was inheritable={inheritable} is inheritable={now} {when}")

    for left, _right in pairs:
        loop.add_handler(left, lambda _fd, _events: None, READ)
    loop.add_callback(compare, "while it is registered")
    stage.turns(loop, 2)
    stage.fail_on_reports()
    for left, _right in pairs:
        loop.remove_handler(left)
    compare("after remove_handler")
    loop.close()
    compare("after the loop was closed")


@clause("RS-006", timeout=3)
def removing_leaves_the_descriptor_open(stage: Stage) -> None:
    """Remove a socket and a number that were registered, and use them afterwards."""
    pairs = [stage.pair(), stage.pair()]
    loop = stage.loop()
    things = (pairs[0][0], pairs[1][0].fileno())
    for thing in things:
        loop.add_handler(thing, lambda _fd, _events: None, READ)
    stage.turns(loop, 2)
    for thing in things:
        loop.remove_handler(thing)
    stage.turns(loop, 2)
    for (left, right), what in zip(pairs, ("socket", "number"), strict=True):
        try:
            right.send(b"x")
            got: object = os.read(left.fileno(), 1)
        except OSError as exc:
            got = exc
        expect(got == b"x", f"a {what} that was registered and removed cannot be used: {got!r}")


@clause("RS-007", timeout=3)
def children_inherit_nothing_of_the_loop(stage: Stage) -> None:
    """Compare the process's descriptors before a loop was made and while it runs; the new ones must be close-on-exec."""
    before = open_descriptors()
    loop = stage.loop()
    inherited: list[int] = []

    def look() -> None:
        inherited.extend(number for number in open_descriptors() - before if os.get_inheritable(number))

    loop.add_callback(look)
    stage.turns(loop, 3)
    expect(
        not inherited,
        f"the loop opened {len(inherited)} descriptors that programs started by this process inherit: {inherited}",
    )


@clause("RS-008", timeout=3)
def leaves_the_limits(stage: Stage) -> None:
    """Compare all limits of the process before a loop is made, while it runs and after it was closed."""
    import resource  # noqa: PLC0415 - not on Windows

    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    before = {name: resource.getrlimit(getattr(resource, name)) for name in names}
    stage.later(partial(resource.setrlimit, resource.RLIMIT_NOFILE, before["RLIMIT_NOFILE"]))
    loop = stage.loop()

    def compare(when: str) -> None:
        for name, limits in before.items():
            now = resource.getrlimit(getattr(resource, name))
            expect(now == limits, f"{name} was {limits} before the loop was made and is {now} {when}")

    loop.add_callback(compare, "while it runs")
    stage.turns(loop, 2)
    stage.fail_on_reports()
    loop.close()
    compare("after it was closed")


class Thing:
    """Something that can be called, closed and watched, and of which it can be told whether it still exists."""

    def __init__(self, sock: socket.socket | None = None) -> None:
        self.sock = sock

    def fileno(self) -> int:
        """Return the descriptor."""
        return self.sock.fileno() if self.sock else -1

    def __call__(self, *_args: object) -> None:
        """Do nothing."""


def survivors(watched: dict[str, weakref.ref[Thing]], seconds: float) -> list[str]:
    """Return what is still alive after the garbage was collected, for that long at most."""
    until = time.monotonic() + seconds
    while True:
        gc.collect()
        alive = [name for name, reference in watched.items() if reference() is not None]
        if not alive or time.monotonic() > until:
            return alive
        time.sleep(0.005)


class Last(Thing):
    """The last thing that a loop has to call before it waits."""

    called = threading.Event()

    def __call__(self, *_args: object) -> None:
        """Tell that it was called."""
        self.called.set()


@clause("RS-009", timeout=4)
def forgets_what_has_run(stage: Stage) -> None:
    """Run a callback, then a timer, and look from another thread, while the loop waits idle, whether they still exist."""
    left, _right = stage.pair()
    loop = stage.loop()
    loop.add_handler(left, lambda _fd, _events: None, READ)
    for kind in ("callback", "timer"):
        watched: dict[str, weakref.ref[Thing]] = {}
        alive: list[str] = []
        Last.called.clear()

        def look(watched: dict[str, weakref.ref[Thing]] = watched, alive: list[str] = alive) -> None:
            Last.called.wait(2)
            alive.extend(survivors(watched, 0.3))
            loop.add_callback(loop.stop)

        last, argument = Last(), Thing()
        watched.update({f"the {kind}": weakref.ref(last), f"the argument of the {kind}": weakref.ref(argument)})
        looker = threading.Thread(target=look)
        looker.start()
        if kind == "callback":
            loop.add_callback(last, argument)
        else:
            loop.call_at(loop.time() + 0.001, last, argument)
        del last, argument
        loop.start()
        looker.join()
        expect(not alive, f"after they have run, while the loop waits, these still exist: {', '.join(alive)}")


@clause("RS-010", timeout=3)
def forgets_what_was_removed(stage: Stage) -> None:
    """Serve, update and remove a handler, and look two turns later whether it and its object still exist."""
    left, right = stage.pair()
    loop = stage.loop()
    owner, handler = Thing(left), Thing()
    watched = {"the registered object": weakref.ref(owner), "the handler": weakref.ref(handler)}
    loop.add_handler(owner, handler, READ)
    right.send(b"x")
    stage.turns(loop, 3)
    loop.update_handler(owner, ERROR)
    stage.turns(loop, 2)
    loop.remove_handler(owner)
    del owner, handler
    alive: list[str] = []
    loop.add_callback(lambda: loop.add_callback(lambda: alive.extend(survivors(watched, 0.0))))
    stage.turns(loop, 5)
    expect(not alive, f"two turns after remove_handler these still exist: {', '.join(alive)}")


@contextlib.contextmanager
def no_more_descriptors(spare: int = 0) -> Iterator[None]:
    """Leave the process ``spare`` descriptors to open, and no more, until the end of the block."""
    import resource  # noqa: PLC0415 - not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(open_descriptors()) + 1
    fillers: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                fillers.append(os.open(os.devnull, os.O_RDONLY))
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit + spare, hard))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in fillers:
            os.close(number)


@clause("RS-011", timeout=4)
def goes_on_without_descriptors(stage: Stage) -> None:
    """Take the last descriptor while the loop runs; a callback, a timer, a socket and a wake-up must still come through."""
    left, right = stage.pair()
    loop = stage.loop()
    shortage = contextlib.ExitStack()
    done: list[str] = []
    waker = threading.Timer(0.005, loop.add_callback, [lambda: note("wake-up")])

    def note(what: str) -> None:
        if what not in done:
            done.append(what)
        if len(done) == 3 and "wake-up" not in done:
            waker.start()
        elif len(done) == 4:
            loop.stop()

    def exhaust() -> None:
        shortage.enter_context(no_more_descriptors())
        loop.add_callback(note, "callback")
        loop.call_at(loop.time() + 0.001, note, "timer")
        right.send(b"x")

    def handler(fd: socket.socket, _events: int) -> None:
        fd.recv(1)
        note("descriptor")

    loop.add_handler(left, handler, READ)
    loop.add_callback(exhaust)
    guard = loop.call_at(loop.time() + 0.7, loop.stop)
    with shortage:
        loop.start()
    loop.remove_timeout(guard)
    missing = sorted({"callback", "timer", "descriptor", "wake-up"} - set(done))
    stage.fail_on_reports()
    expect(not missing, f"when no descriptor could be opened any more, the loop no longer served: {', '.join(missing)}")


@clause("RS-012", timeout=10)
def fails_cleanly_without_descriptors(stage: Stage) -> None:
    """Make a loop with no, one, two ... descriptors to spare, until it succeeds, and count what each failure leaves open."""
    stage.loop().close()  # imports and other first-time work need descriptors too
    for spare in range(16):
        gc.collect()
        before = open_descriptors()
        error: Exception | None = None
        with no_more_descriptors(spare):
            try:
                stage.loop().close()
            except Exception as exc:  # noqa: BLE001 - judged below, when descriptors are to be had again
                error = exc.with_traceback(None)
        if error is None:
            return
        expect(
            isinstance(error, OSError), f"with {spare} descriptors to spare, making a loop raised {error!r} instead of OSError"
        )
        error = None
        gc.collect()
        left = open_descriptors() - before
        expect(not left, f"with {spare} descriptors to spare, a loop that could not be made left {len(left)} of them open")


def churn(stage: Stage, loop: EventLoop, times: int) -> None:
    """Add and remove handlers and timers, and run callbacks, that often."""
    left, right = socket.socketpair()
    with left, right:
        for _ in range(times):
            loop.add_handler(left, lambda _fd, _events: None, READ)
            loop.update_handler(left, ERROR)
            loop.remove_handler(left)
            loop.remove_timeout(loop.call_at(loop.time() + 60, Thing()))
            loop.add_callback(Thing(), times)
        stage.turns(loop, 3)


@clause("RS-013", timeout=10)
def does_not_grow(stage: Stage) -> None:
    """Add and remove two hundred handlers, timers and callbacks, eight times over, and count the memory blocks in use."""
    loop = stage.loop()
    blocks: list[int] = []
    for _ in range(8):
        churn(stage, loop, 200)
        gc.collect()
        blocks.append(sys.getallocatedblocks())
    grown = min(blocks[6:]) - max(blocks[2:4])
    expect(grown < 400, f"600 more handlers, timers and callbacks, added and removed, left {grown} more memory blocks in use")


@clause("RS-014", timeout=3)
def leaves_asyncio_as_it_was(stage: Stage) -> None:
    """Set hooks for async generators, run the loop, and look at them and at the thread's running asyncio loop."""
    before = sys.get_asyncgen_hooks()
    stage.later(lambda: sys.set_asyncgen_hooks(*before))

    def first(_generator: object) -> None:
        """Do nothing."""

    def last(_generator: object) -> None:
        """Do nothing."""

    loop = stage.loop()
    for hooks in ((None, None), (first, last)):
        sys.set_asyncgen_hooks(*hooks)
        stage.turns(loop, 2)
        found = tuple(sys.get_asyncgen_hooks())
        expect(found == hooks, f"the hooks for async generators were {hooks} before start and {found} after it")
        with contextlib.suppress(RuntimeError):
            running = asyncio.get_running_loop()
            expect(False, f"after start has returned {running!r} is still the thread's running asyncio loop")
