"""Coroutines that wait for their turn, first come first served; the one piece behind locks and queues."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar

from squall.concurrent import Future
from squall.ioloop import IOLoop
from squall.util import TimeoutError  # noqa: A004 - the framework's name for the built-in one

T = TypeVar("T")
Timeout: TypeAlias = float | dt.timedelta | None
"""When to give up: a time of the loop's clock in seconds, or a span from now; None for never."""


def fail_with_timeout(future: Future[Any]) -> None:
    """End a wait that took too long with TimeoutError."""
    future.set_exception(TimeoutError("timed out waiting"))


class Waiters(Generic[T]):
    """Futures in the order in which they began to wait, each with what it waits with.

    A waiter whose future is done, because it timed out or was cancelled, is dropped at once and never stands in the way.
    """

    def __init__(self) -> None:
        # Not a plain dict: taking the first of a dict again and again walks over all the holes before it.
        self._waiting: OrderedDict[Future[Any], T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self, item: T, timeout: Timeout, on_timeout: Callable[[Future[Any]], object] = fail_with_timeout) -> Future[Any]:
        """Return a new future at the end of the queue; ``on_timeout`` must make it done when the time is up."""
        future: Future[Any] = Future()
        self._waiting[future] = item
        future.add_done_callback(self.drop)
        if timeout is not None:
            _limit(future, timeout, on_timeout)
        return future

    def drop(self, future: Future[Any]) -> None:
        """Forget a waiter; a no-op if it is not waiting here."""
        self._waiting.pop(future, None)

    def maybe_take(self) -> tuple[Future[Any], T] | None:
        """Take out the first waiter, or return None when nobody waits."""
        while self._waiting:
            future, item = self._waiting.popitem(last=False)
            if not future.done():
                return future, item
        return None

    def take_all(self) -> list[Future[Any]]:
        """Take out all waiters: those that begin to wait meanwhile are not among them."""
        taken = [future for future in self._waiting if not future.done()]
        self._waiting.clear()
        return taken


def _limit(future: Future[Any], timeout: float | dt.timedelta, on_timeout: Callable[[Future[Any]], object]) -> None:
    loop = IOLoop.current()

    def expire() -> None:
        if not future.done():
            on_timeout(future)

    handle = loop.add_timeout(timeout, expire)
    future.add_done_callback(lambda _: loop.remove_timeout(handle))
