"""The Future by itself: no loop is needed for any of this."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import logging
import sys
import weakref
from concurrent.futures import InvalidStateError

import pytest

from squall.concurrent import Future, TracebackFuture

VARIABLE = contextvars.ContextVar("VARIABLE", default="outside")


def _raised(error: BaseException) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_a_new_future_is_pending_and_says_so():
    future = Future()
    assert not future.done()
    assert future.running()
    assert not future.cancelled()
    assert repr(future) == "<Future pending>"


def test_a_result_completes_it():
    future = Future()
    future.set_result(42)
    assert future.done()
    assert not future.running()
    assert future.result() == future.result(timeout=1) == 42
    assert future.exception() is None
    assert future.exc_info() is None
    assert repr(future) == "<Future result=42>"


def test_an_exception_completes_it_and_is_raised_by_result():
    future = Future()
    error = ValueError("broken")
    future.set_exception(error)
    assert future.exception() is error
    with pytest.raises(ValueError, match="broken") as caught:
        future.result()
    assert caught.value is error
    assert "exception=ValueError" in repr(future)


def test_an_exception_class_is_made_into_an_exception():
    future = Future()
    future.set_exception(KeyError)
    assert isinstance(future.exception(), KeyError)


def test_exc_info_keeps_the_traceback_of_where_it_was_raised():
    try:
        _raiser()
    except ZeroDivisionError:
        triple = sys.exc_info()
    future = TracebackFuture()
    future.set_exc_info(triple)
    kind, error, traceback = future.exc_info()
    assert kind is ZeroDivisionError
    assert error is triple[1]
    assert traceback is triple[2]
    with pytest.raises(ZeroDivisionError) as caught:
        future.result()
    assert caught.traceback[-1].name == "_raiser"


def _raiser():
    raise ZeroDivisionError


def test_raising_the_result_many_times_does_not_lengthen_the_traceback():
    future = Future()
    future.set_exception(_raised(ValueError()))
    lengths = set()
    for _ in range(3):
        with pytest.raises(ValueError) as caught:
            future.result()
        lengths.add(len(caught.traceback))
    assert len(lengths) == 1


def test_an_empty_triple_is_refused():
    with pytest.raises(TypeError, match="no exception"):
        Future().set_exc_info((None, None, None))


@pytest.mark.parametrize("ask", ["result", "exception"])
def test_asking_too_early_is_an_error_not_a_wait(ask):
    with pytest.raises(InvalidStateError, match="not there yet"):
        getattr(Future(), ask)()


def test_completing_twice_is_an_error():
    future = Future()
    future.set_result(1)
    with pytest.raises(InvalidStateError, match="complete already"):
        future.set_result(2)
    with pytest.raises(InvalidStateError, match="complete already"):
        future.set_exception(ValueError())
    assert future.result() == 1


def test_stop_iteration_is_refused_because_a_generator_would_end_by_it():
    with pytest.raises(TypeError, match="StopIteration"):
        Future().set_exception(StopIteration())


def test_cancelling_completes_it_with_asyncios_error():
    future = Future()
    assert future.cancel("enough")
    assert future.cancelled()
    assert future.done()
    with pytest.raises(asyncio.CancelledError, match="enough"):
        future.result()
    with pytest.raises(asyncio.CancelledError):
        future.exception()
    assert repr(future) == "<Future cancelled>"
    assert not future.cancel()


def test_a_complete_future_cannot_be_cancelled():
    future = Future()
    future.set_result(None)
    assert not future.cancel()
    assert not future.cancelled()


def test_callbacks_run_at_once_in_the_order_of_registration():
    future = Future()
    seen = []
    for number in range(4):
        future.add_done_callback(lambda done, number=number: seen.append((number, done)))
    assert not seen
    future.set_result(None)
    assert seen == [(number, future) for number in range(4)]


def test_a_callback_added_to_a_complete_future_runs_at_once():
    future = Future()
    future.set_result(None)
    seen = []
    future.add_done_callback(seen.append)
    assert seen == [future]


def test_a_callback_that_raises_is_logged_and_the_others_run(caplog):
    future = Future()
    seen = []
    future.add_done_callback(lambda _: 1 / 0)
    future.add_done_callback(seen.append)
    with caplog.at_level(logging.ERROR):
        future.set_result(None)
    assert seen == [future]
    [record] = caplog.records
    assert record.name == "squall.application"
    assert record.exc_info[0] is ZeroDivisionError


def test_a_cancellation_raised_by_a_callback_is_logged_like_any_error(caplog):
    future = Future()

    def cancel(_):
        raise asyncio.CancelledError

    future.add_done_callback(cancel)
    future.set_result(None)
    assert [record.exc_info[0] for record in caplog.records] == [asyncio.CancelledError]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_leaves_set_result_once_all_callbacks_have_run(error):
    future = Future()
    seen = []

    def end(_):
        raise error

    future.add_done_callback(end)
    future.add_done_callback(seen.append)
    with pytest.raises(error):
        future.set_result(None)
    assert seen == [future]


def test_removing_a_callback_returns_how_many_there_were():
    future = Future()
    seen = []
    other = []
    for callback in (seen.append, other.append, seen.append):
        future.add_done_callback(callback)
    assert future.remove_done_callback(seen.append) == 2
    assert future.remove_done_callback(seen.append) == 0
    future.set_result(None)
    assert (seen, other) == ([], [future])


def test_a_callback_runs_in_a_copy_of_the_context_in_which_it_was_added():
    future = Future()
    seen = []

    def callback(_):
        seen.append(VARIABLE.get())
        VARIABLE.set("changed")

    inner = contextvars.copy_context()
    inner.run(VARIABLE.set, "inside")
    inner.run(future.add_done_callback, callback)
    inner.run(VARIABLE.set, "later")
    future.set_result(None)
    assert seen == ["inside"]
    assert inner[VARIABLE] == "later"
    assert VARIABLE.get() == "outside"


def test_a_context_that_was_given_is_used():
    future = Future()
    context = contextvars.copy_context()
    context.run(VARIABLE.set, "given")
    seen = []
    future.add_done_callback(lambda _: seen.append(VARIABLE.get()), context=context)
    future.set_result(None)
    assert seen == ["given"]


def test_an_exception_nobody_asked_for_is_logged_once(caplog):
    future = Future()
    future.set_exception(_raised(ValueError("lost")))
    del future
    gc.collect()
    [record] = caplog.records
    assert record.name == "squall.application"
    assert "never retrieved" in record.getMessage()
    assert record.exc_info[0] is ValueError
    assert record.exc_info[2] is not None


@pytest.mark.parametrize("retrieve", ["exception", "exc_info", "result"])
def test_an_exception_that_was_asked_for_is_not_logged(retrieve, caplog):
    future = Future()
    future.set_exception(ValueError())
    with contextlib.suppress(ValueError):
        getattr(future, retrieve)()
    del future
    gc.collect()
    assert not caplog.records


def test_a_result_and_a_cancellation_are_never_logged(caplog):
    Future().set_result(1)
    Future().cancel()
    gc.collect()
    assert not caplog.records


def test_a_future_is_freed_without_the_garbage_collector_also_when_its_result_raised():
    gc.disable()
    try:
        future = Future()
        future.set_exception(_raised(ValueError()))
        with pytest.raises(ValueError):
            future.result()
        gone = weakref.ref(future)
        del future
        assert gone() is None
    finally:
        gc.enable()


def test_any_attribute_may_be_set_on_a_future_as_in_tornado():
    future = Future()
    future.request = "mine"
    assert future.request == "mine"


def test_a_complete_future_is_awaited_without_a_pause():
    async def wait(future):
        return await future

    future = Future()
    future.set_result(7)
    with pytest.raises(StopIteration) as stopped:
        wait(future).send(None)
    assert stopped.value.value == 7


def test_get_loop_needs_a_running_asyncio_loop():
    with pytest.raises(RuntimeError, match="no asyncio loop"):
        Future().get_loop()


def test_the_class_takes_a_type_argument():
    future: Future[int] = Future[int]()
    future.set_result(1)
    assert future.result() == 1
