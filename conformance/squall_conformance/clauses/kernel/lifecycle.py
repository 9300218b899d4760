"""Clauses on the lifecycle: start, stop, close, and again."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from functools import partial

from squall_conformance.clause import clause
from squall_conformance.stage import Stage, expect, expect_raises, expect_works
from squall_loops.contract import READ, Callback, EventLoop

FAR = 0.6
"""Seconds until a timer that nobody should wait for: long beside a turn, short beside the patience of the watchdog."""


class Thing:
    """Something that can be called and of which it can be told whether it still exists."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *_args: object) -> None:
        """Count the call."""
        self.calls += 1


class Owner:
    """An object that owns a descriptor and only notes that it is to be closed."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.closed = 0

    def fileno(self) -> int:
        """Return the descriptor."""
        return self.number

    def close(self) -> None:
        """Count the call."""
        self.closed += 1


def is_open(number: int) -> bool:
    """Tell whether the number is an open descriptor."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def pending_work(stage: Stage, loop: EventLoop) -> None:
    """Give the loop an idle descriptor and a far timer, which are no reason to stay."""
    left, _right = stage.pair()
    loop.add_handler(left, lambda _fd, _events: None, READ)
    handle = loop.call_at(loop.time() + FAR, int)
    stage.later(lambda: loop.remove_timeout(handle))


def expect_prompt_return(loop: EventLoop, what: str) -> None:
    """Fail unless start returns well before the far timer."""
    begun = time.monotonic()
    loop.start()
    took = time.monotonic() - begun
    expect(took < FAR / 2, f"after stop was called by {what}, start took {took:.2f} s to return, with a timer {FAR} s ahead")


@clause("LC-001", timeout=3)
def stops_from_a_callback(stage: Stage) -> None:
    """Call stop in a callback while a descriptor is idle and a timer far."""
    loop = stage.loop()
    pending_work(stage, loop)
    loop.add_callback(loop.stop)
    expect_prompt_return(loop, "a callback")


@clause("LC-001", timeout=3)
def stops_from_a_handler(stage: Stage) -> None:
    """Call stop in a handler while another descriptor is idle and a timer far."""
    left, right = stage.pair()
    loop = stage.loop()
    pending_work(stage, loop)
    loop.add_handler(left, lambda _fd, _events: loop.stop(), READ)
    right.send(b"x")
    expect_prompt_return(loop, "a handler")


@clause("LC-001", timeout=3)
def stops_from_a_timer(stage: Stage) -> None:
    """Call stop in a timer while a descriptor is idle and another timer far."""
    loop = stage.loop()
    pending_work(stage, loop)
    loop.call_at(loop.time() + 0.005, loop.stop)
    expect_prompt_return(loop, "a timer")


@clause("LC-002", timeout=3)
def stop_before_start_allows_one_turn(stage: Stage) -> None:
    """Stop a loop that has not started, with a callback waiting that adds itself again, and start it."""
    loop = stage.loop()
    turns: list[int] = []

    def again() -> None:
        turns.append(len(turns))
        if len(turns) < 50:
            loop.add_callback(again)
        else:
            loop.stop()

    loop.add_callback(again)
    loop.stop()
    loop.start()
    expect(turns, "after stop and start the waiting callback has not run")
    expect(
        len(turns) == 1, f"stop before start should allow one turn; a callback that adds itself ran {len(turns)} times (of 50)"
    )


@clause("LC-003", timeout=3)
def starts_again_with_all_it_had(stage: Stage) -> None:
    """Start and stop a loop twenty times; a descriptor and a timer from the first start are served in the last."""
    left, right = stage.pair()
    loop = stage.loop()
    calls: list[int] = []
    fired: list[bool] = []
    loop.add_handler(left, lambda _fd, events: calls.append(events), READ)
    loop.call_at(loop.time() + 0.02, fired.append, True)
    for number in range(20):
        ran: list[int] = []
        loop.add_callback(ran.append, number)
        loop.add_callback(loop.stop)
        expect_works(f"start number {number + 1}", loop.start)
        expect(ran == [number], f"start number {number + 1} returned, and its callback has run {len(ran)} times")
    right.send(b"x")
    expect(stage.until(loop, lambda: calls), "after 20 starts the descriptor registered before the first is no longer served")
    loop.remove_handler(left)
    expect(stage.until(loop, lambda: fired), "after 20 starts the timer set before the first has not run")


