"""Clauses on time: the clock, how long the loop waits, and what busy timers and descriptors leave to each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from squall_conformance.clause import clause
from squall_conformance.stage import ClauseFailure, Stage, expect
from squall_loops.contract import READ, EventLoop

LINKS = 1000
"""A chain this long is meant to end early: by then everything else has had its turn many times."""


@clause("TM-001", timeout=3)
def none_is_early(stage: Stage) -> None:
    """Set timers at deadlines that are no whole milliseconds, one at a time on an idle loop, and read the clock in each."""
    loop = stage.loop()
    early: list[float] = []

    def run(deadline: float) -> None:
        early.append(deadline - loop.time())
        loop.stop()

    for delay in (0.0004, 0.0009, 0.0014, 0.0019, 0.0026, 0.0033):
        deadline = loop.time() + delay
        loop.add_callback(loop.call_at, deadline, run, deadline)
        loop.start()
    worst = max(early)
    expect(
        worst <= loop.resolution,
        f"expected no timer before its deadline by more than {loop.resolution:g} s; one ran {worst * 1e6:.0f} µs early",
    )


def note_and_stop(loop: EventLoop, seen: list[str], what: str) -> None:
    """Be a callback that notes that it ran and stops the loop."""
    seen.append(what)
    loop.stop()


def endless(loop: EventLoop, ended: list[str], links: list[int], third: Callable[[], object]) -> None:
    """Be a timer that sets itself again without delay, 1000 times at most; the third one calls ``third``."""
    links[0] += 1
    if links[0] == 3:
        third()
    if links[0] >= LINKS:
        loop.stop()
    elif not ended:
        loop.call_at(loop.time(), endless, loop, ended, links, third)


@clause("TM-012", timeout=3)
def endless_timers_give_way_to_descriptors(stage: Stage) -> None:
    """Let a timer set itself again without delay until a readable socket's handler has been called."""
    left, right = stage.pair()
    loop = stage.loop()
    served: list[str] = []
    links = [0]
    loop.add_callback(endless, loop, served, links, partial(right.send, b"x"))
    loop.add_handler(left, lambda _fd, _events: note_and_stop(loop, served, "handler"), READ)
    loop.start()
    expect(links[0] < LINKS, f"expected a readable socket to be served between timers without delay; {links[0]} ran first")


@clause("TM-012", timeout=3)
def endless_timers_give_way_to_callbacks(stage: Stage) -> None:
    """Let a timer set itself again without delay until a callback that one of them added has run."""
    loop = stage.loop()
    ran: list[str] = []
    links = [0]
    loop.add_callback(endless, loop, ran, links, partial(loop.add_callback, note_and_stop, loop, ran, "callback"))
    loop.start()
    expect(links[0] < LINKS, f"expected a callback to run between timers without delay; {links[0]} of them ran first")


@clause("TM-013", timeout=2)
def an_earlier_one_shortens_the_wait(stage: Stage) -> None:
    """With a timer an hour ahead, set short ones from a callback, from a timer and from a handler; the last stops the loop."""
    left, right = stage.pair()
    loop = stage.loop()

    def soon(function: object, *args: object) -> None:
        loop.call_at(loop.time() + 0.002, function, *args)  # type: ignore[arg-type] # only bound methods come here

    def handler(_fd: object, _events: int) -> None:
        loop.remove_handler(left)
        soon(loop.stop)

    loop.call_at(loop.time() + 3600.0, len, "far")
    loop.add_handler(left, handler, READ)
    # callback -> timer -> timer -> byte for the handler -> timer that stops the loop
    loop.add_callback(soon, soon, right.send, b"x")
    loop.start()


FAR = {"25 days": 2147483.7, "50 days": 4294967.4, "10 years": 3.2e8, "300 years": 1e10}


@clause("TM-014", timeout=3)
def far_deadlines_can_be_waited_for(stage: Stage) -> None:
    """Wait for a deadline of days, of years and of centuries, each alone, until a thread sends a byte soon after."""
    left, right = stage.pair()
    loop = stage.loop()
    fired: list[str] = []

    def handler(_fd: object, _events: int) -> None:
        left.recv(1)
        loop.stop()

    loop.add_handler(left, handler, READ)
    for name, seconds in FAR.items():
        try:
            handle = loop.call_at(loop.time() + seconds, note_and_stop, loop, fired, name)
            stage.thread(partial(send_later, right.send))
            loop.start()
            loop.remove_timeout(handle)
        except (ArithmeticError, OSError, RuntimeError, ValueError) as exc:
            raise ClauseFailure(f"expected a deadline {name} ahead to be waited for; it raised {exc!r}") from exc
    expect(not fired, f"expected deadlines of days and years ahead not to come at once; these did: {fired}")


