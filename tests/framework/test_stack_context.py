"""squall.stack_context: what is wrapped in a block runs in its contexts, wherever it is called."""

from __future__ import annotations

import contextlib
import threading

import pytest

from squall.stack_context import (
    ExceptionStackContext,
    NullContext,
    StackContext,
    StackContextInconsistentError,
    run_with_stack_context,
    wrap,
)


class Trail:
    """Writes down which contexts are entered and left, and which exceptions they see."""

    def __init__(self):
        self.steps = []

    def context(self, name, swallow=()):
        @contextlib.contextmanager
        def manager():
            self.steps.append(f"+{name}")
            try:
                yield
            except swallow as error:
                self.steps.append(f"{name} swallows {error}")
            finally:
                self.steps.append(f"-{name}")

        return StackContext(manager)

    def catcher(self, name, handles):
        def handler(kind, value, traceback):
            self.steps.append(f"{name} sees {kind.__name__} {value}")
            return handles

        return ExceptionStackContext(handler)

    def mark(self, word="ran"):
        self.steps.append(word)
        return word

    def fail(self):
        raise ValueError("oops")

    def taken(self):
        steps, self.steps = self.steps, []
        return steps


@pytest.fixture
def trail():
    return Trail()


def test_a_wrapped_function_runs_inside_fresh_contexts_from_the_outermost_in(trail):
    with trail.context("a"), trail.context("b"):
        wrapped = wrap(trail.mark)
    assert trail.taken() == ["+a", "+b", "-b", "-a"]
    assert wrapped("word") == "word"
    assert trail.taken() == ["+a", "+b", "word", "-b", "-a"]


def test_the_contexts_of_the_caller_are_not_active_in_a_wrapped_function(trail):
    bare = wrap(lambda: wrap(trail.mark))
    with trail.context("caller"):
        inner = bare()
    trail.taken()
    inner()
    assert trail.taken() == ["ran"]


def test_what_a_wrapped_function_wraps_has_its_contexts(trail):
    with trail.context("a"):
        outer = wrap(lambda: wrap(trail.mark))
    inner = outer()
    trail.taken()
    inner()
    assert trail.taken() == ["+a", "ran", "-a"]


def test_a_wrapped_function_is_not_wrapped_again_and_none_stays_none(trail):
    with trail.context("a"):
        once = wrap(trail.mark)
    with trail.context("b"):
        assert wrap(once) is once
    assert wrap(None) is None
    assert once.__name__ == "mark"


def test_exceptions_go_to_the_innermost_handler_first_and_end_where_they_are_handled(trail):
    with trail.catcher("outer", handles=True), trail.catcher("inner", handles=False):
        wrapped = wrap(trail.fail)
    assert wrapped() is None
    assert trail.taken() == ["inner sees ValueError oops", "outer sees ValueError oops"]


def test_an_unhandled_exception_leaves_the_wrapped_function(trail):
    with trail.catcher("only", handles=False):
        wrapped = wrap(trail.fail)
    with pytest.raises(ValueError, match="oops"):
        wrapped()


def test_a_context_manager_may_swallow_what_is_raised_inside(trail):
    with trail.context("a", swallow=ValueError):
        wrapped = wrap(trail.fail)
    trail.taken()
    assert wrapped() is None
    assert trail.taken() == ["+a", "a swallows oops", "-a"]


def test_a_handler_runs_outside_its_own_context(trail):
    kept = []

    def handler(kind, value, traceback):
        kept.append(wrap(trail.fail))
        return True

    with trail.context("outside"), ExceptionStackContext(handler):
        wrapped = wrap(trail.fail)
    wrapped()
    trail.taken()
    with pytest.raises(ValueError, match="oops"):
        kept[0]()
    assert trail.taken() == ["+outside", "-outside"]
    assert len(kept) == 1, "what the handler wraps does not come back to it"


def test_a_handler_also_guards_the_block_itself(trail):
    with trail.catcher("block", handles=True):
        trail.fail()
    assert trail.taken() == ["block sees ValueError oops"]


def test_a_handler_hears_nothing_when_nothing_is_wrong(trail):
    with trail.catcher("block", handles=True):
        wrap(trail.mark)()
    assert trail.taken() == ["ran"]


def test_a_context_that_fails_to_enter_unwinds_those_around_it(trail):
    healthy = [True]

    @contextlib.contextmanager
    def moody():
        if not healthy[0]:
            raise OSError("cannot enter")
        yield

    with trail.context("a"), StackContext(moody):
        wrapped = wrap(trail.mark)
    trail.taken()
    healthy[0] = False
    with pytest.raises(OSError, match="cannot enter"):
        wrapped()
    assert trail.taken() == ["+a", "-a"]
    wrap(trail.mark)()
    assert trail.taken() == ["ran"], "nothing stays active"


def test_a_deactivated_context_is_left_out(trail):
    with trail.context("a"), trail.context("b") as deactivate:
        before = wrap(trail.mark)
        deactivate()
    trail.taken()
    before()
    assert trail.taken() == ["+a", "ran", "-a"]


def test_in_a_null_context_nothing_is_active(trail):
    with trail.context("a"):
        with NullContext():
            bare = wrap(trail.mark)
        full = wrap(trail.mark)
    trail.taken()
    bare()
    full()
    assert trail.taken() == ["ran", "+a", "ran", "-a"]


def test_blocks_left_in_the_wrong_order_are_an_error(trail):
    first, second = trail.context("a"), trail.context("b")
    first.__enter__()
    second.__enter__()
    with pytest.raises(StackContextInconsistentError, match="differ"):
        first.__exit__(None, None, None)
    wrap(trail.mark)()
    assert trail.taken() == ["+a", "+b", "-a", "ran"]


def test_one_context_may_be_entered_again_inside_itself(trail):
    context = trail.context("a")
    with context, context:
        wrapped = wrap(trail.mark)
    trail.taken()
    wrapped()
    assert trail.taken() == ["+a", "+a", "ran", "-a", "-a"]


def test_a_wrapped_function_takes_its_contexts_to_another_thread(trail):
    with trail.context("a"):
        wrapped = wrap(trail.mark)
    trail.taken()
    thread = threading.Thread(target=wrapped)
    thread.start()
    thread.join()
    assert trail.taken() == ["+a", "ran", "-a"]


def test_run_with_stack_context_returns_the_result(trail):
    assert run_with_stack_context(trail.context("a"), lambda: trail.mark("result")) == "result"
    assert trail.taken() == ["+a", "result", "-a"]
