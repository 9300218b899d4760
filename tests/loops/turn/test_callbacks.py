"""The queue of callbacks."""

from __future__ import annotations

from contextvars import copy_context

import pytest

from squall_loops.turn.callbacks import CallbackQueue


def no_report(callback, exc):
    raise AssertionError((callback, exc))


def add(queue, callback, *args):
    queue.append((copy_context(), callback, args))


def test_only_what_waits_at_the_beginning_runs():
    queue, ran = CallbackQueue(), []
    add(queue, lambda: add(queue, ran.append, "later"))
    add(queue, ran.append, "now")
    queue.run_present(no_report)
    assert ran == ["now"]
    queue.run_present(no_report)
    assert ran == ["now", "later"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_leaves_at_once_and_the_rest_stays_in_its_order(end):
    queue, ran = CallbackQueue(), []

    def leave():
        raise end

    add(queue, leave)
    add(queue, ran.append, 1)
    add(queue, ran.append, 2)
    with pytest.raises(end):
        queue.run_present(no_report)
    assert ran == []
    queue.run_present(no_report)
    assert ran == [1, 2]


@pytest.mark.parametrize("error", [ValueError("x"), GeneratorExit(), BaseException("y")])
def test_every_other_error_is_reported_with_its_callback_and_the_rest_runs(error):
    queue, ran, reports = CallbackQueue(), [], []

    def broken(_argument):
        raise error

    add(queue, broken, 1)
    add(queue, ran.append, "after")
    queue.run_present(lambda callback, exc: reports.append((callback, exc)))
    assert reports == [(broken, error)]
    assert ran == ["after"]
