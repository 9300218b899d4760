"""The contract over any loop of asyncio's kind: the standard library's, uvloop, rloop, a stranger's; made by us or running.

The host's own ``add_reader``, ``call_soon``, ``call_at``, ``run_forever`` and ``stop`` do the work. No policy is asked or set:
a loop comes from its factory, and while it runs, it is the thread's running loop by its own doing. What asyncio's interface
does not speak of is supplied around it (see ``host.py``), and three things are worth knowing:

- READ and WRITE come in two calls, and a hang-up as the readiness whose ``recv`` or ``send`` reveals it. That is asyncio's way.
- A loop without ``add_reader`` (Windows' Proactor loop) is served by a thread that waits in its place (``selector_thread.py``).
- The standard loop notices a signal by EINTR alone, and so may miss one that comes just before it waits. While it is started
  by us in the main thread, the process's wake-up descriptor is borrowed, if it is free. Other loops have means of their own.

After ``fork`` the standard loop would unregister its self-pipe in the epoll instance that it shares with its parent, as soon as
anybody closed or freed it. So its selector is exchanged in the child for one that shares nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import time
import weakref
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, ClassVar, Final

from squall_loops.contract import Callback, LoopClosedError, LoopForkedError, LoopRunningError, TimerHandle
from squall_loops.hosts.asyncio_watch import AsyncioWatch
from squall_loops.hosts.deadlines import Deadlines, Timer
from squall_loops.hosts.host import HostLoop
from squall_loops.hosts.registration import Watch

FOREIGN_RESOLUTION: Final = 1e-3
"""Seconds. libuv and its like count milliseconds; asyncio has no way to ask."""

_running = asyncio._get_running_loop  # noqa: SLF001 - the documented hook for loops' authors; None instead of an error
_MARK: Final = "_squall_loop"
_unmarkable: weakref.WeakValueDictionary[int, AsyncioLoop] = weakref.WeakValueDictionary()
"""Loops of types written in C or Rust that take no attributes, by id."""
_inherited: list[object] = []
"""In a forked child: the parent's loops, kept from ever being destroyed here."""