@clause("LC-004", timeout=3)
def refuses_to_start_twice(stage: Stage) -> None:
    """Call start in a callback; it is refused, and the loop goes on."""
    loop = stage.loop()
    loop.add_callback(expect_raises, RuntimeError, "start of a running loop", loop.start)
    ran: list[bool] = []
    loop.call_at(loop.time() + 0.005, ran.append, True)
    going = stage.until(loop, lambda: ran)
    stage.fail_on_reports()
    expect(going, "after a nested start the running loop has ended, or its timers have")


@clause("LC-005", timeout=3)
def a_stop_ends_one_start(stage: Stage) -> None:
    """Stop twice before a start and twice within one; the start after it runs until it is stopped."""
    loop = stage.loop()
    left = 0

    def count_down() -> None:
        nonlocal left
        left -= 1
        if left:
            loop.add_callback(count_down)
        else:
            loop.stop()

    def ask_twice() -> None:
        loop.stop()
        loop.stop()

    for where in ("before start", "in a callback"):
        if where == "before start":
            ask_twice()
            loop.add_callback(loop.stop)
        else:
            loop.add_callback(ask_twice)
        loop.start()
        left = 5
        loop.add_callback(count_down)
        loop.start()
        expect(not left, f"a stop asked for twice {where} ended two starts: the second returned after {5 - left} of 5 turns")


@clause("LC-006", timeout=3)
def waits_with_nothing_to_do(stage: Stage) -> None:
    """Start a loop with nothing registered, and stop it from another thread after 30 ms."""
    loop = stage.loop()
    stopper = threading.Timer(0.03, loop.add_callback, [loop.stop])
    begun = time.monotonic()
    stopper.start()
    try:
        expect_works("start of a loop with nothing registered", loop.start)
    finally:
        took = time.monotonic() - begun
        stopper.cancel()
        stopper.join()
    expect(
        took >= 0.029, f"a loop with nothing registered returned from start after {took * 1000:.1f} ms; it was stopped after 30"
    )


@clause("LC-007", timeout=3)
def closes_twice(stage: Stage) -> None:
    """Close a loop three times; descriptors that were opened after the first close stay open."""
    loop = stage.loop()
    stage.turns(loop, 2)
    loop.close()
    opened = [end.fileno() for _ in range(10) for end in stage.pair()]
    for all_fds in (False, True):
        expect_works(f"close(all_fds={all_fds}) of a closed loop", loop.close, all_fds)
    gone = [number for number in opened if not is_open(number)]
    expect(not gone, f"a second close has closed the descriptors {gone}, which were opened by others after the first")


@clause("LC-008", timeout=3)
def refuses_to_close_while_it_runs(stage: Stage) -> None:
    """Call close in a callback; it is refused, and the loop goes on to serve a descriptor."""
    left, right = stage.pair()
    loop = stage.loop()
    calls: list[int] = []
    loop.add_handler(left, lambda _fd, events: calls.append(events), READ)
    loop.add_callback(expect_raises, RuntimeError, "close of a running loop", loop.close)
    loop.add_callback(right.send, b"x")
    served = stage.until(loop, lambda: calls)
    stage.fail_on_reports()
    expect(served, "after close was refused the running loop no longer serves its descriptor")


@clause("LC-009", timeout=3)
def refuses_to_start_after_close(stage: Stage) -> None:
    """Start a closed loop, one that has run and one that has not."""
    loop = stage.loop()
    loop.close()
    expect_raises(RuntimeError, "start of a closed loop", loop.start)
    loop = stage.loop()
    stage.turns(loop, 2)
    loop.close()
    expect_raises(RuntimeError, "start of a loop that has run and was closed", loop.start)


@clause("LC-010", timeout=3)
def closes_all_that_is_registered(stage: Stage) -> None:
    """Register a socket, a number and an object with a close() of its own, and close the loop with all_fds."""
    (sock, _peer), (left, right) = stage.pair(), stage.pair()
    number = os.dup(left.fileno())
    owner = Owner(right.fileno())
    loop = stage.loop()
    for thing in (sock, number, owner):
        loop.add_handler(thing, lambda _fd, _events: None, READ)
    stage.turns(loop, 2)
    loop.close(all_fds=True)
    expect(owner.closed == 1, f"close(all_fds=True) called a registered object's close() {owner.closed} times; it should once")
    expect(is_open(owner.number), "close(all_fds=True) closed an object's descriptor by its number, behind the object's back")
    expect(sock.fileno() == -1, "close(all_fds=True) has not closed a registered socket by its close()")
    expect(not is_open(number), f"close(all_fds=True) has left the registered number {number} open")


