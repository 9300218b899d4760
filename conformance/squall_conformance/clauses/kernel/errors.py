"""Clauses on errors: what raises is reported, and the loop goes on."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable

from squall_conformance.clause import clause
from squall_conformance.stage import ClauseFailure, Stage, expect, expect_works
from squall_loops.contract import READ, EventLoop


class Deliberate(Exception):  # noqa: N818 - it is raised on purpose
    """Raised by callbacks of these clauses."""


class DeliberateBase(BaseException):
    """Raised by callbacks of these clauses; no Exception."""


def fail(exc: BaseException) -> None:
    """Be a callback that raises."""
    raise exc


def survive(stage: Stage, loop: EventLoop, done: Callable[[], object], what: str) -> None:
    """Run the loop until ``done()``; an error that leaves ``start`` is a verdict."""
    stage.expects_reports = True
    try:
        stage.until(loop, done, seconds=0.5)
    except BaseException as exc:
        raise ClauseFailure(f"expected the loop to go on after {what} raised; {exc!r} left start") from exc


@clause("EX-001", timeout=3)
def a_callback_that_raises_stops_nothing(stage: Stage) -> None:
    """Add callbacks of which every second one raises; the others must all run, in this turn and later."""
    loop = stage.loop()
    seen: list[int] = []
    for index in range(5):
        loop.add_callback(seen.append, index)
        loop.add_callback(fail, Deliberate("on purpose"))
    loop.add_callback(loop.add_callback, seen.append, 5)
    survive(stage, loop, lambda: len(seen) >= 6, "a callback")
    expect(sorted(seen) == [0, 1, 2, 3, 4, 5], f"expected 6 callbacks to run beside 5 that raise; saw {sorted(seen)}")


@clause("EX-002", timeout=3)
def a_handler_that_raises_stays_registered(stage: Stage) -> None:
    """Of two readable sockets one's handler raises; both must be served again and again."""
    pairs = [stage.pair(), stage.pair()]
    loop = stage.loop()
    calls = {"raising": 0, "other": 0}

    def raising(_fd: object, _events: int) -> None:
        calls["raising"] += 1
        raise Deliberate("on purpose")

    def other(_fd: object, _events: int) -> None:
        calls["other"] += 1

    for (left, right), handler in zip(pairs, (raising, other), strict=True):
        loop.add_handler(left, handler, READ)
        right.send(b"x")
    survive(stage, loop, lambda: min(calls.values()) >= 3, "a handler")
    expect(calls["other"] >= 3, f"expected the neighbour of a handler that raises to be served; it was {calls['other']} times")
    expect(calls["raising"] >= 3, f"expected a handler that raises to stay registered; it was called {calls['raising']} times")


@clause("EX-003", timeout=3)
def a_timer_that_raises_stops_nothing(stage: Stage) -> None:
    """Set timers that are due together, of which every second one raises; the others must all run, and later ones too."""
    loop = stage.loop()
    seen: list[int] = []
    for index in range(5):
        loop.call_at(loop.time(), fail, Deliberate("on purpose"))
        loop.call_at(loop.time(), seen.append, index)
    loop.call_at(loop.time() + 0.002, fail, Deliberate("on purpose"))
    loop.call_at(loop.time() + 0.003, seen.append, 5)
    survive(stage, loop, lambda: len(seen) >= 6, "a timer")
    expect(sorted(seen) == [0, 1, 2, 3, 4, 5], f"expected 6 timers to run beside 6 that raise; saw {sorted(seen)}")


@clause("EX-004", timeout=3)
def each_error_is_reported_once(stage: Stage) -> None:
    """Let a callback, a timer and a handler raise once each, and compare what the error hook was given."""
    left, right = stage.pair()
    loop = stage.loop()
    errors = {what: Deliberate(what) for what in ("callback", "timer", "handler")}

    def callback() -> None:
        raise errors["callback"]

    def timer() -> None:
        raise errors["timer"]

    def handler(_fd: object, _events: int) -> None:
        loop.remove_handler(left)
        raise errors["handler"]

    loop.add_callback(callback)
    loop.call_at(loop.time(), timer)
    loop.add_handler(left, handler, READ)
    right.send(b"x")
    survive(stage, loop, lambda: len(stage.reports) >= 3, "a callback")
    stage.turns(loop)
    for function, exc in zip((callback, timer, handler), errors.values(), strict=True):
        told = [where for where, what in stage.reports if what is exc]
        expect(len(told) == 1, f"expected the error of a {exc} to be reported once, as it is; saw {len(told)} reports of it")
        expect(told[0] is function, f"expected the report to name the {exc}'s function itself; it named {told[0]!r}")
        expect(exc.__traceback__ is not None, f"expected the error of a {exc} to come with its traceback; it has none")
    expect(len(stage.reports) == 3, f"expected three reports, saw {len(stage.reports)}")


@clause("EX-005", timeout=3)
def keyboard_interrupt_leaves_start(stage: Stage) -> None:
    """Let a callback between two others raise KeyboardInterrupt, and start the loop again."""
    loop = stage.loop()
    seen: list[str] = []
    loop.add_callback(seen.append, "before")
    loop.add_callback(fail, KeyboardInterrupt())
    loop.add_callback(seen.append, "after")
    loop.add_callback(loop.stop)
    try:
        loop.start()
    except KeyboardInterrupt:
        pass
    else:
        raise ClauseFailure("expected KeyboardInterrupt to leave start; start returned")
    expect_works("start after a KeyboardInterrupt", stage.turns, loop)
    expect(sorted(seen) == ["after", "before"], f"expected the two other callbacks to run once each in two starts; saw {seen}")


