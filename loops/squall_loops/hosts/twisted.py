"""The contract over any reactor of Twisted's.

How it runs. A reactor cannot be run again after ``reactor.stop``. So the reactors that are a ``doIteration`` in a loop (select,
poll, epoll, kqueue) are brought to life by ``startRunning``, and the loop is ours: Twisted's own calls, our callbacks and
timers, one ``doIteration``. At its end the reactor is told to ``crash``, as Twisted's own test runner does: it forgets that it
ran, keeps all that is registered, and tells nobody of a shutdown. That loop also lets a Ctrl-C out, which Twisted's would log.
Reactors that are not made so (asyncio, glib2, gi) run by ``run`` and end by ``crash``, and our callbacks and timers visit them
through ``callFromThread`` and ``callLater``.

A reactor that runs already (a Twisted daemon that calls Squall) is adopted and visited likewise: ``start`` is refused, all else
works, and ``stop`` is ``reactor.stop``, which is for good.

Twisted's facts, and what they mean for us:

- It catches and logs whatever is raised in it, Ctrl-C too. So errors are contained here, and what is to leave ``start`` is
  kept until the reactor has ended, and then raised.
- Its clock is the wall clock, and has to be: Twisted's web server takes its dates from it. So our timers have a heap of their
  own, by the monotonic clock. Where we visit, one ``callLater`` stands for the earliest; it is never early, since the heap
  asks its own clock, but late by as much as the wall clock is set back meanwhile.
- Twisted's signal handlers are never installed by us, so ``reactor.spawnProcess`` does not learn of its children's end unless
  the program sees to it; use ``subprocess``, or let Twisted own the process and adopt its reactor.
- Descriptors and hang-ups: see ``selectable.py``. One reactor in a process, and more of them: see ``reactors.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, ClassVar

from twisted.internet.base import ReactorBase

from squall_loops.contract import Callback, LoopForkedError, LoopRunningError, TimerHandle
from squall_loops.hosts import reactors
from squall_loops.hosts.asyncio import share_nothing
from squall_loops.hosts.host import HostLoop
from squall_loops.hosts.registration import Registration
from squall_loops.hosts.selectable import ReactorWatch
from squall_loops.loop_base import logger
from squall_loops.turn.callbacks import CallbackQueue
from squall_loops.turn.timers import Timer, TimerHeap

_MARK = "_squall_loop"


class TwistedLoop(HostLoop):
    """An event loop over a reactor.

    ``owned`` reactors are closed with it, as far as Twisted lets them; others are left as they are.
    """

    abilities: ClassVar[frozenset[str]] = frozenset({"several-loops"})

    def __init__(self, reactor: Any, *, owned: bool = False) -> None:
        self.reactor = reactor
        self._owned = owned
        self._callbacks = CallbackQueue()
        self._timers = TimerHeap()
        self._timer_call: Any = None
        self._timer_deadline = math.inf
        self._expected = False  # somebody has woken the reactor, or asked for a visit, and that is still to come
        self._ask_lock = threading.RLock()  # no thread writes into a waker that another one closes (TH-009)
        self._thread = -1
        self._started = self._iterating = self._stopping = False
        self._leaving: BaseException | None = None
        super().__init__()
        if not self._host_runs():
            self._watch_signals()

    @classmethod
    def over(cls, reactor: Any, *, owned: bool = False) -> TwistedLoop:
        """Return the one loop of that reactor, made at the first call. OSError for want of descriptors."""
        known = getattr(reactor, _MARK, None)
        if isinstance(known, TwistedLoop) and known.reactor is reactor:
            return known
        loop = cls(reactor, owned=owned)
        setattr(reactor, _MARK, loop)
        return loop

    # The host

    def _host(self) -> object:
        return self.reactor

    def _make_watch(self) -> ReactorWatch:
        return ReactorWatch(self.reactor, self._deliver)

    def _host_runs(self) -> bool:
        return self._started or bool(self.reactor.running)

    def _deliver(self, registration: Registration, ready: int) -> None:
        if self._leaving is None and not self._forked:
            super()._deliver(registration, ready)

    def _end_by(self, exc: BaseException) -> None:
        if not self._started:
            raise exc
        self._leaving = exc
        self._end()

    # Callbacks and timers

    def add_callback(self, callback: Callback, *args: object) -> None:
        """Call back in a later turn; see the contract."""
        self._enqueue(callback, args)
        if not self._expected and not (self._iterating and self._thread == threading.get_ident()):
            self._ask()

    def add_callback_from_signal(self, callback: Callback, *args: object) -> None:
        """Call back in a later turn, from a signal handler; see the contract."""
        self._enqueue(callback, args)
        if not self._expected:
            self._ask()

    def _enqueue(self, callback: Callback, args: tuple[object, ...]) -> None:
        if self._closed or self._forked:
            self._check_open()
        if not callable(callback):
            raise TypeError(f"a callback must be callable, not {callback!r}")
        self._callbacks.append((copy_context(), callback, args))

    def _ask(self) -> None:
        """Make the reactor come round to our callbacks, which were added before; ``_work`` makes ``_expected`` false first."""
        with self._ask_lock:
            if self._closed:
                self._check_open()
            try:
                self._expected = True
                if self._iterating:
                    self.reactor.wakeUp()
                else:
                    self.reactor.callFromThread(self._visit)
            except BaseException:  # Ctrl-C, by a signal handler
                self._expected = False
                raise

    def call_at(self, deadline: float, callback: Callback, *args: object) -> TimerHandle:
        """Call back once; see the contract."""
        self._check_timer(deadline, callback)
        timer = self._timers.add(deadline, copy_context(), callback, args)
        if not self._iterating and deadline < self._timer_deadline:
            self._ask_for_timers()
        return timer

    def remove_timeout(self, handle: TimerHandle) -> None:
        """Cancel a timer; TypeError when the handle is none of ``call_at``."""
        if not isinstance(handle, Timer):
            raise TypeError(f"remove_timeout takes what call_at returned, not {handle!r}")
        self._timers.cancel(handle)

    def _ask_for_timers(self) -> None:
        """Have the reactor visit when the earliest timer is due."""
        if self._timer_call is not None and self._timer_call.active():
            self._timer_call.cancel()
        deadline = self._timers.next_deadline()
        if deadline is None:
            self._timer_call, self._timer_deadline = None, math.inf
        else:
            self._timer_call = self.reactor.callLater(max(0.0, deadline - self.time()), self._visit)
            self._timer_deadline = deadline

    def time(self) -> float:
        """Return the monotonic clock's seconds."""
        return time.monotonic()

    def _work(self) -> None:
        """Run the callbacks that wait now and the timers that are due now."""
        self._expected = False
        self._callbacks.run_present(self._report)
        if self._timers.heap:
            self._timers.run_due(self.time(), self._report)

    def _visit(self) -> None:
        """Work inside a reactor that runs a loop of its own."""
        if self._iterating or self._closed or self._forked or self._leaving is not None:
            return
        try:
            self._work()
        except (KeyboardInterrupt, SystemExit) as exc:
            self._end_by(exc)
        finally:
            if self._callbacks and not self._expected:  # what was left by an exception, or was added meanwhile
                self._ask()
            self._ask_for_timers()

    # Running

    def start(self) -> None:
        """Run the reactor until ``stop``; see the contract."""
        self._check_open()
        if self._host_runs():
            raise LoopRunningError("the loop is running already")
        self._thread = threading.get_ident()
        self._started = True
        try:
            with self._signals():
                self._run()
        finally:
            self._thread = -1
            self._started = self._iterating = self._stopping = False
            leaving, self._leaving = self._leaving, None
        if self._forked:
            raise LoopForkedError("the loop belongs to the parent process; a child has to make its own")
        if leaving is not None:
            raise leaving

    def _run(self) -> None:
        reactor = self.reactor
        if getattr(reactor, "_startedBefore", False):  # it was ended by reactor.stop, for good as Twisted sees it
            reactor._startedBefore = False  # noqa: SLF001 - there is no public way
            if isinstance(self._watch, ReactorWatch):
                self._watch.arm_anew()
        kind = type(reactor)
        self._iterating = kind.run is ReactorBase.run and kind.mainLoop is ReactorBase.mainLoop
        try:
            if self._iterating:
                reactor.startRunning(installSignalHandlers=False)
                self._iterate()
            else:
                self._run_visited()
        finally:
            self._iterating = False
            if reactor.running:  # not by its own crash: the asyncio reactor's would also stop its next run
                ReactorBase.crash(reactor)
            if not self._forked:
                self._ask_again()

    def _ask_again(self) -> None:
        """Leave the reactor such that whoever runs it next visits what waits."""
        if self._callbacks:
            self._ask()
        self._ask_for_timers()

    def _run_visited(self) -> None:
        if self._stopping:
            self.reactor.callFromThread(self._end)
        self.reactor.run(installSignalHandlers=False)

    def _iterate(self) -> None:
        reactor = self.reactor
        while reactor._started:  # noqa: SLF001 - what Twisted's own loop looks at
            reactor.runUntilCurrent()
            self._work()
            if self._forked:
                return
            try:
                reactor.doIteration(self._patience())
            except Exception:  # noqa: BLE001 - logged, with its traceback
                logger.exception("The reactor %r failed in its turn", reactor)
            if self._stopping or self._leaving is not None:
                return

    def _patience(self) -> float | None:
        """Return how many seconds the reactor may wait, in whole milliseconds: poll's reactor rounds down, and would spin."""
        if self._callbacks or self._stopping or not self.reactor.running:
            return 0
        wait: float | None = self.reactor.timeout()
        deadline = self._timers.next_deadline()
        if deadline is not None:
            left = min(max(deadline - self.time(), 0.0), _LONGEST_WAIT)
            wait = left if wait is None else min(wait, left)
        return wait if wait is None else math.ceil(wait * 1000) / 1000

    def _end(self) -> None:
        self._stopping = True
        if not self._iterating and self.reactor.running:
            self.reactor.crash()

    def stop(self) -> None:
        """End ``start`` after this turn, or stop for good a reactor that somebody else has started; see the contract."""
        if self._closed or self._forked:
            return
        if self._started or not self.reactor.running:
            self._end()
        else:
            self.reactor.stop()

    # The end

    def _close_host(self) -> None:
        self._callbacks.clear()
        self._timers.clear()
        with contextlib.suppress(AttributeError):
            delattr(self.reactor, _MARK)
        if self._forked:
            return
        self._ask_for_timers()  # none is left: this takes the call out
        if self._owned:
            reactors.uninstall(self.reactor)
            with self._ask_lock:
                reactors.free(self.reactor)

    def _leave_to_parent(self) -> None:
        self._ask_lock = threading.RLock()  # another thread of the parent may have held it
        self._callbacks.clear()
        self._stopping = True
        asyncio_loop = getattr(self.reactor, "_asyncioEventloop", None)
        if asyncio_loop is not None:
            share_nothing(asyncio_loop)
            asyncio_loop.stop()
        if self._owned:
            reactors.uninstall(self.reactor)
            reactors.close_own(self.reactor)


_LONGEST_WAIT = 86400.0
"""Seconds; kernel calls count milliseconds in 32 bits (TM-014)."""
_making = threading.Lock()
"""Two threads must not take the same reactor for one that has no loop."""


def make_twisted(name: str = "default") -> TwistedLoop:
    """Make a loop over the reactor of that short name of Twisted's.

    The first reactor of a process is installed as ``twisted.internet.reactor``. If one of that kind is installed already,
    stands still and has no loop, it is used; otherwise another one is made beside it (see ``reactors.py``).
    """
    with _making:
        install: Callable[..., object] = reactors.install_of(name)
        present = reactors.installed()
        if present is not None and reactors.is_made_by(install, present) and not (present.running or hasattr(present, _MARK)):
            return TwistedLoop.over(present)
        # With an asyncio loop of its own, that reactor does not set the thread's current one.
        args = (asyncio.SelectorEventLoop(),) if install.__module__ == "twisted.internet.asyncioreactor" else ()
        reactor = reactors.make(install, *args)
        try:
            return TwistedLoop.over(reactor, owned=True)
        except OSError:
            reactors.uninstall(reactor)
            reactors.free(reactor)
            raise
