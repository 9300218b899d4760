"""Waiting for several, for the first, for a while."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc

import pytest

from squall import gen
from squall.concurrent import Future


def _failed(error):
    future = Future()
    future.set_exception(error)
    return future


def _complete(value):
    future = Future()
    future.set_result(value)
    return future


def test_multi_raises_the_first_exception_and_logs_the_others(caplog):
    future = gen.multi([_complete(1), _failed(ValueError("first")), _failed(KeyError("second"))])
    with pytest.raises(ValueError, match="first"):
        future.result()
    assert [record.exc_info[0] for record in caplog.records] == [KeyError]


def test_multi_does_not_log_quiet_exceptions(caplog):
    future = gen.multi([_failed(ValueError()), _failed(KeyError()), _failed(OSError())], quiet_exceptions=(KeyError, OSError))
    assert isinstance(future.exception(), ValueError)
    del future
    gc.collect()
    assert not caplog.records


def test_multi_waits_for_all_even_if_one_fails():
    pending = Future()
    future = gen.multi({"a": _failed(ValueError()), "b": pending})
    assert not future.done()
    pending.set_result(1)
    assert isinstance(future.exception(), ValueError)


def test_multi_of_nothing_is_complete():
    assert gen.multi([]).result() == []
    assert gen.multi({}).result() == {}


def test_multi_takes_one_future_twice():
    pending = Future()
    future = gen.multi_future([pending, pending])
    pending.set_result(3)
    assert future.result() == [3, 3]


def test_a_cancelled_child_of_multi_is_raised_as_cancellation():
    child = Future()
    future = gen.multi([child])
    child.cancel()
    with pytest.raises(asyncio.CancelledError):
        future.result()


def test_with_timeout_hands_on_what_comes_in_time(io_loop):
    @gen.coroutine
    def main():
        value = yield gen.with_timeout(dt.timedelta(hours=1), _complete(1))
        future = Future()
        io_loop.add_callback(future.set_exception, ValueError("in time"))
        with pytest.raises(ValueError, match="in time"):
            yield gen.with_timeout(io_loop.time() + 3600, future)
        return value

    assert io_loop.run_sync(main) == 1


def test_with_timeout_raises_when_the_time_is_over_and_does_not_cancel(io_loop):
    @gen.coroutine
    def main():
        future = Future()
        with pytest.raises(gen.TimeoutError):
            yield gen.with_timeout(dt.timedelta(0), future)
        assert not future.done()
        io_loop.add_callback(future.set_result, "may be waited for again")
        return (yield future)

    assert io_loop.run_sync(main) == "may be waited for again"


@pytest.mark.parametrize(
    ("quiet", "error", "logged"),
    [((), ValueError, 1), (ValueError, ValueError, 0), ((OSError, ValueError), ValueError, 0), ((), asyncio.CancelledError, 0)],
)
def test_a_failure_after_the_timeout_is_logged_unless_it_is_quiet(io_loop, quiet, error, logged, caplog):
    pending = [Future()]

    @gen.coroutine
    def main():
        with pytest.raises(gen.TimeoutError):
            yield gen.with_timeout(dt.timedelta(0), pending[0], quiet_exceptions=quiet)

    io_loop.run_sync(main)
    pending.pop().set_exception(error())
    gc.collect()
    assert len(caplog.records) == logged


def test_with_timeout_takes_quiet_exceptions_where_later_releases_have_them(io_loop):
    @gen.coroutine
    def main():
        with pytest.raises(gen.TimeoutError):
            yield gen.with_timeout(dt.timedelta(0), Future(), ValueError)
        with pytest.raises(gen.TimeoutError):
            yield gen.with_timeout(dt.timedelta(0), Future(), io_loop)

    io_loop.run_sync(main)


def test_cancelling_a_wait_with_timeout_frees_its_timer(io_loop):
    removed = []
    io_loop.remove_timeout = removed.append

    future = gen.with_timeout(dt.timedelta(hours=1), Future())
    assert future.cancel()
    assert len(removed) == 1


def test_with_timeout_takes_native_coroutines(io_loop):
    async def never():
        await Future()

    async def main():
        with pytest.raises(gen.TimeoutError):
            await gen.with_timeout(dt.timedelta(0), never())

    io_loop.run_sync(main)


def test_sleep_waits_and_a_cancelled_sleep_frees_its_timer(io_loop):
    @gen.coroutine
    def main():
        begun = io_loop.time()
        yield gen.sleep(0.01)
        return io_loop.time() - begun

    assert io_loop.run_sync(main) >= 0.01 - io_loop.event_loop.resolution
    removed = []
    io_loop.remove_timeout = removed.append
    future = gen.sleep(3600)
    assert future.cancel()
    assert len(removed) == 1
    assert not future.cancel()


def test_maybe_future_keeps_futures_and_wraps_values():
    future = Future()
    assert gen.maybe_future(future) is future
    assert gen.maybe_future(5).result() == 5


def test_wait_iterator_yields_in_the_order_of_completion(io_loop):
    pending = [Future() for _ in range(3)]

    @gen.coroutine
    def main():
        iterator = gen.WaitIterator(*pending)
        seen = []
        for index in (2, 0, 1):
            io_loop.add_callback(pending[index].set_result, index)
        while not iterator.done():
            result = yield iterator.next()
            seen.append((result, iterator.current_index, iterator.current_future is pending[result]))
        return seen

    assert io_loop.run_sync(main) == [(2, 2, True), (0, 0, True), (1, 1, True)]


def test_wait_iterator_with_names_goes_on_after_a_failure():
    iterator = gen.WaitIterator(a=_failed(ValueError()), b=_complete(1))
    assert isinstance(iterator.next().exception(), ValueError)
    assert iterator.current_index == "a"
    assert iterator.next().result() == 1
    assert iterator.done()
    with pytest.raises(StopIteration):
        iterator.next()


def test_wait_iterator_works_with_async_for(io_loop):
    async def one():
        await gen.moment
        return 1

    async def main():
        return [result async for result in gen.WaitIterator(one(), _complete(2))]

    assert io_loop.run_sync(main) == [2, 1]


def test_wait_iterator_refuses_positions_and_names_together():
    with pytest.raises(ValueError, match="not both"):
        gen.WaitIterator(Future(), a=Future())
