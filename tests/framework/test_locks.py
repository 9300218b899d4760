"""squall.locks: who waits first is served first, and whoever gives up never stands in the way.

Time is a fake clock over a scripted poller: a test that would wait for ever fails at once.
"""

from __future__ import annotations

import datetime as dt

import pytest

from squall import gen
from squall.ioloop import IOLoop
from squall.locks import BoundedSemaphore, Condition, Event, Lock, Semaphore
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


def results(futures):
    return [future.result() if future.done() and not future.cancelled() else None for future in futures]


class TestCondition:
    def test_notify_wakes_those_who_waited_longest(self, io):
        condition = Condition()
        waiting = [condition.wait() for _ in range(4)]
        condition.notify()
        assert results(waiting) == [True, None, None, None]
        condition.notify(2)
        assert results(waiting) == [True, True, True, None]
        assert repr(condition) == "<Condition waiters[1]>"

    def test_notify_all_wakes_everybody_but_not_those_who_wait_again(self, run):
        condition = Condition()
        woken = []

        async def wait_twice(name):
            await condition.wait()
            woken.append(name)
            await condition.wait()
            woken.append(name)

        async def main():
            running = [gen.convert_yielded(wait_twice(name)) for name in "ab"]
            condition.notify_all()
            assert woken == ["a", "b"]
            condition.notify_all()
            await gen.multi(running)

        run(main)
        assert woken == ["a", "b", "a", "b"]

    def test_notify_with_nobody_waiting_is_forgotten(self, run):
        condition = Condition()

        async def main():
            condition.notify()
            condition.notify_all()
            return await condition.wait(SECOND)

        assert run(main) is False

    @pytest.mark.parametrize("deadline", [lambda io: SECOND, lambda io: io.time() + 1], ids=["a span", "a time"])
    def test_wait_is_false_when_the_time_is_up(self, io, run, deadline):
        condition = Condition()
        begin = io.time()

        async def main():
            return await condition.wait(timeout=deadline(io))

        assert run(main) is False
        assert io.time() == begin + 1

    def test_a_deadline_that_has_passed_ends_the_wait(self, run):
        async def main():
            return [await Condition().wait(0), await Condition().wait(dt.timedelta(0))]

        assert run(main) == [False, False]

    def test_a_waiter_that_timed_out_takes_no_notification_and_no_memory(self, run):
        condition = Condition()

        async def main():
            early = [condition.wait(SECOND) for _ in range(1000)]
            late = condition.wait()
            await early[-1]
            assert repr(condition) == "<Condition waiters[1]>"
            condition.notify()
            assert late.done()

        run(main)

    def test_a_notified_waiter_leaves_no_timer_behind(self, io, run):
        async def main():
            waiting = Condition()
            future = waiting.wait(SECOND)
            waiting.notify()
            assert await future is True

        run(main)
        assert "timers=0" in repr(io.event_loop)

    def test_one_waiter_that_cancels_the_next_while_both_are_woken_does_no_harm(self, io):
        condition = Condition()
        first, second = condition.wait(), condition.wait()
        first.add_done_callback(lambda _: second.cancel())
        condition.notify_all()
        assert second.cancelled()


class TestEvent:
    def test_wait_ends_when_the_event_is_set_and_does_not_begin_when_it_is(self, io):
        event = Event()
        waiting = [event.wait(), event.wait()]
        assert not any(future.done() for future in waiting)
        event.set()
        assert all(future.done() for future in waiting)
        assert event.wait().done()
        assert event.is_set()
        assert repr(event) == "<Event set waiters[0]>"

    def test_setting_twice_is_setting_once_and_clear_makes_wait_wait_again(self, io):
        event = Event()
        event.set()
        event.set()
        event.clear()
        assert not event.is_set()
        assert not event.wait().done()
        assert repr(event) == "<Event clear waiters[1]>"

    def test_those_woken_stay_awake_when_one_of_them_clears_the_event(self, io):
        event = Event()
        first, second = event.wait(), event.wait()
        first.add_done_callback(lambda _: event.clear())
        event.set()
        assert second.done()

    def test_wait_fails_when_the_time_is_up(self, run):
        event = Event()

        async def main():
            with pytest.raises(TimeoutError):
                await event.wait(SECOND)
            assert repr(event) == "<Event clear waiters[0]>"

        run(main)


