"""Timers on a host's timers, with a host whose time is ours."""

from __future__ import annotations

import heapq
import itertools

import pytest

from squall_loops.hosts.deadlines import Deadlines


class Host:
    """Fires in an order that is as unhelpful as asyncio allows: of equal deadlines the last one first."""

    def __init__(self):
        self.heap = []
        self.serials = itertools.count(0, -1)

    def schedule(self, deadline, function, *args):
        timer = HostTimer(function, args)
        heapq.heappush(self.heap, (deadline, next(self.serials), timer))
        return timer

    def advance(self, now):
        while self.heap and self.heap[0][0] <= now:
            timer = heapq.heappop(self.heap)[2]
            if timer.function:
                timer.function(*timer.args)


class HostTimer:
    def __init__(self, function, args):
        self.function, self.args = function, args

    def cancel(self):
        self.function = None


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def reports():
    return []


@pytest.fixture
def deadlines(host, reports):
    return Deadlines(host.schedule, lambda callback, exc: reports.append((callback, exc)))


def call(callback, *args):
    return callback(*args)


def test_equal_deadlines_keep_their_order(host, deadlines):
    ran = []
    for number in range(20):
        deadlines.add(1.0, call, ran.append, (number,))
    host.advance(1.0)
    assert ran == list(range(20))
    assert len(deadlines) == 0


def test_one_of_many_is_cancelled(host, deadlines):
    ran = []
    timers = [deadlines.add(1.0, call, ran.append, (number,)) for number in range(5)]
    deadlines.cancel(timers[2])
    deadlines.cancel(timers[2])
    host.advance(1.0)
    deadlines.cancel(timers[0])
    assert ran == [0, 1, 3, 4]


def test_one_cancels_the_next(host, deadlines):
    ran = []
    deadlines.add(1.0, call, lambda: deadlines.cancel(second), ())
    second = deadlines.add(1.0, call, ran.append, (2,))
    deadlines.add(1.0, call, ran.append, (3,))
    host.advance(1.0)
    assert ran == [3]


def test_when_all_are_cancelled_the_host_is_told(host, deadlines):
    deadlines.cancel(deadlines.add(1.0, call, print, ()))
    assert host.heap[0][2].function is None
    assert not deadlines._buckets


def test_shells_of_a_crowded_deadline_are_swept(deadlines):
    timers = [deadlines.add(1.0, call, print, ()) for _ in range(1000)]
    for timer in timers[1:]:
        deadlines.cancel(timer)
    assert len(deadlines._buckets[1.0].timers) < 50


def test_the_same_deadline_set_while_it_fires_fires_again(host, deadlines):
    ran = []
    deadlines.add(1.0, call, lambda: deadlines.add(1.0, call, ran.append, ("again",)), ())
    host.advance(1.0)
    assert ran == ["again"]


def test_errors_are_reported_and_the_others_run(host, deadlines, reports):
    ran = []

    def fail():
        raise ValueError("deliberate")

    deadlines.add(1.0, call, fail, ())
    deadlines.add(1.0, call, ran.append, (1,))
    host.advance(1.0)
    assert ran == [1]
    assert [(callback, str(exc)) for callback, exc in reports] == [(fail, "deliberate")]


def test_an_exit_leaves_the_rest_due_under_their_old_handles(host, deadlines):
    ran = []

    def leave():
        raise SystemExit

    deadlines.add(1.0, call, leave, ())
    deadlines.add(1.0, call, ran.append, (1,))
    last = deadlines.add(1.0, call, ran.append, (2,))
    with pytest.raises(SystemExit):
        host.advance(1.0)
    deadlines.cancel(last)
    host.advance(1.0)
    assert ran == [1]


def test_clearing_drops_all(host, deadlines):
    deadlines.add(1.0, call, lambda: pytest.fail("ran"), ())
    deadlines.clear()
    host.advance(2.0)
    assert len(deadlines) == 0
