"""Clauses on timers: never early, never lost, in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from squall_conformance.clause import clause
from squall_conformance.stage import ClauseFailure, Stage, expect, expect_raises
from squall_loops.contract import READ, EventLoop

LINKS = 1000
"""A chain this long is meant to end early: by then everything else has had its turn many times."""
SHUFFLED = (7, 2, 9, 0, 4, 8, 1, 6, 3, 5)


def step(loop: EventLoop) -> float:
    """Return a difference of deadlines, in seconds, that the loop has to tell apart."""
    return max(0.0002, 4 * loop.resolution)


def let_pass(loop: EventLoop, deadline: float) -> None:
    """Sleep, without the loop, until well after the deadline."""
    time.sleep(max(0.0, deadline - loop.time()) + loop.resolution + 0.002)


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


@clause("TM-002", timeout=2)
def one_set_before_start_ends_an_idle_wait(stage: Stage) -> None:
    """Start a loop that has one timer and nothing else; the timer stops it."""
    loop = stage.loop()
    loop.call_at(loop.time() + 0.003, loop.stop)
    loop.start()


@clause("TM-003", timeout=3)
def they_run_in_the_order_of_their_deadlines(stage: Stage) -> None:
    """Set ten timers in mixed order, let all their deadlines pass, and then run the loop."""
    loop = stage.loop()
    seen: list[int] = []
    base = loop.time() + 0.002
    for index in SHUFFLED:
        loop.call_at(base + index * step(loop), seen.append, index)
    let_pass(loop, base + 10 * step(loop))
    stage.until(loop, lambda: len(seen) >= 10)
    expect(seen == sorted(SHUFFLED), f"expected timers in the order of their deadlines, 0 to 9; saw {seen}")


@clause("TM-003", timeout=3)
def deadlines_in_the_past_keep_their_order_too(stage: Stage) -> None:
    """Set ten timers in mixed order whose deadlines have passed already, and run the loop."""
    loop = stage.loop()
    seen: list[int] = []
    base = loop.time() - 1.0
    for index in SHUFFLED:
        loop.call_at(base + index * step(loop), seen.append, index)
    stage.until(loop, lambda: len(seen) >= 10)
    expect(seen == sorted(SHUFFLED), f"expected timers in the order of their past deadlines, 0 to 9; saw {seen}")


@clause("TM-004", timeout=3)
def equal_deadlines_run_in_the_order_of_scheduling(stage: Stage) -> None:
    """Set 20 timers with one deadline among others that are earlier, and look at their order."""
    loop = stage.loop()
    seen: list[int] = []
    deadline = loop.time() + 0.003
    for index in range(20):
        loop.call_at(deadline, seen.append, index)
        loop.call_at(deadline - 0.001 - index * 0.00005, len, seen)
    let_pass(loop, deadline)
    stage.until(loop, lambda: len(seen) >= 20)
    expect(seen == list(range(20)), f"expected 20 timers of one deadline in the order of scheduling; saw {seen}")


@clause("TM-005", timeout=3)
def a_past_deadline_runs_in_the_next_turn(stage: Stage) -> None:
    """From a callback set a timer whose deadline has passed; count the callbacks of a chain that run before it."""
    loop = stage.loop()
    fired: list[int] = []
    inside: list[bool] = []
    links = 0

    def begin() -> None:
        loop.call_at(loop.time() - 0.001, fired.append, 1)
        inside.extend([True] * len(fired))
        loop.add_callback(link)

    def link() -> None:
        nonlocal links
        links += 1
        if fired or links >= 20:
            loop.stop()
        else:
            loop.add_callback(link)

    loop.add_callback(begin)
    loop.start()
    expect(not inside, "expected a timer with a past deadline not to run inside call_at, but it did")
    expect(
        fired,
        f"expected a timer with a past deadline to run in the next turn; {links} links of a chain ran first",
    )


@clause("TM-005", timeout=2)
def a_past_deadline_does_not_wait(stage: Stage) -> None:
    """From the only callback of an idle loop set a timer with a past deadline that stops the loop."""
    loop = stage.loop()
    loop.add_callback(lambda: loop.call_at(loop.time() - 1.0, loop.stop))
    loop.start()


@clause("TM-006", timeout=3)
def a_removed_one_does_not_run(stage: Stage) -> None:
    """Set and remove one timer before the loop starts and one in a callback, let their deadlines pass, and run the loop."""
    loop = stage.loop()
    fired: list[str] = []

    def set_and_remove(where: str) -> None:
        loop.remove_timeout(loop.call_at(loop.time() + 0.002, fired.append, where))

    set_and_remove("set before start")
    loop.add_callback(set_and_remove, "set by a callback")
    stage.turns(loop, 1)
    deadline = loop.time() + 0.002
    let_pass(loop, deadline)
    stage.turns(loop)
    expect(not fired, f"expected removed timers not to run; saw {fired}")


def note_and_stop(loop: EventLoop, seen: list[str], what: str) -> None:
    """Be a callback that notes that it ran and stops the loop."""
    seen.append(what)
    loop.stop()


def remove(loop: EventLoop, handle: object, when: str) -> None:
    """Remove a timer; an error is a verdict."""
    try:
        loop.remove_timeout(handle)
    except Exception as exc:
        raise ClauseFailure(f"expected remove_timeout {when} to be harmless; it raised {exc!r}") from exc


@clause("TM-007", timeout=3)
def removing_twice_is_harmless(stage: Stage) -> None:
    """Remove one of two timers three times; the other one must run."""
    loop = stage.loop()
    fired: list[str] = []
    handle = loop.call_at(loop.time(), fired.append, "removed")
    loop.call_at(loop.time(), fired.append, "kept")
    for when in ("for the first time", "for the second time", "for the third time"):
        remove(loop, handle, when)
    stage.until(loop, lambda: fired)
    expect(fired == ["kept"], f"expected only the other timer to run; saw {fired}")


@clause("TM-008", timeout=3)
def removing_after_the_run_is_harmless(stage: Stage) -> None:
    """Remove a timer after it has run; one that was set afterwards must run."""
    loop = stage.loop()
    fired: list[str] = []
    handle = loop.call_at(loop.time(), fired.append, "first")
    stage.until(loop, lambda: fired)
    loop.call_at(loop.time(), fired.append, "second")
    remove(loop, handle, "after the timer has run")
    stage.until(loop, lambda: len(fired) >= 2)
    expect(fired == ["first", "second"], f"expected the timer set afterwards to run; saw {fired}")


@clause("TM-008", timeout=3)
def removing_from_inside_itself_is_harmless(stage: Stage) -> None:
    """Let a timer's callback remove its own timer and go on."""
    loop = stage.loop()
    handles: list[object] = []
    ran: list[str] = []

    def run() -> None:
        remove(loop, handles[0], "from inside its own callback")
        ran.append("ran")

    handles.append(loop.call_at(loop.time(), run))
    stage.until(loop, lambda: ran or stage.reports)
    stage.fail_on_reports()
    expect(ran == ["ran"], f"expected the timer to run once; it ran {len(ran)} times")


