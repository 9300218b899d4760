"""What we have to know of asyncio without importing it: most programs on our own loops never need it."""

from __future__ import annotations

import sys
from typing import Any


def running_asyncio_loop() -> Any:
    """Return the asyncio loop that runs in this thread, or None; does not import asyncio."""
    events = sys.modules.get("asyncio.events")
    # A module that is still being imported by another thread is listed before it has its functions.
    running = getattr(events, "_get_running_loop", None)
    return None if running is None else running()


def is_asyncio_future(x: object) -> bool:
    """Say whether ``x`` follows asyncio's future protocol (what ``asyncio.isfuture`` asks for)."""
    return (
        getattr(type(x), "_asyncio_future_blocking", None) is not None
        and getattr(x, "_asyncio_future_blocking", None) is not None
    )


def cancelled_error(message: object = None) -> BaseException:
    """Make an ``asyncio.CancelledError``: the one that native coroutines, ``asyncio.timeout`` and users expect."""
    from asyncio import CancelledError  # noqa: PLC0415 - asyncio is slow to import, and few programs cancel anything

    return CancelledError() if message is None else CancelledError(message)


def is_cancellation(error: BaseException) -> bool:
    """Say whether ``error`` is an ``asyncio.CancelledError``; does not import asyncio."""
    exceptions = sys.modules.get("asyncio.exceptions")
    return exceptions is not None and isinstance(error, exceptions.CancelledError)
