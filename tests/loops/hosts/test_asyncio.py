"""What is peculiar to asyncio: both directions of embedding, tasks, forks, strangers. The contract is judged by the kit."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
import weakref

import pytest

from squall_loops import registry
from squall_loops.contract import ERROR, READ, WRITE, LoopClosedError, LoopForkedError, LoopRunningError
from squall_loops.hosts.asyncio import FOREIGN_RESOLUTION, AsyncioLoop


@pytest.fixture
def loop():
    loop = AsyncioLoop.over(asyncio.SelectorEventLoop())
    yield loop
    loop.close()


def test_a_running_loop_is_found_and_is_the_same_each_time():
    async def main():
        found = registry.running_loop()
        assert isinstance(found, AsyncioLoop)
        assert found.asyncio_loop is asyncio.get_running_loop()
        found.handle_callback_exception = print
        identity = id(found)
        del found
        gc.collect()
        assert id(registry.running_loop()) == identity
        assert registry.running_loop().handle_callback_exception is print

    asyncio.run(main())
    assert registry.running_loop() is None


def test_a_loop_that_we_run_is_found_as_itself(loop):
    found = []
    loop.add_callback(lambda: found.append(registry.running_loop()))
    loop.add_callback(loop.stop)
    loop.start()
    assert found == [loop]


def test_the_adapter_of_a_loop_that_is_over_is_not_kept():
    async def main():
        return weakref.ref(registry.running_loop())

    adapter = asyncio.run(main())
    gc.collect()
    assert adapter() is None


def test_inside_a_running_program_all_but_start_works():
    async def main():
        loop = registry.running_loop()
        left, right = socket.socketpair()
        with left, right:
            seen = asyncio.Queue()
            with pytest.raises(LoopRunningError):
                loop.start()
            with pytest.raises(LoopRunningError):
                loop.close()
            loop.add_callback(seen.put_nowait, "callback")
            assert await seen.get() == "callback"
            loop.call_at(loop.time() + 0.001, seen.put_nowait, "timer")
            assert await seen.get() == "timer"
            loop.add_handler(left, lambda thing, events: seen.put_nowait((thing, events, thing.recv(1))), READ)
            right.send(b"x")
            assert await seen.get() == (left, READ, b"x")
            loop.remove_handler(left)
            assert await loop.create_task(asyncio.sleep(0, "task")) == "task"

    asyncio.run(main())


def test_stop_ends_the_run_of_somebody_else():
    asyncio_loop = asyncio.SelectorEventLoop()
    loop = AsyncioLoop.over(asyncio_loop)
    asyncio_loop.call_soon(loop.stop)
    asyncio_loop.run_forever()
    loop.add_callback(loop.stop)
    loop.start()
    loop.close()
    assert asyncio_loop.is_closed()


def test_a_coroutine_runs_as_a_real_task(loop):
    async def who():
        loop.stop()
        return asyncio.current_task()

    task = loop.create_task(who())
    loop.start()
    assert isinstance(task, asyncio.Task)
    assert task.result() is task


def test_a_loop_that_its_owner_has_closed_is_a_closed_loop():
    asyncio_loop = asyncio.SelectorEventLoop()
    loop = AsyncioLoop.over(asyncio_loop)
    asyncio_loop.close()
    with pytest.raises(LoopClosedError):
        loop.add_callback(print)
    with pytest.raises(LoopClosedError):
        loop.start()
    loop.close()


def test_policies_are_neither_asked_nor_set(monkeypatch):
    def refuse(*_args):
        pytest.fail("a policy was asked")

    for name in ("get_event_loop_policy", "set_event_loop_policy", "set_event_loop", "get_event_loop", "new_event_loop"):
        monkeypatch.setattr(asyncio, name, refuse)
        monkeypatch.setattr(asyncio.events, name, refuse)
    loop = registry.make_loop("asyncio")
    loop.add_callback(loop.stop)
    loop.start()
    loop.close()


def test_the_hangup_of_a_paused_descriptor_is_told_and_no_data(loop):
    left, right = socket.socketpair()
    seen = []
    with left, right:
        loop.add_handler(left, lambda _thing, events: (seen.append(events), loop.stop()), READ)
        loop.update_handler(left, 0)
        right.send(b"x")
        loop.call_at(loop.time() + 0.01, loop.stop)
        loop.start()
        assert seen == []
        right.close()
        loop.start()
        assert seen == [ERROR]
        loop.update_handler(left, READ)
        loop.start()
        assert seen[1:] == [READ]


def test_a_refused_descriptor_leaves_nothing_behind(loop, tmp_path):
    with (tmp_path / "regular").open("w") as file:
        if hasattr(loop.asyncio_loop._selector, "_selector"):
            with pytest.raises(OSError):
                loop.add_handler(file, print, READ | WRITE)
    left, right = socket.socketpair()
    with left, right:
        loop.add_handler(left, lambda _thing, events: loop.stop(), WRITE)
        loop.start()


def test_the_resolution_is_that_of_the_clock_or_of_libuv(loop):
    assert loop.resolution < 1e-6
    uvloop = pytest.importorskip("uvloop")
    foreign = AsyncioLoop.over(uvloop.new_event_loop())
    assert foreign.resolution == FOREIGN_RESOLUTION
    foreign.close()


def test_a_stranger_that_takes_no_attributes_keeps_its_adapter():
    class Sealed(asyncio.SelectorEventLoop):
        def __setattr__(self, name, value):
            if name.startswith("_squall"):
                raise AttributeError(name)
            super().__setattr__(name, value)

    stranger = Sealed()
    loop = AsyncioLoop.over(stranger)
    assert AsyncioLoop.over(stranger) is loop
    loop.close()


def test_no_signal_descriptor_is_borrowed_from_another_thread(loop):
    thread = threading.Thread(target=lambda: (loop.add_callback(loop.stop), loop.start()))
    thread.start()
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # fork with threads: pytest-xdist has some
def test_freeing_the_inherited_loop_in_a_child_leaves_the_parents_wakeups_alone(loop):
    pid = os.fork()
    if not pid:
        code = 1
        try:
            with pytest.raises(LoopForkedError):
                loop.add_callback(print)
            asyncio_loop = loop.asyncio_loop
            loop.close()
            asyncio_loop.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    threading.Timer(0.02, loop.add_callback, [loop.stop]).start()
    loop.start()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # fork with threads: pytest-xdist has some
def test_a_child_forked_by_a_callback_leaves_start_at_once(loop):
    children = []

    def fork():
        children.append(os.fork())
        if children[0]:
            loop.stop()

    loop.add_callback(fork)
    try:
        loop.start()
    except LoopForkedError:
        os._exit(7 if not children[0] else 8)
    if not children[0]:
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 7


def test_repr_says_what_it_is(loop):
    assert "AsyncioLoop over" in repr(loop)
    assert "stopped handlers=0" in repr(loop)