@clause("TM-009", timeout=3)
def one_removed_by_an_earlier_timer_does_not_run(stage: Stage) -> None:
    """Let two timers be due at once, of which the first removes the second."""
    loop = stage.loop()
    fired: list[str] = []
    now = loop.time()
    late: list[object] = []

    def first() -> None:
        fired.append("first")
        loop.remove_timeout(late[0])

    loop.call_at(now + 0.001, first)
    late.append(loop.call_at(now + 0.001 + step(loop), fired.append, "second"))
    let_pass(loop, now + 0.001 + step(loop))
    stage.until(loop, lambda: fired)
    stage.turns(loop)
    expect(fired == ["first"], f"expected a due timer that an earlier one removed not to run; saw {fired}")


@clause("TM-009", timeout=3)
def one_removed_by_a_callback_does_not_run(stage: Stage) -> None:
    """Let a callback set a timer, outlast its deadline, and then remove it."""
    loop = stage.loop()
    fired: list[str] = []

    def work() -> None:
        deadline = loop.time() + 0.001
        handle = loop.call_at(deadline, fired.append, "removed")
        let_pass(loop, deadline)
        loop.remove_timeout(handle)

    loop.add_callback(work)
    stage.turns(loop)
    expect(not fired, f"expected a due timer that a callback removed not to run; saw {fired}")


@clause("TM-009", timeout=3)
def one_removed_by_a_handler_does_not_run(stage: Stage) -> None:
    """Let a socket's handler outlast a timer's deadline and then remove the timer."""
    left, right = stage.pair()
    loop = stage.loop()
    fired: list[str] = []
    served: list[int] = []

    def handler(_fd: object, _events: int) -> None:
        loop.remove_handler(left)
        deadline = loop.time() + 0.001
        handle = loop.call_at(deadline, fired.append, "removed")
        let_pass(loop, deadline)
        loop.remove_timeout(handle)
        served.append(1)

    loop.add_handler(left, handler, READ)
    right.send(b"x")
    stage.until(loop, lambda: served)
    stage.turns(loop)
    expect(served, "expected a readable socket to be served; it was not")
    expect(not fired, f"expected a due timer that a handler removed not to run; saw {fired}")


