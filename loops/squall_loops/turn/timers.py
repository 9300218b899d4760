"""Timers in the order of their deadlines. No clock in here: the time is an argument.

A timer is a list of deadline, serial, context, callback and arguments, and the heap holds the timers themselves: lists are made
and compared without a line of Python, which makes a push twice as fast as with an object that has attributes. The serial
keeps equal deadlines in the order of scheduling (TM-004) and ends every comparison before it reaches the rest.

A cancelled timer lets go of its callback at once and stays in the heap as an empty shell; once shells are the majority they are
swept out together (TM-011), so cancelling costs O(1) amortised.
"""

from __future__ import annotations

from contextvars import Context
from heapq import heapify, heappop, heappush
from typing import Any, Final

from squall_loops.contract.event_loop import Callback
from squall_loops.turn.callbacks import Report

FEW_SHELLS: Final = 64
"""A heap with fewer shells than this is never swept: the sweep would cost more than the shells."""

_DEADLINE: Final = 0
_CONTEXT: Final = 2
_CALLBACK: Final = 3
_ARGS: Final = 4


class Timer(list[Any]):
    """A handle for ``remove_timeout``; its callback is None once it has run or was cancelled. Hashed by identity."""

    __slots__ = ("__weakref__",)
    __hash__ = object.__hash__  # type: ignore[assignment] # typeshed has None there, as lists have no hash

    def __repr__(self) -> str:
        state = "over" if self[_CALLBACK] is None else f"calls {self[_CALLBACK]!r}"
        return f"<Timer at {self[_DEADLINE]} {state}>"

    def let_go(self) -> None:
        """Forget everything that the callback holds."""
        self[_CONTEXT] = self[_CALLBACK] = self[_ARGS] = None


class TimerHeap:
    """All timers of one loop."""

    def __init__(self) -> None:
        self.heap: list[Timer] = []
        self._serial = 0
        self._shells = 0  # at least as many as are in the heap: one cancelled while it was due is counted until the next sweep

    def __len__(self) -> int:
        return sum(timer[_CALLBACK] is not None for timer in self.heap)

    def add(self, deadline: float, context: Context, callback: Callback, args: tuple[Any, ...]) -> Timer:
        """Schedule ``callback(*args)`` in the context for the deadline, in seconds of the caller's clock."""
        self._serial = serial = self._serial + 1
        timer = Timer((deadline, serial, context, callback, args))
        heappush(self.heap, timer)
        return timer

    def cancel(self, timer: Timer) -> None:
        """Make sure that the timer never runs; harmless when it has run, is running, or was cancelled before."""
        if timer[_CALLBACK] is None:
            return
        timer[_CONTEXT] = timer[_CALLBACK] = timer[_ARGS] = None
        self._shells = shells = self._shells + 1
        if shells > FEW_SHELLS and shells * 2 > len(self.heap):
            self._sweep()

    def _sweep(self) -> None:
        self.heap[:] = [timer for timer in self.heap if timer[_CALLBACK] is not None]
        heapify(self.heap)
        self._shells = 0

    def next_deadline(self) -> float | None:
        """Return the earliest deadline, None when no timer is pending."""
        heap = self.heap
        while heap and heap[0][_CALLBACK] is None:
            heappop(heap)
            self._shells -= 1
        return heap[0][_DEADLINE] if heap else None

    def run_due(self, now: float, report: Report) -> None:
        """Run every timer whose deadline is ``now`` or earlier and that was set before this call (TM-005, TM-012).

        KeyboardInterrupt and SystemExit leave at once and the rest stays due; all else is reported.
        """
        heap = self.heap
        if not heap or heap[0][_DEADLINE] > now:  # of nearly every turn: the timers of a server are time-outs far away
            return
        due = self._take_due(now)
        try:
            while due:
                _run(due.pop(), report)
        finally:
            for timer in due:
                self._put_back(timer)

    def _take_due(self, now: float) -> list[Timer]:
        """Take the due timers from the heap, the latest first."""
        heap = self.heap
        due = []
        while heap and heap[0][_DEADLINE] <= now:
            timer = heappop(heap)
            if timer[_CALLBACK] is None:
                self._shells -= 1
            else:
                due.append(timer)
        due.reverse()
        return due

    def _put_back(self, timer: Timer) -> None:
        if timer[_CALLBACK] is not None:
            heappush(self.heap, timer)

    def clear(self) -> None:
        """Drop every timer and what it holds, without running it."""
        for timer in self.heap:
            timer.let_go()
        self.heap.clear()
        self._shells = 0


def _run(timer: Timer, report: Report) -> None:
    _, _, context, callback, args = timer
    if callback is None:  # an earlier timer of this turn has cancelled it (TM-009)
        return
    timer.let_go()
    try:
        if args:
            context.run(callback, *args)
        else:
            context.run(callback)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as exc:  # noqa: BLE001 - reported; only the two above end a loop (EX-009)
        report(callback, exc)
