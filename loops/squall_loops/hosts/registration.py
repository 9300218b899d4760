"""What one ``add_handler`` has registered, and what it takes to have a host watch it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeAlias

from squall_loops.contract import Handler


class Registration:
    """One descriptor with its handler.

    A later registration of the same number is another object, so that an event polled for this one never reaches that one
    (FD-010, FD-013). ``events`` is what was asked for, ``armed`` what the host watches just now, ``note`` the watch's own.
    """

    __slots__ = ("__weakref__", "armed", "events", "handler", "live", "note", "number", "run", "thing")

    def __init__(self, number: int, thing: Any, handler: Handler, events: int) -> None:
        self.number = number
        self.thing = thing
        self.handler: Handler | None = handler
        self.events = events
        self.run: Callable[..., Any] | None = copy_context().run
        self.armed = 0
        self.live = True
        self.note: Any = None

    def let_go(self) -> None:
        """Forget what a removed registration holds, whoever still holds the registration itself (RS-010)."""
        self.live = False
        self.thing = self.handler = self.run = self.note = None


Deliver: TypeAlias = Callable[[Registration, int], None]
"""Gives a registration its ready events; checks itself whether they are still wanted."""


class Watch(ABC):
    """How a host watches descriptors."""

    @abstractmethod
    def attach(self, number: int, function: Callable[[], object]) -> None:
        """Call ``function()`` whenever the loop's own descriptor can be read. OSError where that is refused."""

    @abstractmethod
    def detach(self, number: int) -> None:
        """End what ``attach`` began; harmless where the host is closed."""

    @abstractmethod
    def arm(self, registration: Registration, events: int) -> None:
        """Watch for exactly these events, and errors.

        OSError or ValueError where that is refused; then nothing has changed.
        """

    @abstractmethod
    def disarm(self, registration: Registration) -> None:
        """Stop watching; harmless where the descriptor has been closed meanwhile."""

    @abstractmethod
    def close(self) -> None:
        """Free what the watch itself has opened. Every registration has been disarmed before."""

    @abstractmethod
    def leave_to_parent(self) -> None:
        """In a forked child: close this process's copies of what the watch has opened, and tell the host nothing."""
