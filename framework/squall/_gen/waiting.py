"""Waiting with a limit, for a time, for whichever comes first, or for an old-style callback."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Callable
from typing import Any

from squall._concurrent.current import Loop, current_loop
from squall._concurrent.future import Future
from squall._concurrent.hosting import is_cancellation
from squall._concurrent.states import chain_future, is_future, outcome
from squall._gen.convert import adopted, convert_yielded
from squall._gen.yieldpoints import adapt_arguments
from squall.log import app_log
from squall.util import TimeoutError  # noqa: A004 - Tornado's public name


def Task(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: N802 - Tornado's public name
    """Call a function that takes a ``callback`` keyword; the Future's result is what the callback is called with.

    More than one argument, or keywords, become :class:`Arguments`. What the function raises becomes the exception.
    """
    future: Future[Any] = Future()

    def finish(value: Any) -> None:
        if not future.done():
            future.set_result(value)

    try:
        func(*args, callback=adapt_arguments(finish), **kwargs)
    except Exception as error:
        if future.done():
            raise
        future.set_exception(error)
    return future


def maybe_future(x: Any) -> Any:
    """Return ``x`` if it is a future, else a Future that is complete with it."""
    if is_future(x):
        return x
    future: Future[Any] = Future()
    future.set_result(x)
    return future


class _Sleep(Future[None]):
    """Frees its timer when it is cancelled."""

    _loop: Loop
    _timer: Any

    def cancel(self, msg: object = None) -> bool:
        if self._done:
            return False
        self._loop.remove_timeout(self._timer)
        return super().cancel(msg)


def sleep(duration: float) -> Future[None]:
    """Return a Future that is complete after ``duration`` seconds. Cancelling it frees the timer."""
    future = _Sleep()
    future._loop = current_loop()  # noqa: SLF001 - of this module
    future._timer = future._loop.call_later(duration, future.set_result, None)  # noqa: SLF001 - of this module
    return future


def with_timeout(
    timeout: float | dt.timedelta,
    future: Any,
    io_loop: Any = None,
    quiet_exceptions: Any = (),
) -> Future[Any]:
    """Wait for anything that can be yielded, but not for ever: ``gen.TimeoutError`` when the time is over.

    ``timeout`` is a deadline (seconds of the loop's clock) or a timedelta. What was waited for is not cancelled and may
    be waited for again; if it fails after the time-out, that is logged unless it is a cancellation or of a class in
    ``quiet_exceptions`` (a class or a tuple of classes). Cancelling the returned Future frees the timer.

    ``io_loop`` is Tornado 4.0's; later releases have ``quiet_exceptions`` in that place, which is understood too.
    """
    if isinstance(io_loop, type | tuple):
        io_loop, quiet_exceptions = None, io_loop
    source = adopted(convert_yielded(future))
    result: Future[Any] = Future()
    chain_future(source, result)
    if result.done():
        return result
    loop: Loop = current_loop() if io_loop is None else io_loop

    def log_late(late: Future[Any]) -> None:
        _, error = outcome(late)
        if error is not None and not is_cancellation(error) and not isinstance(error, quiet_exceptions):
            app_log.error("Future %r failed after its timeout", late, exc_info=error)

    def expire() -> None:
        if not result.done():
            source._add_callback(log_late)  # noqa: SLF001 - neither context nor delay is wanted
            result.set_exception(TimeoutError("Timeout"))

    timer = loop.add_timeout(timeout, expire)
    result._add_callback(lambda _: loop.remove_timeout(timer))  # noqa: SLF001 - as above
    return result


class WaitIterator:
    """Yields futures' results as they come; each ``next()`` returns a Future for the next one.

    Made with futures as arguments or as keywords, not both. ``current_index`` is the position or the keyword of the one
    that came last, ``current_future`` the future itself. ``async for`` works too. An exception of one future is raised by
    its turn alone; go on with the others.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("give futures as arguments or as keywords, not both")
        named: list[tuple[Any, Any]] = list(kwargs.items()) if kwargs else list(enumerate(args))
        self._left = len(named)
        self._finished: deque[tuple[Any, Any]] = deque()
        self._running: Future[Any] | None = None
        self.current_index: Any = None
        self.current_future: Any = None
        for index, given in named:
            self._watch(index, given)

    def done(self) -> bool:
        """Say whether there is nothing more to come."""
        return self._left == 0

    def next(self) -> Future[Any]:
        """Return a Future with the outcome of the next one that is complete.

        Ask for it again only when that Future is complete; StopIteration when there is nothing more to come.
        """
        if self.done():
            raise StopIteration
        self._running = Future()
        if self._finished:
            self._hand_over(*self._finished.popleft())
        return self._running

    def __aiter__(self) -> WaitIterator:
        return self

    def __anext__(self) -> Future[Any]:
        if self.done():
            raise StopAsyncIteration
        return self.next()

    def _watch(self, index: Any, given: Any) -> None:
        future = convert_yielded(given)
        source = adopted(future)

        def finish(_: Future[Any]) -> None:
            if self._running is not None and not self._running.done():
                self._hand_over(index, future)
            else:
                self._finished.append((index, future))

        source._add_callback(finish)  # noqa: SLF001 - neither context nor delay is wanted

    def _hand_over(self, index: Any, future: Any) -> None:
        self._left -= 1
        self.current_index, self.current_future = index, future
        if self._running is not None:
            chain_future(future, self._running)  # last: the coroutine that wakes may ask for the next one at once
