"""Generators and native coroutines, mixed, on every loop."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
from concurrent import futures

import pytest

from squall import gen
from squall.concurrent import Future
from squall.ioloop import IOLoop


def _complete(value):
    future = Future()
    future.set_result(value)
    return future


def test_a_coroutine_that_does_not_wait_is_complete_on_return():
    @gen.coroutine
    def add(a, b):
        first = yield _complete(a)
        second = yield _complete(b)
        return first + second

    assert add(1, b=2).result() == 3


def test_return_may_be_raised():
    @gen.coroutine
    def old_style():
        yield _complete(None)
        raise gen.Return(5)

    @gen.coroutine
    def without_yield():
        raise gen.Return(6)

    assert old_style().result() == 5
    assert without_yield().result() == 6
    assert gen.Return().value is None


def test_a_function_without_yield_is_a_coroutine_too():
    @gen.coroutine
    def plain(value):
        return value

    @gen.coroutine
    def broken():
        raise ValueError("plain")

    assert plain(3).result() == 3
    assert isinstance(broken().exception(), ValueError)


def test_wrong_arguments_are_an_exception_of_the_future():
    @gen.coroutine
    def no_arguments():
        yield _complete(None)

    assert isinstance(no_arguments(1).exception(), TypeError)


def test_the_decorator_keeps_name_and_signature_and_can_be_recognized():
    @gen.coroutine
    def named(a, b=1):
        """Say something."""
        yield

    assert named.__name__ == "named"
    assert named.__doc__ == "Say something."
    assert list(inspect.signature(named).parameters) == ["a", "b"]
    assert gen.is_coroutine_function(named)
    assert not gen.is_coroutine_function(lambda: None)


def test_what_is_yielded_and_fails_is_raised_at_the_yield(io_loop):
    def fail_later():
        future = Future()
        io_loop.add_callback(future.set_exception, ValueError("later"))
        return future

    @gen.coroutine
    def main():
        try:
            yield fail_later()
        except ValueError as error:
            return str(error)

    assert io_loop.run_sync(main) == "later"


def test_an_exception_leaves_through_all_coroutines_that_wait(io_loop):
    @gen.coroutine
    def inner():
        yield gen.moment
        raise ValueError("deep")

    async def middle():
        await inner()

    @gen.coroutine
    def outer():
        yield middle()

    with pytest.raises(ValueError, match="deep") as caught:
        io_loop.run_sync(outer)
    names = [entry.name for entry in caught.traceback]
    assert names.index("outer") < names.index("middle") < names.index("inner")


def test_both_kinds_call_each_other(io_loop):
    @gen.coroutine
    def generator(depth):
        if depth == 0:
            yield gen.moment
            return "bottom"
        return (yield native(depth - 1))

    async def native(depth):
        return await generator(depth)

    assert io_loop.run_sync(lambda: generator(6)) == "bottom"
    assert io_loop.run_sync(lambda: native(6)) == "bottom"


def test_yield_from_takes_native_coroutines_and_futures(io_loop):
    async def native():
        await gen.moment
        return 1

    @gen.coroutine
    def main():
        one = yield from native()
        two = yield from _complete(2)
        return one + two

    assert io_loop.run_sync(main) == 3


def test_a_decorated_native_coroutine_is_run(io_loop):
    @gen.coroutine
    async def native():
        await gen.moment
        return 4

    assert io_loop.run_sync(native) == 4


@pytest.mark.parametrize("nothing", [None, gen.moment], ids=["none", "moment"])
def test_yielding_nothing_lets_the_loop_turn(io_loop, nothing):
    order = []

    @gen.coroutine
    def main():
        io_loop.add_callback(order.append, "callback")
        yield nothing
        order.append("coroutine")

    io_loop.run_sync(main)
    assert order == ["callback", "coroutine"]


def test_awaiting_a_moment_lets_the_loop_turn(io_loop):
    order = []

    async def main():
        io_loop.add_callback(order.append, "callback")
        await gen.moment
        order.append("coroutine")

    io_loop.run_sync(main)
    assert order == ["callback", "coroutine"]


def test_lists_and_dicts_are_waited_for_together(io_loop):
    async def native(value):
        await gen.moment
        return value

    @gen.coroutine
    def main():
        several = yield [native(1), _complete(2), gen.sleep(0), None]
        named = yield {"a": native(3), "b": [native(4)]}
        return several, named

    assert io_loop.run_sync(main) == ([1, 2, None, None], {"a": 3, "b": [4]})


def test_a_threads_future_may_be_yielded(io_loop):
    with futures.ThreadPoolExecutor(1) as pool:

        @gen.coroutine
        def main():
            quotient = yield pool.submit(divmod, 9, 4)
            with pytest.raises(ZeroDivisionError):
                yield pool.submit(divmod, 9, 0)
            return quotient

        assert io_loop.run_sync(main, timeout=5) == (2, 1)


def test_what_cannot_be_yielded_is_an_error_at_the_yield(io_loop):
    @gen.coroutine
    def main():
        with pytest.raises(gen.BadYieldError, match="unknown object"):
            yield object()
        return "went on"

    assert io_loop.run_sync(main) == "went on"


def test_a_hundred_thousand_complete_futures_need_no_deep_stack_and_no_turn():
    @gen.coroutine
    def main():
        total = 0
        for _ in range(100_000):
            total += yield _complete(1)
        return total

    assert main().result() == 100_000


@pytest.mark.parametrize("kind", ["generator", "native"])
def test_a_long_chain_of_coroutines_that_wait_for_each_other_needs_no_deep_stack(io_loop, kind):
    @gen.coroutine
    def by_yield(before):
        return 1 + (yield before)

    async def by_await(before):
        return 1 + await before

    def main():
        first = link = Future()
        for _ in range(3000):
            link = by_yield(link) if kind == "generator" else gen.convert_yielded(by_await(link))
        io_loop.add_callback(first.set_result, 0)
        return link

    assert io_loop.run_sync(main) == 3000


def test_a_coroutine_is_not_entered_while_another_one_takes_a_step(io_loop):
    order = []
    future = Future()

    @gen.coroutine
    def waiter():
        yield future
        order.append("waiter")

    @gen.coroutine
    def setter():
        yield gen.moment
        future.set_result(None)
        order.append("setter")

    @gen.coroutine
    def main():
        yield [waiter(), setter()]

    io_loop.run_sync(main)
    assert order == ["setter", "waiter"]


def test_an_exception_of_a_forgotten_coroutine_is_logged_once(io_loop, caplog):
    @gen.coroutine
    def forgotten():
        yield gen.moment
        raise ValueError("forgotten")

    @gen.coroutine
    def main():
        forgotten()
        yield gen.moment
        yield gen.moment

    io_loop.run_sync(main)
    gc.collect()
    assert [record.exc_info[0] for record in caplog.records] == [ValueError]
    assert "never retrieved" in caplog.text


def test_a_failed_coroutine_is_freed_and_logged_without_the_garbage_collector(caplog):
    @gen.coroutine
    def forgotten():
        yield _complete(None)
        raise ValueError("forgotten")

    gc.collect()
    gc.disable()
    try:
        forgotten()
        assert "never retrieved" in caplog.text
    finally:
        gc.enable()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_leaves_the_loop_and_the_other_coroutines_go_on(io_loop, error):
    future = Future()
    seen = []

    @gen.coroutine
    def ends():
        yield future
        raise error

    @gen.coroutine
    def goes_on():
        yield future
        seen.append("went on")

    def main():
        both = ends(), goes_on()
        io_loop.add_callback(future.set_result, None)
        return both[1]

    with pytest.raises(error):
        io_loop.run_sync(main)
    if not seen:
        io_loop.run_sync(lambda: None)
    assert seen == ["went on"]


def test_a_callback_keyword_is_called_with_the_result(io_loop):
    @gen.coroutine
    def add(a, b):
        yield gen.moment
        return a + b

    seen = []
    add(1, 2, callback=lambda result: (seen.append(result), io_loop.stop()))
    io_loop.start()
    assert seen == [3]


def test_a_callback_keyword_is_passed_on_if_it_is_not_to_be_replaced():
    def keep(callback):
        yield _complete(None)
        return callback

    assert gen.coroutine(keep, replace_callback=False)(callback="mine").result() == "mine"


def test_an_engine_calls_back_itself(io_loop):
    @gen.engine
    def engine(callback):
        value = yield gen.sleep(0)
        callback(value)

    seen = []
    assert engine(callback=lambda value: (seen.append(value), io_loop.stop())) is None
    io_loop.start()
    assert seen == [None]


def test_an_engine_raises_at_once_what_it_raises_at_once_and_refuses_results(caplog):
    @gen.engine
    def broken():
        yield _complete(None)
        raise ValueError("at once")

    @gen.engine
    def returns(wait):
        yield wait
        return 1

    with pytest.raises(ValueError, match="at once"):
        broken()
    with pytest.raises(gen.ReturnValueIgnoredError):
        returns(_complete(None))
    future = Future()
    returns(future)
    with caplog.at_level(logging.ERROR):
        future.set_result(None)
    assert [record.exc_info[0] for record in caplog.records] == [gen.ReturnValueIgnoredError]


def test_cancelling_a_generators_future_drops_its_result_and_logs_its_exception(caplog):
    waits = [Future(), Future()]

    @gen.coroutine
    def returns():
        return (yield waits[0])

    @gen.coroutine
    def fails():
        yield waits[1]
        raise ValueError("late")

    both = [returns(), fails()]
    for future in both:
        future.cancel()
    for future in waits:
        future.set_result(1)
    assert all(future.cancelled() for future in both)
    assert [record.exc_info[0] for record in caplog.records] == [ValueError]


def test_cancelling_a_native_coroutine_raises_where_it_waits(io_loop):
    ended = []

    async def waits():
        try:
            await Future()
        finally:
            ended.append("cleaned up")

    @gen.coroutine
    def main():
        task = gen.convert_yielded(waits())
        yield gen.moment
        yield gen.moment
        assert task.cancel()
        with pytest.raises(asyncio.CancelledError):
            yield task
        assert task.cancelled()
        assert not task.cancel()

    io_loop.run_sync(main)
    assert ended == ["cleaned up"]


def test_a_native_coroutine_that_waits_for_a_moment_is_cancelled_in_the_next_turn(io_loop):
    async def turns():
        while True:
            await gen.moment

    async def main():
        task = gen.convert_yielded(turns())
        await gen.moment
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task

    io_loop.run_sync(main)


def test_a_native_coroutine_may_survive_its_cancellation(io_loop):
    async def stubborn():
        try:
            await Future()
        except asyncio.CancelledError:
            await gen.moment
            return "survived"

    @gen.coroutine
    def main():
        task = gen.convert_yielded(stubborn())
        yield gen.moment
        yield gen.moment
        task.cancel()
        return (yield task)

    assert io_loop.run_sync(main) == "survived"


def test_a_nested_loop_runs_coroutines_although_an_outer_one_is_in_the_middle_of_a_step(io_loop, loop_spec):
    if "native-tasks" in io_loop.event_loop.abilities or "asyncio" in loop_spec:
        pytest.skip("asyncio does not let another loop run inside a callback of its own")

    @gen.coroutine
    def inner():
        yield gen.moment
        return "inner"

    @gen.coroutine
    def outer():
        yield gen.moment
        other = IOLoop(event_loop="poll", make_current=False)
        try:
            value = other.run_sync(inner, timeout=5)
        finally:
            other.close()
        yield gen.moment
        return value

    assert io_loop.run_sync(outer, timeout=5) == "inner"


def test_the_runner_of_tornado_4_0_takes_what_was_yielded_first(io_loop):
    def generator():
        first = yield gen.sleep(0)
        second = yield _complete(2)
        return first, second

    def main():
        future = Future()
        running = generator()
        gen.Runner(running, future, next(running))
        return future

    assert io_loop.run_sync(main) == (None, 2)


def test_the_runner_takes_an_exception_from_outside():
    def generator():
        try:
            yield Future()
        except ValueError as error:
            return str(error)

    future = Future()
    running = generator()
    runner = gen.Runner(running, future, next(running))
    assert runner.handle_exception(ValueError, ValueError("from outside"), None)
    assert future.result() == "from outside"
    assert not runner.handle_exception(ValueError, ValueError(), None)
