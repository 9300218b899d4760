"""squall.queues: what goes in comes out, in order, and nothing is lost or doubled.

Time is a fake clock over a scripted poller: a test that would wait for ever fails at once.
"""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall import gen
from squall.ioloop import IOLoop
from squall.queues import LifoQueue, PriorityQueue, Queue, QueueEmpty, QueueFull
from squall.util import TimeoutError  # noqa: A004 - the name under test
from squall_loops.testing import ManualClock, ScriptedPoller
from squall_loops.turn.loop import TurnLoop

SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def io():
    clock = ManualClock()
    loop = IOLoop(make_current=True, event_loop=TurnLoop(ScriptedPoller(clock=clock), clock=clock))
    yield loop
    IOLoop.clear_current()
    loop.close()


@pytest.fixture
def run(io):
    return io.run_sync


def drain(queue):
    return [queue.get_nowait() for _ in range(queue.qsize())]


@pytest.mark.parametrize(
    ("make", "out"), [(Queue, [2, 3, 1]), (PriorityQueue, [1, 2, 3]), (LifoQueue, [1, 3, 2])], ids=["fifo", "priority", "lifo"]
)
def test_each_kind_of_queue_has_its_order(io, make, out):
    queue = make()
    for item in (2, 3, 1):
        queue.put_nowait(item)
    assert (queue.qsize(), queue.empty()) == (3, False)
    assert drain(queue) == out
    assert queue.empty()


def test_a_queue_without_a_limit_is_never_full(io):
    queue = Queue()
    assert queue.maxsize == 0
    assert all(queue.put(item).done() for item in range(100))
    assert not queue.full()


def test_nowait_calls_do_not_wait(io):
    queue = Queue(maxsize=1)
    with pytest.raises(QueueEmpty):
        queue.get_nowait()
    queue.put_nowait(1)
    assert queue.full()
    with pytest.raises(QueueFull):
        queue.put_nowait(2)
    assert drain(queue) == [1]


def test_wrong_limits_are_refused():
    with pytest.raises(TypeError, match="0 means no limit"):
        Queue(maxsize=None)
    with pytest.raises(ValueError, match="not -1"):
        Queue(maxsize=-1)


def test_those_who_get_are_served_in_their_order(io):
    queue = Queue()
    first, second = queue.get(), queue.get()
    queue.put_nowait("a")
    assert (first.result(), second.done()) == ("a", False)
    queue.put_nowait("b")
    assert second.result() == "b"


def test_those_who_put_are_served_in_their_order(io):
    queue = Queue(maxsize=1)
    putting = [queue.put(item) for item in "abc"]
    assert [future.done() for future in putting] == [True, False, False]
    assert queue.get_nowait() == "a"
    assert [future.done() for future in putting] == [True, True, False]
    assert [queue.get_nowait(), queue.get_nowait()] == ["b", "c"]


def test_with_priorities_the_item_of_one_who_waits_to_put_may_be_the_first_out(io):
    queue = PriorityQueue(maxsize=1)
    queue.put_nowait(2)
    queue.put(1)
    assert queue.get_nowait() == 1


def test_get_fails_when_the_time_is_up_and_then_takes_nothing(run):
    queue = Queue()

    async def main():
        with pytest.raises(TimeoutError):
            await queue.get(SECOND)
        queue.put_nowait("kept")
        return await queue.get()

    assert run(main) == "kept"


def test_put_fails_when_the_time_is_up_and_then_puts_nothing(io, run):
    queue = Queue(maxsize=1)

    async def main():
        await queue.put("in")
        with pytest.raises(TimeoutError):
            await queue.put("too late", timeout=io.time() + 1)

    run(main)
    assert drain(queue) == ["in"]
    assert queue.empty()


def test_one_who_was_cancelled_takes_nothing_and_puts_nothing(io):
    queue = Queue(maxsize=1)
    queue.get().cancel()
    queue.put_nowait("in")
    queue.put("cancelled").cancel()
    waiting = queue.put("next")
    assert queue.get_nowait() == "in"
    assert waiting.done()
    assert drain(queue) == ["next"]


