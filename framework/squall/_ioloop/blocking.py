"""Noticing that the loop stands still: something in its thread has not come back for too long.

setitimer(2): the timer counts down in real time and sends SIGALRM when it is over. While the loop runs, a timer of the
loop winds it up again every half of the threshold; so the signal comes only when the loop did not get to its timers. A
wait for events is no standstill: the loop's timer ends it. Whatever blocks for longer than the threshold is noticed,
whatever blocks for less than half of it never.

Python runs signal handlers in the main thread, between two bytecodes: a call that never returns to the interpreter is
noticed by ``action=None`` only, which leaves it to the kernel to end the process.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from squall.log import gen_log

Action = Callable[[int, FrameType | None], Any]


class StandstillAlarm:
    """Sends SIGALRM when ``loop`` stands still for ``seconds``, and does ``action`` then (None: the process ends)."""

    def __init__(self, loop: Any, seconds: float, action: Action | None) -> None:
        self._loop = loop
        self._seconds = seconds
        self._timer: Any = None
        self._previous = signal.signal(signal.SIGALRM, signal.SIG_DFL if action is None else action)

    def wind_up(self) -> None:
        """Begin, or begin again, to count down."""
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        self._timer = self._loop.call_later(self._seconds / 2, self.wind_up)

    def pause(self) -> None:
        """Stop counting: the loop does not run."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self._timer is not None:
            self._loop.remove_timeout(self._timer)
            self._timer = None

    def end(self) -> None:
        """Leave the signal as it was found."""
        self.pause()
        signal.signal(signal.SIGALRM, self._previous)


def make_alarm(loop: Any, seconds: float, action: Action | None) -> StandstillAlarm | None:
    """Return an alarm that is not wound up yet; None, with a log entry, where the platform has no such timer."""
    if not hasattr(signal, "setitimer"):
        gen_log.error("set_blocking_signal_threshold needs signal.setitimer, which this platform does not have")
        return None
    return StandstillAlarm(loop, seconds, action)
