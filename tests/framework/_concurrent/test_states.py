"""Completing and chaining futures of all kinds."""

from __future__ import annotations

import asyncio
import threading
from concurrent import futures

import pytest

from squall.concurrent import (
    FUTURES,
    Future,
    chain_future,
    future_add_done_callback,
    future_set_exc_info,
    future_set_exception_unless_cancelled,
    future_set_result_unless_cancelled,
    is_future,
)


def test_futures_of_all_kinds_are_futures():
    assert set(FUTURES) == {futures.Future, Future}
    loop = asyncio.new_event_loop()
    try:
        assert all(is_future(future) for future in (Future(), futures.Future(), loop.create_future()))
    finally:
        loop.close()
    assert not any(is_future(thing) for thing in (None, 1, Future, asyncio.Future, lambda: None))


def test_results_for_cancelled_futures_are_dropped():
    future = Future()
    future.cancel()
    future_set_result_unless_cancelled(future, 1)
    assert future.cancelled()
    fresh = Future()
    future_set_result_unless_cancelled(fresh, 1)
    assert fresh.result() == 1


def test_exceptions_for_cancelled_futures_are_logged(caplog):
    future = Future()
    future.cancel()
    error = ValueError("late")
    future_set_exception_unless_cancelled(future, error)
    future_set_exc_info(future, (ValueError, error, None))
    assert [record.exc_info[1] for record in caplog.records] == [error, error]
    fresh = Future()
    future_set_exc_info(fresh, (ValueError, error, None))
    assert fresh.exception() is error


def test_an_empty_triple_is_refused():
    with pytest.raises(TypeError, match="no exception"):
        future_set_exc_info(Future(), (None, None, None))


@pytest.mark.parametrize("make", [Future, futures.Future])
def test_future_add_done_callback_calls_at_once_or_when_complete(make):
    future = make()
    seen = []
    future_add_done_callback(future, seen.append)
    assert not seen
    future.set_result(None)
    future_add_done_callback(future, seen.append)
    assert seen == [future, future]


@pytest.mark.parametrize("make_b", [Future, futures.Future])
def test_chaining_hands_on_result_exception_and_cancellation(make_b):
    chained = []
    for complete in ("result", "exception", "cancellation"):
        a, b = Future(), make_b()
        chain_future(a, b)
        {
            "result": lambda a=a: a.set_result(1),
            "exception": lambda a=a: a.set_exception(ValueError()),
            "cancellation": a.cancel,
        }[complete]()
        chained.append(b)
    assert chained[0].result() == 1
    assert isinstance(chained[1].exception(), ValueError)
    assert chained[2].cancelled()


def test_a_complete_target_is_left_alone():
    a, b = Future(), Future()
    chain_future(a, b)
    b.set_result("mine")
    a.set_result("other")
    assert b.result() == "mine"


def test_a_threads_future_hands_its_outcome_to_ours_in_the_loops_thread(io_loop):
    pool = futures.ThreadPoolExecutor(1)
    release = threading.Event()
    ours = Future()
    seen = []
    ours.add_done_callback(lambda _: seen.append(threading.current_thread()))

    def run():
        chain_future(pool.submit(release.wait, 5), ours)
        release.set()
        return ours

    assert io_loop.run_sync(run, timeout=5) is True
    assert seen == [threading.current_thread()]
    pool.shutdown()