@clause("LC-011", timeout=3)
def leaves_descriptors_open(stage: Stage) -> None:
    """Close a loop with a socket, a number and an object registered, and use them afterwards."""
    (sock, peer), (left, right) = stage.pair(), stage.pair()
    owner = Owner(right.fileno())
    loop = stage.loop()
    for thing in (sock, left.fileno(), owner):
        loop.add_handler(thing, lambda _fd, _events: None, READ)
    stage.turns(loop, 2)
    loop.close()
    gone = [what for what, end in (("socket", sock), ("number", left), ("object", right)) if not is_open(end.fileno())]
    expect(not gone and not owner.closed, f"close() without all_fds has closed what was registered as {gone or 'object'}")
    peer.send(b"x")
    expect(sock.recv(1) == b"x", "a socket that was registered does not work after close()")


@clause("LC-012", timeout=4)
def a_new_loop_follows_a_closed_one(stage: Stage) -> None:
    """Make, use and close three loops, one after the other."""
    left, right = stage.pair()
    right.send(b"x")
    for number in range(1, 4):
        loop = stage.loop()
        calls: list[int] = []
        fired: list[bool] = []
        loop.add_handler(left, lambda _fd, events, calls=calls: calls.append(events), READ)  # type: ignore[misc] # mypy cannot infer it
        loop.call_at(loop.time() + 0.001, fired.append, True)
        works = stage.until(loop, lambda calls=calls, fired=fired: calls and fired)  # type: ignore[misc] # the same
        expect(
            works,
            f"loop {number} of 3 in one process served its descriptor {len(calls)} times and its timer {len(fired)} times",
        )
        loop.remove_handler(left)
        loop.close()


@clause("LC-013", timeout=3)
def a_closed_loop_allows_cleaning_up_only(stage: Stage) -> None:
    """Add a handler to a closed loop, then remove a handler and a timer that it had."""
    (left, right) = stage.pair()
    loop = stage.loop()
    loop.add_handler(left, lambda _fd, _events: None, READ)
    handle = loop.call_at(loop.time() + 60, int)
    loop.close()
    expect_raises(RuntimeError, "add_handler on a closed loop", loop.add_handler, right, lambda _fd, _events: None, READ)
    expect_works("remove_handler on a closed loop", loop.remove_handler, left)
    expect_works("remove_timeout on a closed loop", loop.remove_timeout, handle)


@clause("LC-014", timeout=3)
def close_drops_what_waits(stage: Stage) -> None:
    """Close a loop with a callback, a timer and a handler waiting; none runs, and none is kept alive by the closed loop."""
    left, right = stage.pair()
    loop = stage.loop()
    stage.turns(loop, 2)
    things = [Thing(), Thing(), Thing()]
    names = ("callback", "timer", "handler")
    loop.add_callback(things[0])
    loop.call_at(loop.time() - 1, things[1])
    loop.add_handler(left, things[2], READ)
    right.send(b"x")
    loop.close()
    ran = [name for name, thing in zip(names, things, strict=True) if thing.calls]
    expect(not ran, f"close has run the waiting {' and '.join(ran)}")
    watched = [weakref.ref(thing) for thing in things]
    things.clear()
    gc.collect()
    kept = [name for name, reference in zip(names, watched, strict=True) if reference() is not None]
    expect(not kept, f"the closed loop still holds the {' and '.join(kept)}")


@clause("LC-015", timeout=3)
def the_turn_is_finished(stage: Stage) -> None:
    """Let the first of five waiting callbacks call stop, once before the first start and once while the loop runs."""
    loop = stage.loop()
    ran: list[int] = []
    five: list[Callback] = [loop.stop, *(partial(ran.append, number) for number in range(4))]

    def add_five() -> None:
        for callback in five:
            loop.add_callback(callback)

    for where, add in (("before start", add_five), ("in a callback", partial(loop.add_callback, add_five))):
        ran.clear()
        add()
        loop.start()
        expect(
            ran == [0, 1, 2, 3], f"of 4 callbacks that waited behind stop, added {where}, {len(ran)} ran in that turn: {ran}"
        )
