"""The heap of timers, with the time as an argument: no clock, no loop."""

from __future__ import annotations

import gc
import random
import weakref
from contextvars import copy_context

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall_loops.turn.timers import FEW_SHELLS, TimerHeap


def no_report(callback, exc):
    raise AssertionError((callback, exc))


def add(heap, deadline, callback, *args):
    return heap.add(deadline, copy_context(), callback, args)


def test_timers_run_in_the_order_of_their_deadlines_and_equal_ones_in_the_order_of_scheduling():
    heap, ran = TimerHeap(), []
    for name, deadline in (("c", 3), ("a1", 1), ("b", 2), ("a2", 1), ("a3", 1)):
        add(heap, deadline, ran.append, name)
    heap.run_due(2, no_report)
    assert ran == ["a1", "a2", "a3", "b"]
    assert len(heap) == 1
    assert heap.next_deadline() == 3


def test_a_timer_cancelled_by_an_earlier_one_of_the_same_turn_does_not_run():
    heap, ran = TimerHeap(), []
    add(heap, 1, lambda: heap.cancel(second))
    second = add(heap, 1, ran.append, "second")
    add(heap, 1, ran.append, "third")
    heap.run_due(1, no_report)
    assert ran == ["third"]


def test_a_timer_that_sets_itself_anew_waits_for_the_next_turn():
    heap, ran = TimerHeap(), []

    def again():
        ran.append(len(ran))
        add(heap, 0, again)

    add(heap, 0, again)
    heap.run_due(1, no_report)
    assert ran == [0]
    heap.run_due(1, no_report)
    assert ran == [0, 1]


def test_cancelling_twice_or_after_the_run_or_during_it_is_harmless():
    heap, ran = TimerHeap(), []
    own = add(heap, 1, lambda: heap.cancel(own))
    other = add(heap, 1, ran.append, "other")
    heap.run_due(1, no_report)
    for timer in (own, other, own):
        heap.cancel(timer)
    late = add(heap, 1, ran.append, "late")
    heap.run_due(1, no_report)
    heap.cancel(late)
    assert ran == ["other", "late"]


def test_an_interrupt_leaves_the_rest_of_the_due_timers_in_their_order():
    heap, ran = TimerHeap(), []

    def interrupt():
        raise KeyboardInterrupt

    add(heap, 1, interrupt)
    cancelled = add(heap, 1, ran.append, "cancelled")
    add(heap, 1, ran.append, "first")
    add(heap, 2, ran.append, "second")
    with pytest.raises(KeyboardInterrupt):
        heap.run_due(2, no_report)
    heap.cancel(cancelled)
    heap.run_due(2, no_report)
    assert ran == ["first", "second"]


def test_an_error_is_reported_with_its_callback_and_the_others_run():
    heap, ran, reports = TimerHeap(), [], []
    error = ValueError("broken")

    def broken():
        raise error

    add(heap, 1, broken)
    add(heap, 1, ran.append, "after")
    heap.run_due(1, lambda callback, exc: reports.append((callback, exc)))
    assert reports == [(broken, error)]
    assert ran == ["after"]


class Thing:
    def method(self):
        return self


def test_a_cancelled_timer_frees_at_once_what_it_held():
    heap, thing = TimerHeap(), Thing()
    watch = weakref.ref(thing)
    timer = add(heap, 1e9, thing.method, thing)
    heap.cancel(timer)
    del thing
    gc.collect()
    assert watch() is None


def test_a_handle_that_somebody_keeps_holds_nothing_once_its_timer_has_run():
    heap, thing = TimerHeap(), Thing()
    watch = weakref.ref(thing)
    timer = add(heap, 1, thing.method)
    del thing
    heap.run_due(1, no_report)
    gc.collect()
    assert watch() is None
    assert repr(timer) == "<Timer at 1 over>"


def test_mass_cancellation_shrinks_the_heap_long_before_the_deadlines():
    heap = TimerHeap()
    kept = [add(heap, 1e9 + serial, print) for serial in range(10)]
    for serial in range(10_000):
        heap.cancel(add(heap, 1e6 + serial, print))
        assert len(heap.heap) <= len(kept) + FEW_SHELLS + 1
    assert len(heap) == len(kept)
    assert heap.next_deadline() == 1e9


def test_clearing_drops_everything_without_running_it():
    heap, thing = TimerHeap(), Thing()
    watch = weakref.ref(thing)
    handle = add(heap, 1, thing.method)
    del thing
    heap.clear()
    gc.collect()
    assert watch() is None
    heap.cancel(handle)
    assert len(heap) == 0
    assert heap.next_deadline() is None


def test_a_handle_is_hashable_distinct_and_says_what_it_is():
    heap = TimerHeap()
    one, two = add(heap, 1, print), add(heap, 1, print)
    assert len({one, two}) == 2
    assert one != two
    assert repr(one) == "<Timer at 1 calls <built-in function print>>"
    heap.cancel(one)
    assert repr(one) == "<Timer at 1 over>"
    assert weakref.ref(one)() is one


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 12)),
        st.tuples(st.just("cancel"), st.integers(0, 10_000)),
        st.tuples(st.just("run"), st.integers(0, 12)),
        st.tuples(st.just("next"), st.just(0)),
    ),
    max_size=80,
)


@settings(deadline=None, max_examples=150)
@given(OPERATIONS)
def test_any_sequence_of_operations_does_what_a_sorted_list_would_do(operations):
    heap, model, handles, ran = TimerHeap(), {}, [], []
    for operation, number in operations:
        if operation == "add":
            serial = len(handles)
            handles.append(add(heap, number, ran.append, serial))
            model[serial] = number
        elif operation == "cancel" and handles:
            heap.cancel(handles[number % len(handles)])
            model.pop(number % len(handles), None)
        elif operation == "run":
            due = sorted((deadline, serial) for serial, deadline in model.items() if deadline <= number)
            ran.clear()
            heap.run_due(number, no_report)
            assert ran == [serial for _, serial in due]
            for _, serial in due:
                del model[serial]
        elif operation == "next":
            assert heap.next_deadline() == min(model.values(), default=None)
        assert len(heap) == len(model)


def test_a_random_mass_of_timers_with_sweeps_runs_each_survivor_once_in_order():
    heap, ran, source = TimerHeap(), [], random.Random(7)
    handles = {serial: add(heap, source.randrange(500), ran.append, serial) for serial in range(3000)}
    deadlines = {serial: timer[0] for serial, timer in handles.items()}
    for serial in source.sample(sorted(handles), 2400):
        heap.cancel(handles.pop(serial))
    for now in range(0, 500, 7):
        heap.run_due(now, no_report)
    heap.run_due(500, no_report)
    assert ran == sorted(handles, key=lambda serial: (deadlines[serial], serial))
