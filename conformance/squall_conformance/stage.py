"""What a clause stands on: a maker of loops, a few movements that every clause needs, and a way to fail.

Standard library and the contract only, so that a clause with its stage can be printed as a stand-alone script.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from squall_loops.contract import EventLoop


class ClauseFailure(AssertionError):  # noqa: N818 - a verdict on the loop, not an error of ours
    """The loop did not do what the rule says; the message tells what was expected and what was seen."""


class Unsupported(Exception):  # noqa: N818 - an outcome, not an error
    """The clause needs something that this loop or machine does not have; the message tells what."""


def expect(condition: object, message: str) -> None:
    """Fail the clause with ``message`` unless ``condition`` is true. Unlike ``assert`` it also works under ``-O``."""
    if not condition:
        raise ClauseFailure(message)


def expect_raises(
    kinds: type[Exception] | tuple[type[Exception], ...], what: str, call: Callable[..., object], *args: Any
) -> None:
    """Fail the clause unless ``call(*args)`` raises one of ``kinds``; ``what`` names the call in the message."""
    wanted = " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
    try:
        call(*args)
    except kinds:
        return
    except Exception as exc:
        raise ClauseFailure(f"expected {wanted} from {what}, but it raised {exc!r}") from exc
    raise ClauseFailure(f"expected {wanted} from {what}, but nothing was raised")


def expect_works(what: str, call: Callable[..., object], *args: Any) -> None:
    """Fail the clause when ``call(*args)`` raises an error; ``what`` names the call in the message."""
    try:
        call(*args)
    except Exception as exc:
        raise ClauseFailure(f"{what} should work, but raised {exc!r}") from exc


class Stage:
    """Given to each clause. Everything opened through it is closed by ``tear_down``, in reverse order."""

    def __init__(self, make: Callable[[], EventLoop]) -> None:
        self._make = make
        self._closers: list[Callable[[], object]] = []
        self.reports: list[tuple[object, BaseException]] = []
        """What the error hook of loops made by ``loop`` was given: (callback, exception)."""
        self.expects_reports = False
        """Set by clauses that raise on purpose; otherwise any report fails the clause."""

    def loop(self, *, own_hook: bool = False) -> EventLoop:
        """Make a loop of the kind that is judged; its error hook collects into ``reports``, or stays its own."""
        loop = self._make()
        if not own_hook:
            loop.handle_callback_exception = self._report  # type: ignore[method-assign] # the contract allows assigning
        self.later(loop.close)
        return loop

    def _report(self, callback: object, exc: BaseException) -> None:
        self.reports.append((callback, exc))

    def later(self, closer: Callable[[], object]) -> None:
        """Call ``closer`` when the clause is over."""
        self._closers.append(closer)

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Return two connected, non-blocking stream sockets."""
        left, right = socket.socketpair()
        for end in (left, right):
            end.setblocking(False)
            self.later(end.close)
        return left, right

    def tcp_pair(self) -> tuple[socket.socket, socket.socket]:
        """Return two connected, non-blocking TCP sockets on the loopback address."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            left = socket.create_connection(listener.getsockname())
            right, _ = listener.accept()
        for end in (left, right):
            end.setblocking(False)
            self.later(end.close)
        return left, right

    def thread(self, function: Callable[[], object]) -> threading.Thread:
        """Run ``function`` in a thread that has ended when the clause is over; what it raises is a report."""

        def run() -> None:
            try:
                function()
            except Exception as exc:  # noqa: BLE001 - told by fail_on_reports
                self._report(function, exc)

        thread = threading.Thread(target=run, daemon=True)
        self.later(thread.join)
        thread.start()
        return thread

    def on_signal(self, number: int, handler: Callable[[int, Any], object] | int) -> None:
        """Install a signal handler until the clause is over."""
        before = signal.signal(number, handler)
        self.later(lambda: signal.signal(number, before))

    def let_pass(self, loop: EventLoop, deadline: float) -> None:
        """Sleep, without the loop, until well after the deadline."""
        time.sleep(max(0.0, deadline - loop.time()) + loop.resolution + 0.002)

    def turns(self, loop: EventLoop, count: int = 5) -> None:
        """Run the loop for a few turns, each with its look at descriptors and timers, and stop it."""
        left = count

        def turn() -> None:
            nonlocal left
            left -= 1
            if left > 0:
                loop.add_callback(turn)
            else:
                loop.stop()

        loop.add_callback(turn)
        loop.start()

    def until(self, loop: EventLoop, condition: Callable[[], object], seconds: float = 1.0) -> bool:
        """Run turns, none of which waits, until ``condition()`` holds; return False after ``seconds`` and 100 turns in vain."""
        started, count = time.monotonic(), 0

        def turn() -> None:
            nonlocal count
            count += 1
            if condition() or (count >= 100 and time.monotonic() - started > seconds):
                loop.stop()
            else:
                loop.add_callback(turn)

        loop.add_callback(turn)
        loop.start()
        return bool(condition())

    def run_for(self, loop: EventLoop, seconds: float) -> None:
        """Run the loop for that long by its own timers."""
        handle = loop.call_at(loop.time() + seconds, loop.stop)
        loop.start()
        loop.remove_timeout(handle)

    def busy(self, loop: EventLoop, seconds: float) -> float:
        """Let the loop wait that long and return the share of the time in which this process used the CPU."""
        wall, cpu = time.monotonic(), time.process_time()
        self.run_for(loop, seconds)
        return (time.process_time() - cpu) / (time.monotonic() - wall)

    def fail_on_reports(self) -> None:
        """Fail when a callback, handler or timer raised although the clause expected none to."""
        if self.reports and not self.expects_reports:
            callback, exc = self.reports[0]
            if isinstance(exc, (ClauseFailure, Unsupported)):
                raise exc
            message = f"{callback!r} raised {exc!r}"
            raise ClauseFailure(message) from exc

    def tear_down(self) -> None:
        """Close what was opened, last first. An error in one does not keep the others from being closed."""
        errors: list[Exception] = []
        while self._closers:
            try:
                self._closers.pop()()
            except Exception as exc:  # noqa: BLE001 - collected, and raised below
                errors.append(exc)
        if errors:
            raise errors[0]


def unsupported(reason: str) -> NoReturn:
    """End the clause with the outcome ``unsupported``."""
    raise Unsupported(reason)
