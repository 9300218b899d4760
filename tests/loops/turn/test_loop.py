"""The order of a turn, and what the loop asks of its poller. The promises themselves are judged by the conformance kit."""

from __future__ import annotations

import gc
import logging
import math
import os
import weakref
from contextvars import ContextVar

import pytest

from squall_loops.contract import (
    ERROR,
    READ,
    WRITE,
    AlreadyRegisteredError,
    LoopClosedError,
    LoopRunningError,
    NotRegisteredError,
)
from squall_loops.testing import ScriptedPoller, ScriptEndedError
from squall_loops.turn.loop import LONGEST_WAIT, TurnLoop


def test_a_turn_is_callbacks_then_timers_then_descriptors(scripted):
    ran = []
    scripted.poller.batches.append([(900, READ)])
    scripted.add_handler(900, lambda _fd, _events: ran.append("descriptor"), READ)
    scripted.call_at(0, ran.append, "timer")
    scripted.add_callback(ran.append, "callback")
    scripted.stop()
    scripted.start()
    assert ran == ["callback", "timer", "descriptor"]


def test_what_a_turn_adds_runs_in_the_next_one_after_a_look_at_the_descriptors(scripted):
    ran = []
    scripted.poller.batches.extend([[(900, READ)], [(900, READ)]])
    scripted.add_handler(900, lambda _fd, _events: ran.append("descriptor"), READ)

    def first():
        ran.append("first")
        scripted.add_callback(second)

    def second():
        ran.append("second")
        scripted.stop()

    scripted.add_callback(first)
    scripted.start()
    assert ran == ["first", "descriptor", "second", "descriptor"]


def test_the_wait_is_none_while_idle_the_earliest_deadline_with_timers_and_nothing_with_work(scripted):
    cancelled = scripted.call_at(1001.0, print)
    scripted.call_at(1002.5, scripted.add_callback, scripted.add_callback, scripted.stop)
    scripted.remove_timeout(cancelled)
    scripted.start()
    assert scripted.poller.timeouts == [2.5, 0, 0, 0]
    with pytest.raises(ScriptEndedError):
        scripted.start()
    assert scripted.poller.timeouts[-1] is None


def test_a_deadline_years_ahead_waits_a_day_at_a_time_and_comes_in_the_end(scripted):
    scripted.call_at(1000.0 + 10 * 365 * 86400, scripted.stop)
    scripted.start()
    assert max(scripted.poller.timeouts) == LONGEST_WAIT
    assert scripted.time() >= 1000.0 + 10 * 365 * 86400


def test_an_infinite_deadline_never_comes_and_nan_is_refused(scripted):
    scripted.call_at(math.inf, print)
    scripted.call_at(-math.inf, scripted.stop)
    scripted.start()
    with pytest.raises(ValueError, match="NaN"):
        scripted.call_at(math.nan, print)
    with pytest.raises(TypeError):
        scripted.call_at("1", print)
    assert "timers=1" in repr(scripted)


def test_a_delay_counts_from_the_moment_it_is_set_not_from_the_start_of_the_turn(scripted):
    fired = []

    def slow():
        scripted.clock.advance(5.0)
        scripted.call_at(scripted.time() + 1.0, lambda: (fired.append(scripted.time()), scripted.stop()))

    scripted.add_callback(slow)
    scripted.start()
    assert fired == [1006.0]


def test_an_event_polled_for_a_removed_registration_does_not_reach_the_one_that_took_its_number(scripted):
    ran = []

    def replace(_fd, _events):
        scripted.remove_handler(901)
        scripted.add_handler(901, lambda _fd, _events: ran.append("new"), READ)
        scripted.stop()

    scripted.add_handler(900, replace, READ)
    scripted.add_handler(901, lambda _fd, _events: ran.append("old"), READ)
    scripted.poller.batches.append([(900, READ), (901, READ)])
    scripted.start()
    assert ran == []
    scripted.stop()
    scripted.poller.batches.append([(901, READ)])
    scripted.start()
    assert ran == ["new"]


def test_an_event_no_longer_asked_for_is_held_back_and_errors_never_are(scripted):
    seen = []
    scripted.add_handler(900, lambda _fd, _events: scripted.update_handler(901, 0), READ)
    scripted.add_handler(901, lambda fd, events: seen.append((fd, events)), READ)
    scripted.poller.batches.extend([[(900, READ), (901, READ)], [(901, READ | ERROR)], [(77, READ)]])
    for _ in range(3):
        scripted.stop()
        scripted.start()
    assert seen == [(901, ERROR)]


def test_an_error_is_delivered_to_who_asked_for_reading_only(scripted):
    seen = []
    scripted.add_handler(900, lambda _fd, events: seen.append(events), READ)
    scripted.poller.batches.append([(900, ERROR | WRITE)])
    scripted.stop()
    scripted.start()
    assert seen == [ERROR]


