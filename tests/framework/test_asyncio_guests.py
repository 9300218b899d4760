"""On asyncio hosts native coroutines are asyncio's own tasks, and asyncio's functions and libraries work in them."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import socket
import threading

import pytest

from squall import gen
from squall.concurrent import Future
from squall.ioloop import IOLoop

VARIABLE = contextvars.ContextVar("VARIABLE", default="outside")


@pytest.fixture
def guest_loop(io_loop):
    if io_loop.native_task is None:
        pytest.skip("this loop has no tasks of its own")
    return io_loop


def _complete(value):
    future = Future()
    future.set_result(value)
    return future


@pytest.mark.parametrize("way", ["run_sync", "yielded", "spawned"])
def test_a_native_coroutine_is_a_task(guest_loop, way):
    seen = []

    async def native():
        seen.append(asyncio.current_task())
        await gen.moment
        seen.append(asyncio.current_task())

    @gen.coroutine
    def yields():
        yield native()

    if way == "spawned":
        guest_loop.spawn_callback(native)
        guest_loop.run_sync(lambda: gen.sleep(0.01))
    else:
        guest_loop.run_sync(native if way == "run_sync" else yields)
    assert isinstance(seen[0], asyncio.Task)
    assert seen[0] is seen[1]


def test_gather_wait_and_wait_for_take_our_futures(guest_loop):
    async def main():
        later, never = Future(), Future()
        guest_loop.add_callback(later.set_result, 2)
        gathered = await asyncio.gather(_complete(1), later, gen.sleep(0), _complete(3))
        ready = await asyncio.gather(_complete(4), _complete(5))
        done, pending = await asyncio.wait([_complete(6), never], timeout=0, return_when=asyncio.FIRST_COMPLETED)
        waited = await asyncio.wait_for(_complete(7), 5)
        shielded = await asyncio.shield(_complete(8))
        completed = [await future for future in asyncio.as_completed([_complete(9), _complete(10)])]
        assert pending == {never}
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(never, 0.01)
        assert never.cancelled()
        return gathered, ready, len(done), waited, shielded, sorted(completed)

    expected = ([1, 2, None, 3], [4, 5], 1, 7, 8, [9, 10])
    assert guest_loop.run_sync(main, timeout=5) == expected


def test_gather_raises_and_returns_our_exceptions_and_cancellations(guest_loop):
    async def main():
        bad, cancelled = Future(), Future()
        guest_loop.add_callback(bad.set_exception, ValueError("bad"))
        guest_loop.add_callback(cancelled.cancel)
        returned = await asyncio.gather(bad, cancelled, return_exceptions=True)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.gather(cancelled, _complete(1))
        with pytest.raises(ValueError, match="bad"):
            await asyncio.gather(bad)
        return [type(error) for error in returned]

    assert guest_loop.run_sync(main, timeout=5) == [ValueError, asyncio.CancelledError]


def test_a_task_group_runs_coroutines_that_await_ours(guest_loop):
    @gen.coroutine
    def generator(value):
        yield gen.sleep(0)
        return value

    async def native(value):
        return await generator(value)

    async def main():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(native(number)) for number in range(3)]
        return [task.result() for task in tasks]

    assert guest_loop.run_sync(main, timeout=5) == [0, 1, 2]


def test_a_failing_task_group_cancels_what_waits_for_our_futures(guest_loop):
    cancelled = []

    async def waits():
        try:
            await Future()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def fails():
        await gen.moment
        raise ValueError("group")

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(waits())
            group.create_task(fails())

    with pytest.raises(ExceptionGroup) as caught:
        guest_loop.run_sync(main, timeout=5)
    assert [type(error) for error in caught.value.exceptions] == [ValueError]
    assert cancelled == [True]


def test_asyncio_timeout_works_around_our_futures(guest_loop):
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await Future()
        async with asyncio.timeout(5):
            await gen.sleep(0)
        return "went on"

    assert guest_loop.run_sync(main, timeout=5) == "went on"


def test_a_task_is_not_entered_from_inside_another_tasks_step(guest_loop):
    future = Future()
    order = []

    async def waiter():
        await future
        order.append(("waiter", asyncio.current_task().get_name()))

    async def main():
        task = asyncio.create_task(waiter(), name="its own")
        await asyncio.sleep(0)
        future.set_result(None)
        order.append(("setter", None))
        await task

    guest_loop.run_sync(main, timeout=5)
    assert order == [("setter", None), ("waiter", "its own")]


def test_contexts_follow_tasks_through_our_futures(guest_loop):
    async def child(name, future):
        VARIABLE.set(name)
        await future
        return VARIABLE.get()

    async def main():
        future = Future()
        tasks = [asyncio.create_task(child(name, future)) for name in ("one", "two")]
        await asyncio.sleep(0)
        VARIABLE.set("main")
        future.set_result(None)
        return [await task for task in tasks]

    assert guest_loop.run_sync(main, timeout=5) == ["one", "two"]


def test_a_generator_may_yield_asyncios_futures_and_tasks(guest_loop):
    @gen.coroutine
    def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon(future.set_result, 1)
        one = yield future
        two = yield asyncio.create_task(asyncio.sleep(0, 2))
        three, four = yield [asyncio.sleep(0, 3), asyncio.gather(asyncio.sleep(0, 4))]
        return one, two, three, four

    assert guest_loop.run_sync(main, timeout=5) == (1, 2, 3, [4])


def test_cancelling_a_task_cancels_the_future_it_waits_for(guest_loop):
    future = Future()

    async def main():
        task = asyncio.create_task(_wait(future))
        await asyncio.sleep(0)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task

    guest_loop.run_sync(main, timeout=5)
    assert future.cancelled()


async def _wait(future):
    return await future


def test_our_future_runs_through_asyncios_debug_mode():
    async def main():
        future = Future()
        asyncio.get_running_loop().call_soon(future.set_result, 1)
        return await asyncio.gather(future, gen.sleep(0), _wait(_complete(2)))

    assert asyncio.run(main(), debug=True) == [1, None, 2]


def test_coroutines_of_ours_run_inside_asyncio_run(clean_ioloop, caplog):
    @gen.coroutine
    def generator():
        yield gen.sleep(0)
        values = yield [asyncio.sleep(0, 1), gen.sleep(0)]
        return values

    async def main():
        callback_ran = asyncio.get_running_loop().create_future()
        IOLoop.current().add_callback(callback_ran.set_result, "callback")
        with pytest.raises(gen.TimeoutError):
            await gen.with_timeout(IOLoop.current().time(), Future())
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            task = group.create_task(_wait(generator()))
        return await callback_ran, task.result()

    assert asyncio.run(main()) == ("callback", [1, None])
    gc.collect()
    assert not caplog.records


def test_asyncio_run_inside_a_step_of_another_loop_runs_coroutines(clean_ioloop):
    @gen.coroutine
    def inner():
        yield gen.moment
        yield gen.sleep(0)
        return "inner"

    async def main():
        return await inner()

    @gen.coroutine
    def outer():
        yield gen.moment
        value = asyncio.run(asyncio.wait_for(main(), 5))
        yield gen.moment
        return value

    loop = IOLoop(event_loop="select")
    assert loop.run_sync(outer) == "inner"
    loop.close()


def test_aiosqlite_works_in_native_coroutines(guest_loop):
    aiosqlite = pytest.importorskip("aiosqlite")

    async def query(number):
        async with aiosqlite.connect(":memory:") as database:
            await database.execute("create table t (n integer)")
            await database.executemany("insert into t values (?)", [(number,), (number + 1,)])
            async with database.execute("select sum(n) from t") as cursor:
                return (await cursor.fetchone())[0]

    @gen.coroutine
    def main():
        alone = yield query(1)
        together = yield [query(10), query(20)]
        return alone, together

    assert guest_loop.run_sync(main, timeout=10) == (3, [21, 41])


@contextlib.contextmanager
def _http_server(answers):
    """Answer so many requests on loopback, with plain sockets in a thread: nothing of ours, nothing of asyncio's."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def serve():
        for _ in range(answers):
            connection, _ = listener.accept()
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(4096)
                path = request.split(b" ")[1]
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(path) + path)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread.join()
    listener.close()


def test_aiohttps_client_works_in_native_coroutines(guest_loop):
    aiohttp = pytest.importorskip("aiohttp")

    async def fetch(session, url):
        async with asyncio.timeout(10), session.get(url) as response:
            return await response.text()

    async def main():
        async with aiohttp.ClientSession() as session:
            one = await fetch(session, url + "/one")
            several = await gen.multi([fetch(session, url + "/two"), fetch(session, url + "/three")])
        return one, several

    with _http_server(3) as url:
        assert guest_loop.run_sync(main, timeout=20) == ("/one", ["/two", "/three"])
