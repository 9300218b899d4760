"""Which poller: the one place that asks for the platform."""

from __future__ import annotations

import select
import sys
from collections.abc import Callable
from typing import Final

from squall_loops.contract.poller import Poller
from squall_loops.pollers.epoll import EpollPoller
from squall_loops.pollers.kqueue import KqueuePoller
from squall_loops.pollers.poll import PollPoller
from squall_loops.pollers.select import SelectPoller

POLLERS: Final[dict[str, Callable[[], Poller]]] = {
    "epoll": EpollPoller,
    "kqueue": KqueuePoller,
    "poll": PollPoller,
    "select": lambda: SelectPoller(windows=sys.platform == "win32"),
}
"""Best first. Calling one makes a poller; AttributeError where the machine lacks it, so ask ``missing`` before."""


def missing(name: str) -> str:
    """Return why this machine does not have that poller; empty when it does. ValueError for an unknown name."""
    if name not in POLLERS:
        message = f"no poller is called {name!r}; there are: {', '.join(POLLERS)}"
        raise ValueError(message)
    return "" if hasattr(select, name) else f"this Python has no select.{name}"


def make_poller(name: str | None = None) -> Poller:
    """Make the poller of that name (None: the best here).

    ValueError when the name is unknown or not to be had here; OSError for want of descriptors.
    """
    name = name or next(known for known in POLLERS if not missing(known))
    reason = missing(name)
    if reason:
        here = ", ".join(known for known in POLLERS if not missing(known))
        message = f"poller {name!r} is not available: {reason}; available here: {here}"
        raise ValueError(message)
    return POLLERS[name]()
