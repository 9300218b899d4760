"""A child has its own copy of the loop's Python state, and shares the kernel's."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import threading
import warnings
from pathlib import Path

import pytest

from squall_loops.contract import READ, LoopForkedError
from squall_loops.pollers.choose import POLLERS, make_poller, missing
from squall_loops.pollers.kqueue import KqueuePoller
from squall_loops.testing import ScriptedPoller
from squall_loops.turn.loop import TurnLoop

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")

_spec = importlib.util.spec_from_file_location("kqueue_stand_in", Path(__file__).parents[1] / "pollers/kqueue_stand_in.py")


def stand_in_poller():
    module = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(module)
    return KqueuePoller(module.kernel())


@pytest.fixture(params=[*(name for name in POLLERS if not missing(name)), "kqueue-stand-in"])
def loop(request):
    made = TurnLoop(stand_in_poller() if request.param == "kqueue-stand-in" else make_poller(request.param))
    yield made
    made.close()


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    yield left, right
    left.close()
    right.close()


def in_child(work):
    """Run ``work`` in a forked child; return what went wrong there."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # since 3.12, where another thread runs
        pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 - told to the parent
            os.write(writer, repr(exc).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    trouble = os.read(reader, 1000).decode()
    os.close(reader)
    return trouble


def serves(loop, pair):
    """Check that the loop still delivers a message, a timer and a wake-up of another thread."""
    left, right = pair
    got = []

    def note(what):
        got.append(what)
        if len(got) == 3:
            loop.stop()

    loop.remove_handler(left)
    loop.add_handler(left, lambda end, _events: note(end.recv(10)), READ)
    right.send(b"x")
    loop.call_at(loop.time() + 0.001, note, "timer")
    thread = threading.Timer(0.005, loop.add_callback, (note, "thread"))
    thread.start()
    loop.start()
    thread.join()
    return sorted(map(str, got)) == ["b'x'", "thread", "timer"]


def test_what_a_child_does_to_the_inherited_loop_does_not_reach_the_parent(loop, pair):
    left, right = pair
    loop.add_handler(left, lambda end, _events: (end.recv(10), loop.stop()), READ)

    def meddle():
        loop.update_handler(left, 0)
        loop.add_callback(int)
        loop.remove_handler(left)
        loop.close(all_fds=True)

    assert in_child(meddle) == ""
    right.send(b"y")
    loop.start()
    assert serves(loop, pair)


def test_a_child_cannot_start_it_or_add_to_it_and_is_told_so(loop, pair):
    def use():
        for forbidden in (loop.start, lambda: loop.add_handler(pair[0], print, READ)):
            with pytest.raises(LoopForkedError, match="parent"):
                forbidden()
        assert "forked" in repr(loop)

    assert in_child(use) == ""
    assert serves(loop, pair)


def test_a_child_forked_by_a_callback_leaves_start_and_its_parent_runs_on(loop, pair):
    trouble = []

    def fork():
        trouble.append(in_child(run_on))
        loop.add_callback(loop.stop)

    def run_on():
        with pytest.raises(LoopForkedError):
            loop._wait()
        signal.raise_signal(signal.SIGCHLD)
        assert signal.set_wakeup_fd(-1) == -1
        loop.close()

    loop.add_callback(fork)
    loop.start()
    assert trouble == [""]
    assert serves(loop, pair)


def test_a_child_that_returns_into_the_turn_does_not_serve_what_else_was_ready():
    reader, writer = os.pipe()
    parent, children = os.getpid(), []

    def fork(_fd, _events):
        children.append(os.fork())
        loop.stop()

    def note(_fd, _events):
        os.write(writer, b"parent" if os.getpid() == parent else b"child")

    loop = TurnLoop(ScriptedPoller([[(900, READ), (901, READ)]]))
    loop.add_handler(900, fork, READ)
    loop.add_handler(901, note, READ)
    try:
        loop.start()
    finally:
        if os.getpid() != parent:
            os._exit(0)
    os.waitpid(children[0], 0)
    loop.close()
    assert os.read(reader, 100) == b"parent"
    os.close(reader)
    os.close(writer)


def test_a_child_runs_a_loop_of_its_own_while_the_parents_goes_on(loop, pair):
    def own():
        mine = TurnLoop()
        ends = socket.socketpair()
        assert serves(mine, ends)
        mine.close()

    trouble = []
    loop.add_callback(lambda: (trouble.append(in_child(own)), loop.stop()))
    loop.start()
    assert trouble == [""]
    assert serves(loop, pair)


def test_a_child_forked_by_a_thread_while_the_loop_waits_has_none_of_its_wake_ups(loop, pair):
    numbers = [waker.fileno() for waker in loop._wakers]
    trouble = []

    def look():
        for number in numbers:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(number)
        loop.add_callback(int)

    def fork():
        trouble.append(in_child(look))
        loop.add_callback(loop.stop)

    thread = threading.Timer(0.005, fork)
    thread.start()
    loop.start()
    thread.join()
    assert trouble == [""]
    assert serves(loop, pair)


def test_a_child_asks_nothing_of_a_poller_that_it_shares_but_to_be_closed(pair):
    poller = ScriptedPoller()
    loop = TurnLoop(poller)
    loop.add_handler(pair[0], print, READ)
    calls = len(poller.calls)

    def meddle():
        loop.update_handler(pair[0], 0)
        loop.remove_handler(pair[0])
        loop.close()
        assert poller.closed
        assert len(poller.calls) == calls

    assert in_child(meddle) == ""
    assert not poller.closed
    loop.close()
