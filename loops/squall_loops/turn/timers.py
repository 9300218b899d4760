"""Timers in the order of their deadlines. No clock in here: the time is an argument.

The heap holds ``(deadline, serial, timer)``; the serial keeps equal deadlines in the order of scheduling (TM-004) and
keeps timers themselves from ever being compared. A cancelled timer lets go of its callback at once and stays in the heap as
an empty shell; once shells are the majority they are swept out together (TM-011), so cancelling costs O(1) amortised.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Any

from squall_loops.contract.event_loop import Callback
from squall_loops.turn.callbacks import ContextRun, Report

FEW_SHELLS = 64
"""A heap with fewer shells than this is never swept: the sweep would cost more than the shells."""


class Timer:
    """A handle for ``remove_timeout``. ``callback`` is None once it has run or was cancelled."""

    __slots__ = ("__weakref__", "args", "callback", "deadline", "run")

    def __init__(self, deadline: float, run: ContextRun, callback: Callback, args: tuple[Any, ...]) -> None:
        self.deadline = deadline
        self.run: ContextRun | None = run
        self.callback: Callback | None = callback
        self.args = args

    def __repr__(self) -> str:
        state = "over" if self.callback is None else f"calls {self.callback!r}"
        return f"<Timer at {self.deadline} {state}>"

    def let_go(self) -> None:
        """Forget everything that the callback holds."""
        self.run = self.callback = None
        self.args = ()


class TimerHeap:
    """All timers of one loop."""

    def __init__(self) -> None:
        self.heap: list[tuple[float, int, Timer]] = []
        self._serial = 0
        self._shells = 0

    def __len__(self) -> int:
        return len(self.heap) - self._shells

    def add(self, deadline: float, run: ContextRun, callback: Callback, args: tuple[Any, ...]) -> Timer:
        """Schedule ``run(callback, *args)`` for the deadline, in seconds of the caller's clock."""
        timer = Timer(deadline, run, callback, args)
        self._serial = serial = self._serial + 1
        heappush(self.heap, (deadline, serial, timer))
        return timer

    def cancel(self, timer: Timer) -> None:
        """Make sure that the timer never runs; harmless when it has run, is running, or was cancelled before."""
        if timer.callback is None:
            return
        timer.let_go()
        self._shells = shells = self._shells + 1
        if shells > FEW_SHELLS and shells * 2 > len(self.heap):
            self._sweep()

    def _sweep(self) -> None:
        self.heap[:] = [entry for entry in self.heap if entry[2].callback is not None]
        heapify(self.heap)
        self._shells = 0

    def next_deadline(self) -> float | None:
        """Return the earliest deadline, None when no timer is pending."""
        heap = self.heap
        while heap and heap[0][2].callback is None:
            heappop(heap)
            self._shells -= 1
        return heap[0][0] if heap else None

    def run_due(self, now: float, report: Report) -> None:
        """Run every timer whose deadline is ``now`` or earlier and that was set before this call (TM-005, TM-012).

        KeyboardInterrupt and SystemExit leave at once and the rest stays due; all else is reported.
        """
        heap = self.heap
        if heap[0][0] > now:
            return
        due: list[tuple[float, int, Timer]] = []
        while heap and heap[0][0] <= now:
            entry = heappop(heap)
            if entry[2].callback is None:
                self._shells -= 1
            else:
                due.append(entry)
        due.reverse()
        try:
            while due:
                _run(due.pop()[2], report)
        finally:
            for entry in due:
                heappush(heap, entry)

    def clear(self) -> None:
        """Drop every timer and what it holds, without running it."""
        for _, _, timer in self.heap:
            timer.let_go()
        self.heap.clear()
        self._shells = 0


def _run(timer: Timer, report: Report) -> None:
    run, callback, args = timer.run, timer.callback, timer.args
    if run is None or callback is None:  # an earlier timer of this turn has cancelled it (TM-009)
        return
    timer.let_go()
    try:
        run(callback, *args)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as exc:  # noqa: BLE001 - reported; only the two above end a loop (EX-009)
        report(callback, exc)