def exit_by_callback(_stage: Stage, loop: EventLoop) -> None:
    """Raise SystemExit in a callback."""
    loop.add_callback(sys.exit, 7)
    loop.add_callback(loop.stop)


def exit_by_timer(_stage: Stage, loop: EventLoop) -> None:
    """Raise SystemExit in a timer."""

    def timer() -> None:
        loop.add_callback(loop.stop)
        sys.exit(7)

    loop.add_callback(loop.call_at, loop.time(), timer)


def exit_by_handler(stage: Stage, loop: EventLoop) -> None:
    """Raise SystemExit in a handler."""
    left, right = stage.pair()

    def handler(_fd: object, _events: int) -> None:
        loop.remove_handler(left)
        loop.add_callback(loop.stop)
        sys.exit(7)

    loop.add_handler(left, handler, READ)
    right.send(b"x")


@clause("EX-006", timeout=3)
def system_exit_leaves_start(stage: Stage) -> None:
    """Call sys.exit(7) in a callback, in a timer and in a handler, each on a loop of its own, and close that loop."""
    stage.expects_reports = True
    for what, arrange in (("callback", exit_by_callback), ("timer", exit_by_timer), ("handler", exit_by_handler)):
        loop = stage.loop()
        arrange(stage, loop)
        try:
            loop.start()
        except SystemExit as exc:
            expect(exc.code == 7, f"expected SystemExit(7) of a {what} to leave start as it is; saw {exc!r}")
        else:
            raise ClauseFailure(f"expected SystemExit of a {what} to leave start; start returned")
        expect_works(f"close after SystemExit of a {what}", loop.close)


class Collector(logging.Handler):
    """Keeps the records that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record."""
        self.records.append(record)


@clause("EX-007", timeout=3)
def the_default_hook_logs_the_traceback(stage: Stage) -> None:
    """Let a callback raise on a loop with its own error hook, and look at what was logged."""
    collector = Collector()
    logging.getLogger().addHandler(collector)
    stage.later(lambda: logging.getLogger().removeHandler(collector))
    loop = stage.loop(own_hook=True)
    error = Deliberate("on purpose")
    loop.add_callback(fail, error)
    stage.turns(loop)
    told = [record for record in collector.records if record.exc_info and record.exc_info[1] is error]
    expect(told, f"expected the error with its traceback in the log; {len(collector.records)} records without it were logged")
    levels = [record.levelname for record in told]
    expect(levels == ["ERROR"], f"expected one record of level ERROR; saw {levels}")


@clause("EX-008", timeout=3)
def a_hook_that_raises_stops_nothing(stage: Stage) -> None:
    """Assign an error hook that raises itself; after a callback, a timer and a handler have raised the loop must go on."""
    left, right = stage.pair()
    loop = stage.loop()
    seen: list[str] = []

    def hook(_callback: object, _exc: BaseException) -> None:
        seen.append("hook")
        raise Deliberate("in the hook")

    def handler(_fd: object, _events: int) -> None:
        loop.remove_handler(left)
        raise Deliberate("on purpose")

    loop.handle_callback_exception = hook  # type: ignore[assignment, method-assign] # the contract allows assigning
    loop.add_handler(left, handler, READ)
    right.send(b"x")
    loop.call_at(loop.time(), fail, Deliberate("on purpose"))
    loop.add_callback(fail, Deliberate("on purpose"))
    loop.add_callback(seen.append, "callback")
    survive(stage, loop, lambda: seen.count("hook") >= 3 and "callback" in seen, "the error hook")
    expect(seen.count("hook") == 3, f"expected three errors to reach a hook that raises each time; {seen.count('hook')} did")
    expect(
        "callback" in seen, "expected the callback after one that raised to run although the error hook raised too; it did not"
    )


@clause("EX-009", timeout=3)
def other_base_exceptions_are_reported(stage: Stage) -> None:
    """Let callbacks, a timer and a handler raise GeneratorExit, CancelledError and a BaseException of our own."""
    left, right = stage.pair()
    loop = stage.loop()
    errors = [GeneratorExit(), asyncio.CancelledError(), DeliberateBase(), DeliberateBase("timer"), DeliberateBase("handler")]
    seen: list[str] = []

    def handler(_fd: object, _events: int) -> None:
        loop.remove_handler(left)
        raise errors[4]

    for exc in errors[:3]:
        loop.add_callback(fail, exc)
    loop.add_callback(seen.append, "after")
    loop.call_at(loop.time(), fail, errors[3])
    loop.add_handler(left, handler, READ)
    right.send(b"x")
    survive(stage, loop, lambda: len(stage.reports) >= 5 and seen, "something with a BaseException")
    expect(seen == ["after"], "expected the callback after those that raised to run; it did not")
    told = [[what for _where, what in stage.reports].count(exc) for exc in errors]
    expect(told == [1] * 5, f"expected one report each of {[repr(exc) for exc in errors]}; saw {told}")
