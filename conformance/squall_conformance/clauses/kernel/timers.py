"""Clauses on timers: each runs, once, in order, and as soon as its deadline has passed."""

from __future__ import annotations

from squall_conformance.clause import clause
from squall_conformance.stage import Stage, expect, expect_raises
from squall_loops.contract import EventLoop

SHUFFLED = (7, 2, 9, 0, 4, 8, 1, 6, 3, 5)


def step(loop: EventLoop) -> float:
    """Return a difference of deadlines, in seconds, that the loop has to tell apart."""
    return max(0.0002, 4 * loop.resolution)


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
    stage.let_pass(loop, base + 10 * step(loop))
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
    stage.let_pass(loop, deadline)
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


@clause("TM-019", timeout=3)
def not_a_number_is_refused(stage: Stage) -> None:
    """Offer a NaN among good deadlines; it must be refused, and the others run."""
    loop = stage.loop()
    seen: list[int] = []
    base = loop.time() + 0.002
    for index in SHUFFLED:
        loop.call_at(base + index * step(loop), seen.append, index)
        expect_raises(ValueError, "call_at with the deadline NaN", loop.call_at, float("nan"), seen.append, -1)
    stage.let_pass(loop, base + 10 * step(loop))
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
    stage.let_pass(loop, base + 0.006)
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
    stage.let_pass(loop, deadline + step(loop))
    stage.until(loop, lambda: len(fired) >= 2, seconds=0.5)
    wanted = ["set before the first start", "set in the first run"]
    expect(
        sorted(fired) == sorted(wanted),
        f"expected both timers to run after the second start; saw {fired}, of these {len(early)} before it",
    )