@pytest.mark.parametrize("make", [Semaphore, BoundedSemaphore, Lock])
class TestAnyLock:
    def test_it_is_handed_over_in_the_order_of_asking(self, io, make):
        lock = make()
        assert lock.acquire().done()
        waiting = [lock.acquire() for _ in range(3)]
        order = []
        for number, future in enumerate(waiting):
            future.add_done_callback(lambda _, number=number: order.append(number))
        for _ in waiting:
            lock.release()
        assert order == [0, 1, 2]

    def test_nobody_overtakes_the_first_in_line(self, io, make):
        lock = make()
        lock.acquire()
        first = lock.acquire()
        lock.release()
        assert first.done()
        assert not lock.acquire().done()

    def test_acquire_fails_when_the_time_is_up_and_then_takes_nothing(self, run, make):
        lock = make()

        async def main():
            await lock.acquire()
            late = lock.acquire(SECOND)
            patient = lock.acquire()
            with pytest.raises(TimeoutError):
                await late
            lock.release()
            assert patient.done()
            lock.release()
            assert lock.acquire().done()

        run(main)

    def test_async_with_releases_at_the_end_whatever_happens(self, run, make):
        lock = make()

        async def main():
            with pytest.raises(KeyError, match="inside"):
                await use()
            assert "unlocked" in repr(lock)

        async def use():
            async with lock:
                assert "unlocked" not in repr(lock)
                raise KeyError("inside")

        run(main)

    def test_with_yield_releases_at_the_end_whatever_happens(self, run, make):
        lock = make()

        @gen.coroutine
        def main():
            with pytest.raises(KeyError, match="inside"):
                yield use()
            assert "unlocked" in repr(lock)

        @gen.coroutine
        def use():
            with (yield lock.acquire()):
                assert "unlocked" not in repr(lock)
                raise KeyError("inside")

        run(main)

    def test_a_plain_with_says_what_to_write_instead(self, io, make):
        with pytest.raises(RuntimeError, match="async with"), make():
            pass

    def test_one_who_is_cancelled_in_line_leaves_the_line(self, run, make):
        lock = make()

        async def use():
            async with lock:
                raise AssertionError("never gets here")

        async def main():
            await lock.acquire()
            user = gen.convert_yielded(use())
            user.cancel()
            await gen.moment
            lock.release()
            assert lock.acquire().done()

        run(main)

    def test_one_whose_coroutine_is_thrown_away_leaves_the_line(self, run, make):
        lock = make()

        async def use():
            async with lock:
                raise AssertionError("never gets here")

        async def main():
            await lock.acquire()
            user = use()
            user.send(None)
            user.close()
            lock.release()
            assert lock.acquire().done()

        run(main)

    def test_one_who_is_cancelled_while_the_lock_arrives_passes_it_on(self, run, make):
        lock = make()

        async def use():
            async with lock:
                await gen.sleep(1)

        async def main():
            await lock.acquire()
            user, other = gen.convert_yielded(use()), lock.acquire()
            await gen.moment  # from here on one coroutine is not entered from inside another
            lock.release()
            user.cancel()
            await gen.moment
            assert user.done() == user.cancelled()
            await other

        run(main)

    def test_only_one_at_a_time_is_inside(self, run, make):
        lock = make()
        inside = []

        async def use(name):
            for _ in range(5):
                async with lock:
                    inside.append(name)
                    assert len(inside) == 1
                    await gen.sleep(0.1)
                    inside.remove(name)

        async def main():
            await gen.multi([use(name) for name in "abc"])

        run(main)


class TestSemaphore:
    def test_it_has_as_many_permits_as_it_was_given(self, io):
        semaphore = Semaphore(2)
        assert semaphore.acquire().done()
        assert repr(semaphore) == "<Semaphore unlocked,value:1 waiters[0]>"
        assert semaphore.acquire().done()
        assert not semaphore.acquire().done()
        assert repr(semaphore) == "<Semaphore locked waiters[1]>"

    def test_it_can_be_released_more_often_than_acquired(self, io):
        semaphore = Semaphore(0)
        semaphore.release()
        assert semaphore.acquire().done()

    def test_a_negative_number_of_permits_is_refused(self):
        with pytest.raises(ValueError, match="0 permits or more"):
            Semaphore(-1)

    def test_a_bounded_one_cannot_be_released_more_often_than_acquired(self, io):
        semaphore = BoundedSemaphore(2)
        semaphore.acquire()
        semaphore.release()
        with pytest.raises(ValueError, match="more often"):
            semaphore.release()


def test_a_lock_that_nobody_holds_cannot_be_released(io):
    lock = Lock()
    assert repr(lock) == "<Lock of <BoundedSemaphore unlocked,value:1 waiters[0]>>"
    with pytest.raises(RuntimeError, match="nobody holds"):
        lock.release()


def test_locks_work_on_every_loop(make_loop):
    io = IOLoop(make_current=True, event_loop=make_loop())
    lock, event, seen = Lock(), Event(), []

    async def use(name):
        await event.wait()
        async with lock:
            seen.append(name)
            await gen.moment

    async def main():
        users = gen.multi([use(name) for name in "abc"])
        event.set()
        await users
        with pytest.raises(TimeoutError):
            await Event().wait(dt.timedelta(milliseconds=1))

    try:
        io.run_sync(main)
    finally:
        IOLoop.clear_current()
    assert sorted(seen) == ["a", "b", "c"]
