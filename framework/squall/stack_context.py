"""Contexts that follow asynchronous work, for programs that come from Tornado 4.

New programs want ``contextvars``, native coroutines and ``try``; this module stands on ``contextvars`` itself. Which
contexts are active is kept in one context variable, so it follows whatever the loop calls later, and coroutines.

What works as it did: blocks nest, ``wrap`` captures the active contexts, and a wrapped function runs inside them again,
in whatever thread or turn it is called; an exception in it goes to the handlers, the innermost first.

What does not: the loops do not wrap what they are given. A callback, handler or timer passed to a loop inside a
``with StackContext(...)`` block knows that the context is active, and captures it when it calls ``wrap``, but it runs
outside the context manager, and what it raises goes to the loop's error hook instead of to an ``ExceptionStackContext``.
To run a loop's callback inside the contexts, pass ``wrap(callback)``. Nor is anything wrapped for the user in futures
and coroutines: what a coroutine raises is raised where it is awaited.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from contextvars import ContextVar
from functools import update_wrapper
from types import TracebackType
from typing import Any, Final, TypeAlias, TypeVar, cast

__all__ = [
    "ExceptionStackContext",
    "NullContext",
    "StackContext",
    "StackContextInconsistentError",
    "run_with_stack_context",
    "wrap",
]

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")
_Kind: TypeAlias = type[BaseException] | None
_Value: TypeAlias = BaseException | None
_Traceback: TypeAlias = TracebackType | None


class StackContextInconsistentError(Exception):
    """A ``with`` block of this module was left while another was active: one was entered and never left inside it.

    The usual cause is a block around a ``yield`` of a plain generator, whose two halves run in different contexts.
    """


class _Context:
    """A context that can be entered more than once: by its ``with`` block, and again by each wrapped call."""

    def __init__(self) -> None:
        self._active = True
        self._blocks: list[tuple[_Contexts, _Contexts]] = []  # for each ``with`` entered: what was active outside and inside

    def enter(self) -> None:
        """Enter the context, for the ``with`` block or for one wrapped call."""

    def exit(self, type: _Kind, value: _Value, traceback: _Traceback) -> Any:  # noqa: A002 - Tornado's signature
        """Leave the context; a true result means that the exception was dealt with."""
        raise NotImplementedError

    def __enter__(self) -> Callable[[], None]:
        """Enter the block; the value is a function that takes the context out of all that was or will be captured."""
        self.enter()
        outside = _contexts.get()
        inside = (*outside, self)
        self._blocks.append((outside, inside))
        _contexts.set(inside)
        return self._deactivate

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> Any:
        outside, inside = self._blocks.pop()
        left_as_entered = _contexts.get() is inside
        _contexts.set(outside)
        handled = self.exit(kind, value, traceback)
        if not left_as_entered:
            raise StackContextInconsistentError("the active contexts differ from those at the beginning of the block")
        return handled

    def _deactivate(self) -> None:
        self._active = False


_MARK: Final = "_squall_stack_contexts"  # the attribute by which a wrapped function is known
_Contexts: TypeAlias = tuple[_Context, ...]
_contexts: Final[ContextVar[_Contexts]] = ContextVar("squall.stack_context", default=())


class StackContext(_Context):
    """Run the block, and each function wrapped in it, inside a new context manager made by ``context_factory()``.

    The ``with`` statement's value is a function without arguments that deactivates the context: wrapped functions called
    afterwards run without it.
    """

    def __init__(self, context_factory: Callable[[], AbstractContextManager[Any]]) -> None:
        super().__init__()
        self.context_factory = context_factory
        self._managers: list[AbstractContextManager[Any]] = []

    def enter(self) -> None:
        """Make a context manager and enter it."""
        manager = self.context_factory()
        manager.__enter__()
        self._managers.append(manager)

    def exit(self, type: _Kind, value: _Value, traceback: _Traceback) -> Any:  # noqa: A002 - Tornado's signature
        """Leave the context manager entered last; its answer says whether it dealt with the exception."""
        return self._managers.pop().__exit__(type, value, traceback)


class ExceptionStackContext(_Context):
    """Give what the block, or a function wrapped in it, raises to ``exception_handler(type, value, traceback)``.

    The exception ends there if the handler returns a true value; otherwise it goes on to the next context outside. The
    handler itself runs outside the context. As with :class:`StackContext`, the ``with`` statement's value deactivates it.
    """

    def __init__(self, exception_handler: Callable[[_Kind, _Value, _Traceback], Any]) -> None:
        super().__init__()
        self.exception_handler = exception_handler

    def exit(self, type: _Kind, value: _Value, traceback: _Traceback) -> Any:  # noqa: A002 - Tornado's signature
        """Call the handler if there is an exception."""
        return self.exception_handler(type, value, traceback) if type is not None else None


class NullContext:
    """A block in which no context is active: what is wrapped in it belongs to nobody, such as a shared connection."""

    def __init__(self) -> None:
        self._outside: list[_Contexts] = []

    def __enter__(self) -> None:
        self._outside.append(_contexts.get())
        _contexts.set(())

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        _contexts.set(self._outside.pop())


def wrap(fn: F) -> F:
    """Return a function that runs ``fn`` inside the contexts that are active now; None and wrapped functions as they are.

    The contexts of the caller are not active in it. It returns what ``fn`` returns, or None when a context has dealt with
    an exception of ``fn``.
    """
    if fn is None or hasattr(fn, _MARK):
        return fn
    captured = _contexts.get()

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        active = tuple(context for context in captured if context._active)  # noqa: SLF001 - of this very module
        with ExitStack() as stack:
            stack.callback(_contexts.set, _contexts.get())
            for depth, context in enumerate(active):
                _contexts.set(active[:depth])
                context.enter()
                stack.push(_leaving(context, active[:depth]))
            _contexts.set(active)
            return fn(*args, **kwargs)

    update_wrapper(wrapped, fn)
    wrapped.__dict__[_MARK] = captured
    return cast("F", wrapped)


def _leaving(context: _Context, outside: _Contexts) -> Callable[[_Kind, _Value, _Traceback], Any]:
    def leave(kind: _Kind, value: _Value, traceback: _Traceback) -> Any:
        _contexts.set(outside)
        return context.exit(kind, value, traceback)

    return leave


def run_with_stack_context(context: AbstractContextManager[Any], func: Callable[[], R]) -> R:
    """Call ``func()`` inside ``context`` and return its result.

    For coroutines, where a ``with`` block of this module must not contain a ``yield``:
    ``yield run_with_stack_context(StackContext(ctx), lambda: coroutine(x))``.
    """
    with context:
        return func()
