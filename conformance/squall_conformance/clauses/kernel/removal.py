"""Clauses on descriptors that go away: removed in mid-turn, closed, duplicated, their numbers used again."""

from __future__ import annotations

import os
import socket
from functools import partial

from squall_conformance.clause import clause
from squall_conformance.stage import Stage, expect
from squall_loops.contract import READ, WRITE

SPIN = 0.05
"""The share of the CPU above which a wait is no wait: idle loops use less than half a percent, a spin takes what it can get."""


@clause("FD-010", timeout=3)
def a_removed_neighbour_is_silent(stage: Stage) -> None:
    """Make eight sockets ready at once; the first handler that is called removes all the others."""
    pairs = [stage.pair() for _ in range(8)]
    loop = stage.loop()
    called: list[socket.socket] = []

    def handler(fd: socket.socket, _events: int) -> None:
        called.append(fd)
        for left, _right in pairs:
            if len(called) == 1 and left is not fd:
                loop.remove_handler(left)

    for left, right in pairs:
        loop.add_handler(left, handler, READ)
        right.send(b"x")
    expect(stage.until(loop, lambda: called), "none of 8 readable sockets was served")
    stage.turns(loop, 3)
    strangers = len({fd.fileno() for fd in called}) - 1
    expect(not strangers, f"{strangers} of 7 handlers were called after remove_handler had returned for them")


@clause("FD-010", timeout=3)
def a_handler_that_removes_itself_is_silent(stage: Stage) -> None:
    """Let a socket be readable and writable; its handler removes itself in the first call."""
    left, right = stage.pair()
    loop = stage.loop()
    calls: list[int] = []

    def handler(fd: socket.socket, events: int) -> None:
        calls.append(events)
        loop.remove_handler(fd)

    loop.add_handler(left, handler, READ | WRITE)
    right.send(b"x")
    expect(stage.until(loop, lambda: calls), "a readable and writable socket was not served")
    stage.turns(loop, 3)
    expect(len(calls) == 1, f"a handler that removed itself in its first call was called {len(calls)} times: {calls}")


@clause("FD-013", timeout=3)
def a_reused_number_gets_no_old_event(stage: Stage) -> None:
    """Of two readable sockets the first one served closes the other and registers an idle one under its number."""
    pairs = [stage.pair(), stage.pair()]
    idle, peer = stage.pair()
    numbers = [os.dup(left.fileno()) for left, _right in pairs]
    for number in numbers:
        stage.later(partial(os.close, number))
    loop = stage.loop()
    taken: list[int] = []
    stale: list[int] = []

    def handler(fd: int, _events: int) -> None:
        if taken:
            return
        other = numbers[1 - numbers.index(fd)]
        loop.remove_handler(other)
        os.close(other)
        os.dup2(idle.fileno(), other)
        taken.append(other)
        loop.add_handler(other, lambda _fd, events: stale.append(events), READ)
        loop.remove_handler(fd)

    for number, (_left, right) in zip(numbers, pairs, strict=True):
        loop.add_handler(number, handler, READ)
        right.send(b"x")
    expect(stage.until(loop, lambda: taken), "neither of 2 readable sockets was served")
    stage.turns(loop, 3)
    expect(not stale, f"an idle socket under a reused number got the event {stale[:1]} of the socket before it")
    peer.send(b"x")
    expect(stage.until(loop, lambda: stale), "the socket under a reused number is not served at all")


