"""Completing futures, whoever made them: ours, asyncio's, or those of ``concurrent.futures``."""

from __future__ import annotations

from collections.abc import Callable
from concurrent import futures
from typing import Any

from squall._concurrent.current import current_loop
from squall._concurrent.future import ExcInfo, Future
from squall._concurrent.hosting import is_asyncio_future, is_cancellation
from squall.log import app_log

FUTURES = (futures.Future, Future)
"""The classes of futures that exist in every program; :func:`is_future` knows asyncio's too."""


class ReturnValueIgnoredError(Exception):
    """A function whose result goes to a callback returned a value as well."""


def is_future(x: Any) -> bool:
    """Say whether ``x`` is a future: ours, of ``concurrent.futures``, or any that follows asyncio's protocol."""
    return isinstance(x, FUTURES) or is_asyncio_future(x)


def future_set_result_unless_cancelled(future: Any, value: Any) -> None:
    """Set the result, unless the future was cancelled: then the value is dropped."""
    if not future.cancelled():
        future.set_result(value)


def future_set_exception_unless_cancelled(future: Any, exc: BaseException) -> None:
    """Set the exception, unless the future was cancelled: then it is logged, so that it is not lost."""
    if not future.cancelled():
        future.set_exception(exc)
    else:
        app_log.error("Exception after Future was cancelled", exc_info=(type(exc), exc, exc.__traceback__))


def future_set_exc_info(future: Any, exc_info: ExcInfo) -> None:
    """Set the exception of a ``sys.exc_info()`` triple, unless the future was cancelled: then it is logged.

    Raises TypeError when the triple is empty.
    """
    if exc_info[1] is None:
        raise TypeError("future_set_exc_info() was called with no exception")
    future_set_exception_unless_cancelled(future, exc_info[1].with_traceback(exc_info[2]))


def future_add_done_callback(future: Any, callback: Callable[[Any], object]) -> None:
    """Call ``callback(future)`` when the future is complete; at once when it is, whatever kind of future it is."""
    if future.done():
        callback(future)
    else:
        future.add_done_callback(callback)


def chain_future(a: Any, b: Any) -> None:
    """Give the outcome of ``a`` to ``b``, unless ``b`` is complete by then. A cancellation of ``a`` cancels ``b``.

    Either may be ours, asyncio's, or of ``concurrent.futures``; the outcome of the last kind arrives through the
    current loop, because it may come from another thread.
    """
    if isinstance(a, Future):
        a._add_callback(lambda done: _copy(done, b))  # noqa: SLF001 - neither context nor delay is wanted
    elif a.done():
        _copy(a, b)
    elif isinstance(a, futures.Future):
        current_loop().add_future(a, lambda done: _copy(done, b))
    else:
        a.add_done_callback(lambda done: _copy(done, b))


def outcome(future: Any) -> tuple[Any, BaseException | None]:
    """Return ``(result, None)`` or ``(None, exception)`` of a complete future of any kind."""
    try:
        return future.result(), None
    except BaseException as error:  # noqa: BLE001 - what another piece of code raised is handed on, not handled
        return None, error


def _copy(a: Any, b: Any) -> None:
    if b.done():
        return
    value, error = outcome(a)
    if error is None:
        b.set_result(value)
    elif isinstance(error, futures.CancelledError) or is_cancellation(error):
        b.cancel()
    else:
        b.set_exception(error)
