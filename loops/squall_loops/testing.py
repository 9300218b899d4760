"""Fakes that anybody may have: a clock that stands still, and a poller that follows a script.

With both, tests of timers and of descriptor handling need neither sleeping nor sockets::

    clock = ManualClock()
    poller = ScriptedPoller([[(7, READ)]], clock=clock)
    loop = TurnLoop(poller, clock=clock)
    loop.add_handler(7, on_ready, READ)
    loop.call_at(60.0, loop.stop)
    loop.start()                    # serves descriptor 7, then "waits" a minute at once
    assert clock() == 60.0
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from squall_loops.contract.poller import Poller

Batch = Iterable[tuple[int, int]] | Callable[[], Iterable[tuple[int, int]]]


class ScriptEndedError(AssertionError):
    """The loop would wait without limit, and the script has nothing more to say. It leaves ``start``."""


class ManualClock:
    """A clock that moves only when told: ``clock()`` reads its seconds, ``clock.advance(2.5)`` moves it."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now

    def __call__(self) -> float:
        """Return the seconds."""
        return self._now

    def __repr__(self) -> str:
        return f"<ManualClock at {self._now}>"

    def advance(self, seconds: float) -> None:
        """Move on. ValueError for a negative number: a loop's clock never goes back (TM-016)."""
        if seconds < 0:
            message = f"a loop's clock cannot go back by {-seconds} seconds"
            raise ValueError(message)
        self._now += seconds


class ScriptedPoller(Poller):
    """A poller without a kernel.

    Each wait returns the next of ``batches``: pairs of number and events, or a callable that is called in place of the kernel
    and returns them. Once they are used up, a wait with a limit advances ``clock`` by it and returns nothing, and a wait
    without a limit raises ScriptEndedError. Numbers need not be open descriptors, and no thread can end a wait.
    """

    def __init__(self, batches: Iterable[Batch] = (), *, clock: ManualClock | None = None) -> None:
        self.batches: deque[Batch] = deque(batches)
        """What is still to come; more may be added at any time."""
        self.watched: dict[int, int] = {}
        """Number -> events, as registered now. The loop's own waker is among them."""
        self.calls: list[tuple[str, int, int]] = []
        """Every ``("register", fd, events)``, ``("modify", fd, events)`` and ``("unregister", fd, 0)``, in order."""
        self.timeouts: list[float | None] = []
        """How long each wait was allowed to take, in seconds."""
        self.closed = False
        self._clock = clock

    def register(self, fd: int, events: int) -> None:
        """Record it."""
        self.watched[fd] = events
        self.calls.append(("register", fd, events))

    def modify(self, fd: int, events: int) -> None:
        """Record it."""
        self.watched[fd] = events
        self.calls.append(("modify", fd, events))

    def unregister(self, fd: int) -> None:
        """Record it."""
        self.watched.pop(fd, None)
        self.calls.append(("unregister", fd, 0))

    def poll(self, timeout: float | None) -> Iterable[tuple[int, int]]:
        """Return the next batch of the script, or let the time pass."""
        self.timeouts.append(timeout)
        if self.batches:
            batch = self.batches.popleft()
            return batch() if callable(batch) else batch
        if timeout is None:
            raise ScriptEndedError("the loop waits without limit, and the script is at its end")
        if self._clock is not None:
            self._clock.advance(timeout)
        return []

    def close(self) -> None:
        """Record it."""
        self.closed = True
