"""Calling something again and again."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from squall._concurrent.current import current_loop
from squall._concurrent.states import is_future
from squall._gen.convert import adopted, convert_yielded


class PeriodicCallback:
    """Calls ``callback`` every ``callback_time`` (milliseconds, or a timedelta), once started.

    Runs lie at multiples of the period after the start and do not drift; one that comes late is followed by the next
    multiple, not by several at once. A callback that returns a future or an awaitable is waited for, and runs that fall
    due meanwhile are left out. What it raises is reported, and it goes on.

    ``jitter`` varies each interval at random, by up to half of this fraction to either side: 0.1 means 5 % more or less.
    ``io_loop`` (Tornado 4.0) is the loop to run on, by default the one that is current at ``start``; later releases have
    ``jitter`` in that place, and a number there is taken as such. Raises ValueError for a period that is not positive.
    """

    def __init__(
        self,
        callback: Callable[[], Any],
        callback_time: float | dt.timedelta,
        io_loop: Any = None,
        jitter: float = 0,
    ) -> None:
        if isinstance(io_loop, int | float):
            io_loop, jitter = None, io_loop
        milliseconds = (
            callback_time / dt.timedelta(milliseconds=1) if isinstance(callback_time, dt.timedelta) else callback_time
        )
        if not milliseconds > 0:
            raise ValueError("PeriodicCallback needs a positive callback_time")
        self.callback = callback
        self.callback_time = milliseconds
        self.jitter = jitter
        self.io_loop = io_loop
        self._given_loop = io_loop
        self._timer: Any = None
        self._run: object = None
        """One start's token, None while stopped: a callback that is still waited for must not go on for a later start."""
        self._due = 0.0

    def start(self) -> None:
        """Begin; the first call comes after one period. Starting again begins anew."""
        self.stop()
        self.io_loop = current_loop() if self._given_loop is None else self._given_loop
        self._run = object()
        self._due = self.io_loop.time()
        self._schedule(self._run)

    def stop(self) -> None:
        """Make no further call; ``start`` begins again. A callback that runs is not interrupted."""
        self._run = None
        if self._timer is not None:
            self.io_loop.remove_timeout(self._timer)
            self._timer = None

    def is_running(self) -> bool:
        """Say whether it has been started and not stopped."""
        return self._run is not None

    def _call(self, run: object) -> None:
        self._timer = None
        if self._run is not run:
            return
        try:
            result = self.callback()
            if result is not None and (is_future(result) or isawaitable(result)):
                future = adopted(convert_yielded(result))
                future._add_callback(lambda done: self._finish(run, done))  # noqa: SLF001 - neither context nor delay is wanted
                return
        except Exception:  # noqa: BLE001 - reported by the loop's own hook
            self.io_loop.handle_callback_exception(self.callback)
        self._schedule(run)

    def _finish(self, run: object, done: Any) -> None:
        try:
            done.result()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # noqa: BLE001 - a cancelled run is reported like a failed one, and the next one comes
            self.io_loop.handle_callback_exception(self.callback)
        self._schedule(run)

    def _schedule(self, run: object) -> None:
        if self._run is run:
            self._update_next(self.io_loop.time())
            self._timer = self.io_loop.call_at(self._due, self._call, run)

    def _update_next(self, now: float) -> None:
        """Move the due time to the first multiple of the period after ``now``; by one period if the clock went back."""
        period = self.callback_time / 1000.0
        if self.jitter:
            period *= 1 + self.jitter * (random.random() - 0.5)  # noqa: S311 - spreads load, keeps no secret
        if self._due <= now:
            self._due += (math.floor((now - self._due) / period) + 1) * period
        else:
            self._due += period
