"""The Future: a result that is not there yet, for one thread.

It calls back without waiting for a turn of the loop, and that is what makes coroutines fast here. Two cases are not safe
so, and are put off: an asyncio task must not be entered from inside another task's step, and asyncio's own functions
(``gather``, ``as_completed``) do not expect to be called back from inside ``add_done_callback``. asyncio gives itself
away in both: it passes a ``context``, or its loop is running.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import InvalidStateError
from contextvars import Context, copy_context
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeAlias, TypeVar

from squall._concurrent.hosting import cancelled_error, running_asyncio_loop
from squall.log import app_log

T = TypeVar("T")
DoneCallback: TypeAlias = Callable[[Any], object]
ExcInfo: TypeAlias = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class _Unretrieved:
    """Logs an exception when it is collected: a future lets go of it unlogged once anybody has asked for the exception."""

    __slots__ = ("_error",)

    def __init__(self, error: BaseException) -> None:
        self._error: BaseException | None = error

    def disarm(self) -> None:
        self._error = None

    def __del__(self, log: Callable[..., None] = app_log.error) -> None:
        error = self._error
        if error is not None:
            log("Future exception was never retrieved: %r", error, exc_info=(type(error), error, error.__traceback__))


class Future(Generic[T]):
    """A result that is not there yet. Deliberately not thread-safe: it belongs to the thread of its loop.

    ``set_result`` and ``set_exception`` call the callbacks at once, in the order of registration. A callback runs in a
    copy of the context in which it was added; an exception that it raises is logged, and the others still run.

    An exception that nobody asks for (by ``result``, ``exception``, ``exc_info``, ``await`` or ``yield``) is logged to
    ``squall.log.app_log`` when the Future is collected.

    ``await`` works in native coroutines, driven by us or by asyncio; ``asyncio.gather``, ``wait``, ``wait_for`` and
    ``shield`` take it while an asyncio loop runs in this thread.

    Other than in Tornado 4.0 a Future can be cancelled, and completing it twice is an error, as in later releases.
    """

    # Defaults live in the class, so that making a Future costs no __init__ and unused fields cost no memory.
    _asyncio_future_blocking = False
    """Of asyncio's protocol: set by ``__await__``, cleared by the task that has understood."""
    _done = False
    _cancelled = False
    _result: Any = None
    _exception: BaseException | None = None
    _traceback: TracebackType | None = None
    _unretrieved: _Unretrieved | None = None
    _cancel_message: object = None
    """Of asyncio's protocol: ``gather`` asks cancelled futures for it by this name."""
    _callbacks: Any = None
    """None, one callable, or a list of them: most Futures have one at most."""

    def done(self) -> bool:
        """Say whether there is a result, an exception or a cancellation."""
        return self._done

    def running(self) -> bool:
        """Say whether the operation is still under way."""
        return not self._done

    def cancelled(self) -> bool:
        """Say whether the Future was cancelled."""
        return self._cancelled

    def cancel(self, msg: object = None) -> bool:
        """Complete the Future with ``asyncio.CancelledError``; False when it was complete already.

        What was to supply the result is not told; it may ask ``cancelled()``.
        """
        if self._done:
            return False
        self._cancel_message = msg
        self._exception = cancelled_error(msg)
        self._cancelled = self._done = True
        self._call_back()
        return True

    def result(self, timeout: float | None = None) -> T:  # noqa: ARG002 - Tornado's signature
        """Return the result or raise the exception. Never waits; ``timeout`` is taken and ignored.

        Raises ``concurrent.futures.InvalidStateError`` while the Future is not complete.
        """
        if not self._done:
            raise InvalidStateError("the result is not there yet, and a Future of one thread cannot wait for it")
        error = self._exception
        if error is None:
            return self._result  # type: ignore[no-any-return] # class-level defaults are untyped so that T stays free
        self._take_exception()
        try:
            raise error.with_traceback(self._traceback)
        finally:
            del error, self  # the traceback holds this frame, which would hold the exception

    def exception(self, timeout: float | None = None) -> BaseException | None:  # noqa: ARG002 - Tornado's signature
        """Return the exception, or None when there is a result. Never waits; ``timeout`` is taken and ignored.

        Raises ``InvalidStateError`` while the Future is not complete, and the cancellation when it was cancelled.
        """
        if not self._done:
            raise InvalidStateError("the result is not there yet, and a Future of one thread cannot wait for it")
        if self._cancelled:
            raise self._make_cancelled_error()
        return self._take_exception()

    def exc_info(self) -> ExcInfo | None:
        """Return ``(type, exception, traceback)``, or None when there is no exception; retrieves it like ``exception``."""
        error = self._take_exception()
        return None if error is None else (type(error), error, self._traceback)

    def set_result(self, result: T) -> None:
        """Complete the Future and call its callbacks. InvalidStateError when it is complete already."""
        if self._done:
            raise InvalidStateError(f"{self!r} is complete already")
        self._result = result
        self._done = True
        callbacks = self._callbacks
        if callbacks is not None:
            self._call_back()

    def set_exception(self, exception: BaseException | type[BaseException]) -> None:
        """Complete the Future with an exception, or an exception class, and call its callbacks.

        Raises InvalidStateError when it is complete already; TypeError for StopIteration, which no coroutine could tell
        from its own end.
        """
        if self._done:
            raise InvalidStateError(f"{self!r} is complete already")
        error = exception() if isinstance(exception, type) else exception
        if isinstance(error, StopIteration):
            raise TypeError("StopIteration cannot be set: a coroutine that waits could not tell it from its own end")
        self._exception = error
        self._traceback = error.__traceback__
        self._unretrieved = _Unretrieved(error)
        self._done = True
        self._call_back()

    def set_exc_info(self, exc_info: ExcInfo) -> None:
        """Complete the Future with a ``sys.exc_info()`` triple, whose traceback is kept."""
        if exc_info[1] is None:
            raise TypeError("set_exc_info() was called with no exception")
        self.set_exception(exc_info[1].with_traceback(exc_info[2]))

    def add_done_callback(self, fn: DoneCallback, *, context: Context | None = None) -> None:
        """Call ``fn(self)`` when the Future is complete; at once when it is.

        Runs in a copy of the present context, or in ``context``. Where ``context`` is given, or the Future is complete,
        and an asyncio loop runs in this thread, the call is left to that loop's next turn (see this module's head).
        """
        host = running_asyncio_loop() if self._done or context is not None else None
        if context is None:
            context = copy_context()
        self._add_callback(partial(_call_now, context, fn) if host is None else partial(_call_soon, host, context, fn))

    def remove_done_callback(self, fn: DoneCallback) -> int:
        """Forget every registration of ``fn`` and return how many there were."""
        callbacks = self._callbacks
        present = callbacks if type(callbacks) is list else [] if callbacks is None else [callbacks]
        kept = [entry for entry in present if (entry.args[-1] if type(entry) is partial else entry) != fn]
        self._callbacks = kept or None
        return len(present) - len(kept)

    def get_loop(self) -> Any:
        """Return the asyncio loop that runs in this thread; RuntimeError when none does. For asyncio's functions."""
        loop = running_asyncio_loop()
        if loop is None:
            raise RuntimeError("no asyncio loop runs in this thread, and a squall Future belongs to no other")
        return loop

    def __await__(self) -> Generator[Any, Any, T]:
        if not self._done:
            self._asyncio_future_blocking = True
            yield self
        return self.result()

    __iter__ = __await__  # "yield from future" in generators

    def __repr__(self) -> str:
        if not self._done:
            state = "pending"
        elif self._cancelled:
            state = "cancelled"
        elif self._exception is not None:
            state = f"exception={self._exception!r}"
        else:
            state = f"result={self._result!r:.100}"
        return f"<{type(self).__name__} {state}>"

    def _add_callback(self, entry: DoneCallback) -> None:
        """Add a callback as it is: it neither gets a context nor is it put off."""
        if self._done:
            _call_all(self, iter((entry,)))
        elif self._callbacks is None:
            self._callbacks = entry
        elif type(self._callbacks) is list:
            self._callbacks.append(entry)
        else:
            self._callbacks = [self._callbacks, entry]

    def _call_back(self) -> None:
        callbacks, self._callbacks = self._callbacks, None
        if callbacks is not None:
            _call_all(self, iter(callbacks if type(callbacks) is list else (callbacks,)))

    def _take_exception(self) -> BaseException | None:
        if self._unretrieved is not None:
            self._unretrieved.disarm()
            self._unretrieved = None
        return self._exception

    def _make_cancelled_error(self) -> BaseException:
        """Return the cancellation as an exception; ``asyncio.gather`` asks for it by this name."""
        return cancelled_error() if self._exception is None else self._exception


def _call_all(future: Future[Any], callbacks: Iterator[DoneCallback]) -> None:
    """Call each callback; log what one raises. What ends the program leaves, once the others have run."""
    for callback in callbacks:
        try:
            callback(future)
        except (KeyboardInterrupt, SystemExit):
            _call_all(future, callbacks)
            raise
        except BaseException:  # noqa: BLE001 - rule EX-009: a cancellation ends what it is raised in, and nothing else
            shown = callback.args[-1] if type(callback) is partial else callback
            app_log.exception("Exception in callback %r for %r", shown, future)


def _call_now(context: Context, fn: DoneCallback, future: Future[Any]) -> None:
    context.run(fn, future)


def _call_soon(host: Any, context: Context, fn: DoneCallback, future: Future[Any]) -> None:
    host.call_soon(fn, future, context=context)
