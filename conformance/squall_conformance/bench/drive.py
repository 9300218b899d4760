"""The few calls by which a measurement drives a loop, bound once: between the measurement and the loop stands nothing.

asyncio and uvloop are driven by their own API, not by an adapter of ours, so what is compared is what their users get.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from squall_loops import registry
from squall_loops.contract.event_loop import READ

RAW = "raw:"
"""Begins the name of a subject that is driven by asyncio's API: ``raw:asyncio``, ``raw:uvloop``."""


class UnavailableError(Exception):
    """This cannot be measured here, and the message says why. No fault of the loop's."""


@dataclass(frozen=True, slots=True)
class Drive:
    """One loop, as the bound methods that the measurements call."""

    soon: Callable[..., Any]
    """``add_callback`` or ``call_soon``."""
    from_thread: Callable[..., Any]
    """``add_callback`` or ``call_soon_threadsafe``."""
    at: Callable[..., Any]
    """``call_at``; returns what ``cancel`` takes."""
    cancel: Callable[[Any], Any]
    """``loop.remove_timeout``, or the timer handle's own ``cancel`` as a function."""
    time: Callable[[], float]
    watch: Callable[[Any, Callable[[Any, int], object]], Any]
    """Call ``handler(thing, events)`` when the descriptor can be read; not called while time is taken."""
    unwatch: Callable[[Any], Any]
    start: Callable[[], Any]
    stop: Callable[[], Any]
    close: Callable[[], Any]


def make_drive(subject: str) -> Drive:
    """Make the loop that ``subject`` names: a spec of the registry, ``raw:asyncio`` or ``raw:uvloop``."""
    if subject.startswith(RAW):
        return _drive_asyncio(make_asyncio_loop(subject.removeprefix(RAW)))
    loop = registry.make_loop(subject)
    return Drive(
        soon=loop.add_callback,
        from_thread=loop.add_callback,
        at=loop.call_at,
        cancel=loop.remove_timeout,
        time=loop.time,
        watch=lambda thing, handler: loop.add_handler(thing, handler, READ),
        unwatch=loop.remove_handler,
        start=loop.start,
        stop=loop.stop,
        close=loop.close,
    )


def make_asyncio_loop(name: str) -> Any:
    """Make a loop of ``asyncio`` (its selector loop) or ``uvloop``; UnavailableError when that is not installed."""
    if name == "asyncio":
        import asyncio  # noqa: PLC0415 - the memory of the other subjects shall not contain it

        return asyncio.SelectorEventLoop()
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError as error:
        raise UnavailableError(f"uvloop is not installed ({error})") from None
    return uvloop.new_event_loop()


def _drive_asyncio(loop: Any) -> Drive:
    probe = loop.call_later(3600, print)
    probe.cancel()
    return Drive(
        soon=loop.call_soon,
        from_thread=loop.call_soon_threadsafe,
        at=loop.call_at,
        cancel=type(probe).cancel,
        time=loop.time,
        watch=lambda thing, handler: loop.add_reader(thing, handler, thing, READ),
        unwatch=loop.remove_reader,
        start=loop.run_forever,
        stop=loop.stop,
        close=loop.close,
    )
