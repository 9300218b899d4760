"""An IOLoop over any object that polls: how Tornado 4.0's backends were made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from squall._ioloop.loop import IOLoop
from squall_loops.contract import Poller
from squall_loops.turn.loop import TurnLoop

_LONG: Final = 3600.0
"""Seconds; what Tornado 4.0 passed to ``poll`` for "no limit", and so what its pollers take."""


class _ImplPoller(Poller):
    """A poller over Tornado 4.0's kind: ``register``, ``modify``, ``unregister`` and ``poll(seconds)``; perhaps ``close``."""

    def __init__(self, impl: Any) -> None:
        self._impl = impl

    def register(self, fd: int, events: int) -> None:
        self._impl.register(fd, events)

    def modify(self, fd: int, events: int) -> None:
        self._impl.modify(fd, events)

    def unregister(self, fd: int) -> None:
        try:
            self._impl.unregister(fd)
        except (OSError, KeyError, ValueError):
            return  # the kernel forgets a descriptor that was closed

    def poll(self, timeout: float | None) -> Iterable[tuple[int, int]]:
        pairs: Iterable[tuple[int, int]] = self._impl.poll(_LONG if timeout is None else timeout)
        return pairs

    def close(self) -> None:
        if hasattr(self._impl, "close"):
            self._impl.close()


class PollIOLoop(IOLoop):
    """The base of Tornado 4.0's own backends: a subclass passes a poller to ``initialize``.

    ``impl`` is a ``squall_loops.contract.Poller``, or an object with ``register(fd, events)``, ``modify(fd, events)``,
    ``unregister(fd)`` and ``poll(seconds)`` that returns ``(fd, events)`` pairs, such as ``select.epoll()``; events are
    IOLoop's. ``time_func`` is the clock, by default ``time.monotonic``. Without ``impl`` the loop is the best of this machine.
    """

    def initialize(  # type: ignore[override] # the arguments are the subclasses' own affair, see Configurable
        self, impl: Any = None, time_func: Callable[[], float] | None = None, **kwargs: Any
    ) -> None:
        """Set the loop up over ``impl``."""
        poller = impl if impl is None or isinstance(impl, Poller) else _ImplPoller(impl)
        super().initialize(event_loop=TurnLoop(poller, clock=time_func or time.monotonic), **kwargs)

    def call_at(  # type: ignore[override] # Tornado 4.0's parameters are named differently in the two classes
        self, deadline: float, callback: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Call back at ``deadline`` (seconds of ``time()``); only the parameter's name differs from IOLoop's."""
        return super().call_at(deadline, callback, *args, **kwargs)