def test_a_callback_of_one_future_may_use_the_queue_again(io):
    queue = Queue(maxsize=1)
    queue.put_nowait(1)
    queue.put(2).add_done_callback(lambda _: taken.append(queue.get_nowait()))
    taken: list[int] = []
    assert queue.get_nowait() == 1
    assert taken == [2]


def test_join_waits_for_the_work_on_every_item(io):
    queue = Queue()
    assert queue.join().done(), "nothing was put"
    queue.put_nowait(1)
    queue.put_nowait(2)
    finished = queue.join()
    drain(queue)
    queue.task_done()
    assert not finished.done()
    queue.task_done()
    assert finished.done()
    with pytest.raises(ValueError, match="more often"):
        queue.task_done()


def test_join_counts_items_that_never_had_to_lie_in_the_queue(io):
    queue = Queue()
    waiting = queue.get()
    queue.put_nowait(1)
    assert waiting.done()
    assert not queue.join().done()


def test_join_fails_when_the_time_is_up(run):
    queue = Queue()
    queue.put_nowait(1)

    async def main():
        with pytest.raises(TimeoutError):
            await queue.join(SECOND)

    run(main)


def test_async_for_gets_items_for_ever(run):
    queue = Queue()

    async def main():
        for item in range(3):
            queue.put_nowait(item)
        got = []
        async for item in queue:
            got.append(item)
            if item == 2:
                break
        return got

    assert run(main) == [0, 1, 2]


def test_generator_coroutines_use_queues_too(run):
    queue = Queue(maxsize=1)

    @gen.coroutine
    def produce():
        for item in range(5):
            yield queue.put(item)

    @gen.coroutine
    def main():
        produced = produce()
        got = []
        for _ in range(5):
            got.append((yield queue.get()))
            yield gen.moment
        yield produced
        return got

    assert run(main) == [0, 1, 2, 3, 4]


def test_a_subclass_may_have_an_order_of_its_own(io):
    class Unique(Queue):
        def _init(self):
            self._queue = set()

        def _get(self):
            return self._queue.pop()

        def _put(self, item):
            self._queue.add(item)

    queue = Unique()
    for item in "aab":
        queue.put_nowait(item)
    assert sorted(drain(queue)) == ["a", "b"]


def test_repr_shows_what_is_going_on(io):
    queue = Queue(maxsize=1)
    assert str(queue) == "<Queue maxsize=1>"
    queue.get()
    assert str(queue) == "<Queue maxsize=1 getters[1]>"
    queue.put_nowait(0)
    queue.put_nowait(1)
    queue.put(2)
    assert str(queue) == "<Queue maxsize=1 queue=deque([1]) putters[1] tasks=2>"
    assert repr(queue).startswith("<Queue at 0x")


@given(st.integers(0, 3), st.lists(st.sampled_from(["put", "get", "cancel put", "cancel get"]), max_size=40))
def test_whatever_is_done_items_come_out_once_and_in_order(limit, steps):
    queue: Queue[int] = Queue(maxsize=limit)
    put, getting = [], []
    for number, step in enumerate(steps):
        if step.endswith("put"):
            future = queue.put(number)
            if not (step.startswith("cancel") and future.cancel()):
                put.append(number)
        else:
            got = queue.get()
            if not (step.startswith("cancel") and got.cancel()):
                getting.append(got)
        assert not limit or queue.qsize() <= limit
    out = [future.result() for future in getting if future.done()]
    while True:
        try:
            out.append(queue.get_nowait())
        except QueueEmpty:
            break
    assert out == put


def test_queues_work_on_every_loop(make_loop):
    io = IOLoop(make_current=True, event_loop=make_loop())
    queue: Queue[int] = Queue(maxsize=2)

    async def produce():
        for item in range(10):
            await queue.put(item)

    async def main():
        producing = gen.convert_yielded(produce())
        got = [await queue.get() for _ in range(10)]
        await producing
        with pytest.raises(TimeoutError):
            await queue.get(dt.timedelta(milliseconds=1))
        return got

    try:
        assert io.run_sync(main) == list(range(10))
    finally:
        IOLoop.clear_current()
