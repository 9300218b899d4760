"""Which loop is meant: the one that runs in this thread, the one made current for it, or the program's.

Coroutines and futures need the loop, and the loop needs coroutines. So the class is not known here: whoever makes loops
says how with :func:`set_maker`, and everybody may ask for one.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from squall._concurrent.hosting import running_asyncio_loop


class Loop(Protocol):
    """What coroutines and futures ask of an ``IOLoop``."""

    native_task: Callable[[Coroutine[Any, Any, Any]], Any] | None
    """Starts a native coroutine as the host's own task; None where the host has no such thing."""

    schedule: Callable[..., None]
    """``add_callback`` of the event loop itself: no keywords, and results do not matter."""

    def add_callback(self, callback: Callable[..., Any], *args: Any) -> None:
        """Call in a later turn, from any thread."""

    def add_future(self, future: Any, callback: Callable[[Any], Any]) -> None:
        """Call with the future in a turn after it is complete, in the loop's thread."""

    def add_timeout(self, deadline: Any, callback: Callable[..., Any], *args: Any) -> Any:
        """Call at a deadline (seconds of the loop's clock, or a timedelta); return a handle."""

    def time(self) -> float:
        """Return the clock's seconds."""

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> Any:
        """Call at ``when``, seconds of the loop's clock; return a handle."""

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Any:
        """Call after ``delay`` seconds; return a handle."""

    def remove_timeout(self, timeout: Any) -> None:
        """Cancel by the handle."""

    def handle_callback_exception(self, callback: Any) -> None:
        """Report the exception that is being handled."""


class Stage:
    """Where the coroutines of one loop take their steps, one at a time.

    A step that completes a future on which other coroutines wait does not enter them: they are queued, and whoever takes
    the first step takes theirs after it. So a chain of coroutines, however long, needs no deep stack, and none is entered
    while another one is in the middle of a statement.
    """

    __slots__ = ("busy", "host", "waiting")

    def __init__(self, host: Any) -> None:
        self.busy = False
        self.host = host
        self.waiting: deque[tuple[Any, Any]] = deque()


ANY_HOST = object()
"""Stands for a host of which it is not known whether it is an asyncio loop."""


class _Thread(threading.local):
    """What one thread knows. ``running`` was started in it; ``current`` was made current for it.

    ``host`` is the asyncio loop on which ``running`` stands, None if it stands on none, or ANY_HOST. If another asyncio
    loop runs here, somebody has called ``asyncio.run`` inside a callback, and that is the loop which turns.
    """

    def __init__(self) -> None:
        self.running: Any = None
        self.host: Any = None
        self.current: Any = None
        self.stage = Stage(None)


THREAD = _Thread()


class Maker(Protocol):
    """How loops are made."""

    def instance(self) -> Any:
        """Return the program's loop; make it when there is none."""

    def adopted(self) -> Any:
        """Return the loop for the asyncio loop that runs in this thread."""

    def forget_instance(self) -> None:
        """Forget the program's loop, without closing it."""


_makers: list[Maker] = []


def set_maker(maker: Maker) -> None:
    """Say how loops are made; done once, by the module that holds the class."""
    _makers[:] = [maker]


def maybe_current_loop() -> Loop | None:
    """Return the loop meant in this thread, or None; makes none, but finds an asyncio loop that runs here."""
    if foreign_asyncio_loop_runs():
        return _maker().adopted()  # type: ignore[no-any-return] # the class is known to the maker only
    thread = THREAD
    return thread.current if thread.running is None else thread.running  # type: ignore[no-any-return] # as above


def foreign_asyncio_loop_runs() -> bool:
    """Say whether an asyncio loop runs in this thread that no loop of ours was started on."""
    host = THREAD.host
    return host is not ANY_HOST and running_asyncio_loop() is not host


def current_loop() -> Loop:
    """Return the loop meant in this thread; where there is none, the program's (Tornado 4.0's rule)."""
    loop = maybe_current_loop()
    return _maker().instance() if loop is None else loop


def current_stage() -> Stage:
    """Return the stage of the loop that runs here; another host running inside a step gets a stage of its own."""
    host = running_asyncio_loop()
    stage = THREAD.stage
    if stage.host is not host:
        stage = THREAD.stage = Stage(host)
    return stage


def _maker() -> Maker:
    if not _makers:
        raise RuntimeError("no loop can be made before squall.ioloop has been imported")
    return _makers[0]


def _forget_all() -> None:
    THREAD.running = THREAD.current = THREAD.host = None
    for maker in _makers:
        maker.forget_instance()


if hasattr(os, "register_at_fork"):
    # The child's loop is the parent's: it cannot be started there (rule FK-005), so it must not be found there either.
    os.register_at_fork(after_in_child=_forget_all)
