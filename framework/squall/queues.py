"""Queues between coroutines: first in first out, by priority, and last in first out.

A queue has a size limit if it is given one: then ``put`` waits for room, as ``get`` waits for an item. Waiters are
served in the order in which they came. Queues belong to one loop and are not safe to share between threads. A timeout is
a time of the loop's clock in seconds (``IOLoop.time() + 5``) or a ``datetime.timedelta`` from now.
"""

from __future__ import annotations

import collections
import heapq
from typing import Any, Generic, TypeVar

from squall._waiters import Timeout, Waiters
from squall.concurrent import Future
from squall.locks import Event

__all__ = ["LifoQueue", "PriorityQueue", "Queue", "QueueEmpty", "QueueFull"]

T = TypeVar("T")


class QueueEmpty(Exception):  # noqa: N818 - Tornado's name
    """``get_nowait`` found no item."""


class QueueFull(Exception):  # noqa: N818 - Tornado's name
    """``put_nowait`` found no room."""


class _Iterator(Generic[T]):
    def __init__(self, queue: Queue[T]) -> None:
        self._queue = queue

    def __aiter__(self) -> _Iterator[T]:
        return self

    def __anext__(self) -> Future[T]:
        return self._queue.get()


class Queue(Generic[T]):
    """A queue that gives items in the order in which they were put.

    ``maxsize`` limits the items in it; 0 means no limit. TypeError when it is None, ValueError when negative.
    ``async for item in queue:`` gets items for ever. Other orders are made in subclasses by overriding ``_init()``,
    ``_get()`` and ``_put(item)``, which work on ``_queue`` alone.
    """

    _queue: Any  # a deque here, a list in subclasses: whatever _init makes it

    def __init__(self, maxsize: int = 0) -> None:
        if maxsize is None:
            raise TypeError("maxsize must be a number; 0 means no limit")
        if maxsize < 0:
            raise ValueError(f"maxsize must be 0 (no limit) or more, not {maxsize}")
        self._maxsize = maxsize
        self._init()
        self._getters: Waiters[None] = Waiters()
        self._putters: Waiters[T] = Waiters()  # each waits with the item that it could not put
        self._unfinished_tasks = 0
        self._finished = Event()
        self._finished.set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x} {self._description()}>"

    def __str__(self) -> str:
        return f"<{type(self).__name__} {self._description()}>"

    def _description(self) -> str:
        parts = [f"maxsize={self._maxsize!r}", f"queue={self._queue!r}" if self._queue else ""]
        parts += [
            f"getters[{len(self._getters)}]" if self._getters else "",
            f"putters[{len(self._putters)}]" if self._putters else "",
        ]
        parts += [f"tasks={self._unfinished_tasks}" if self._unfinished_tasks else ""]
        return " ".join(part for part in parts if part)

    def __aiter__(self) -> _Iterator[T]:
        return _Iterator(self)

    @property
    def maxsize(self) -> int:
        """The number of items allowed in the queue; 0 means no limit."""
        return self._maxsize

    def qsize(self) -> int:
        """Return the number of items in the queue."""
        return len(self._queue)

    def empty(self) -> bool:
        """Say whether ``get`` would have to wait."""
        return not self._queue

    def full(self) -> bool:
        """Say whether ``put`` would have to wait."""
        return 0 < self._maxsize <= self.qsize()

    def put(self, item: T, timeout: Timeout = None) -> Future[None]:
        """Put an item, waiting for room; the future fails with TimeoutError if the timeout comes first.

        An item that timed out, or whose future was cancelled, is not put.
        """
        try:
            self.put_nowait(item)
        except QueueFull:
            return self._putters.wait(item, timeout)
        future: Future[None] = Future()
        future.set_result(None)
        return future

    def put_nowait(self, item: T) -> None:
        """Put an item; QueueFull when there is no room."""
        if self.full():
            raise QueueFull
        self._add(item)
        getter = self._getters.maybe_take()
        if getter is not None:
            getter[0].set_result(self._get())

    def get(self, timeout: Timeout = None) -> Future[T]:
        """Take an item, waiting for one; the future fails with TimeoutError if the timeout comes first.

        Not promised: that an item is kept if the waiting coroutine is cancelled in the very turn in which it arrives.
        """
        try:
            item = self.get_nowait()
        except QueueEmpty:
            return self._getters.wait(None, timeout)
        future: Future[T] = Future()
        future.set_result(item)
        return future

    def get_nowait(self) -> T:
        """Take an item; QueueEmpty when there is none."""
        # The first in line puts before we get: with priorities, its item may be the one to give.
        putter = self._putters.maybe_take()
        if putter is not None:
            self._add(putter[1])
        if self.empty():
            raise QueueEmpty
        item: T = self._get()
        if putter is not None:
            putter[0].set_result(None)
        return item

    def task_done(self) -> None:
        """Say that the work on an item is finished; ValueError when called more often than items were put."""
        if self._unfinished_tasks == 0:
            raise ValueError("task_done() was called more often than items were put")
        self._unfinished_tasks -= 1
        if self._unfinished_tasks == 0:
            self._finished.set()

    def join(self, timeout: Timeout = None) -> Future[None]:
        """Wait until ``task_done`` was called for every item; the future fails with TimeoutError if the timeout comes first."""
        return self._finished.wait(timeout)

    def _add(self, item: T) -> None:
        self._put(item)
        self._unfinished_tasks += 1
        self._finished.clear()

    def _init(self) -> None:
        self._queue = collections.deque()

    def _get(self) -> T:
        item: T = self._queue.popleft()
        return item

    def _put(self, item: T) -> None:
        self._queue.append(item)


class PriorityQueue(Queue[T]):
    """A queue that gives the smallest item first, such as of tuples ``(priority, data)``."""

    def _init(self) -> None:
        self._queue = []

    def _get(self) -> T:
        item: T = heapq.heappop(self._queue)
        return item

    def _put(self, item: T) -> None:
        heapq.heappush(self._queue, item)


class LifoQueue(Queue[T]):
    """A queue that gives the latest item first."""

    def _init(self) -> None:
        self._queue = []

    def _get(self) -> T:
        item: T = self._queue.pop()
        return item

    def _put(self, item: T) -> None:
        self._queue.append(item)