@clause("FD-029", timeout=3)
def a_handler_may_change_everything(stage: Stage) -> None:
    """One handler adds, updates and removes other sockets and replaces itself, while all of them are ready."""
    own, added, updated, removed = (stage.pair() for _ in range(4))
    for _left, right in (own, added, updated, removed):
        right.send(b"x")
    loop = stage.loop()
    calls: list[str] = []

    def take(name: str, fd: socket.socket) -> None:
        calls.append(name)
        fd.recv(1)

    def change(fd: socket.socket, _events: int) -> None:
        loop.add_handler(added[0], lambda fd, _events: take("added", fd), READ)
        loop.update_handler(updated[0], READ)
        loop.remove_handler(removed[0])
        loop.remove_handler(fd)
        loop.add_handler(fd, lambda fd, _events: take("replaced", fd), READ)
        calls.append("changed")

    loop.add_handler(removed[0], lambda fd, _events: take("removed", fd), READ)
    loop.add_handler(own[0], change, READ)
    loop.add_handler(updated[0], lambda fd, _events: take("updated", fd), 0)
    wanted = {"changed", "added", "updated", "replaced"}
    done = stage.until(loop, lambda: wanted <= set(calls))
    stage.fail_on_reports()
    expect(done, f"of the handlers that one handler set up, these were never called: {sorted(wanted - set(calls))}")


@clause("FD-031", timeout=3)
def a_duplicate_lives_on(stage: Stage) -> None:
    """Register a socket and its duplicate, remove and close the first, and see the second one served alone."""
    left, right = stage.pair()
    twin = os.dup(left.fileno())
    stage.later(partial(os.close, twin))
    loop = stage.loop()
    first: list[int] = []
    second: list[int] = []
    loop.add_handler(left, lambda _fd, events: first.append(events), READ)
    loop.add_handler(twin, lambda _fd, events: second.append(events), READ)
    right.send(b"x")
    expect(stage.until(loop, lambda: first or second), "neither a readable socket nor its duplicate was served")
    loop.remove_handler(left)
    left.close()
    first.clear()
    second.clear()
    expect(stage.until(loop, lambda: second), "after a socket was removed and closed its duplicate is no longer served")
    expect(not first, f"the handler of the removed socket was called {len(first)} times through its duplicate")


@clause("FD-031", timeout=3)
def a_duplicate_causes_no_spin(stage: Stage) -> None:
    """Remove and close a socket with unread data while a duplicate of it is open, and measure the CPU of an idle wait."""
    left, right = stage.pair()
    twin = os.dup(left.fileno())
    stage.later(partial(os.close, twin))
    loop = stage.loop()
    calls: list[int] = []

    def handler(fd: socket.socket, events: int) -> None:
        calls.append(events)
        loop.remove_handler(fd)
        fd.close()

    loop.add_handler(left, handler, READ)
    right.send(b"x")
    expect(stage.until(loop, lambda: calls), "a readable socket was not served")
    share = stage.busy(loop, 0.1)
    expect(
        share < SPIN, f"a loop that has nothing to watch used the CPU for {share:.0%} of 0.1 s because of a duplicate left open"
    )
    expect(len(calls) == 1, f"the handler of a socket removed and closed was called {len(calls)} times")


@clause("FD-032", timeout=3)
def a_stray_close_stays_local(stage: Stage) -> None:
    """Close a registered descriptor behind the loop's back: others are served, the wait is quiet, the number is free."""
    left, right = stage.pair()
    other, peer = stage.pair()
    fresh, end = stage.pair()
    number = os.dup(left.fileno())
    left.close()
    loop = stage.loop()
    calls: list[int] = []
    loop.add_handler(number, lambda _fd, _events: None, READ)
    loop.add_handler(other, lambda _fd, events: calls.append(events), READ)
    stage.turns(loop, 2)
    os.close(number)
    peer.send(b"x")
    expect(stage.until(loop, lambda: calls), "after a registered descriptor was closed another one is no longer served")
    other.recv(1)
    share = stage.busy(loop, 0.1)
    expect(share < SPIN, f"with a closed descriptor registered, the idle loop used the CPU for {share:.0%} of 0.1 s")
    loop.remove_handler(number)
    os.dup2(fresh.fileno(), number)
    stage.later(partial(os.close, number))
    anew: list[int] = []
    loop.add_handler(number, lambda _fd, events: anew.append(events), READ)
    end.send(b"x")
    expect(stage.until(loop, lambda: anew), "the number of a descriptor that was closed and then removed is not watched anew")
    right.close()
