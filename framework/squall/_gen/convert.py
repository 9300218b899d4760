"""What may be yielded: one open registry turns it into a future."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Generator
from functools import singledispatch
from inspect import isawaitable
from typing import Any

from squall._concurrent.future import Future
from squall._concurrent.states import chain_future, is_future


class BadYieldError(Exception):
    """A coroutine yielded something that nobody can wait for."""


class _Moment(Future[None]):
    """Always complete, and yet it costs a coroutine that yields or awaits it one turn of the loop."""

    def __await__(self) -> Generator[Any, Any, None]:
        yield None  # asyncio's tasks and our runner both take a bare yield for "in the next turn"

    __iter__ = __await__


moment: Future[None] = _Moment()
"""Yield it (or await it) to let the loop turn once; other callbacks, timers and descriptors get theirs. So does ``None``."""
moment.set_result(None)


@singledispatch
def convert_yielded(yielded: Any) -> Any:
    """Turn what a coroutine yielded into a future.

    Taken are futures of any kind, native coroutines and other awaitables, lists and dicts of such, ``None`` (as
    ``moment``), and Twisted's Deferreds where Twisted is loaded. Raises BadYieldError for the rest.

    Open to other libraries: ``@convert_yielded.register(Class)`` on a function that takes the object and returns a future.
    """
    if is_future(yielded):
        return yielded
    converter = _twisted_converter(yielded)
    if converter is not None:
        return converter(yielded)
    if isawaitable(yielded):
        return convert_yielded(_await(yielded))
    raise BadYieldError(f"yielded unknown object {yielded!r}")


@convert_yielded.register(type(None))
def _convert_none(yielded: None) -> Any:  # noqa: ARG001 - the registry passes what was yielded
    return moment


def adopted(future: Any) -> Future[Any]:
    """Return the future itself if it is ours, else one of ours that has the same outcome."""
    if isinstance(future, Future):
        return future
    if not is_future(future):
        raise BadYieldError(f"{future!r} can be yielded to a runner only")
    bridge: Future[Any] = Future()
    chain_future(future, bridge)
    return bridge


def failed(error: BaseException) -> Future[Any]:
    """Return a Future that is complete with the exception."""
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _twisted_converter(yielded: Any) -> Any:
    """Register Twisted's Deferred the first time one is met; it cannot be met before Twisted was imported."""
    defer = sys.modules.get("twisted.internet.defer")
    if defer is None or not isinstance(yielded, defer.Deferred):
        return None
    return convert_yielded.register(defer.Deferred, _convert_deferred)


def _convert_deferred(deferred: Any) -> Future[Any]:
    future: Future[Any] = Future()

    def succeed(result: Any) -> Any:
        if not future.done():
            future.set_result(result)
        return result  # "await deferred" looks at the Deferred's result once it is resumed

    def fail(failure: Any) -> None:
        # Taken over: were the failure left in place, Twisted would report it as unhandled as well.
        error = failure.value
        if not future.done():
            future.set_exception(error.with_traceback(failure.getTracebackObject()))

    deferred.addCallbacks(succeed, fail)
    return future
