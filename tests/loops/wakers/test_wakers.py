"""Each way to wake, on real descriptors."""

from __future__ import annotations

import os
import select
import signal
import threading

import pytest

from squall_loops.pollers.choose import make_poller
from squall_loops.turn.loop import TurnLoop
from squall_loops.wakers.choose import WAKERS, make_waker, missing


@pytest.fixture(params=WAKERS)
def name(request):
    if missing(request.param):
        pytest.skip(missing(request.param))
    return request.param


@pytest.fixture
def waker(name):
    made = make_waker(name)
    yield made
    made.close()


def readable(waker):
    return bool(select.select([waker.fileno()], [], [], 0)[0])


def test_a_wake_makes_it_readable_and_a_drain_makes_it_silent(waker):
    assert not readable(waker)
    waker.wake()
    waker.wake()
    assert readable(waker)
    assert waker.drain().strip(b"\0") == b""
    assert not readable(waker)


def test_draining_what_is_empty_does_not_block(waker):
    assert waker.drain() == b""


@pytest.mark.slow
def test_waking_without_end_neither_blocks_nor_fails_and_one_wake_up_is_left(waker):
    for _ in range(70_000):
        waker.wake()
    assert readable(waker)
    drains = 0
    while readable(waker):
        waker.drain()
        drains += 1
    assert drains <= 20


def test_it_is_closed_on_exec_and_does_not_block(waker):
    numbers = {waker.fileno(), waker.signal_fd} - {-1}
    assert numbers
    for number in numbers:
        assert not os.get_inheritable(number)
        assert not os.get_blocking(number)


def test_closing_twice_closes_its_own_descriptors_only(waker):
    number = waker.fileno()
    waker.close()
    reader, writer = os.pipe()
    waker.close()
    os.fstat(reader)
    os.fstat(writer)
    os.close(reader)
    os.close(writer)
    assert number not in {waker.fileno(), waker.signal_fd}


def test_it_takes_the_numbers_of_signals_unless_it_says_that_it_cannot(name, waker):
    if waker.signal_fd < 0:
        assert name == "eventfd"
        return
    waker.wake()
    os.write(waker.signal_fd, bytes([signal.SIGTERM]))
    assert waker.drain() == bytes([0, signal.SIGTERM])


@pytest.mark.parametrize("poller", ["epoll", "poll", "select"])
def test_it_wakes_a_waiting_loop_from_another_thread(name, poller):
    try:
        loop = TurnLoop(make_poller(poller), waker=name)
    except ValueError as exc:
        pytest.skip(str(exc))
    ran = []
    for _ in range(3):
        thread = threading.Timer(0.005, loop.add_callback, (lambda: (ran.append(threading.get_ident()), loop.stop()),))
        thread.start()
        loop.start()
        thread.join()
    assert ran == [threading.get_ident()] * 3
    loop.close()
