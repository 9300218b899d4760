"""Coroutines: write asynchronous code as if it were not.

::

    @gen.coroutine
    def fetch(self):
        response = yield client.fetch(url)
        return response.body

Native coroutines (``async def``) do the same with ``await``; both may be mixed at will: a ``gen.coroutine`` can yield a
native coroutine, and its Future can be awaited in one. On asyncio hosts native coroutines run as asyncio's own tasks;
everywhere else they are run here, and then what they await must be ours or something that :func:`convert_yielded` knows.

The older style of ``Callback``, ``Wait`` and ``engine`` is supported for programs that use it. It is written out in
Tornado 4.0's documentation.
"""

import squall._ioloop.loop  # noqa: F401 - coroutines need loops; this is what makes them
from squall._concurrent.states import ReturnValueIgnoredError
from squall._gen.convert import BadYieldError, convert_yielded, moment
from squall._gen.coroutines import coroutine, engine, is_coroutine_function
from squall._gen.multi import multi, multi_future
from squall._gen.runner import Return, Runner
from squall._gen.waiting import Task, WaitIterator, maybe_future, sleep, with_timeout
from squall._gen.yieldpoints import (
    Arguments,
    Callback,
    KeyReuseError,
    LeakedCallbackError,
    Multi,
    UnknownKeyError,
    Wait,
    WaitAll,
    YieldFuture,
    YieldPoint,
)
from squall.util import TimeoutError  # noqa: A004 - Tornado's public name

MultiYieldPoint = Multi

__all__ = [
    "Arguments",
    "BadYieldError",
    "Callback",
    "KeyReuseError",
    "LeakedCallbackError",
    "Multi",
    "MultiYieldPoint",
    "Return",
    "ReturnValueIgnoredError",
    "Runner",
    "Task",
    "TimeoutError",
    "UnknownKeyError",
    "Wait",
    "WaitAll",
    "WaitIterator",
    "YieldFuture",
    "YieldPoint",
    "convert_yielded",
    "coroutine",
    "engine",
    "is_coroutine_function",
    "maybe_future",
    "moment",
    "multi",
    "multi_future",
    "sleep",
    "with_timeout",
]