def send_later(send: object) -> None:
    """Send a byte when the loop waits, most likely."""
    time.sleep(0.003)
    send(b"x")  # type: ignore[operator] # a socket's send


@clause("TM-015", timeout=3)
def ready_descriptors_do_not_hold_up_timers(stage: Stage) -> None:
    """Keep a socket readable all the time and count the calls of its handler from a timer's deadline until it runs."""
    left, right = stage.pair()
    loop = stage.loop()
    overdue = 0
    fired: list[str] = []
    deadline = loop.time() + 0.002

    def handler(_fd: object, _events: int) -> None:
        nonlocal overdue
        overdue += loop.time() > deadline
        if overdue >= LINKS:
            loop.stop()

    loop.call_at(deadline, note_and_stop, loop, fired, "timer")
    loop.add_handler(left, handler, READ)
    right.send(b"x")
    loop.start()
    expect(
        fired,
        f"expected a due timer to run beside a descriptor that is always ready; {overdue} events were served first",
    )


@clause("TM-016", timeout=3)
def the_clock_keeps_step_with_real_time(stage: Stage) -> None:
    """Read the loop's clock in callbacks some milliseconds apart and compare it with the monotonic clock."""
    loop = stage.loop()
    before: list[float] = []
    between: list[float] = []
    after: list[float] = []

    def read() -> None:
        before.append(time.monotonic())
        between.append(loop.time())
        after.append(time.monotonic())
        time.sleep(0.006)

    for _ in range(4):
        loop.add_callback(read)
        stage.turns(loop)
    expect(between == sorted(between), f"expected a clock that never goes back; saw {between}")
    passed = between[-1] - between[0]
    least, most = before[-1] - after[0], after[-1] - before[0]
    slack = 0.002 + loop.resolution
    expect(
        least - slack <= passed <= most + slack,
        f"expected the clock to move by {least * 1e3:.1f} to {most * 1e3:.1f} ms; it moved by {passed * 1e3:.1f} ms",
    )


@clause("TM-016", timeout=3)
def setting_the_wall_clock_does_not_move_it(stage: Stage) -> None:
    """Let time.time jump by a day, as after an administrator's correction, and read the loop's clock before and after."""
    loop = stage.loop()
    real, real_ns = time.time, time.time_ns
    fired: list[bool] = []
    loop.call_at(loop.time() + 3600.0, fired.append, True)
    began = loop.time()
    try:
        time.time = lambda: real() + 86400.0
        time.time_ns = lambda: real_ns() + 86400 * 10**9
        stage.turns(loop)
        moved = loop.time() - began
    finally:
        time.time, time.time_ns = real, real_ns
    expect(moved < 3600.0, f"expected a jump of the wall clock not to move the loop's clock; it moved by {moved:.0f} s")
    expect(not fired, "expected a timer an hour ahead not to run when the wall clock jumps by a day, but it did")


@clause("TM-017", timeout=3)
def a_delay_after_long_work_counts_from_then(stage: Stage) -> None:
    """From a callback that has worked for 15 ms set a timer 12 ms ahead, and measure the time until it runs."""
    loop = stage.loop()
    set_at: list[float] = []
    took: list[float] = []

    def work() -> None:
        time.sleep(0.015)
        set_at.append(time.monotonic())
        loop.call_at(loop.time() + 0.012, run)

    def run() -> None:
        took.append(time.monotonic() - set_at[0])
        loop.stop()

    loop.add_callback(work)
    loop.start()
    expect(
        took[0] > 0.008 - loop.resolution,
        f"expected a timer 12 ms ahead to run after 12 ms; it ran after {took[0] * 1e3:.1f} ms",
    )


@clause("TM-018", timeout=3, serial=True)
def an_idle_loop_is_punctual(stage: Stage) -> None:
    """Set a timer 3 ms ahead on an idle loop, up to seven times; four of them must come within 20 ms."""
    loop = stage.loop()
    late: list[float] = []

    def run(deadline: float) -> None:
        late.append(loop.time() - deadline)
        loop.stop()

    while sum(each <= 0.020 for each in late) < 4 and len(late) < 7:
        deadline = loop.time() + 0.003
        loop.add_callback(loop.call_at, deadline, run, deadline)
        loop.start()
    punctual = sum(each <= 0.020 for each in late)
    expect(
        punctual >= 4,
        f"expected timers within 20 ms of their deadlines; late by {[round(each * 1e3) for each in late]} ms",
    )
