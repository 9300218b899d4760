"""Noticing a loop that stands still."""

from __future__ import annotations

import signal
import time

import pytest

from squall import gen

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no signal.setitimer here")


def _block(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def test_a_loop_that_stands_still_is_noticed_and_one_that_waits_is_not(io_loop, caplog):
    before = signal.getsignal(signal.SIGALRM)
    io_loop.set_blocking_log_threshold(0.03)

    @gen.coroutine
    def main():
        yield gen.sleep(0.08)
        assert not caplog.records
        _block(0.06)

    io_loop.run_sync(main)
    assert "blocked" in caplog.text
    assert "_block" in caplog.text
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    io_loop.set_blocking_log_threshold(None)
    assert signal.getsignal(signal.SIGALRM) == before


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
