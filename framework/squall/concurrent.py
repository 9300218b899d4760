"""Futures for one thread, and bridges to threads and callbacks.

A :class:`Future` holds a result that is not there yet. Coroutines wait for it with ``yield`` or ``await``; callbacks can be
added to it. Unlike those of ``concurrent.futures`` it belongs to one thread, needs no lock, and never blocks.
"""

from concurrent import futures

import squall._ioloop.loop  # noqa: F401 - chaining a thread's future needs a loop; this is what makes them
from squall._concurrent.executors import DummyExecutor, dummy_executor, return_future, run_on_executor
from squall._concurrent.future import Future
from squall._concurrent.states import (
    FUTURES,
    ReturnValueIgnoredError,
    chain_future,
    future_add_done_callback,
    future_set_exc_info,
    future_set_exception_unless_cancelled,
    future_set_result_unless_cancelled,
    is_future,
)

TracebackFuture = Future
"""Tornado 4.0's name for a Future that keeps tracebacks; every Future does."""

__all__ = [
    "FUTURES",
    "DummyExecutor",
    "Future",
    "ReturnValueIgnoredError",
    "TracebackFuture",
    "chain_future",
    "dummy_executor",
    "future_add_done_callback",
    "future_set_exc_info",
    "future_set_exception_unless_cancelled",
    "future_set_result_unless_cancelled",
    "futures",
    "is_future",
    "return_future",
    "run_on_executor",
]
