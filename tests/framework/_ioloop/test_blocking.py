"""Noticing a loop that stands still."""

from __future__ import annotations

import signal
import time

import pytest

from squall import gen
from squall.ioloop import IOLoop
from squall_loops.testing import ManualClock
from squall_loops.turn.loop import TurnLoop

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no signal.setitimer here")


def _block(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def test_a_loop_that_stands_still_is_noticed_and_its_stack_is_logged(io_loop, caplog):
    before = signal.getsignal(signal.SIGALRM)
    io_loop.set_blocking_log_threshold(0.03)
    io_loop.run_sync(lambda: _block(0.06))
    assert "blocked" in caplog.text
    assert "_block" in caplog.text
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    io_loop.set_blocking_log_threshold(None)
    assert signal.getsignal(signal.SIGALRM) == before


def test_a_loop_that_waits_winds_the_alarm_up_before_it_goes_off(clean_ioloop, monkeypatch):
    clock = ManualClock()
    wound_up = []
    monkeypatch.setattr(signal, "setitimer", lambda _, seconds: wound_up.append((clock(), seconds)))
    loop = IOLoop(event_loop=TurnLoop(clock=clock))
    begun = clock()
    loop.set_blocking_signal_threshold(10, signal.SIG_IGN)

    @gen.coroutine
    def main():
        for _ in range(4):
            clock.advance(5)
            yield gen.moment
            yield gen.moment

    loop.run_sync(main)
    loop.close()
    assert wound_up == [*((begun + passed, 10) for passed in (0, 5, 10, 15, 20)), (begun + 20, 0), (begun + 20, 0)]


def test_an_action_of_ones_own_is_called_with_the_frame(io_loop):
    seen = []
    io_loop.set_blocking_signal_threshold(0.01, lambda number, frame: seen.append((number, frame is not None)))
    io_loop.run_sync(lambda: _block(0.03))
    assert (signal.SIGALRM, True) in seen


def test_it_can_be_asked_for_while_the_loop_runs_and_ends_with_close(io_loop):
    before = signal.getsignal(signal.SIGALRM)
    seen = []

    @gen.coroutine
    def main():
        io_loop.set_blocking_signal_threshold(0.01, lambda *_: seen.append(1))
        _block(0.03)
        yield gen.moment

    io_loop.run_sync(main)
    assert seen
    io_loop.close()
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_without_setitimer_it_says_so(io_loop, monkeypatch, caplog):
    monkeypatch.delattr(signal, "setitimer")
    io_loop.set_blocking_log_threshold(1)
    assert "setitimer" in caplog.text
