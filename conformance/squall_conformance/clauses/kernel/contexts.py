"""Clauses on contexts: contextvars follow the work."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from functools import partial

from squall_conformance.clause import clause
from squall_conformance.stage import Stage, expect
from squall_loops.contract import READ, WRITE, EventLoop

REQUEST = contextvars.ContextVar("request", default="nobody's")


def within(value: str, call: Callable[..., object], *args: object) -> None:
    """Make the call in a fresh context in which the variable has that value; change the variable there afterwards."""

    def run() -> None:
        REQUEST.set(value)
        call(*args)
        REQUEST.set("changed since")

    contextvars.copy_context().run(run)


def note(seen: list[str]) -> None:
    """Be a callback that notes its context's variable."""
    seen.append(REQUEST.get())


@clause("CX-001", timeout=3)
def a_callback_runs_in_the_context_of_its_adding(stage: Stage) -> None:
    """Add callbacks from three contexts, before start and from inside the loop, and note the variable that each sees."""
    loop = stage.loop()
    seen: list[str] = []
    within("first", loop.add_callback, note, seen)
    within("second", loop.add_callback, note, seen)
    loop.add_callback(within, "third", loop.add_callback, note, seen)
    stage.turns(loop)
    expect(sorted(seen) == ["first", "second", "third"], f"expected callbacks in the contexts first, second, third; saw {seen}")


@clause("CX-002", timeout=3)
def a_timer_runs_in_the_context_of_its_setting(stage: Stage) -> None:
    """Set timers from three contexts, before start and from inside the loop, and note the variable that each sees."""
    loop = stage.loop()
    seen: list[str] = []
    now = loop.time()
    within("first", loop.call_at, now - 1, note, seen)
    within("second", loop.call_at, now + 0.001, note, seen)
    loop.add_callback(within, "third", loop.call_at, now + 0.002, note, seen)
    stage.until(loop, lambda: len(seen) >= 3)
    expect(
        sorted(seen) == ["first", "second", "third"],
        f"expected timers in the contexts first, second, third; saw {sorted(seen)}",
    )


@clause("CX-003", timeout=3)
def a_handler_keeps_its_context(stage: Stage) -> None:
    """Add a handler in one context, update it in another, and note the variable that it sees."""
    left, right = stage.pair()
    loop = stage.loop()
    seen: list[str] = []
    within("owner", loop.add_handler, left, lambda _fd, _events: note(seen), READ)
    right.send(b"x")
    stage.until(loop, lambda: seen)
    expect(set(seen) == {"owner"}, f"expected a handler to run in the context of its adding, owner; saw {seen[:1]}")
    seen.clear()
    within("stranger", loop.update_handler, left, READ | WRITE)
    stage.until(loop, lambda: seen)
    expect(set(seen) == {"owner"}, f"expected a handler to keep its context, owner, after update_handler; saw {seen[:1]}")


def change(value: str) -> None:
    """Be a callback that changes its context's variable."""
    REQUEST.set(value)


def change_by_handler(stage: Stage, loop: EventLoop) -> None:
    """Register a handler that changes its context's variable once."""
    left, right = stage.pair()

    def handler(_fd: object, _events: int) -> None:
        loop.remove_handler(left)
        REQUEST.set("changed by a handler")

    loop.add_handler(left, handler, READ)
    right.send(b"x")


@clause("CX-004", timeout=3)
def changes_stay_in_the_context_of_their_maker(stage: Stage) -> None:
    """Let a callback, a timer and a handler change the variable; later callbacks and the caller of start see none of it."""
    loop = stage.loop()
    seen: list[str] = []
    REQUEST.set("the caller's")
    loop.add_callback(change, "changed by a callback")
    loop.add_callback(note, seen)
    loop.call_at(loop.time(), change, "changed by a timer")
    loop.call_at(loop.time() + 0.001, note, seen)
    change_by_handler(stage, loop)
    stage.until(loop, lambda: len(seen) >= 2)
    loop.add_callback(note, seen)
    stage.turns(loop)
    expect(
        seen == ["the caller's"] * 3,
        f"expected callbacks to see the variable of those who added them, the caller's; saw {seen}",
    )
    expect(REQUEST.get() == "the caller's", f"expected start to leave its caller's variable alone; it is {REQUEST.get()!r} now")


@clause("CX-005", timeout=3)
def a_callback_of_another_thread_runs_in_its_context(stage: Stage) -> None:
    """Let two threads, each with its own value, add callbacks, and note the variable that they see."""
    loop = stage.loop()
    seen: list[str] = []
    REQUEST.set("the loop's")
    for name in ("first thread", "second thread"):
        stage.thread(partial(within, name, loop.add_callback, note, seen)).join()
    stage.turns(loop)
    expect(
        sorted(seen) == ["first thread", "second thread"],
        f"expected callbacks in the contexts of the threads that added them; saw {seen}",
    )
