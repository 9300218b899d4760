"""Waiting for several things at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from squall._concurrent.future import Future
from squall._concurrent.states import outcome
from squall._gen.convert import adopted, convert_yielded
from squall._gen.yieldpoints import Multi, YieldPoint
from squall.log import app_log


def multi(children: Any, quiet_exceptions: Any = ()) -> Any:
    """Wait for a list or a dict of things that can be yielded; the result is a list or a dict of their results.

    All start at once. When all are complete, the first exception (in the order of the children) is raised; the others
    are logged unless they are of a class in ``quiet_exceptions`` (a class or a tuple of classes). Yielding a list or a
    dict in a coroutine is the same; native coroutines say ``await gen.multi(...)``.

    Returns a Future, or a yield point if a child is one (Tornado 4.0's).
    """
    given = children.values() if isinstance(children, Mapping) else children
    if any(isinstance(child, YieldPoint) for child in given):
        return Multi(children, quiet_exceptions)
    return multi_future(children, quiet_exceptions)


def multi_future(children: Any, quiet_exceptions: Any = ()) -> Future[Any]:
    """Do what :func:`multi` does, for futures and what can be converted to them only."""
    keys = list(children) if isinstance(children, Mapping) else None
    given = children.values() if isinstance(children, Mapping) else children
    sources = [adopted(convert_yielded(child)) for child in given]
    result: Future[Any] = Future()
    left = sum(not source._done for source in sources)  # noqa: SLF001 - neither context nor delay is wanted in any of this

    def one_done(_: Future[Any]) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            _gather(sources, keys, result, quiet_exceptions)

    if left == 0:
        _gather(sources, keys, result, quiet_exceptions)
    else:
        for source in sources:
            if not source._done:  # noqa: SLF001 - as above
                source._add_callback(one_done)  # noqa: SLF001 - as above
    return result


def _gather(sources: list[Future[Any]], keys: list[Any] | None, result: Future[Any], quiet_exceptions: Any) -> None:
    outcomes = [outcome(source) for source in sources]
    for error in [error for _, error in outcomes if error is not None]:
        if not result.done():
            result.set_exception(error)
        elif not isinstance(error, quiet_exceptions):
            app_log.error("Multiple exceptions in yield list", exc_info=error)
    if not result.done():
        values = [value for value, _ in outcomes]
        result.set_result(values if keys is None else dict(zip(keys, values, strict=True)))


@convert_yielded.register(list)
@convert_yielded.register(dict)
def _convert_several(yielded: Any) -> Any:
    return multi(yielded)
