"""One call of ``run_sync``."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from squall._concurrent.future import Future
from squall._concurrent.states import chain_future, is_future
from squall._gen.convert import convert_yielded
from squall.util import TimeoutError  # noqa: A004 - Tornado's public name


class SyncRun:
    """Calls a function on a loop and stops the loop when the outcome is there, or the time is over."""

    def __init__(self, loop: Any, func: Callable[[], Any], timeout: float | None) -> None:
        self._loop = loop
        self._func = func
        self._timeout = timeout
        self._outcome: Future[Any] = Future()
        self._waited: Any = None
        self._expired = self._over = False

    def run(self) -> Any:
        """Start the loop and return the function's result; see ``IOLoop.run_sync``."""
        loop = self._loop
        loop.add_callback(self._begin)
        timer = None if self._timeout is None else loop.call_later(self._timeout, self._expire)
        try:
            loop.start()
        finally:
            self._over = True
            if timer is not None:
                loop.remove_timeout(timer)
        if self._expired and (self._outcome.cancelled() or not self._outcome.done()):
            raise TimeoutError(f"Operation timed out after {self._timeout} seconds")
        if not self._outcome.done():
            raise TimeoutError("the loop was stopped before the operation was complete")
        return self._outcome.result()

    def _begin(self) -> None:
        if self._over:
            return  # the loop could not be started; a later start is none of this call's business
        self._outcome._add_callback(self._stop)  # noqa: SLF001 - neither context nor delay is wanted
        try:
            result = self._func()
            if is_future(result) or isawaitable(result):
                self._waited = convert_yielded(result)
                chain_future(self._waited, self._outcome)
            else:
                self._outcome.set_result(result)
        except Exception as error:  # noqa: BLE001 - raised by run
            self._outcome.set_exception(error)

    def _expire(self) -> None:
        self._expired = True
        # A native coroutine gets the chance to clean up, and its end stops the loop.
        if self._waited is None or not self._waited.cancel():
            self._loop.stop()

    def _stop(self, _: Future[Any]) -> None:
        if not self._over:
            self._loop.stop()
