"""From the text of a spec to a loop.

A spec is a short name (``auto epoll kqueue poll select asyncio uvloop twisted``, and what entry points of the group
``squall.loops`` add), ``twisted:NAME`` with Twisted's own name of a reactor, or ``package.module:factory``, uvicorn's
grammar. A factory is called without arguments, and what it returns decides: an EventLoop, a Poller, an asyncio loop
or a reactor. No loop is ever chosen through asyncio's policies.
"""

from __future__ import annotations

import sys
import threading

from squall_loops.availability import ALIASES, LoopInfo, known_loops
from squall_loops.contract import EventLoop, Poller
from squall_loops.factories import factory_of
from squall_loops.spec import LoopSpec, SpecError, resolve

__all__ = [
    "ALIASES",
    "LoopInfo",
    "LoopSpec",
    "SpecError",
    "adopt",
    "known_loops",
    "make_loop",
    "resolve",
    "running_loop",
]

_ASYNCIO_CALLS = ("run_forever", "stop", "call_soon", "call_soon_threadsafe", "call_at", "add_reader", "is_running")
_REACTOR_CALLS = ("run", "crash", "callLater", "callFromThread", "addReader", "addWriter")


def make_loop(spec: str | LoopSpec | None = None) -> EventLoop:
    """Make a new loop as the spec says; without one as ``resolve`` finds it.

    Raises SpecError for a spec that is wrong, not available here, or whose factory fails or returns something else.
    OSError when the kernel has no descriptors left is passed on as it is.
    """
    chosen = spec if isinstance(spec, LoopSpec) else resolve(spec)
    factory = factory_of(chosen)
    try:
        made = factory()
    except (SpecError, OSError):
        raise
    except Exception as exc:
        message = f"the loop {chosen} cannot be had: its factory raised {type(exc).__name__}: {exc}"
        raise SpecError(message) from exc
    try:
        return adopt(made)
    except TypeError as exc:
        message = f"the loop {chosen} cannot be had: its factory returned {exc}"
        raise SpecError(message) from exc


def adopt(thing: object) -> EventLoop:
    """Return an EventLoop over ``thing``: an EventLoop (itself), a Poller, an asyncio loop or a reactor, running or not.

    The same asyncio loop or reactor gives the same EventLoop each time. TypeError when it is none of these.
    """
    if isinstance(thing, EventLoop):
        return thing
    if isinstance(thing, Poller):
        from squall_loops.turn.loop import TurnLoop  # noqa: PLC0415 - only the chosen kind of loop is imported

        return TurnLoop(thing)
    if not isinstance(thing, type) and _has(thing, _ASYNCIO_CALLS):
        from squall_loops.hosts.asyncio import AsyncioLoop  # noqa: PLC0415 - as above

        return AsyncioLoop.over(thing)
    if not isinstance(thing, type) and _has(thing, _REACTOR_CALLS):
        from squall_loops.hosts.twisted import TwistedLoop  # noqa: PLC0415 - as above

        return TwistedLoop.over(thing)
    message = f"{_described(thing)} where an EventLoop, a Poller, an asyncio loop or a Twisted reactor is wanted"
    raise TypeError(message)


def running_loop() -> EventLoop | None:
    """Return the asyncio loop or the installed reactor that runs in this thread, adopted, or None.

    The same one gives the same EventLoop each time.
    """
    import asyncio  # noqa: PLC0415 - a program on a poller of its own need not pay for it

    running = asyncio._get_running_loop() or _running_reactor()  # noqa: SLF001 - documented for loops' authors; never raises
    return adopt(running) if running is not None else None


def _running_reactor() -> object | None:
    """Return the reactor of the process if this is its thread; Twisted is not imported for that."""
    reactor, threadable = sys.modules.get("twisted.internet.reactor"), sys.modules.get("twisted.python.threadable")
    runs_here = getattr(reactor, "running", False) and getattr(threadable, "ioThread", None) == threading.get_ident()
    return reactor if runs_here else None


def _has(thing: object, names: tuple[str, ...]) -> bool:
    return all(callable(getattr(thing, name, None)) for name in names)


def _described(thing: object) -> str:
    if thing is None:
        return "None"
    if isinstance(thing, type):
        return f"the class {thing.__module__}.{thing.__qualname__}"
    return f"an object of type {type(thing).__module__}.{type(thing).__qualname__}"