def test_the_handler_is_given_the_object_that_was_registered(scripted):
    class Thing:
        def fileno(self):
            return 900

    seen, thing = [], Thing()
    scripted.add_handler(thing, lambda *got: seen.append(got), WRITE)
    scripted.poller.batches.append([(900, WRITE)])
    scripted.stop()
    scripted.start()
    assert seen == [(thing, WRITE)]
    assert seen[0][0] is thing


def test_a_number_and_its_object_are_one_descriptor(scripted):
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as file, os.fdopen(writer, "wb"):
        scripted.add_handler(file, print, READ)
        with pytest.raises(AlreadyRegisteredError):
            scripted.add_handler(reader, print, READ)
        scripted.update_handler(reader, 0)
        scripted.remove_handler(reader)
        scripted.add_handler(reader, print, READ)
        scripted.update_handler(file, READ)
        scripted.remove_handler(file)
        with pytest.raises(NotRegisteredError):
            scripted.update_handler(file, READ)


def test_a_closed_object_is_found_by_what_it_is(scripted):
    reader, writer = os.pipe()
    os.close(writer)
    file = os.fdopen(reader, "rb")
    scripted.add_handler(file, print, READ)
    file.close()
    scripted.remove_handler(file)
    assert ("unregister", reader, 0) in scripted.poller.calls
    scripted.remove_handler(file)
    with pytest.raises(ValueError):
        scripted.add_handler(file, print, READ)


def test_an_object_whose_number_has_changed_must_be_removed_before_it_is_added_again(scripted):
    class Thing:
        number = 900

        def fileno(self):
            return self.number

    thing = Thing()
    scripted.add_handler(thing, print, READ)
    thing.number = 901
    with pytest.raises(AlreadyRegisteredError):
        scripted.add_handler(thing, print, READ)
    scripted.remove_handler(thing)
    scripted.add_handler(thing, print, READ)
    assert 901 in scripted.poller.watched
    assert 900 not in scripted.poller.watched


@pytest.mark.parametrize("bits", [0x2, 0x8000, -1])
def test_unknown_event_bits_are_refused_and_nothing_is_registered(scripted, bits):
    before = list(scripted.poller.calls)
    with pytest.raises(ValueError, match="bits"):
        scripted.add_handler(900, print, READ | bits)
    with pytest.raises(ValueError, match="bits"):
        scripted.update_handler(900, READ | bits)
    assert scripted.poller.calls == before


def test_what_cannot_be_called_is_refused_where_it_is_added(scripted):
    for refuse in (
        lambda: scripted.add_callback(None),
        lambda: scripted.add_callback_from_signal("stop"),
        lambda: scripted.call_at(1.0, 5),
        lambda: scripted.add_handler(900, None, READ),
    ):
        with pytest.raises(TypeError, match="callable"):
            refuse()
    with pytest.raises(TypeError, match="call_at"):
        scripted.remove_timeout(None)


def test_a_refused_registration_leaves_nothing_behind(scripted, monkeypatch):
    def refuse(fd, events):
        raise PermissionError

    monkeypatch.setattr(scripted.poller, "register", refuse)
    with pytest.raises(PermissionError):
        scripted.add_handler(900, print, READ)
    scripted.remove_handler(900)
    with pytest.raises(KeyError):
        scripted.update_handler(900, READ)


def test_each_kind_of_callback_runs_in_a_copy_of_its_own_context(scripted):
    name = ContextVar("name", default="none")
    seen = []

    def look(*_ignored):
        seen.append(name.get())
        name.set("spoiled")

    name.set("callback")
    scripted.add_callback(look)
    name.set("timer")
    scripted.call_at(0, look)
    name.set("handler")
    scripted.add_handler(900, look, READ)
    name.set("caller")
    scripted.update_handler(900, READ | WRITE)
    scripted.poller.batches.append([(900, READ)])
    scripted.stop()
    scripted.start()
    assert seen == ["callback", "timer", "handler"]
    assert name.get() == "caller"


def test_an_interrupt_in_a_handler_leaves_start_and_the_loop_starts_again(scripted):
    def interrupt(_fd, _events):
        raise KeyboardInterrupt

    ran = []
    scripted.add_handler(900, interrupt, READ)
    scripted.add_handler(901, lambda _fd, _events: ran.append(901), READ)
    scripted.poller.batches.append([(900, READ), (901, READ)])
    with pytest.raises(KeyboardInterrupt):
        scripted.start()
    scripted.remove_handler(900)
    scripted.poller.batches.append([(901, READ)])
    scripted.stop()
    scripted.start()
    assert ran == [901]


def test_a_hook_may_be_assigned_and_if_it_fails_that_is_logged_and_the_loop_goes_on(scripted, caplog):
    ran = []
    scripted.handle_callback_exception = lambda callback, exc: 1 / 0
    scripted.add_callback(int, "x")
    scripted.add_callback(ran.append, "after")
    scripted.stop()
    scripted.start()
    assert ran == ["after"]
    (record,) = caplog.records
    assert record.name == "squall.loops"
    assert record.levelno == logging.ERROR
    assert record.exc_info[0] is ZeroDivisionError
    assert "invalid literal" in record.getMessage()


