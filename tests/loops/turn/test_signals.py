"""Signals and the process's one wake-up descriptor."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time

import pytest

from squall_loops.contract import READ
from squall_loops.turn.loop import TurnLoop
from squall_loops.wakers.choose import WAKERS, missing

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no POSIX signals here")


@pytest.fixture(params=[name for name in WAKERS if not missing(name)])
def loop(request):
    made = TurnLoop(waker=request.param)
    yield made
    made.close()


@pytest.fixture
def alarm():
    """Install a handler for SIGALRM and return what starts the timer."""
    before = signal.getsignal(signal.SIGALRM)

    def install(handler, first, interval=0.0):
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, first, interval)

    yield install
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def theirs():
    """A wake-up descriptor that the program has set."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno())
    yield reader, writer
    signal.set_wakeup_fd(before)
    reader.close()
    writer.close()


def wakeup_fd():
    present = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(present)
    return present


def test_a_signal_ends_an_idle_wait_and_its_callback_runs_in_a_turn(loop, alarm):
    alarm(lambda *_: loop.add_callback_from_signal(loop.stop), 0.005)
    begin = time.monotonic()
    loop.start()
    assert time.monotonic() - begin < 1.0


def test_a_handler_may_stop_the_loop_by_itself(loop, alarm):
    alarm(lambda *_: loop.stop(), 0.005)
    loop.start()


def test_the_descriptor_is_borrowed_while_the_loop_runs_and_given_back_by_every_exit(loop):
    def leave(how):
        seen.append(wakeup_fd())
        if how is not None:
            raise how
        loop.stop()

    seen = []
    assert wakeup_fd() == -1
    for how in (None, KeyboardInterrupt, SystemExit):
        loop.add_callback(leave, how)
        if how is None:
            loop.start()
        else:
            with pytest.raises(how):
                loop.start()
        assert wakeup_fd() == -1
    assert len(set(seen)) == 1
    assert seen[0] >= 0


def test_a_signal_between_the_look_and_the_wait_is_not_lost(loop):
    """The moment is made by hand: the byte that the C handler would write is there before the wait begins."""
    turns = []
    loop.add_callback(lambda: os.write(wakeup_fd(), bytes([signal.SIGUSR1])))
    waited = loop._poller.poll

    def poll(timeout):
        found = list(waited(timeout))
        turns.append((timeout, bool(found)))
        if len(turns) == 1:
            loop.stop()
        return found

    loop._poller.poll = poll
    loop.start()
    del loop._poller.poll
    assert turns == [(None, True)]


def test_a_descriptor_of_the_programs_own_goes_on_receiving(loop, alarm, theirs):
    reader, writer = theirs
    seen = []
    alarm(lambda *_: None, 0.005)
    loop.add_handler(reader, lambda end, _events: (seen.append(end.recv(10)), loop.stop()), READ)
    loop.start()
    assert seen == [bytes([signal.SIGALRM])]
    assert wakeup_fd() == writer.fileno()


def test_signals_that_came_while_the_loop_looked_are_handed_over(loop, theirs):
    reader, _writer = theirs
    os.write(loop._signals._waker.signal_fd, bytes([0, signal.SIGTERM, 0, signal.SIGUSR1]))
    loop.stop()
    loop.start()
    assert reader.recv(10) == bytes([signal.SIGTERM, signal.SIGUSR1])


def test_a_descriptor_that_the_program_sets_while_the_loop_runs_stays(loop, theirs):
    _reader, writer = theirs
    signal.set_wakeup_fd(-1)
    loop.add_callback(signal.set_wakeup_fd, writer.fileno())
    loop.stop()
    loop.start()
    assert wakeup_fd() == writer.fileno()


def test_a_loop_started_by_a_callback_of_another_one_takes_over_and_gives_back(loop):
    inner = TurnLoop()
    seen = []

    def nested():
        outer_fd = wakeup_fd()
        inner.add_callback(lambda: seen.append(wakeup_fd() not in {-1, outer_fd}))
        inner.stop()
        inner.start()
        seen.append(wakeup_fd() == outer_fd)
        loop.stop()

    loop.add_callback(nested)
    loop.start()
    inner.close()
    assert seen == [True, True]
    assert wakeup_fd() == -1


def test_in_another_thread_the_descriptor_is_left_alone(loop, theirs):
    _reader, writer = theirs
    seen = []
    loop.add_callback(lambda: (seen.append(threading.current_thread() is threading.main_thread()), loop.stop()))
    thread = threading.Thread(target=loop.start)
    thread.start()
    thread.join()
    assert seen == [False]
    assert wakeup_fd() == writer.fileno()


def test_ctrl_c_leaves_an_idle_wait(loop):
    timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        loop.start()
    timer.join()
    loop.stop()
    loop.start()


def test_a_signal_handler_may_interrupt_anything_under_a_storm(loop, alarm):
    ran, added = [], []

    def handler(*_):
        loop.add_callback_from_signal(ran.append, None)
        added.append(None)

    def busy():
        if len(added) < 50 or len(ran) < len(added):
            loop.add_callback(busy)
        else:
            signal.setitimer(signal.ITIMER_REAL, 0)
            loop.stop()

    alarm(handler, 0.0005, 0.0005)
    loop.add_callback(busy)
    loop.start()
    assert len(ran) == len(added) >= 50
