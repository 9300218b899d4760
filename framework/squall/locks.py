"""Locks for coroutines: condition, event, semaphores and mutex, all of them fair.

They coordinate the coroutines of one loop and are not safe to share between threads. Whoever waits first is served
first. A timeout is a time of the loop's clock in seconds (``IOLoop.time() + 5``) or a ``datetime.timedelta`` from now;
one that has passed already ends the wait in the next turn of the loop.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, NoReturn

from squall._waiters import Timeout, Waiters
from squall.concurrent import Future

__all__ = ["BoundedSemaphore", "Condition", "Event", "Lock", "Semaphore"]


def _done(result: Any = None) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(result)
    return future


class Condition:
    """Lets coroutines wait until others notify them. It has no lock of its own: nothing runs between two waits."""

    def __init__(self) -> None:
        self._waiters: Waiters[None] = Waiters()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} waiters[{len(self._waiters)}]>"

    def wait(self, timeout: Timeout = None) -> Future[bool]:
        """Return a future that is True once notified, and False if the timeout comes first."""
        return self._waiters.wait(None, timeout, lambda future: future.set_result(False))

    def notify(self, n: int = 1) -> None:
        """Wake the first ``n`` that wait, or as many as there are."""
        woken: list[Future[Any]] = []
        while len(woken) < n and (first := self._waiters.maybe_take()):
            woken.append(first[0])
        _resolve(woken, result=True)

    def notify_all(self) -> None:
        """Wake everybody who waits now."""
        _resolve(self._waiters.take_all(), result=True)


class Event:
    """A flag that coroutines can wait for; clear until it is set."""

    def __init__(self) -> None:
        self._set = False
        self._waiters: Waiters[None] = Waiters()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'set' if self._set else 'clear'} waiters[{len(self._waiters)}]>"

    def is_set(self) -> bool:
        """Say whether the flag is set."""
        return self._set

    def set(self) -> None:
        """Set the flag and wake everybody who waits for it; a no-op when it is set."""
        if not self._set:
            self._set = True
            _resolve(self._waiters.take_all())

    def clear(self) -> None:
        """Take the flag back: from now on ``wait`` waits. Those already woken stay awake."""
        self._set = False

    def wait(self, timeout: Timeout = None) -> Future[None]:
        """Return a future that is done once the flag is set; it fails with TimeoutError if the timeout comes first."""
        return _done() if self._set else self._waiters.wait(None, timeout)


def _resolve(woken: list[Future[Any]], result: object = None) -> None:
    """Wake those taken out of a queue; a callback of an earlier one may have cancelled a later one."""
    for future in woken:
        if not future.done():
            future.set_result(result)


class _Releaser:
    """What an acquired future holds, so that ``with (yield lock.acquire()):`` releases at the end of the block."""

    def __init__(self, lock: Semaphore | Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        self._lock.release()


class _NoPlainWith:
    """Explains itself when used in a plain ``with``, which needs both methods to get as far as the message."""

    def __enter__(self) -> NoReturn:
        raise RuntimeError("a plain 'with' cannot wait: use 'async with', or 'with (yield lock.acquire()):'")

    def __exit__(self, *exc_info: object) -> None:
        return None


class Semaphore(_NoPlainWith):
    """A number of permits; ``acquire`` takes one, or waits in line for the next that is released.

    ``value`` is the number to begin with; ValueError when it is negative. Use ``async with semaphore:`` in native
    coroutines and ``with (yield semaphore.acquire()):`` in generator coroutines.
    """

    def __init__(self, value: int = 1) -> None:
        if value < 0:
            raise ValueError(f"a semaphore begins with 0 permits or more, not {value}")
        self._value = value
        self._waiters: Waiters[None] = Waiters()

    def __repr__(self) -> str:
        state = f"unlocked,value:{self._value}" if self._value else "locked"
        return f"<{type(self).__name__} {state} waiters[{len(self._waiters)}]>"

    def release(self) -> None:
        """Give a permit back; it goes straight to the first in line, so nobody can overtake."""
        first = self._waiters.maybe_take()
        if first is None:
            self._value += 1
        else:
            first[0].set_result(_Releaser(self))

    def acquire(self, timeout: Timeout = None) -> Future[_Releaser]:
        """Take a permit: a future that is done once there is one, or fails with TimeoutError if the timeout comes first.

        The result is a context manager that releases the permit.
        """
        if self._value == 0:
            return self._waiters.wait(None, timeout)
        self._value -= 1
        return _done(_Releaser(self))

    async def __aenter__(self) -> None:
        permit = self.acquire()
        try:
            await permit
        except BaseException:
            # Cancelled: leave the line, and pass on the permit if it arrived in the same moment.
            self._waiters.drop(permit)
            if permit.done() and not permit.cancelled() and permit.exception() is None:
                self.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


class BoundedSemaphore(Semaphore):
    """A semaphore that cannot be released more often than acquired: ``release`` raises ValueError instead."""

    def __init__(self, value: int = 1) -> None:
        super().__init__(value)
        self._initial_value = value

    def release(self) -> None:
        """Give a permit back; ValueError when none is taken."""
        if self._value >= self._initial_value:
            raise ValueError("the semaphore was released more often than acquired")
        super().release()


class Lock(_NoPlainWith):
    """A mutex: one coroutine at a time holds it. Nothing ties it to its holder; any coroutine may release it.

    Use ``async with lock:`` in native coroutines and ``with (yield lock.acquire()):`` in generator coroutines.
    """

    def __init__(self) -> None:
        self._permit = BoundedSemaphore(1)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._permit!r}>"

    def acquire(self, timeout: Timeout = None) -> Future[_Releaser]:
        """Take the lock: a future that is done once it is ours, or fails with TimeoutError if the timeout comes first.

        The result is a context manager that releases the lock.
        """
        return self._permit.acquire(timeout)

    def release(self) -> None:
        """Give the lock to the first in line, or leave it free; RuntimeError when nobody holds it."""
        try:
            self._permit.release()
        except ValueError:
            raise RuntimeError("release of a lock that nobody holds") from None

    async def __aenter__(self) -> None:
        await self._permit.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()