def test_an_interrupt_in_the_hook_leaves_start(scripted):
    def hook(callback, exc):
        raise KeyboardInterrupt

    scripted.handle_callback_exception = hook
    scripted.add_callback(int, "x")
    with pytest.raises(KeyboardInterrupt):
        scripted.start()


def test_the_default_hook_logs_the_traceback(caplog):
    loop = TurnLoop(ScriptedPoller())
    loop.add_callback(int, "x")
    loop.stop()
    loop.start()
    loop.close()
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("squall.loops", logging.ERROR)
    assert record.exc_info[0] is ValueError


def test_a_loop_does_not_nest_and_is_not_closed_while_it_runs(scripted):
    seen = []

    def inside():
        for forbidden in (scripted.start, scripted.close):
            with pytest.raises(LoopRunningError):
                forbidden()
            seen.append(forbidden)
        assert "running" in repr(scripted)
        scripted.stop()

    scripted.add_callback(inside)
    scripted.start()
    assert len(seen) == 2
    assert "stopped" in repr(scripted)


def test_one_stop_ends_one_start(scripted):
    scripted.stop()
    scripted.stop()
    scripted.start()
    with pytest.raises(ScriptEndedError):
        scripted.start()


def test_a_closed_loop_refuses_what_adds_and_forgives_what_removes(scripted):
    handle = scripted.call_at(1.0, print)
    scripted.add_handler(900, print, READ)
    scripted.close()
    scripted.close()
    assert scripted.poller.closed
    for refuse in (
        scripted.start,
        lambda: scripted.add_callback(print),
        lambda: scripted.call_at(1.0, print),
        lambda: scripted.add_handler(901, print, READ),
    ):
        with pytest.raises(LoopClosedError):
            refuse()
    scripted.remove_handler(900)
    scripted.remove_timeout(handle)
    scripted.stop()
    assert "closed" in repr(scripted)


def test_closing_releases_what_waits_without_running_it(scripted):
    class Thing:
        def method(self, *_ignored):
            raise AssertionError

    thing = Thing()
    watch = weakref.ref(thing)
    scripted.add_callback(thing.method)
    scripted.call_at(0, thing.method, thing)
    scripted.add_handler(900, thing.method, READ)
    del thing
    scripted.close()
    gc.collect()
    assert watch() is None


def test_nothing_is_held_of_what_has_run_or_was_removed(scripted):
    class Thing:
        def method(self, *_ignored):
            return None

    thing = Thing()
    watch = weakref.ref(thing)
    seen = []
    scripted.add_handler(900, thing.method, READ)
    scripted.add_callback(thing.method, thing)
    scripted.call_at(0, thing.method, thing)
    del thing

    def look():
        gc.collect()
        seen.append(watch())
        return []

    def removing():
        scripted.remove_handler(900)
        return []

    scripted.poller.batches.extend([removing, look])
    scripted.add_callback(scripted.add_callback, scripted.stop)
    scripted.start()
    assert seen == [None]


def test_closing_with_all_fds_closes_objects_by_their_own_close_and_numbers_by_the_system(scripted):
    class Thing:
        closed = 0

        def fileno(self):
            return 900

        def close(self):
            self.closed += 1

    class Broken(Thing):
        def fileno(self):
            return 901

        def close(self):
            raise OSError("broken")

    reader, writer = os.pipe()
    thing, broken = Thing(), Broken()
    for registered in (broken, thing, reader):
        scripted.add_handler(registered, print, READ)
    scripted.close(all_fds=True)
    assert thing.closed == 1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reader)
    os.close(writer)
    assert [str(exc) for _, exc in scripted.reports] == ["broken"]
    scripted.reports.clear()


def test_closing_without_all_fds_leaves_descriptors_open(scripted):
    reader, writer = os.pipe()
    scripted.add_handler(reader, print, READ)
    scripted.close()
    os.close(reader)
    os.close(writer)


def test_a_loop_that_cannot_be_made_closes_its_poller(monkeypatch):
    poller = ScriptedPoller()

    def no_more(name=None):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("squall_loops.turn.loop.make_waker", no_more)
    with pytest.raises(OSError, match="Too many"):
        TurnLoop(poller)
    assert poller.closed


def test_a_subclass_may_have_its_own_clock_by_overriding_time(scripted):
    class Ahead(TurnLoop):
        def time(self):
            return super().time() + 500.0

    poller = ScriptedPoller(clock=scripted.clock)
    loop = Ahead(poller, clock=scripted.clock)
    loop.call_at(loop.time() + 2.0, loop.stop)
    loop.start()
    assert poller.timeouts[0] == 2.0
    loop.close()


def test_the_stated_abilities_are_known_names():
    assert TurnLoop.abilities == {"several-loops"}
    assert TurnLoop.resolution <= 1e-6