@clause("TM-010", timeout=3)
def removing_one_leaves_its_twins(stage: Stage) -> None:
    """Of four due timers with one deadline and one callback, two of them with equal arguments, remove one twin."""
    loop = stage.loop()
    fired: list[int] = []
    deadline = loop.time() + 0.001
    record = fired.append
    handles = [loop.call_at(deadline, record, value) for value in (1, 2, 2, 3)]
    let_pass(loop, deadline)
    loop.remove_timeout(handles[1])
    stage.until(loop, lambda: len(fired) >= 3, seconds=0.5)
    stage.turns(loop)
    expect(sorted(fired) == [1, 2, 3], f"expected the timers left, with 1, 2 and 3, to run once each; saw {sorted(fired)}")


class Held:
    """Something that a timer holds; it counts how many are alive."""

    alive = 0

    def __init__(self) -> None:
        Held.alive += 1

    def __del__(self) -> None:
        Held.alive -= 1

    def run(self) -> None:
        """Be a callback."""


@clause("TM-011", timeout=5)
def mass_cancellation_frees_what_timers_hold(stage: Stage) -> None:
    """Set 2000 timers an hour ahead, each holding an object, remove them all, and count the objects alive."""
    loop = stage.loop()
    before = Held.alive
    handles = [loop.call_at(loop.time() + 3600.0, Held().run, Held()) for _ in range(2000)]
    for handle in handles:
        loop.remove_timeout(handle)
    del handles, handle
    stage.turns(loop)
    alive = Held.alive - before
    # A loop may sweep when enough has gathered: a tenth may linger.
    expect(alive <= 400, f"expected 4000 objects of 2000 removed timers to be freed; {alive} are still alive")


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


@clause("TM-019", timeout=3)
def not_a_number_is_refused(stage: Stage) -> None:
    """Offer a NaN among good deadlines; it must be refused, and the others run."""
    loop = stage.loop()
    seen: list[int] = []
    base = loop.time() + 0.002
    for index in SHUFFLED:
        loop.call_at(base + index * step(loop), seen.append, index)
        expect_raises(ValueError, "call_at with the deadline NaN", loop.call_at, float("nan"), seen.append, -1)
    let_pass(loop, base + 10 * step(loop))
    stage.until(loop, lambda: len(seen) >= 10)
    expect(sorted(seen) == sorted(SHUFFLED), f"expected the ten timers with a number for a deadline to run; saw {seen}")


@clause("TM-020", timeout=5)
def thousands_run_once_each(stage: Stage) -> None:
    """Set 3000 timers over six milliseconds, let their deadlines pass, and count the runs of each."""
    loop = stage.loop()
    runs = [0] * 3000

    def count(index: int) -> None:
        runs[index] += 1

    base = loop.time()
    for index in range(3000):
        loop.call_at(base + (index * 7 % 3000) * 2e-6, count, index)
    let_pass(loop, base + 0.006)
    stage.until(loop, lambda: all(runs))
    stage.turns(loop)
    wrong = {index: times for index, times in enumerate(runs) if times != 1}
    expect(not wrong, f"expected each of 3000 timers to run once; {len(wrong)} did not: index, runs {list(wrong.items())[:4]}")


@clause("TM-021", timeout=3)
def a_closed_loop_refuses_timers(stage: Stage) -> None:
    """Close a loop that has run and set a timer on it."""
    loop = stage.loop()
    stage.turns(loop, 1)
    deadline = loop.time() + 0.001
    loop.close()
    expect_raises(RuntimeError, "call_at on a closed loop", loop.call_at, deadline, len, "never")


@clause("TM-022", timeout=3)
def one_that_waits_at_stop_runs_later(stage: Stage) -> None:
    """Stop the loop before a timer is due, let the deadline pass while the loop stands, and start it again."""
    loop = stage.loop()
    fired: list[str] = []
    deadline = loop.time() + 0.02
    loop.call_at(deadline, fired.append, "set before the first start")
    loop.add_callback(loop.call_at, deadline + step(loop), fired.append, "set in the first run")
    stage.turns(loop, 2)
    early = list(fired)
    let_pass(loop, deadline + step(loop))
    stage.until(loop, lambda: len(fired) >= 2, seconds=0.5)
    wanted = ["set before the first start", "set in the first run"]
    expect(
        sorted(fired) == sorted(wanted),
        f"expected both timers to run after the second start; saw {fired}, of these {len(early)} before it",
    )
