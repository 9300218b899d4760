"""The IOLoop over every event loop."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import os
import socket
import threading
import time
import weakref
from concurrent import futures
from functools import partial

import pytest

from squall import gen
from squall.concurrent import Future
from squall.ioloop import IOLoop
from squall.util import TimeoutError as UtilTimeoutError
from squall_loops.contract import EventLoop


def _turn(io_loop):
    """Run what is waiting, once round."""
    io_loop.add_callback(io_loop.stop)
    io_loop.start()


def test_callbacks_take_positional_and_keyword_arguments(io_loop):
    seen = []

    def callback(*args, **kwargs):
        seen.append((args, kwargs))

    io_loop.add_callback(callback, 1, 2)
    io_loop.add_callback(callback, 1, key=2)
    io_loop.spawn_callback(callback, key=3)
    io_loop.add_callback_from_signal(callback, 4, key=5)
    _turn(io_loop)
    assert seen == [((1, 2), {}), ((1,), {"key": 2}), ((), {"key": 3}), ((4,), {"key": 5})]


@pytest.mark.parametrize("add", ["add_callback", "spawn_callback"])
def test_what_cannot_be_called_is_refused_at_once(io_loop, add):
    with pytest.raises(TypeError, match="callable"):
        getattr(io_loop, add)(None)
    with pytest.raises(TypeError, match="callable"):
        io_loop.call_later(0, "no function")


def test_timers_take_delays_deadlines_timedeltas_and_keywords(io_loop):
    seen = []

    def callback(name, *, last=False):
        seen.append(name)
        if last:
            io_loop.stop()

    now = io_loop.time()
    io_loop.call_at(now + 0.03, callback, "at", last=True)
    io_loop.call_later(0.02, callback, "later")
    io_loop.add_timeout(now + 0.01, callback, "timeout")
    io_loop.add_timeout(dt.timedelta(0), callback, name="timedelta")
    removed = io_loop.add_timeout(now, callback, "removed")
    io_loop.remove_timeout(removed)
    io_loop.remove_timeout(removed)
    io_loop.start()
    assert seen == ["timedelta", "timeout", "later", "at"]


def test_a_deadline_by_the_wall_clock_is_understood_as_tornado_4_0_did(io_loop):
    begun = io_loop.time()
    io_loop.add_timeout(time.time() + 0.01, io_loop.stop)
    guard = io_loop.call_later(5, pytest.fail, "the deadline was taken for decades")
    io_loop.start()
    io_loop.remove_timeout(guard)
    assert io_loop.time() - begun < 5


def test_a_deadline_that_is_neither_number_nor_timedelta_is_refused(io_loop):
    with pytest.raises(TypeError, match="number or a timedelta"):
        io_loop.add_timeout("soon", print)


def test_handlers_are_the_event_loops(io_loop):
    left, right = socket.socketpair()
    seen = []

    def handler(fd, events):
        seen.append((fd, fd.recv(10), bool(events & IOLoop.READ)))
        io_loop.remove_handler(fd)
        io_loop.stop()

    io_loop.add_handler(left, handler, io_loop.WRITE)
    io_loop.update_handler(left, io_loop.READ)
    right.send(b"ping")
    io_loop.start()
    assert seen == [(left, b"ping", True)]
    left.close()
    right.close()


def test_hot_methods_are_bound_once(io_loop):
    for name in ("add_handler", "update_handler", "remove_handler", "time", "remove_timeout", "stop"):
        assert getattr(io_loop, name) == getattr(io_loop.event_loop, name)


def test_a_callback_that_raises_is_logged_with_its_traceback_and_the_loop_goes_on(io_loop, caplog):
    def broken():
        raise ValueError("broken")

    seen = []
    io_loop.add_callback(broken)
    io_loop.add_callback(seen.append, "went on")
    io_loop.call_later(0, broken)
    io_loop.call_later(0.01, io_loop.stop)
    io_loop.start()
    assert seen == ["went on"]
    assert [record.name for record in caplog.records] == ["squall.application"] * 2
    assert all("broken" in record.getMessage() and record.exc_info[0] is ValueError for record in caplog.records)


def test_a_cancellation_raised_by_a_callback_is_reported_and_the_loop_goes_on(io_loop, caplog):
    def cancelled():
        raise asyncio.CancelledError

    io_loop.add_callback(cancelled)
    _turn(io_loop)
    assert [record.exc_info[0] for record in caplog.records] == [asyncio.CancelledError]


class Reporting(IOLoop):
    def initialize(self, **kwargs):
        super().initialize(**kwargs)
        self.reports = []

    def handle_callback_exception(self, callback):
        import sys

        self.reports.append((callback, sys.exc_info()[1]))


def test_the_hook_can_be_overridden_and_sees_the_exception_that_is_handled(loop_spec, clean_ioloop):
    loop = Reporting(event_loop=loop_spec)
    error = ValueError()
    left, right = socket.socketpair()

    def broken(*_):
        loop.remove_handler(left)
        raise error

    async def native():
        await gen.moment
        raise error

    loop.add_callback(broken)
    loop.add_handler(left, broken, loop.WRITE)
    loop.call_later(0.02, loop.stop)
    loop.spawn_callback(native)
    loop.start()
    assert {callback for callback, _ in loop.reports} == {broken, native}
    assert len(loop.reports) >= 2
    assert all(raised is error for _, raised in loop.reports)
    loop.close()
    left.close()
    right.close()


def test_a_hook_that_raises_is_logged_and_the_loop_goes_on(io_loop, caplog):
    io_loop.handle_callback_exception = lambda callback: 1 / 0
    seen = []
    io_loop.add_callback(partial(int, "x"))
    io_loop.add_callback(seen.append, 1)
    _turn(io_loop)
    assert seen == [1]
    assert "handle_callback_exception failed" in caplog.text


@pytest.mark.parametrize("add", ["add_callback", "spawn_callback", "call_later"])
@pytest.mark.parametrize("kind", ["native", "generator"])
def test_a_coroutine_given_as_a_callback_is_run_and_its_error_reported_once(io_loop, caplog, add, kind):
    async def native():
        await gen.sleep(0)
        raise ValueError("native")

    @gen.coroutine
    def generator():
        yield gen.sleep(0)
        raise ValueError("generator")

    callback = {"native": native, "generator": generator}[kind]
    io_loop.call_later(0, callback) if add == "call_later" else getattr(io_loop, add)(callback)
    io_loop.call_later(0.02, io_loop.stop)
    io_loop.start()
    gc.collect()
    [record] = caplog.records
    assert record.exc_info[0] is ValueError
    assert kind in record.getMessage()


def test_a_spawned_coroutine_is_kept_although_nobody_else_knows_of_it(io_loop):
    seen = []
    known = []

    async def waits():
        future = Future()
        known.append(weakref.ref(future))
        await future
        seen.append("done")

    io_loop.spawn_callback(waits)
    io_loop.run_sync(lambda: gen.sleep(0.01))
    gc.collect()
    known[0]().set_result(None)
    io_loop.run_sync(lambda: gen.sleep(0.01))
    assert seen == ["done"]
    assert not io_loop._background


def test_add_future_calls_back_in_a_later_turn_for_futures_of_any_kind(io_loop):
    seen = []
    complete = Future()
    complete.set_result(1)
    threads = futures.Future()
    io_loop.add_future(complete, seen.append)
    io_loop.add_future(threads, lambda future: (seen.append(future), io_loop.stop()))
    assert not seen
    worker = threading.Thread(target=threads.set_result, args=(2,))
    worker.start()
    io_loop.start()
    worker.join()
    assert seen == [complete, threads]
    with pytest.raises(TypeError, match="takes a future"):
        io_loop.add_future("none", print)


def test_run_sync_returns_values_and_waits_for_what_can_be_waited_for(io_loop):
    async def native():
        await gen.moment
        return "native"

    assert io_loop.run_sync(lambda: 5) == 5
    assert io_loop.run_sync(lambda: [1, 2]) == [1, 2]
    assert io_loop.run_sync(lambda: None) is None
    assert io_loop.run_sync(native) == "native"


def test_run_sync_raises_what_the_function_raises_and_can_be_called_again(io_loop):
    async def broken():
        await gen.moment
        raise ValueError("native")

    with pytest.raises(ZeroDivisionError):
        io_loop.run_sync(lambda: 1 / 0)
    with pytest.raises(ValueError, match="native"):
        io_loop.run_sync(broken)
    assert io_loop.run_sync(lambda: "again") == "again"


def test_run_sync_times_out_and_cancels_a_native_coroutine(io_loop):
    ended = []

    async def never():
        try:
            await Future()
        finally:
            ended.append(True)

    with pytest.raises(UtilTimeoutError, match=r"after 0.01 seconds"):
        io_loop.run_sync(never, timeout=0.01)
    assert ended == [True]
    with pytest.raises(UtilTimeoutError):
        io_loop.run_sync(Future, timeout=0.01)
    assert io_loop.run_sync(lambda: gen.sleep(0), timeout=10) is None


def test_run_sync_says_so_when_something_else_stops_the_loop(io_loop):
    io_loop.call_later(0.01, io_loop.stop)
    with pytest.raises(UtilTimeoutError, match="stopped before"):
        io_loop.run_sync(Future)


def test_run_sync_on_a_running_loop_is_refused_and_leaves_nothing_behind(io_loop):
    seen = []

    def main():
        with pytest.raises(RuntimeError):
            io_loop.run_sync(lambda: seen.append("ran"))
        return gen.sleep(0)

    io_loop.run_sync(main)
    io_loop.run_sync(lambda: gen.sleep(0))
    assert not seen


def test_run_in_executor_runs_in_a_thread_and_wakes_the_loop(io_loop):
    @gen.coroutine
    def main():
        other = yield io_loop.run_in_executor(None, threading.current_thread)
        with pytest.raises(ZeroDivisionError):
            yield io_loop.run_in_executor(None, divmod, 1, 0)
        return other

    assert io_loop.run_sync(main, timeout=5) is not threading.current_thread()


def test_the_default_executor_can_be_set_and_is_shut_down_by_close(io_loop):
    pool = futures.ThreadPoolExecutor(1, thread_name_prefix="mine")
    io_loop.set_default_executor(pool)

    async def main():
        return await io_loop.run_in_executor(None, lambda: threading.current_thread().name)

    assert io_loop.run_sync(main, timeout=5).startswith("mine")
    io_loop.close()
    with pytest.raises(RuntimeError):
        pool.submit(print)


def test_close_with_all_fds_closes_what_is_registered(io_loop):
    left, right = socket.socketpair()
    io_loop.add_handler(left, print, io_loop.READ)
    io_loop.close(all_fds=True)
    assert left.fileno() == -1
    right.close()
    io_loop.close()


def test_split_fd_and_close_fd_take_numbers_and_objects(io_loop):
    left, right = socket.socketpair()
    assert io_loop.split_fd(left) == (left.fileno(), left)
    assert io_loop.split_fd(7) == (7, 7)
    number = os.dup(right.fileno())
    io_loop.close_fd(number)
    io_loop.close_fd(number)
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(number)
    io_loop.close_fd(left)
    assert left.fileno() == -1
    right.close()


class WholeLoop(IOLoop):
    """A loop by itself, in Tornado 4.0's way: no event loop underneath."""

    def initialize(self, **kwargs):
        super().initialize(**kwargs)
        self.waiting = []
        self.going = False

    def start(self):
        self.going = True
        while self.going:
            self.waiting.pop(0)()

    def stop(self):
        self.going = False

    def time(self):
        return 0.0

    def add_handler(self, fd, handler, events):
        raise NotImplementedError

    def add_callback(self, callback, *args, **kwargs):
        self.waiting.append(partial(callback, *args, **kwargs))

    def add_timeout(self, deadline, callback, *args, **kwargs):
        self.add_callback(callback, *args, **kwargs)
        return object()

    def remove_timeout(self, timeout):
        pass

    def close(self, all_fds=False):  # noqa: FBT002 - Tornado's signature
        self.waiting.clear()


def test_a_subclass_may_be_a_whole_loop_as_in_tornado_4_0(clean_ioloop):
    IOLoop.configure(WholeLoop)
    loop = IOLoop()
    assert type(loop) is WholeLoop
    assert not hasattr(loop, "event_loop")
    assert IOLoop.current() is loop

    @gen.coroutine
    def main():
        yield gen.moment
        yield gen.sleep(5)
        return "whole"

    assert loop.run_sync(main, timeout=None) == "whole"
    assert "itself" in repr(loop)


def test_the_asyncio_loop_is_there_on_asyncio_only(io_loop):
    if io_loop.native_task is None:
        assert not hasattr(io_loop, "asyncio_loop")
    else:
        assert isinstance(io_loop.asyncio_loop, asyncio.AbstractEventLoop)


def test_the_repr_names_the_event_loop(io_loop):
    assert isinstance(io_loop.event_loop, EventLoop)
    assert repr(io_loop.event_loop) in repr(io_loop)
