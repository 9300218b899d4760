"""Loops that break one rule on errors each."""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable
from functools import partial

from saboteurs.catalogue import saboteur
from saboteurs.reference import Call, Reference, Registration, Timer
from squall_loops.contract import Callback


class Counting(Reference):
    """Counts the errors that it reports."""

    errors = 0

    def report(self, callback: Callback, exc: BaseException) -> None:
        self.errors += 1
        super().report(callback, exc)


@saboteur(
    "EX-001",
    "the callback after one that raised gets lost, unless it is the last",
    reason="expected 6 callbacks to run beside 5 that raise",
)
class LosesTheNext(Counting):
    lose = False

    def make_call(self, call: Call) -> None:
        if isinstance(call, Timer):
            super().make_call(call)
        elif self.lose and self.callbacks:
            self.lose = False
        else:
            before = self.errors
            super().make_call(call)
            self.lose = self.errors > before


@saboteur(
    "EX-002",
    "a handler that raises is removed, as Twisted removes its readers",
    reason="to stay registered",
)
class RemovesRaisingHandlers(Counting):
    def serve(self, registration: Registration, events: int) -> None:
        before = self.errors
        super().serve(registration, events)
        if self.errors > before:
            self.remove_handler(registration.fd)


@saboteur(
    "EX-003", "a timer that raises takes the other due ones with it", reason="expected 6 timers to run beside 6 that raise"
)
class DropsTheOtherTimers(Counting):
    def run_timers(self) -> None:
        before = self.errors
        for timer in self.due_timers(self.time()):
            if self.errors == before:
                self.make_call(timer)


@saboteur("EX-004", "reports a wrapper of its own instead of the callback", reason="function itself; it named")
class NamesAWrapper(Reference):
    def report(self, callback: Callback, exc: BaseException) -> None:
        super().report(partial(callback), exc)


class Swallowing(Reference):
    """Reports one kind of exception that should leave."""

    swallowed: type[BaseException]

    def run(self, context: contextvars.Context, callback: Callback, args: tuple[object, ...]) -> None:
        try:
            super().run(context, callback, args)
        except self.swallowed as exc:
            self.report(callback, exc)


@saboteur("EX-005", "KeyboardInterrupt is logged and ignored", reason="expected KeyboardInterrupt to leave start")
class SwallowsInterrupts(Swallowing):
    swallowed = KeyboardInterrupt


@saboteur("EX-006", "SystemExit is logged and ignored", reason="expected SystemExit of a callback to leave start")
class SwallowsExits(Swallowing):
    swallowed = SystemExit


@saboteur(
    "EX-007", "logs that there was an error, without its traceback", reason="expected the error with its traceback in the log"
)
class LogsWithoutTraceback(Reference):
    def handle_callback_exception(self, callback: Callback, exc: BaseException) -> None:
        logging.getLogger("squall.loops").error("error in %r: %r", callback, exc)


@saboteur("EX-008", "what the error hook raises ends the loop", reason="after the error hook raised")
class BurnsWithTheHook(Reference):
    def report(self, callback: Callback, exc: BaseException) -> None:
        self.handle_callback_exception(callback, exc)


@saboteur("EX-009", "only what is an Exception is caught", reason="after something with a BaseException raised")
class CatchesExceptionsOnly(Reference):
    def run(self, context: contextvars.Context, callback: Callable[..., object], args: tuple[object, ...]) -> None:
        try:
            context.run(callback, *args)
        except Exception as exc:  # noqa: BLE001 - the defect
            self.report(callback, exc)
