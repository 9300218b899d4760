"""What all loops of ours have in common, over a poller or over a host: names of descriptors, the guard, the end, the fork."""

from __future__ import annotations

import contextlib
import logging
import os
import weakref
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Final

from squall_loops.contract import (
    ALL_EVENTS,
    Callback,
    Descriptor,
    EventLoop,
    Handler,
    LoopClosedError,
    LoopForkedError,
)

logger = logging.getLogger("squall.loops")

_INFINITY: Final = float("inf")
_loops: weakref.WeakSet[LoopBase] = weakref.WeakSet()


class LoopBase(EventLoop):
    """An event loop that knows its descriptors by number, contains the errors of callbacks, and notices a fork."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}  # id of a registered object -> its number, also once it is closed (FD-037)
        self._closed = self._forked = False
        _loops.add(self)

    @abstractmethod
    def _after_fork(self) -> None:
        """In a forked child: let go of what is shared with the parent, and touch nothing of it."""

    def _end_by(self, exc: BaseException) -> None:
        """Leave ``start`` by KeyboardInterrupt or SystemExit."""
        raise exc

    def _number(self, fd: Descriptor) -> int:
        """Return the number under which the thing is, or would be, registered."""
        if isinstance(fd, int):
            return fd
        number = self._numbers.get(id(fd))
        if number is not None:
            return number
        try:
            return fd.fileno()
        except (OSError, ValueError):  # closed files raise ValueError; a closed thing has no number
            return -1

    def handle_callback_exception(self, callback: Callback, exc: BaseException) -> None:
        """Log the error; see the contract."""
        logger.error("Exception in callback %r", callback, exc_info=exc)

    def _report(self, callback: Callback, exc: BaseException) -> None:
        try:
            self.handle_callback_exception(callback, exc)
        except (KeyboardInterrupt, SystemExit) as ending:
            self._end_by(ending)
        except BaseException:
            logger.exception("handle_callback_exception failed; it was given %r", exc)

    def _check_open(self) -> None:
        if self._closed:
            raise LoopClosedError("the loop is closed")
        if self._forked:
            raise LoopForkedError("the loop belongs to the parent process; a child has to make its own")

    def _mark_closed(self) -> None:
        self._closed = True
        _loops.discard(self)

    def _close_things(self, things: Iterable[tuple[int, Any]]) -> None:
        """Close each by its own ``close``, numbers by ``os.close``; an error is reported, and the others are closed."""
        for number, thing in things:
            close = getattr(thing, "close", None)
            try:
                if close is None:
                    os.close(number)
                else:
                    close()
            except Exception as exc:  # noqa: BLE001 - reported
                self._report(close or os.close, exc)


def check_handler(handler: Handler, events: int) -> None:
    """Raise TypeError or ValueError for what cannot be registered (FD-038)."""
    check_events(events)
    if not callable(handler):
        raise TypeError(f"a handler must be callable, not {handler!r}")


def check_events(events: int) -> None:
    """Raise ValueError for bits that no loop knows (FD-038)."""
    if events & ~ALL_EVENTS:
        raise ValueError(f"events {events:#x} has bits other than READ, WRITE and ERROR")


def check_timer(deadline: float, callback: Callback) -> None:
    """Raise TypeError or ValueError for what cannot be scheduled (CB-010, TM-019)."""
    if not callable(callback):
        raise TypeError(f"a timer's callback must be callable, not {callback!r}")
    if not deadline <= _INFINITY:  # only NaN is neither; a thing that is no number raises TypeError here
        raise ValueError("a deadline must be a number, not NaN")


def _after_fork_in_child() -> None:
    for loop in list(_loops):
        with contextlib.suppress(OSError):  # a descriptor that the program has closed behind our back
            loop._after_fork()  # noqa: SLF001 - the same module


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork_in_child)
