"""From blocking code and from callbacks to futures."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent import futures
from typing import Any

from squall._concurrent.current import current_loop
from squall._concurrent.future import Future
from squall._concurrent.states import ReturnValueIgnoredError, chain_future
from squall.util import ArgReplacer


class DummyExecutor(futures.Executor):
    """An executor without threads: ``submit`` calls the function at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        """Call ``fn`` now and return a complete ``concurrent.futures.Future``."""
        future: futures.Future[Any] = futures.Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is the outcome
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the base class's
        """Do nothing: there is nothing to shut down."""


dummy_executor = DummyExecutor()


def run_on_executor(fn: Callable[..., Any] | None = None, *, executor: str = "executor", io_loop: str = "io_loop") -> Any:
    """Make a method run on ``self.executor`` and return a Future, which can be awaited.

    Use it bare, or with the name of the attribute: ``@run_on_executor(executor="_pool")``. As in Tornado 4.0 a keyword
    argument ``callback`` is not passed on; it is called with the result on ``self.io_loop`` (or the attribute named by
    ``io_loop``, or else the current loop).
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Future[Any]]:
        @functools.wraps(method)
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Future[Any]:
            callback = kwargs.pop("callback", None)
            future: Future[Any] = Future()
            # The loop is taken here: the executor's thread has none.
            loop = getattr(self, io_loop, None) or current_loop()
            submitted = getattr(self, executor).submit(method, self, *args, **kwargs)
            if submitted.done():
                chain_future(submitted, future)
            else:
                loop.add_future(submitted, lambda done: chain_future(done, future))
            if callback is not None:
                loop.add_future(future, lambda done: callback(done.result()))
            return future

        return wrapper

    return decorate if fn is None else decorate(fn)


_NO_RESULT = object()


def return_future(f: Callable[..., Any]) -> Callable[..., Future[Any]]:
    """Make a function that takes a ``callback`` return a Future, which is complete when it calls that callback.

    A callback given by the caller is called too, with the result. What the function raises before it returns goes to the
    caller at once. A value returned other than None is a ReturnValueIgnoredError. Of Tornado 4.0; new code writes
    coroutines.
    """
    replacer = ArgReplacer(f, "callback")

    @functools.wraps(f)
    def wrapper(*args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def finish(value: Any = _NO_RESULT) -> None:
            if not future.done():
                future.set_result(value)

        callback, new_args, new_kwargs = replacer.replace(finish, args, kwargs)
        result = f(*new_args, **new_kwargs)
        if result is not None:
            raise ReturnValueIgnoredError("@return_future should not be used with functions that return values")
        return _without_marker(future, callback)

    return wrapper


def _without_marker(future: Future[Any], callback: Callable[..., object] | None) -> Future[Any]:
    """Return a Future whose result is None where the callback was called without any, as the caller's is then called."""
    shown: Future[Any] = Future()

    def show(done: Future[Any]) -> None:
        value = done.result()
        shown.set_result(None if value is _NO_RESULT else value)

    def call(done: Future[Any]) -> None:
        value = done.result()
        if callback is not None:
            callback(*(() if value is _NO_RESULT else (value,)))

    future.add_done_callback(show)
    if callback is not None:
        future.add_done_callback(call)
    return shown
