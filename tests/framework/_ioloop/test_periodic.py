"""Calling again and again: by a clock that is set by hand."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from squall import gen
from squall.concurrent import Future
from squall.ioloop import IOLoop, PeriodicCallback
from squall_loops.testing import ManualClock
from squall_loops.turn.loop import TurnLoop


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def loop(clock, clean_ioloop):
    loop = IOLoop(event_loop=TurnLoop(clock=clock))
    yield loop
    loop.close()


@pytest.fixture
def pass_time(clock, loop):
    """Let time pass in steps, and the loop turn after each."""

    def pass_time(seconds, step=0.5):
        for _ in range(round(seconds / step)):
            clock.advance(step)
            loop.add_callback(loop.stop)
            loop.start()

    return pass_time


def test_it_calls_every_period_until_stopped(loop, pass_time):
    calls = []
    periodic = PeriodicCallback(lambda: calls.append(loop.time()), 1000)
    assert not periodic.is_running()
    begun = loop.time()
    periodic.start()
    assert periodic.is_running()
    pass_time(3)
    assert calls == [begun + 1, begun + 2, begun + 3]
    periodic.stop()
    assert not periodic.is_running()
    pass_time(3)
    assert len(calls) == 3


def test_a_timedelta_is_a_period(loop, pass_time):
    calls = []
    periodic = PeriodicCallback(lambda: calls.append(1), dt.timedelta(minutes=1))
    assert periodic.callback_time == 60000
    periodic.start()
    pass_time(120, step=30)
    assert len(calls) == 2


def test_runs_lie_at_multiples_of_the_period_and_late_ones_are_not_made_up_for(loop, clock, pass_time):
    calls = []
    begun = loop.time()
    PeriodicCallback(lambda: calls.append(loop.time() - begun), 1000).start()
    pass_time(3.5, step=3.5)
    pass_time(1.5)
    assert calls == [3.5, 4, 5]


def test_a_clock_that_goes_back_does_not_cause_a_burst(loop):
    periodic = PeriodicCallback(lambda: None, 1000, io_loop=loop)
    periodic._due = 100.0
    periodic._update_next(90.0)
    assert periodic._due == 101.0


def test_jitter_varies_the_interval_within_its_bounds(loop, clock, pass_time, monkeypatch):
    numbers = iter([0.0, 1.0, 0.5])
    monkeypatch.setattr("random.random", lambda: next(numbers))
    periodic = PeriodicCallback(lambda: None, 1000, jitter=0.5)
    periodic._due = 0.0
    dues = []
    for _ in range(3):
        periodic._update_next(periodic._due)
        dues.append(periodic._due)
    assert dues == [0.75, 2.0, 3.0]


def test_a_number_in_the_place_of_the_loop_is_jitter_as_in_later_releases(loop):
    assert PeriodicCallback(lambda: None, 1000, 0.1).jitter == 0.1
    assert PeriodicCallback(lambda: None, 1000, loop).io_loop is loop


@pytest.mark.parametrize("period", [0, -1, dt.timedelta(0)])
def test_a_period_must_be_positive(period):
    with pytest.raises(ValueError, match="positive"):
        PeriodicCallback(lambda: None, period)


@pytest.mark.parametrize("kind", ["native", "generator"])
def test_a_coroutine_is_waited_for_and_runs_do_not_overlap(loop, pass_time, kind):
    running = []
    begun = []

    async def native():
        begun.append(loop.time())
        running.append(Future())
        await running[-1]

    @gen.coroutine
    def generator():
        begun.append(loop.time())
        running.append(Future())
        yield running[-1]

    start = loop.time()
    PeriodicCallback({"native": native, "generator": generator}[kind], 1000).start()
    pass_time(3.5)
    assert begun == [start + 1]
    running[0].set_result(None)
    pass_time(1)
    assert begun == [start + 1, start + 4]


@pytest.mark.parametrize("kind", ["plain", "native", "cancelled"])
def test_an_error_is_reported_and_it_goes_on(loop, pass_time, caplog, kind):
    def plain():
        raise ValueError("plain")

    async def native():
        raise ValueError("native")

    async def cancelled():
        raise asyncio.CancelledError

    callback = {"plain": plain, "native": native, "cancelled": cancelled}[kind]
    PeriodicCallback(callback, 1000).start()
    pass_time(2)
    assert len(caplog.records) == 2
    assert all(kind in record.getMessage() for record in caplog.records)


def test_starting_again_while_a_coroutine_runs_makes_one_chain_of_calls(loop, pass_time):
    running = []

    async def waits():
        running.append(Future())
        await running[-1]

    periodic = PeriodicCallback(waits, 1000)
    periodic.start()
    pass_time(1)
    periodic.stop()
    periodic.start()
    running[0].set_result(None)
    pass_time(1)
    assert len(running) == 2
    running[1].set_result(None)
    pass_time(1)
    assert len(running) == 3


def test_stopping_inside_the_callback_stops(loop, pass_time):
    calls = []

    def once():
        calls.append(1)
        periodic.stop()

    periodic = PeriodicCallback(once, 1000)
    periodic.start()
    pass_time(3)
    assert calls == [1]


def test_it_works_on_every_loop(io_loop):
    calls = []

    async def count():
        calls.append(1)
        await gen.sleep(0)
        if len(calls) == 3:
            io_loop.stop()

    periodic = PeriodicCallback(count, 5, jitter=0.1)
    periodic.start()
    io_loop.start()
    periodic.stop()
    assert len(calls) == 3
