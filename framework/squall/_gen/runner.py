"""The runner: takes a generator, or a native coroutine, from one future to the next.

A step runs as long as what is yielded is complete already; so waiting for what is there costs no turn of the loop. Only
when something is pending does a :class:`Runner` come into being, as that future's callback. A coroutine's steps all run
in one context, a copy of its caller's. One coroutine never takes a step inside another one's (see ``Stage``).
"""

# ruff: noqa: SLF001 - a runner and the futures that it waits for know each other: this is the path of every "yield"

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextvars import Context, copy_context
from types import TracebackType
from typing import Any

from squall._concurrent.current import current_loop, current_stage
from squall._concurrent.future import Future
from squall._concurrent.hosting import cancelled_error, is_cancellation
from squall._concurrent.states import future_set_exception_unless_cancelled
from squall._gen.convert import adopted, convert_yielded, failed, moment
from squall._gen.yieldpoints import Mailbox, YieldPoint, adapt_arguments


class Return(Exception):  # noqa: N818 - Tornado's public name
    """Raise it in a generator to return ``value``; the same as ``return value``."""

    def __init__(self, value: Any = None) -> None:
        super().__init__()
        self.value = value
        self.args = (value,)


NOTHING: Future[None] = Future()
"""A complete Future: what a coroutine is given for its first step, and after a moment."""
NOTHING.set_result(None)


class CoroutineFuture(Future[Any]):
    """The Future of a native coroutine that we drive: cancelling it raises ``asyncio.CancelledError`` where it waits."""

    _runner: Runner | None = None

    def cancel(self, msg: object = None) -> bool:
        """Ask the coroutine to end; False when it has ended. It may catch the exception, as an asyncio task may."""
        if self._done:
            return False
        if self._runner is None:
            return super().cancel(msg)
        self._runner.cancel(msg)
        return True

    def end_cancelled(self, error: BaseException) -> None:
        """Become cancelled: the coroutine has let the exception through."""
        super().cancel(*error.args[:1])


class Runner:
    """Drives one generator or native coroutine that waits for something.

    Made with what was yielded first, as in Tornado 4.0; the outcome goes to ``result_future``.
    """

    __slots__ = ("_cancelling", "_context", "_mailbox", "_schedule", "_source", "_stage", "gen", "result_future")

    def __init__(self, gen: Any, result_future: Future[Any], first_yielded: Any) -> None:
        self._set_up(gen, result_future, copy_context())
        if self.handle_yield(first_yielded):
            self.run()

    @classmethod
    def waiting(cls, gen: Any, result_future: Future[Any], context: Context) -> Runner:
        """Return a runner that waits for nothing yet."""
        runner = cls.__new__(cls)
        runner._set_up(gen, result_future, context)
        return runner

    def _set_up(self, gen: Any, result_future: Future[Any], context: Context) -> None:
        self.gen = gen
        self.result_future = result_future
        self._context = context
        self._stage = current_stage()
        self._source: Future[Any] | None = None
        self._schedule: Callable[..., None] | None = None
        self._mailbox: Mailbox | None = None
        self._cancelling: BaseException | None = None
        if type(result_future) is CoroutineFuture:
            result_future._runner = self

    def run(self) -> None:
        """Go on, if what was yielded last is complete."""
        if self._source is not None and self._source.done() and not self.result_future.done():
            self._wake(self._source)

    def handle_yield(self, yielded: Any) -> bool:
        """Take what was yielded; True when it is complete and ``run`` may be called, else the runner goes on by itself."""
        source = self._context.run(self.source_of, yielded)
        self._source = source
        if source is None:
            return False
        if not source.done():
            source._add_callback(self._wake)
            return False
        return True

    def handle_exception(
        self,
        typ: type[BaseException],  # noqa: ARG002 - Tornado's signature
        value: BaseException,
        tb: TracebackType | None,
    ) -> bool:
        """Raise an exception inside the coroutine, which waits for something; False when it has ended already."""
        if self.result_future.done():
            return False
        if self._source is not None:
            self._source.remove_done_callback(self._wake)
        self._wake(failed(value.with_traceback(tb)))
        return True

    def cancel(self, msg: object) -> None:
        """Raise ``asyncio.CancelledError`` where the coroutine waits, or will wait next."""
        source = self._source
        if source is None or not source.cancel(msg):
            self._cancelling = cancelled_error(msg)

    def source_of(self, yielded: Any) -> Future[Any] | None:
        """Return a Future of ours for anything yielded; None when the next turn of the loop was meant, and is arranged."""
        try:
            if yielded is not None and yielded is not moment:
                converted = convert_yielded(yielded)
                if isinstance(converted, YieldPoint):
                    return self._mail().start(converted)
                if converted is not moment:
                    return adopted(converted)
        except Exception as error:  # noqa: BLE001 - raised where it was yielded
            return failed(error)
        if self._schedule is None:
            self._schedule = current_loop().schedule
        self._schedule(self._wake, NOTHING)
        return None

    def register_callback(self, key: Hashable) -> None:
        """Reserve a key; KeyReuseError when it is in use."""
        self._mail().register_callback(key)

    def is_ready(self, key: Hashable) -> bool:
        """Say whether there is a result for the key; UnknownKeyError when the key was not reserved."""
        return self._mail().is_ready(key)

    def set_result(self, key: Hashable, result: Any) -> None:
        """Store a result and go on, if the coroutine waits for it."""
        self._mail().set_result(key, result)

    def pop_result(self, key: Hashable) -> Any:
        """Return the result for the key and free the key."""
        return self._mail().pop_result(key)

    def result_callback(self, key: Hashable) -> Callable[..., None]:
        """Return a callable that stores its arguments as the result for the key."""
        return adapt_arguments(lambda value: self.set_result(key, value))

    def check_for_leaks(self) -> None:
        """Raise LeakedCallbackError if a key was reserved and never waited for."""
        if self._mailbox is not None:
            self._mailbox.check_for_leaks()

    def _mail(self) -> Mailbox:
        if self._mailbox is None:
            self._mailbox = Mailbox(self)
        return self._mailbox

    def _wake(self, source: Future[Any]) -> None:
        """Take the next steps, and those of the coroutines that these wake; if another one is at it, leave it to that one."""
        stage = self._stage
        if stage.busy:
            stage.waiting.append((self, source))
            return
        stage.busy = True
        runner, waiting = self, stage.waiting
        del self
        try:
            while True:
                runner._context.run(_steps, runner.gen, runner.result_future, runner, source, runner._context)
                if not waiting:
                    break
                runner, source = waiting.popleft()
        finally:
            stage.busy = False
            if waiting:  # KeyboardInterrupt or SystemExit passes; nobody's step may be lost by it
                runner, source = waiting.popleft()
                runner._wake(source)
            del runner, source  # a traceback holds this frame, and would so hold the future that holds the exception

    def _take_cancellation(self, source: Future[Any]) -> Future[Any]:
        """Return what to go on with: a cancellation that came while the coroutine could not take it, or ``source``."""
        error, self._cancelling = self._cancelling, None
        return source if error is None else failed(error)


