"""Clauses on fork: each child leaves by os._exit and is waited for, and the parent's loop is tried out afterwards."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from squall_conformance.clause import clause
from squall_conformance.stage import Stage, expect
from squall_loops.contract import READ, EventLoop


def in_child(action: Callable[[], object]) -> str:
    """Fork, run ``action`` in the child, wait for the child, and return the error it ended with, or nothing."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reader)
            action()
        except BaseException as exc:  # noqa: BLE001 - the parent is told, whatever it is
            os.write(writer, repr(exc).encode()[:4000])
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        error = answer.read().decode()
    os.waitpid(child, 0)
    return error


class Work:
    """The parent's loop with a socket and a timer that were there before the fork."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.sock, self.peer = stage.pair()
        self.loop: EventLoop = stage.loop()
        self.calls: list[int] = []
        self.fired: list[bool] = []
        self.loop.add_handler(self.sock, lambda _fd, events: self.calls.append(events), READ)
        stage.turns(self.loop, 2)
        self.loop.call_at(self.loop.time() + 0.01, self.fired.append, True)

    def expect_undisturbed(self, after: str) -> None:
        """Fail unless the socket, the timer, callbacks and a wake-up from another thread all work in the parent."""
        strays = len(self.calls)
        expect(not strays, f"after {after} the parent's idle socket was reported {strays} times")
        self.peer.send(b"x")
        served = self.stage.until(self.loop, lambda: self.calls)
        expect(served, f"after {after} the parent's loop no longer serves the socket that it watched before")
        self.loop.update_handler(self.sock, 0)
        expect(self.stage.until(self.loop, lambda: self.fired), f"after {after} the parent's timer has not run")
        woken: list[bool] = []

        def wake() -> None:
            woken.append(True)
            self.loop.stop()

        guard = self.loop.call_at(self.loop.time() + 0.5, self.loop.stop)  # a deaf loop is told from a slow one
        waker = threading.Timer(0.005, self.loop.add_callback, [wake])
        waker.start()
        self.loop.start()
        waker.join()
        self.loop.remove_timeout(guard)
        expect(woken, f"after {after} a callback from another thread no longer wakes the parent's loop")


@clause("FK-001", timeout=4)
def a_child_that_exits_disturbs_nothing(stage: Stage) -> None:
    """Fork in a callback, let the child exit at once, and go on."""
    work = Work(stage)
    errors: list[str] = []
    work.loop.add_callback(lambda: errors.append(in_child(lambda: None)))
    stage.turns(work.loop, 3)
    expect(errors == [""], f"the child should have exited without error, but: {errors}")
    work.expect_undisturbed("a forked child has exited")


@clause("FK-002", timeout=4)
def a_child_may_close_the_inherited_loop(stage: Stage) -> None:
    """Fork, let the child close the inherited loop, and go on in the parent."""
    work = Work(stage)
    in_child(work.loop.close)
    work.expect_undisturbed("a forked child has closed the inherited loop")


@clause("FK-003", timeout=4)
def a_child_may_run_a_loop_of_its_own(stage: Stage) -> None:
    """Fork, let the child make a loop, serve a socket and a timer with it and close it, and go on in the parent."""
    work = Work(stage)

    def use_a_new_loop() -> None:
        new = Work(stage)
        new.expect_undisturbed("making a loop of its own")
        new.loop.close()

    error = in_child(use_a_new_loop)
    expect(not error, f"a forked child could not make and run a loop of its own: {error}")
    work.expect_undisturbed("a forked child has run a loop of its own")


@clause("FK-004", timeout=4)
def a_child_may_remove_its_copy_of_a_handler(stage: Stage) -> None:
    """Fork, let the child remove the handler from the inherited loop, and see it served in the parent."""
    work = Work(stage)
    in_child(lambda: work.loop.remove_handler(work.sock))
    work.expect_undisturbed("a forked child has removed the handler from the inherited loop")


@clause("FK-005", timeout=3)
def a_child_cannot_start_the_inherited_loop(stage: Stage) -> None:
    """Fork, and let the child ask the inherited loop to stop and then to start."""
    loop = stage.loop()
    stage.turns(loop, 2)

    def start() -> None:
        loop.stop()
        try:
            loop.start()
        except RuntimeError:
            return
        expect(False, "it started")

    error = in_child(start)
    expect(not error, f"a forked child should get RuntimeError from start of the inherited loop, but: {error}")
