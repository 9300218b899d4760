"""Timers on asyncio's timers: equal deadlines share one of the host's, and so keep their order (TM-004).

asyncio leaves the order of equal deadlines undefined, so it is ours to supply, and nothing else is: when a timer fires, and
before which others, is the host's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from squall_loops.contract import Callback

_FEW: Final = 16
"""Fewer shells of cancelled timers than this in one bucket are never swept."""


class HostTimer(Protocol):
    """What the host returns for a scheduled call."""

    def cancel(self) -> object:
        """Make sure that the call does not happen."""


class Timer:
    """A handle for ``remove_timeout``; ``callback`` is None once it has run or was cancelled."""

    __slots__ = ("__weakref__", "args", "bucket", "callback", "run")

    def __init__(self, bucket: Bucket, run: Callable[..., Any], callback: Callback, args: tuple[Any, ...]) -> None:
        self.bucket: Bucket | None = bucket
        self.run: Callable[..., Any] | None = run
        self.callback: Callback | None = callback
        self.args = args

    def let_go(self) -> None:
        """Forget everything that the callback holds."""
        self.bucket = self.run = self.callback = None
        self.args = ()


class Bucket:
    """All timers of one deadline."""

    __slots__ = ("deadline", "host_timer", "live", "timers")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.timers: list[Timer] = []
        self.live = 0
        self.host_timer: HostTimer | None = None


class Deadlines:
    """The timers of one loop.

    ``schedule(deadline, function, *args)`` asks the host for a call; ``report`` is given what callbacks raise.
    """

    def __init__(self, schedule: Callable[..., HostTimer], report: Callable[[Callback, BaseException], None]) -> None:
        self._schedule = schedule
        self._report = report
        self._buckets: dict[float, Bucket] = {}

    def __len__(self) -> int:
        return sum(bucket.live for bucket in self._buckets.values())

    def add(self, deadline: float, run: Callable[..., Any], callback: Callback, args: tuple[Any, ...]) -> Timer:
        """Have ``run(callback, *args)`` called at the deadline, in seconds of the host's clock."""
        bucket = self._buckets.get(deadline)
        if bucket is None:
            bucket = Bucket(deadline)
            bucket.host_timer = self._schedule(deadline, self._fire, bucket)
            self._buckets[deadline] = bucket
        timer = Timer(bucket, run, callback, args)
        bucket.timers.append(timer)
        bucket.live += 1
        return timer

    def cancel(self, timer: Timer) -> None:
        """Make sure that the timer never runs; harmless when it has run, is running, or was cancelled before."""
        bucket = timer.bucket
        if bucket is None:
            return
        timer.let_go()
        bucket.live -= 1
        if not bucket.live:
            self._drop(bucket)
        elif len(bucket.timers) - bucket.live > max(bucket.live, _FEW):
            bucket.timers = [timer for timer in bucket.timers if timer.bucket is not None]

    def _drop(self, bucket: Bucket) -> None:
        """Give up a bucket, unless it is firing: then its host timer is spent and its place is free already."""
        if self._buckets.get(bucket.deadline) is bucket:
            del self._buckets[bucket.deadline]
        if bucket.host_timer is not None:
            bucket.host_timer.cancel()
            bucket.host_timer = None

    def _fire(self, bucket: Bucket) -> None:
        self._buckets.pop(bucket.deadline, None)
        bucket.host_timer = None
        timers, bucket.timers = bucket.timers, []
        timers.reverse()
        try:
            while timers:
                self._run(timers.pop())
        finally:
            if timers:
                self._put_back(bucket.deadline, timers)

    def _run(self, timer: Timer) -> None:
        run, callback, args, bucket = timer.run, timer.callback, timer.args, timer.bucket
        if run is None or callback is None or bucket is None:  # an earlier timer of the same deadline has cancelled it (TM-009)
            return
        bucket.live -= 1
        timer.let_go()
        try:
            run(callback, *args)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as exc:  # noqa: BLE001 - reported; only the two above end a loop (EX-009)
            self._report(callback, exc)

    def _put_back(self, deadline: float, timers: list[Timer]) -> None:
        """Have the rest fire anew after one of them has ended the loop (EX-005)."""
        for timer in reversed(timers):
            if timer.run is not None and timer.callback is not None:
                again = self.add(deadline, timer.run, timer.callback, timer.args)
                # The caller holds the old handle: let it stand for the new one.
                bucket = again.bucket
                timer.bucket = bucket
                if bucket is not None:
                    bucket.timers[-1] = timer

    def clear(self) -> None:
        """Drop every timer and what it holds, without running it."""
        for bucket in list(self._buckets.values()):
            for timer in bucket.timers:
                timer.let_go()
            self._drop(bucket)