def start(gen: Any, result: Future[Any], context: Context) -> None:
    """Take a coroutine's first steps now; its outcome goes to ``result``, at once if it never has to wait."""
    try:
        context.run(_steps, gen, result, None, NOTHING, context)
    finally:
        del gen, result  # as in Runner._wake


def _steps(gen: Any, result: Any, runner: Any, source: Any, context: Any) -> None:  # noqa: C901, PLR0912 - straight on is fastest
    """Take steps until the coroutine waits or ends. ``source`` is complete; ``runner`` is None until it is needed.

    The fields of futures are read directly: this is the path that every ``yield`` takes.
    """
    if runner is not None:
        runner._source = None
        if runner._cancelling is not None:
            source = runner._take_cancellation(source)
    try:
        while True:
            if source._exception is None:
                yielded = gen.send(source._result)
            else:
                yielded = gen.throw(source._take_exception().with_traceback(source._traceback))
            if type(yielded) is Future:
                source = yielded
            else:
                if runner is None:
                    runner = Runner.waiting(gen, result, context)
                source = runner.source_of(yielded)
                if source is None:
                    return
            if source._done:
                continue
            if runner is None:
                runner = Runner.waiting(gen, result, context)
            runner._source = source
            if source._callbacks is None:
                source._callbacks = runner._wake
            else:
                source._add_callback(runner._wake)
            if runner._cancelling is not None:
                current_loop().schedule(source.cancel)
            return
    except StopIteration as stop:
        _succeed(result, runner, stop.value)
    except Return as returned:
        _succeed(result, runner, returned.value)
    except (KeyboardInterrupt, SystemExit) as error:
        _fail(result, error)
        result._take_exception()  # it leaves the loop: it is not lost, so it is not to be logged as such
        raise
    except BaseException as error:  # noqa: BLE001 - it is the outcome
        _fail(result, error)
        # The traceback holds this frame: what it names would live as long as the exception, in a cycle with it.
        gen = result = runner = source = yielded = context = None


def _succeed(result: Future[Any], runner: Runner | None, value: Any) -> None:
    if runner is not None:
        if type(result) is CoroutineFuture:
            result._runner = None
        if runner._mailbox is not None and not result._done:
            try:
                runner.check_for_leaks()
            except Exception as error:  # noqa: BLE001 - it is the outcome
                result.set_exception(error)
                return
    if not result._done:  # else it was cancelled meanwhile, and the value with it
        result.set_result(value)


def _fail(result: Future[Any], error: BaseException) -> None:
    if isinstance(result, CoroutineFuture):
        result._runner = None  # the runner holds the future: this was a cycle
    if result._done and is_cancellation(error):
        return
    if not is_cancellation(error):
        future_set_exception_unless_cancelled(result, error)
    elif isinstance(result, CoroutineFuture):
        result.end_cancelled(error)
    else:
        result.cancel(*error.args[:1])
