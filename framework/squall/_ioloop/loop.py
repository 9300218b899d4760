"""The IOLoop: an event loop, and what needs futures and coroutines on top of it."""

from __future__ import annotations

import datetime as dt
import functools
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from concurrent import futures
from contextvars import Context, copy_context
from inspect import isawaitable
from types import FrameType
from typing import Any, ClassVar

from squall._concurrent import current
from squall._concurrent.current import THREAD, Stage
from squall._concurrent.future import Future
from squall._concurrent.hosting import is_cancellation, running_asyncio_loop
from squall._concurrent.states import chain_future, is_future, outcome
from squall._gen.convert import adopted, convert_yielded
from squall._ioloop import blocking
from squall._ioloop.choice import make_event_loop, understand
from squall._ioloop.sync import SyncRun
from squall.log import app_log, gen_log
from squall.util import Configurable
from squall_loops import contract, registry
from squall_loops.turn.loop import TurnLoop

_BOUND = ("add_handler", "update_handler", "remove_handler", "remove_timeout", "time", "stop")
"""Methods that add nothing to the event loop's: an IOLoop calls that one's directly, unless a subclass has its own."""
_AGES = 1e9
"""Seconds: 31 years. No time-out lasts so long; a deadline so far ahead is meant on another clock."""


class IOLoop(Configurable):
    """One thread's loop. It *has* an event loop (``event_loop``, a ``squall_loops.contract.EventLoop``) that does the waiting.

    Which one is decided by ``IOLoop.configure``, else by the environment variable ``SQUALL_LOOP``, else by
    ``[tool.squall] loop`` in pyproject.toml, else it is the best of this machine. A single loop may be given another:
    ``IOLoop(event_loop=...)`` takes what ``configure`` takes.

    A new loop becomes current for its thread if there is none yet; ``make_current`` (as in later releases) says always
    (True) or never (False).

    Only ``add_callback``, ``spawn_callback`` and ``add_callback_from_signal`` may be called from other threads. Errors
    are those of the event loop's contract.

    A subclass may also be a loop by itself, as in Tornado 4.0: if it has its own ``start`` and ``add_handler``, it gets no
    event loop and must supply the rest (``update_handler``, ``remove_handler``, ``stop``, ``close``, ``time``,
    ``add_callback``, ``add_callback_from_signal``, ``call_at`` or ``add_timeout``, ``remove_timeout``).
    """

    NONE: ClassVar[int] = 0
    READ: ClassVar[int] = contract.READ
    WRITE: ClassVar[int] = contract.WRITE
    ERROR: ClassVar[int] = contract.ERROR

    _instance: ClassVar[IOLoop | None] = None
    _instance_lock: ClassVar[Any] = threading.RLock()

    event_loop: contract.EventLoop
    native_task: Callable[[Coroutine[Any, Any, Any]], Any] | None = None
    _alarm: blocking.StandstillAlarm | None = None
    _executor: futures.Executor | None = None

    # Which loop

    @classmethod
    def configurable_base(cls) -> type[IOLoop]:
        """Return the class whose choice ``configure`` makes."""
        return IOLoop

    @classmethod
    def configurable_default(cls) -> type[IOLoop]:
        """Return the class made where nothing was configured: this one, over the event loop that was chosen."""
        return IOLoop

    @classmethod
    def configure(cls, impl: Any, **kwargs: Any) -> None:
        """Choose what ``IOLoop()`` makes from now on; None for the default again.

        ``impl`` is the text of a spec (``"epoll"``, ``"uvloop"``, ``"package.module:factory"``), a subclass of IOLoop, a
        callable that makes an event loop, poller, asyncio loop or reactor, one of these itself, or the dotted name of any
        of them. Raises ValueError for a wrong spec, TypeError for anything else, ImportError for a name that is not there.
        """
        understood = understand(impl)
        if understood is None or (isinstance(understood, type) and issubclass(understood, IOLoop)):
            super().configure(understood, **kwargs)
        else:
            super().configure(None, event_loop=understood, **kwargs)

    @staticmethod
    def instance() -> Any:
        """Return the program's loop; where there is none, this thread's current one becomes it, or a new one."""
        if current.foreign_asyncio_loop_runs():
            return _Maker.adopted()
        with IOLoop._instance_lock:
            if IOLoop._instance is None:
                mine = THREAD.current if threading.current_thread() is threading.main_thread() else None
                IOLoop._instance = IOLoop() if mine is None else mine
            return IOLoop._instance

    @staticmethod
    def initialized() -> bool:
        """Say whether there is a program's loop."""
        return IOLoop._instance is not None

    def install(self) -> None:
        """Make this the program's loop, the one that ``instance`` returns; RuntimeError if there is one."""
        with IOLoop._instance_lock:
            if IOLoop._instance not in (None, self):
                raise RuntimeError("there is a global IOLoop already; clear_instance() forgets it")
            IOLoop._instance = self

    @staticmethod
    def clear_instance() -> None:
        """Forget the program's loop, without closing it."""
        IOLoop._instance = None

    @staticmethod
    def current(instance: bool = True) -> Any:  # noqa: FBT001, FBT002 - Tornado's signature
        """Return this thread's loop: the one that runs, an asyncio loop that runs, or the one made current.

        Where there is none: ``instance()``, or None with ``instance=False``. The last is Tornado 4.0's rule, by which
        a worker thread finds the main thread's loop; later releases make a loop for each thread.
        """
        loop = current.maybe_current_loop()
        return IOLoop.instance() if loop is None and instance else loop

    def make_current(self) -> None:
        """Make this the loop that ``current`` returns in this thread, unless another one runs in it."""
        THREAD.current = self

    @staticmethod
    def clear_current() -> None:
        """Forget this thread's current loop, without closing it."""
        THREAD.current = None

    # The event loop

    def initialize(self, make_current: bool | None = None, event_loop: Any = None) -> None:  # noqa: FBT001 - Tornado's signature
        """Set the loop up; see the class."""
        cls = type(self)
        self._background: set[Any] = set()
        if event_loop is not None or cls.start is IOLoop.start or cls.add_handler is IOLoop.add_handler:
            self._bind(make_event_loop(event_loop))
        else:
            self.schedule: Callable[..., Any] = self.add_callback
        if make_current or (make_current is None and THREAD.running is None and THREAD.current is None):
            self.make_current()

    def _bind(self, event_loop: contract.EventLoop) -> None:
        self.event_loop = event_loop
        self.schedule = self._add_callback = event_loop.add_callback
        self._call_at = event_loop.call_at
        self._run = self._run_callback
        for name in _BOUND:
            if getattr(type(self), name) is getattr(IOLoop, name):
                setattr(self, name, getattr(event_loop, name))
        if "native-tasks" in event_loop.abilities and isinstance(event_loop, contract.NativeTasks):
            self.native_task = event_loop.create_task
        # Both assigned, as the contract allows: an adopted asyncio loop must find its IOLoop again.
        vars(event_loop).update(handle_callback_exception=self._report, squall_io_loop=self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} over {getattr(self, 'event_loop', 'itself')!r}>"

    @property
    def asyncio_loop(self) -> Any:
        """The asyncio loop underneath; AttributeError on other hosts."""
        return self.event_loop.asyncio_loop  # type: ignore[attr-defined] # only asyncio's host has it, and says so otherwise

    def add_handler(self, fd: Any, handler: Callable[[Any, int], Any], events: int) -> None:
        """Call ``handler(fd, events)`` whenever the descriptor (a number, or an object with ``fileno()``) is ready."""
        self.event_loop.add_handler(fd, handler, events)

    def update_handler(self, fd: Any, events: int) -> None:
        """Watch for ``events`` (READ, WRITE, ERROR, or a union of them) instead."""
        self.event_loop.update_handler(fd, events)

    def remove_handler(self, fd: Any) -> None:
        """Stop watching; a no-op where nothing is registered."""
        self.event_loop.remove_handler(fd)

    def start(self) -> None:
        """Run until ``stop``. While it runs, this is the thread's current loop."""
        thread = THREAD
        before = thread.running, thread.current, thread.host, thread.stage
        thread.running = thread.current = self
        thread.host = self._asyncio_host()
        thread.stage = Stage(None)
        try:
            if self._alarm is not None:
                self._alarm.wind_up()
            self.event_loop.start()
        finally:
            if self._alarm is not None:
                self._alarm.pause()
            thread.running, thread.current, thread.host, thread.stage = before

    def _asyncio_host(self) -> Any:
        if isinstance(self.event_loop, TurnLoop):
            return None
        return getattr(self.event_loop, "asyncio_loop", current.ANY_HOST)

    def stop(self) -> None:
        """End ``start`` after the present turn; before ``start``, the next one ends after one turn."""
        self.event_loop.stop()

    def close(self, all_fds: bool = False) -> None:  # noqa: FBT001, FBT002 - Tornado's signature
        """Free every resource; with ``all_fds`` close every registered descriptor too. RuntimeError while the loop runs."""
        self.event_loop.close(all_fds)
        if self._alarm is not None:
            self._alarm.end()
            self._alarm = None
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None
        self._background.clear()
        if THREAD.current is self:
            THREAD.current = None
        if IOLoop._instance is self:
            IOLoop._instance = None

    def time(self) -> float:
        """Return the loop's clock: monotonic seconds of no particular origin, not ``time.time()``."""
        return self.event_loop.time()

    # Callbacks and timers

    def add_callback(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call back in the next turn; safe from any thread. An awaitable that it returns is run, its error reported."""
        if kwargs:
            callback = functools.partial(callback, **kwargs)
        elif not callable(callback):
            raise TypeError(f"a callback must be callable, not {callback!r}")
        if args:
            self._add_callback(self._run, callback, *args)
        else:  # by far the most common, and unpacking nothing costs as much as the call
            self._add_callback(self._run, callback)

    def add_callback_from_signal(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Do what ``add_callback`` does, also where a signal handler has interrupted it."""
        if kwargs:
            callback = functools.partial(callback, **kwargs)
        self.event_loop.add_callback_from_signal(self._run_callback, callback, *args)

    def spawn_callback(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run a callback, usually a coroutine, that nobody waits for; what it raises is reported."""
        self.add_callback(callback, *args, **kwargs)

    def add_timeout(self, deadline: float | dt.timedelta, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call back at a deadline: seconds of ``time()``, or a timedelta from now. Returns a handle for ``remove_timeout``.

        Tornado 4.0's clock was ``time.time()``. So a deadline that lies decades ahead of this loop's clock and near the
        wall clock is taken as the latter's, and programs that say ``add_timeout(time.time() + 5, ...)`` go on to work.
        """
        if isinstance(deadline, dt.timedelta):
            return self.call_at(self.time() + deadline.total_seconds(), callback, *args, **kwargs)
        if not isinstance(deadline, int | float):
            raise TypeError(f"a deadline is a number or a timedelta, not {deadline!r}")
        ahead = deadline - self.time()
        if ahead > _AGES and abs(deadline - time.time()) < _AGES:
            deadline = self.time() + (deadline - time.time())
        return self.call_at(deadline, callback, *args, **kwargs)

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call back after ``delay`` seconds. Returns a handle for ``remove_timeout``."""
        return self.call_at(self.time() + delay, callback, *args, **kwargs)

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call back at ``when`` (seconds of ``time()``). Returns a handle for ``remove_timeout``."""
        if not hasattr(self, "event_loop"):
            return self.add_timeout(when, callback, *args, **kwargs)
        if kwargs:
            callback = functools.partial(callback, **kwargs)
        elif not callable(callback):
            raise TypeError(f"a timer's callback must be callable, not {callback!r}")
        return self._call_at(when, self._run, callback, *args)

    def remove_timeout(self, timeout: Any) -> None:
        """Cancel a timer by its handle; harmless when it has run."""
        self.event_loop.remove_timeout(timeout)

    def _run_callback(self, callback: Callable[..., Any], *args: Any) -> None:
        try:
            result = callback(*args)
            if result is not None:
                self._watch(callback, result)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - rule EX-009: only those two end a loop
            self._report(callback, error)

    def _watch(self, callback: Callable[..., Any], result: Any) -> None:
        """See to it that what a callback left to be waited for is run, and its error reported."""
        if not (is_future(result) or isawaitable(result)):
            return
        given = convert_yielded(result)
        future = adopted(given)

        def finish(_: Any) -> None:
            self._background.discard(given)
            _, error = outcome(future)
            if error is not None and not is_cancellation(error):
                self._report(callback, error)

        if not future.done():
            self._background.add(given)  # asyncio itself holds its tasks by weak references only
        future._add_callback(finish)  # noqa: SLF001 - neither context nor delay is wanted

    # Futures

    def add_future(self, future: Any, callback: Callable[[Any], Any]) -> None:
        """Call ``callback(future)`` in a turn after the future, of any kind, is complete; in the present context."""
        if not is_future(future):
            raise TypeError(f"add_future takes a future, not {future!r}")
        context = copy_context()
        deliver = functools.partial(self.add_callback, self._run_in, context, callback)
        if isinstance(future, Future):
            future._add_callback(deliver)  # noqa: SLF001 - it comes with its context
        else:
            future.add_done_callback(deliver)

    def _run_in(self, context: Context, callback: Callable[..., Any], future: Any) -> None:
        context.run(self._run_callback, callback, future)

    def run_sync(self, func: Callable[[], Any], timeout: float | None = None) -> Any:
        """Start the loop, call ``func``, wait for what it returns if that can be waited for, stop, and return the result.

        Raises what the function raises, and TimeoutError after ``timeout`` seconds; a native coroutine is cancelled then.
        TimeoutError also when something else stops the loop. RuntimeError when the loop runs already.
        """
        return SyncRun(self, func, timeout).run()

    def run_in_executor(self, executor: futures.Executor | None, func: Callable[..., Any], *args: Any) -> Future[Any]:
        """Call ``func(*args)`` in an executor (None: the default one) and return a Future of the result."""
        if executor is None:
            if self._executor is None:
                self._executor = futures.ThreadPoolExecutor(max_workers=(os.cpu_count() or 1) * 5)
            executor = self._executor
        submitted = executor.submit(func, *args)
        future: Future[Any] = Future()
        self.add_future(submitted, lambda done: chain_future(done, future))
        return future

    def set_default_executor(self, executor: futures.Executor) -> None:
        """Use this executor where ``run_in_executor`` is given None; ``close`` shuts it down."""
        self._executor = executor

    # Errors and standstill

    def handle_callback_exception(self, callback: Any) -> None:
        """Report that a callback raised; the exception is the one being handled. Logs it; override to do otherwise."""
        app_log.exception("Exception in callback %r", callback)

    def _report(self, callback: Any, error: BaseException) -> None:
        try:
            self._hand_to_hook(callback, error)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # noqa: BLE001 - rule EX-008: whatever the hook does, the loop goes on
            app_log.exception("handle_callback_exception failed; it was given %r", error)

    def _hand_to_hook(self, callback: Any, error: BaseException) -> None:
        """Call the hook while the exception is being handled, as it was promised; it is so already in most cases."""
        if sys.exception() is error:
            self.handle_callback_exception(callback)
            return
        try:
            raise error
        except type(error):
            self.handle_callback_exception(callback)

    def set_blocking_signal_threshold(self, seconds: float | None, action: blocking.Action | None) -> None:
        """Call ``action(signal, frame)`` when the loop stands still for ``seconds``; None for ``seconds`` ends that.

        With None for ``action`` the process is ended by SIGALRM. Only in the main thread, and not on Windows. What blocks
        for less than half of the time is never reported.
        """
        if self._alarm is not None:
            self._alarm.end()
            self._alarm = None
        if seconds is not None:
            self._alarm = blocking.make_alarm(self, seconds, action)
            if self._alarm is not None and current.maybe_current_loop() is self and self._runs_here():
                self._alarm.wind_up()

    def set_blocking_log_threshold(self, seconds: float | None) -> None:
        """Log the stack when the loop stands still for ``seconds``; None ends that."""
        self.set_blocking_signal_threshold(seconds, self.log_stack)

    def log_stack(self, signal: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        """Log the stack of the interrupted code; a signal handler for ``set_blocking_signal_threshold``."""
        gen_log.warning("IOLoop blocked for too long in\n%s", "".join(traceback.format_stack(frame)))

    def _runs_here(self) -> bool:
        return THREAD.running is self or running_asyncio_loop() is not None

    # Descriptors, numbers or objects

    def split_fd(self, fd: Any) -> tuple[int, Any]:
        """Return ``(number, fd)`` of a number or of an object with ``fileno()``."""
        return (fd, fd) if isinstance(fd, int) else (fd.fileno(), fd)

    def close_fd(self, fd: Any) -> None:
        """Close a number or an object; a descriptor that is closed already is left alone."""
        try:
            if isinstance(fd, int):
                os.close(fd)
            else:
                fd.close()
        except OSError:
            gen_log.debug("closing %r failed", fd, exc_info=True)


class _Maker:
    """How the modules below find loops."""

    @staticmethod
    def instance() -> Any:
        return IOLoop.instance()

    @staticmethod
    def adopted() -> Any:
        """Return the IOLoop over the asyncio loop that runs in this thread, the same one each time."""
        event_loop = registry.running_loop()
        known: IOLoop | None = getattr(event_loop, "squall_io_loop", None)
        if known is not None:
            return known
        configured = IOLoop.configured_class()
        itself = configured.start is not IOLoop.start and configured.add_handler is not IOLoop.add_handler
        chosen = IOLoop if itself else configured
        loop = object.__new__(chosen)
        loop.initialize(make_current=False, event_loop=event_loop)
        return loop

    @staticmethod
    def forget_instance() -> None:
        IOLoop.clear_instance()


current.set_maker(_Maker)
