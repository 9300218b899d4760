"""The fakes that anybody may have."""

from __future__ import annotations

import pytest

from squall_loops.contract import READ, WRITE
from squall_loops.testing import ManualClock, ScriptedPoller, ScriptEndedError
from squall_loops.turn.loop import TurnLoop


def test_a_manual_clock_stands_still_until_it_is_told_and_never_goes_back():
    clock = ManualClock(5.0)
    assert clock() == clock() == 5.0
    clock.advance(2.5)
    assert clock() == 7.5
    assert repr(clock) == "<ManualClock at 7.5>"
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)


def test_a_scripted_poller_plays_its_batches_and_then_lets_time_pass():
    clock = ManualClock()
    poller = ScriptedPoller([[(7, READ)], lambda: [(8, WRITE)]], clock=clock)
    assert list(poller.poll(None)) == [(7, READ)]
    assert list(poller.poll(3.0)) == [(8, WRITE)]
    assert clock() == 0.0
    assert list(poller.poll(3.0)) == []
    assert clock() == 3.0
    assert poller.timeouts == [None, 3.0, 3.0]
    with pytest.raises(ScriptEndedError):
        poller.poll(None)


def test_without_a_clock_time_just_passes():
    assert list(ScriptedPoller().poll(1.0)) == []


def test_a_scripted_poller_records_what_it_is_asked():
    poller = ScriptedPoller()
    poller.register(7, READ)
    poller.modify(7, WRITE)
    assert poller.watched == {7: WRITE}
    poller.unregister(7)
    poller.unregister(7)
    assert poller.watched == {}
    assert poller.calls == [("register", 7, READ), ("modify", 7, WRITE), ("unregister", 7, 0), ("unregister", 7, 0)]
    poller.close()
    assert poller.closed


def test_the_example_of_the_documentation_holds():
    ready = []
    clock = ManualClock()
    poller = ScriptedPoller([[(7, READ)]], clock=clock)
    loop = TurnLoop(poller, clock=clock)
    loop.add_handler(7, lambda fd, events: ready.append((fd, events)), READ)
    loop.call_at(60.0, loop.stop)
    loop.start()
    loop.close()
    assert ready == [(7, READ)]
    assert clock() == 60.0
