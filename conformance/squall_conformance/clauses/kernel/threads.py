"""Clauses on threads: any thread may add callbacks, one runs them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from squall_conformance.clause import clause
from squall_conformance.stage import ClauseFailure, Stage, expect
from squall_loops.contract import READ, EventLoop


def end(loop: EventLoop) -> None:
    """Be a callback that stops the loop; TH-005 alone adds ``loop.stop`` itself."""
    loop.stop()


def when_it_waits(call: Callable[[], object]) -> None:
    """Make the call when the loop has gone to sleep, most likely."""
    time.sleep(0.004)
    call()


@clause("TH-001", timeout=2)
def a_callback_from_another_thread_ends_the_wait(stage: Stage) -> None:
    """Five times let an idle loop wait, and add a callback from a thread that stops it."""
    loop = stage.loop()
    for _ in range(5):
        stage.thread(partial(when_it_waits, partial(loop.add_callback, end, loop)))
        loop.start()


@clause("TH-002", timeout=4)
def none_is_lost_and_each_thread_keeps_its_order(stage: Stage) -> None:
    """Let six threads add 200 callbacks each while the loop turns, and compare what ran, thread by thread."""
    loop = stage.loop()
    seen: list[tuple[int, int]] = []
    together = threading.Barrier(6)

    def add(thread: int) -> None:
        together.wait()
        for index in range(200):
            loop.add_callback(seen.append, (thread, index))

    threads = [stage.thread(partial(add, number)) for number in range(6)]
    while any(thread.is_alive() for thread in threads):
        stage.turns(loop)
    stage.until(loop, lambda: len(seen) >= 1200, seconds=0.5)
    expect(len(seen) == 1200, f"expected the 1200 callbacks that six threads added to run once each; saw {len(seen)} runs")
    for number in range(6):
        order = [index for thread, index in seen if thread == number]
        expect(order == list(range(200)), f"expected callbacks of a thread in its order of adding; saw {order[:10]}...")


@clause("TH-003", timeout=3)
def callbacks_run_in_the_thread_of_the_loop(stage: Stage) -> None:
    """Add callbacks from three threads and from the loop's own, and compare the threads that they run in."""
    loop = stage.loop()
    seen: list[int] = []

    def add() -> None:
        for _ in range(3):
            loop.add_callback(lambda: seen.append(threading.get_ident()))

    threads = [stage.thread(add) for _ in range(3)]
    add()
    for thread in threads:
        thread.join()
    stage.until(loop, lambda: len(seen) >= 12)
    foreign = sum(ident != threading.get_ident() for ident in seen)
    expect(
        not foreign, f"expected every callback to run in the thread that runs the loop; {foreign} of {len(seen)} ran elsewhere"
    )


BURST = 66000
"""More than one-byte wake-ups fit into a pipe of 64 KiB."""


@clause("TH-004", timeout=10)
def a_burst_neither_blocks_nor_fails(stage: Stage) -> None:
    """From a thread add 66000 callbacks to a loop that does not come round, run it, and wake it once more."""
    loop = stage.loop()
    runs = 0
    added: list[int] = []

    def count() -> None:
        nonlocal runs
        runs += 1

    def add() -> None:
        for index in range(BURST):
            try:
                loop.add_callback(count)
            except Exception as exc:
                raise ClauseFailure(
                    f"expected add_callback to work however many wait; after {index} it raised {exc!r}"
                ) from exc
        added.append(BURST)

    stage.thread(add).join()
    stage.fail_on_reports()
    stage.until(loop, lambda: runs >= BURST)
    expect(runs == BURST, f"expected {BURST} callbacks to run once each; saw {runs} runs")
    stage.thread(partial(when_it_waits, partial(loop.add_callback, end, loop)))
    loop.start()


@clause("TH-005", timeout=2)
def adding_stop_from_another_thread_ends_the_loop(stage: Stage) -> None:
    """Let a thread add ``loop.stop`` itself, twice, to a loop that waits for a timer far ahead."""
    loop = stage.loop()
    handle = loop.call_at(loop.time() + 3600.0, len, "far")
    for _ in range(2):
        stage.thread(partial(when_it_waits, partial(loop.add_callback, loop.stop)))
        loop.start()
    loop.remove_timeout(handle)


@clause("TH-006", timeout=3)
def a_loop_runs_in_another_thread(stage: Stage) -> None:
    """Make a loop in a thread, run a callback, a timer and a handler there, and close it there."""
    left, right = stage.pair()
    seen: list[str] = []
    errors: list[BaseException] = []

    def use(loop: EventLoop) -> None:
        def handler(_fd: object, _events: int) -> None:
            loop.remove_handler(left)
            seen.append("handler")

        loop.add_callback(seen.append, "callback")
        loop.call_at(loop.time(), seen.append, "timer")
        loop.add_handler(left, handler, READ)
        right.send(b"x")
        stage.until(loop, lambda: len(seen) >= 3)
        loop.close()

    def run() -> None:
        try:
            use(stage.loop())
        except Exception as exc:  # noqa: BLE001 - it is the verdict
            errors.append(exc)

    stage.thread(run).join()
    expect(not errors, f"expected a loop to run in a thread other than the main one; it raised {errors[:1]}")
    expect(len(seen) == 3, f"expected a callback, a timer and a handler to run in another thread; saw {seen}")


