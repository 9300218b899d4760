"""contextvars follow coroutines, on every loop."""

from __future__ import annotations

from contextvars import ContextVar

import pytest

from squall import gen
from squall.concurrent import Future

VARIABLE = ContextVar("VARIABLE", default="outside")


@gen.coroutine
def generator(value, future):
    VARIABLE.set(value)
    yield gen.moment
    seen = [VARIABLE.get()]
    yield future
    seen.append(VARIABLE.get())
    yield gen.sleep(0)
    return [*seen, VARIABLE.get()]


async def native(value, future):
    VARIABLE.set(value)
    await gen.moment
    seen = [VARIABLE.get()]
    await future
    seen.append(VARIABLE.get())
    await gen.sleep(0)
    return [*seen, VARIABLE.get()]


@pytest.mark.parametrize("kind", [generator, native])
def test_a_value_stays_with_the_coroutine_that_set_it(io_loop, kind):
    @gen.coroutine
    def main():
        future = Future()
        both = [gen.convert_yielded(kind(name, future)) for name in ("one", "two")]
        yield gen.sleep(0)
        VARIABLE.set("main")
        future.set_result(None)
        results = yield both
        return results, VARIABLE.get()

    assert io_loop.run_sync(main) == ([["one"] * 3, ["two"] * 3], "main")
    assert VARIABLE.get() == "outside"


def test_a_generator_sees_what_its_caller_had_set_and_does_not_change_it(io_loop):
    @gen.coroutine
    def child():
        seen = VARIABLE.get()
        VARIABLE.set("child")
        yield gen.moment
        return seen

    async def main():
        VARIABLE.set("parent")
        return await child(), VARIABLE.get()

    assert io_loop.run_sync(main) == ("parent", "parent")


def test_what_a_coroutine_yields_starts_in_its_context(io_loop):
    async def child():
        return VARIABLE.get()

    @gen.coroutine
    def main():
        yield gen.moment
        VARIABLE.set("parent")
        return (yield [child(), child()])

    assert io_loop.run_sync(main) == ["parent", "parent"]


def test_a_plain_function_under_the_decorator_does_not_change_its_callers_context():
    @gen.coroutine
    def plain():
        VARIABLE.set("plain")

    plain()
    assert VARIABLE.get() == "outside"


def test_add_future_calls_back_in_the_context_in_which_it_was_asked(io_loop):
    future = Future()
    seen = []

    @gen.coroutine
    def main():
        VARIABLE.set("asker")
        io_loop.add_future(future, lambda _: seen.append(VARIABLE.get()))
        VARIABLE.set("later")
        yield gen.moment
        future.set_result(None)
        yield gen.moment
        yield gen.moment

    io_loop.run_sync(main)
    assert seen == ["asker"]