class AsyncioLoop(HostLoop):
    """An event loop over an asyncio loop.

    Closing it closes the asyncio loop too; as long as nobody does, a loop that was made elsewhere is left to its owner.
    """

    abilities: ClassVar[frozenset[str]] = frozenset({"several-loops", "native-tasks"})

    def __init__(self, asyncio_loop: Any) -> None:
        self.asyncio_loop: asyncio.AbstractEventLoop = asyncio_loop
        self.resolution = (
            time.get_clock_info("monotonic").resolution
            if isinstance(asyncio_loop, asyncio.BaseEventLoop)
            else FOREIGN_RESOLUTION
        )
        self._started = self._stopping = False
        self._deadlines = Deadlines(asyncio_loop.call_at, self._report)
        super().__init__()
        if isinstance(asyncio_loop, asyncio.SelectorEventLoop) and not asyncio_loop.is_running():
            with contextlib.suppress(NotImplementedError):  # a loop of that kind whose readers were taken away
                self._watch_signals()

    @classmethod
    def over(cls, asyncio_loop: Any) -> AsyncioLoop:
        """Return the one adapter of that loop, made at the first call.

        OSError for want of descriptors; then the asyncio loop is closed unless it runs.
        """
        known = getattr(asyncio_loop, _MARK, None) or _unmarkable.get(id(asyncio_loop))
        if isinstance(known, AsyncioLoop) and known.asyncio_loop is asyncio_loop:
            return known
        try:
            adapter = cls(asyncio_loop)
        except OSError:
            if not asyncio_loop.is_running():
                asyncio_loop.close()
            raise
        try:
            setattr(asyncio_loop, _MARK, adapter)
        except AttributeError:
            _unmarkable[id(asyncio_loop)] = adapter
        return adapter

    # The host

    def _host(self) -> object:
        return self.asyncio_loop

    def _make_watch(self) -> Watch:
        return AsyncioWatch(self.asyncio_loop, self._deliver)

    def _host_runs(self) -> bool:
        return self.asyncio_loop.is_running()

    # Callbacks

    def add_callback(self, callback: Callback, *args: object) -> None:
        """Call back in a later turn; see the contract."""
        loop = self.asyncio_loop
        if _running() is loop:
            add: Callable[..., object] = loop.call_soon
        else:
            add = loop.call_soon_threadsafe
        self._add(add, callback, args)

    def add_callback_from_signal(self, callback: Callback, *args: object) -> None:
        """Call back in a later turn, from a signal handler; see the contract."""
        self._add(self.asyncio_loop.call_soon_threadsafe, callback, args)

    def _add(self, add: Callable[..., object], callback: Callback, args: tuple[object, ...]) -> None:
        if self._closed or self._forked:
            self._check_open()
        if not callable(callback):
            raise TypeError(f"a callback must be callable, not {callback!r}")
        try:
            add(self._run, callback, args)
        except RuntimeError as exc:
            if not (self._closed or self.asyncio_loop.is_closed()):
                raise
            raise LoopClosedError("the loop is closed: no callback can be added") from exc

    def _run(self, callback: Callback, args: tuple[Any, ...]) -> None:
        try:
            callback(*args)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as exc:  # noqa: BLE001 - reported; only the two above end a loop (EX-009)
            self._report(callback, exc)

    def call_at(self, deadline: float, callback: Callback, *args: object) -> TimerHandle:
        """Call back once; see the contract."""
        self._check_timer(deadline, callback)
        return self._deadlines.add(deadline, copy_context().run, callback, args)

    def remove_timeout(self, handle: TimerHandle) -> None:
        """Cancel a timer; TypeError when the handle is none of ``call_at``."""
        if not isinstance(handle, Timer):
            raise TypeError(f"remove_timeout takes what call_at returned, not {handle!r}")
        self._deadlines.cancel(handle)

    def create_task(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start the coroutine as a task of the asyncio loop."""
        self._check_open()
        return self.asyncio_loop.create_task(coroutine)

    def time(self) -> float:
        """Return the asyncio loop's clock in seconds."""
        return self.asyncio_loop.time()

    # Running

    def start(self) -> None:
        """Run the asyncio loop until ``stop``; see the contract. RuntimeError too when another one runs in this thread."""
        self._check_open()
        if self.asyncio_loop.is_running():
            raise LoopRunningError("the loop is running already")
        if self.asyncio_loop.is_closed():
            raise LoopClosedError("the asyncio loop was closed by somebody else")
        self._started = True
        try:
            if self._stopping:
                self.asyncio_loop.stop()
            with self._signals():
                self.asyncio_loop.run_forever()
        finally:
            self._started = self._stopping = False
        if self._forked:
            raise LoopForkedError("the loop belongs to the parent process; a child has to make its own")

    def stop(self) -> None:
        """End ``start`` after this turn, or the run of a loop that somebody else has started; see the contract."""
        if self._closed or self._forked:
            return
        if not self._started and self.asyncio_loop.is_running():
            self.asyncio_loop.stop()
        elif not self._stopping:  # asyncio does not say what a second stop does, and in uvloop it outlives the run (LC-005)
            self._stopping = True
            if self._started:
                self.asyncio_loop.stop()

    # The end

    def _close_host(self) -> None:
        loop = self.asyncio_loop
        if not self._forked:
            self._deadlines.clear()
        if self._forked and not isinstance(loop, asyncio.BaseEventLoop):
            return
        if not loop.is_running():
            loop.close()
        with contextlib.suppress(AttributeError):
            delattr(loop, _MARK)

    def _leave_to_parent(self) -> None:
        loop = self.asyncio_loop
        share_nothing(loop)
        if loop.is_running():
            loop.stop()


def share_nothing(asyncio_loop: Any) -> None:
    """In a forked child: make sure that closing or freeing the parent's loop here does not reach into the parent."""
    selector = getattr(asyncio_loop, "_selector", None)
    if isinstance(selector, selectors.BaseSelector):
        selector.close()
        asyncio_loop._selector = selectors.SelectSelector()  # noqa: SLF001 - there is no public way to keep it from epoll_ctl
    else:
        _inherited.append(asyncio_loop)
