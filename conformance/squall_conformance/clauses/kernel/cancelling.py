"""Clauses on removed timers: they do not run, and they leave all others alone."""

from __future__ import annotations

from squall_conformance.clause import clause
from squall_conformance.stage import ClauseFailure, Stage, expect
from squall_loops.contract import READ, EventLoop


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
    stage.let_pass(loop, deadline)
    stage.turns(loop)
    expect(not fired, f"expected removed timers not to run; saw {fired}")


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
    handle = loop.call_at(loop.time() + 0.002, fired.append, "removed")
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
    handles: list[object] = []
    loop.add_callback(lambda: handles.append(loop.call_at(loop.time(), fired.append, "first")))
    stage.until(loop, lambda: fired)
    loop.call_at(loop.time(), fired.append, "second")
    remove(loop, handles[0], "after the timer has run")
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
    now, gap = loop.time(), max(0.0002, 4 * loop.resolution)
    late: list[object] = []

    def first() -> None:
        fired.append("first")
        loop.remove_timeout(late[0])

    loop.call_at(now + 0.001, first)
    late.append(loop.call_at(now + 0.001 + gap, fired.append, "second"))
    stage.let_pass(loop, now + 0.001 + gap)
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
        stage.let_pass(loop, deadline)
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
        stage.let_pass(loop, deadline)
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
    stage.let_pass(loop, deadline)
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
