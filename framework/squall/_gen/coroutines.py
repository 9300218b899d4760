"""The decorators, and native coroutines as something that can be yielded."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar, overload

from squall._concurrent.current import current_loop, maybe_current_loop
from squall._concurrent.future import Future
from squall._concurrent.states import ReturnValueIgnoredError, chain_future
from squall._gen.convert import convert_yielded
from squall._gen.runner import CoroutineFuture, Return, start

P = ParamSpec("P")
R = TypeVar("R")


@convert_yielded.register(Coroutine)
def _convert_coroutine(yielded: Coroutine[Any, Any, Any]) -> Any:
    """Start a native coroutine: as the host's own task where it has such, else by our runner, and then at once."""
    loop = maybe_current_loop()
    if loop is not None and loop.native_task is not None:
        return loop.native_task(yielded)
    future = CoroutineFuture()
    start(yielded, future, copy_context())
    try:
        return future
    finally:
        del future  # a traceback holds this frame, and would so hold the future that holds the exception


@overload
def coroutine(func: Callable[P, Generator[Any, Any, R]], replace_callback: bool = True) -> Callable[P, Future[R]]: ...  # noqa: FBT001, FBT002 - Tornado's signature
@overload
def coroutine(func: Callable[P, R], replace_callback: bool = True) -> Callable[P, Future[R]]: ...  # noqa: FBT001, FBT002 - Tornado's signature


def coroutine(func: Callable[..., Any], replace_callback: bool = True) -> Callable[..., Future[Any]]:  # noqa: FBT001, FBT002 - Tornado's signature
    """Make a generator function return a Future and run as a coroutine, in which ``yield`` waits.

    The generator runs at once up to the first ``yield`` that has to wait; if there is none, the Future is complete on
    return. It runs in a copy of the caller's context: what it sets there the caller does not see. Return a value with
    ``return`` or ``raise gen.Return(value)``.

    A function without ``yield`` works too, also one that is native or returns a generator. With ``replace_callback`` (as
    in Tornado 4.0) a keyword argument ``callback`` is not passed on; it is called with the result when there is one.

    Cancelling the Future does not end the generator (use ``async def`` for that): its result is dropped, its exception
    logged.
    """
    is_generator = inspect.isgeneratorfunction(func)
    # Makes "yield from" take native coroutines, and "await" the bare generator.
    func = types.coroutine(func) if is_generator else func

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if replace_callback and "callback" in kwargs:
            _call_with_result(future, kwargs.pop("callback"))
        context = copy_context()
        if is_generator:
            try:
                generator = func(*args, **kwargs)
            except TypeError as error:  # the arguments do not fit
                future.set_exception(error)
                return future
        else:
            generator = context.run(_call, func, args, kwargs, future)
            if generator is None:
                return future
        start(generator, future, context)
        try:
            return future
        finally:
            del future  # a traceback holds this frame, and would so hold the future that holds the exception

    wrapper.__wrapped__ = func
    wrapper.__tornado_coroutine__ = True  # type: ignore[attr-defined] # the mark that later releases of Tornado look for
    return wrapper


def engine(func: Callable[..., Any]) -> Callable[..., None]:
    """Run a generator function as a coroutine that returns nothing; it calls a callback itself when it is done.

    Superseded by :func:`coroutine`. What it raises before it waits goes to the caller, later exceptions to the log.
    A result other than None is a ReturnValueIgnoredError.
    """
    inner = coroutine(func, replace_callback=False)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        def check(future: Future[Any]) -> None:
            result = future.result()
            if result is not None:
                raise ReturnValueIgnoredError(f"@gen.engine functions cannot return values: {result!r}")

        future = inner(*args, **kwargs)
        if future.done():
            check(future)
        else:
            future.add_done_callback(check)

    return wrapper


def is_coroutine_function(func: Any) -> bool:
    """Say whether ``func`` was made by :func:`coroutine`; for native ones ask ``inspect.iscoroutinefunction``."""
    return bool(getattr(func, "__tornado_coroutine__", False))


def _call_with_result(future: Future[Any], callback: Callable[[Any], object]) -> None:
    if callback is not None:
        current_loop().add_future(future, lambda done: callback(done.result()))


def _call(func: Callable[..., Any], args: Any, kwargs: Any, future: Future[Any]) -> Any:
    """Call a function without ``yield``: return a generator if it made one, else complete the future."""
    try:
        result = func(*args, **kwargs)
        if isinstance(result, Generator):
            return result
        if isinstance(result, Coroutine):
            chain_future(convert_yielded(result), future)
            return None
    except (Return, StopIteration) as returned:
        result = returned.value
    except Exception as error:  # noqa: BLE001 - it is the outcome
        future.set_exception(error)
        func = args = kwargs = future = None  # type: ignore[assignment] # the traceback holds this frame: no cycles through it
        return None
    future.set_result(result)
    return None
