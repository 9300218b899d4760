"""Adding from other threads."""

from __future__ import annotations

import contextlib
import threading

import pytest

from squall_loops.contract import LoopClosedError
from squall_loops.testing import ScriptedPoller
from squall_loops.turn.loop import TurnLoop
from squall_loops.wakers.pipe import PipeWaker


@pytest.fixture
def loop():
    made = TurnLoop()
    yield made
    made.close()


def test_of_what_many_threads_add_nothing_is_lost_and_each_keeps_its_order(loop):
    ran = {number: [] for number in range(6)}
    left = 6

    def finished():
        nonlocal left
        left -= 1
        if not left:
            loop.stop()

    def add(number):
        for serial in range(2000):
            loop.add_callback(ran[number].append, serial)
        loop.add_callback(finished)

    threads = [threading.Thread(target=add, args=(number,)) for number in ran]
    for thread in threads:
        thread.start()
    loop.start()
    for thread in threads:
        thread.join()
    assert all(serials == list(range(2000)) for serials in ran.values())


def test_one_wait_takes_one_wake_up_however_much_is_added(loop, monkeypatch):
    wakes = []
    wake = loop._waker.wake
    monkeypatch.setattr(loop._waker, "wake", lambda: (wakes.append(None), wake()))
    poll = loop._poller.poll

    def poll_while_a_thread_adds(timeout):
        assert timeout is None
        thread = threading.Thread(target=lambda: [loop.add_callback(int) for _ in range(100)])
        thread.start()
        thread.join()
        loop.stop()
        return poll(timeout)

    monkeypatch.setattr(loop._poller, "poll", poll_while_a_thread_adds)
    loop.start()
    assert len(wakes) == 1


def test_what_is_added_after_the_look_and_before_the_wait_still_ends_the_wait(loop, monkeypatch):
    ran = []
    poll = loop._poller.poll

    def add_at_the_last_moment(timeout):
        monkeypatch.setattr(loop._poller, "poll", poll)
        assert timeout is None
        loop.add_callback(ran.append, 1)
        loop.add_callback(loop.stop)
        return poll(timeout)

    monkeypatch.setattr(loop._poller, "poll", add_at_the_last_moment)
    loop.start()
    assert ran == [1]


def test_what_is_added_just_before_the_loop_says_that_it_waits_makes_it_not_wait():
    class Gap(TurnLoop):
        def __setattr__(self, name, value):
            if name == "_waiting" and value:
                self.add_callback(self.stop)  # finds _waiting false, so it does not wake
            super().__setattr__(name, value)

    poller = ScriptedPoller()
    loop = Gap(poller)
    loop.start()
    loop.close()
    assert poller.timeouts == [0, 0]


def test_adding_to_a_running_loop_from_its_own_thread_costs_no_wake_up(loop, monkeypatch):
    monkeypatch.setattr(loop._waker, "wake", lambda: pytest.fail("nobody sleeps"))
    loop.add_callback(loop.add_callback, loop.stop)
    loop.start()


def test_adding_while_the_loop_is_closed_succeeds_or_says_so_and_never_writes_into_a_foreign_descriptor():
    for _ in range(4):
        loop = TurnLoop(waker="pipe")
        ready, refused = threading.Event(), []

        def add(loop=loop, ready=ready, refused=refused):
            ready.set()
            with contextlib.suppress(LoopClosedError):
                while True:
                    loop.add_callback(int)
            refused.append(True)

        thread = threading.Thread(target=add)
        thread.start()
        ready.wait()
        loop.call_at(loop.time() + 0.001, loop.stop)
        loop.start()
        loop.close()
        stranger = PipeWaker()
        thread.join()
        assert refused == [True]
        assert stranger.drain() == b""
        stranger.close()


def test_a_late_wake_up_finds_the_loop_closed_and_does_nothing(loop):
    loop._waiting = True
    loop.close()
    loop._wake()
    assert not loop._waiting


def test_two_loops_run_in_two_threads(loop):
    other = TurnLoop()
    idents = []

    def note(which):
        idents.append(threading.get_ident())
        which.stop()

    thread = threading.Thread(target=other.start)
    thread.start()
    other.add_callback(note, other)
    loop.add_callback(note, loop)
    loop.start()
    thread.join()
    other.close()
    assert len(set(idents)) == 2