@clause("TH-007", needs={"several-loops"}, timeout=3)
def two_loops_in_two_threads_keep_to_themselves(stage: Stage) -> None:
    """Run two loops at once, each with callbacks, timers and a socket, and compare the threads in which each one's work ran."""
    together = threading.Barrier(2)
    seen: dict[int, list[tuple[str, int]]] = {0: [], 1: []}
    idents: dict[int, int] = {}

    def work(number: int) -> None:
        left, right = stage.pair()
        loop = stage.loop()
        idents[number] = threading.get_ident()

        def note(what: str) -> None:
            seen[number].append((what, threading.get_ident()))

        together.wait()
        for _ in range(20):
            loop.add_callback(note, "callback")
            loop.call_at(loop.time(), note, "timer")
        loop.add_handler(left, lambda _fd, _events: note(f"handler of {left.recv(1)!r}"), READ)
        right.send(b"x")
        together.wait()
        stage.until(loop, lambda: len(seen[number]) >= 41)
        loop.close()

    threads = [stage.thread(partial(work, number)) for number in (0, 1)]
    for thread in threads:
        thread.join()
    stage.fail_on_reports()
    for number in (0, 1):
        foreign = [what for what, ident in seen[number] if ident != idents[number]]
        expect(not foreign, f"expected two loops to keep to themselves; ran in the other's thread: {sorted(set(foreign))}")
        expect(
            len(seen[number]) == 41,
            f"expected two loops to keep to themselves; of 41 calls loop {number} made {len(seen[number])}",
        )


@clause("TH-008", timeout=2)
def other_threads_run_while_the_loop_waits(stage: Stage) -> None:
    """While the loop waits without a deadline, let a thread work in twenty steps and then send a byte that ends it."""
    left, right = stage.pair()
    loop = stage.loop()
    started = threading.Event()

    def work() -> None:
        started.wait()
        for _ in range(20):
            time.sleep(0.0001)
        right.send(b"x")

    stage.thread(work)
    loop.add_handler(left, lambda _fd, _events: loop.stop(), READ)
    loop.add_callback(started.set)
    loop.start()


@clause("TH-009", timeout=4)
def adding_while_another_thread_closes_is_safe(stage: Stage) -> None:
    """Five times close a loop to which a thread adds callbacks all the time; only RuntimeError may come of it."""
    others: list[BaseException] = []

    def add(loop: EventLoop, closed: threading.Event, running: threading.Event) -> None:
        while not closed.is_set():
            try:
                loop.add_callback(len, "never")
            except RuntimeError:
                pass
            except Exception as exc:  # noqa: BLE001 - it is the verdict
                others.append(exc)
            running.set()

    for _ in range(5):
        loop = stage.loop()
        closed, running = threading.Event(), threading.Event()
        thread = stage.thread(partial(add, loop, closed, running))
        running.wait()
        loop.close()
        closed.set()
        thread.join()
    expect(not others, f"expected nothing but RuntimeError from add_callback while the loop is closed; saw {others[:1]}")


STREAM = 2000
"""So many wake-ups may go by after something else was due, and no more."""


@clause("TH-010", timeout=5)
def a_stream_of_wakeups_gives_way(stage: Stage) -> None:
    """Amid a thread's stream of callbacks let a socket become readable and a timer due, and wait until both were served."""
    left, right = stage.pair()
    loop = stage.loop()
    room = threading.Semaphore(10)
    served: set[str] = set()
    began: list[float] = []
    passed = overdue = 0
    over = threading.Event()

    def begin() -> None:
        began.append(loop.time())
        loop.call_at(began[0] + 0.001, served.add, "the timer")
        right.send(b"x")

    def callback() -> None:
        nonlocal passed, overdue
        passed += 1
        if passed == 20:
            begin()
        overdue += bool(began) and loop.time() > began[0] + 0.001
        if len(served) == 2 or overdue >= STREAM:
            over.set()
        room.release()

    def stream() -> None:
        while not over.is_set():
            room.acquire()
            loop.add_callback(callback)
        loop.add_callback(end, loop)

    def handler(_fd: object, _events: int) -> None:
        left.recv(1)
        served.add("the socket")

    loop.call_at(loop.time() + 3600.0, len, "far")
    loop.add_handler(left, handler, READ)
    stage.thread(stream)
    loop.start()
    expect(
        overdue < STREAM,
        f"expected a readable socket and a due timer beside a stream of wake-ups; {overdue} went by, served: {sorted(served)}",
    )
