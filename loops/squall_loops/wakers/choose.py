"""Which waker: the argument, the environment variable SQUALL_WAKER, or the best that this machine has."""

from __future__ import annotations

import os
import sys
from typing import Final

from squall_loops.wakers.eventfd import EventfdWaker
from squall_loops.wakers.pipe import PipeWaker
from squall_loops.wakers.socketpair import SocketpairWaker
from squall_loops.wakers.waker import Waker

WAKERS: Final[dict[str, type[Waker]]] = {"eventfd": EventfdWaker, "pipe": PipeWaker, "socketpair": SocketpairWaker}
"""Best first."""


def missing(name: str) -> str:
    """Return why this machine does not have that waker; empty when it does. ValueError for an unknown name."""
    if name not in WAKERS:
        message = f"no waker is called {name!r}; there are: {', '.join(WAKERS)}"
        raise ValueError(message)
    if name == "eventfd" and not hasattr(os, "eventfd"):
        return "this Python has no os.eventfd"
    if name == "pipe" and sys.platform == "win32":
        return "on Windows only sockets can be waited for"
    return ""


def make_waker(name: str | None = None) -> Waker:
    """Make the waker of that name. ValueError when it is unknown or not to be had here; OSError for want of descriptors."""
    name = name or os.environ.get("SQUALL_WAKER") or next(known for known in WAKERS if not missing(known))
    reason = missing(name)
    if reason:
        here = ", ".join(known for known in WAKERS if not missing(known))
        message = f"waker {name!r} is not available: {reason}; available here: {here}"
        raise ValueError(message)
    return WAKERS[name]()
