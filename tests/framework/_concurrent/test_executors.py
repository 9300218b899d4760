"""Blocking code and callbacks behind futures."""

from __future__ import annotations

import functools
import threading
from concurrent import futures

import pytest

from squall import gen
from squall.concurrent import Future, ReturnValueIgnoredError, dummy_executor, return_future, run_on_executor


def test_the_dummy_executor_runs_at_once():
    assert dummy_executor.submit(divmod, 7, 2).result() == (3, 1)
    assert isinstance(dummy_executor.submit(lambda: 1 / 0).exception(), ZeroDivisionError)
    dummy_executor.shutdown()


class Worker:
    def __init__(self, io_loop, executor=dummy_executor):
        self.io_loop = io_loop
        self.executor = self.pool = executor

    @run_on_executor
    def double(self, number, plus=0):
        return 2 * number + plus, threading.current_thread()

    @run_on_executor(executor="pool")
    def fail(self):
        raise ValueError("in the pool")


def test_run_on_executor_returns_a_future_that_can_be_yielded_and_awaited(io_loop):
    with futures.ThreadPoolExecutor(1) as pool:
        worker = Worker(io_loop, pool)

        async def main():
            value, thread = await worker.double(4, plus=1)
            assert thread is not threading.current_thread()
            with pytest.raises(ValueError, match="in the pool"):
                await worker.fail()
            return value

        assert io_loop.run_sync(main, timeout=5) == 9


def test_run_on_executor_calls_a_callback_with_the_result(io_loop):
    seen = []
    worker = Worker(io_loop)
    worker.double(3, callback=lambda result: (seen.append(result[0]), io_loop.stop()))
    io_loop.start()
    assert seen == [6]


@return_future
def later(io_loop, value, callback):
    io_loop.add_callback(callback, value)


def test_return_future_turns_a_callback_into_a_future(io_loop):
    assert io_loop.run_sync(lambda: later(io_loop, 5)) == 5


def test_return_future_still_calls_the_callers_callback(io_loop):
    seen = []
    assert io_loop.run_sync(lambda: later(io_loop, 5, callback=seen.append)) == 5
    assert seen == [5]


def test_return_future_without_a_value_is_none_and_calls_back_without_arguments():
    @return_future
    def at_once(callback):
        callback()

    seen = []
    assert at_once(lambda *args: seen.append(args)).result() is None
    assert seen == [()]


def test_return_future_raises_at_once_what_is_raised_at_once():
    @return_future
    def broken(callback):
        raise ValueError("at once")

    with pytest.raises(ValueError, match="at once"):
        broken()


def test_return_future_refuses_a_return_value():
    @return_future
    def returns(callback):
        return 1

    with pytest.raises(ReturnValueIgnoredError):
        returns()


def test_return_future_ignores_a_second_call():
    @return_future
    def twice(callback):
        callback(1)
        callback(2)

    assert twice().result() == 1


def test_gen_task_takes_a_function_with_a_callback(io_loop):
    def add(a, b, callback):
        io_loop.add_callback(callback, a + b)

    @gen.coroutine
    def main():
        one = yield gen.Task(add, 1, b=2)
        several = yield gen.Task(lambda callback: callback(1, 2, x=3))
        nothing = yield gen.Task(lambda callback: callback())
        return one, several, nothing

    assert io_loop.run_sync(main) == (3, gen.Arguments((1, 2), {"x": 3}), None)


def test_gen_task_keeps_what_the_function_raises():
    future = gen.Task(functools.partial(int, "x"))
    assert isinstance(future, Future)
    assert isinstance(future.exception(), TypeError)
