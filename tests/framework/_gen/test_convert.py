"""The open registry of what may be yielded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from squall import gen
from squall.concurrent import Future


class Promise:
    """Some other library's future."""

    def __init__(self, value):
        self.value = value


@gen.convert_yielded.register(Promise)
def _convert_promise(promise):
    future = Future()
    future.set_result(promise.value)
    return future


def test_other_libraries_may_register_their_own(io_loop):
    async def native():
        return await gen.convert_yielded(Promise(2))

    @gen.coroutine
    def main():
        one = yield Promise(1)
        both = yield [native(), Promise(3)]
        return one, both

    assert io_loop.run_sync(main) == (1, [2, 3])


def test_any_awaitable_may_be_yielded(io_loop):
    class Awaitable:
        def __await__(self):
            yield from gen.sleep(0).__await__()
            return "awaited"

    @gen.coroutine
    def main():
        return (yield Awaitable())

    assert io_loop.run_sync(main) == "awaited"


def test_a_deferred_may_be_yielded_and_awaited(io_loop):
    defer = pytest.importorskip("twisted.internet.defer")

    def fire(outcome):
        deferred = defer.Deferred()
        io_loop.add_callback(deferred.errback if isinstance(outcome, Exception) else deferred.callback, outcome)
        return deferred

    @gen.coroutine
    def by_yield():
        value = yield fire("yielded")
        with pytest.raises(ValueError, match="failed"):
            yield fire(ValueError("failed"))
        ready = yield defer.succeed("ready")
        return value, ready

    assert io_loop.run_sync(by_yield) == ("yielded", "ready")


def test_a_deferred_may_be_awaited_in_a_native_coroutine_that_we_drive(io_loop):
    defer = pytest.importorskip("twisted.internet.defer")
    if io_loop.native_task is not None:
        pytest.skip("asyncio's tasks take asyncio's futures only; there say: await gen.convert_yielded(deferred)")

    async def main():
        ok, bad = defer.Deferred(), defer.Deferred()
        io_loop.add_callback(ok.callback, "awaited")
        io_loop.add_callback(bad.errback, ValueError("failed"))
        with pytest.raises(ValueError, match="failed"):
            await bad
        return await ok

    assert io_loop.run_sync(main) == "awaited"


def test_a_deferred_is_awaited_in_an_asyncio_task_through_the_registry(io_loop):
    defer = pytest.importorskip("twisted.internet.defer")

    async def main():
        deferred = defer.Deferred()
        io_loop.add_callback(deferred.callback, 1)
        return await gen.convert_yielded(deferred)

    assert io_loop.run_sync(main) == 1


@pytest.mark.slow
def test_neither_twisted_nor_asyncio_is_imported_by_a_program_that_needs_neither():
    program = """
import sys
from squall import gen
from squall.ioloop import IOLoop
async def main():
    await gen.sleep(0)
    try:
        await gen.convert_yielded(object())
    except gen.BadYieldError:
        print(sorted({"asyncio", "twisted"} & set(sys.modules)))
IOLoop(event_loop="select").run_sync(main)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "[]\n"
