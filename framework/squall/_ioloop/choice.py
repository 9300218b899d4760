"""From what a user gives to an event loop."""

from __future__ import annotations

from typing import Any

from squall.util import import_object
from squall_loops import registry
from squall_loops.contract import EventLoop


def understand(impl: Any) -> Any:
    """Check what was given to ``IOLoop.configure``; dotted names become what they name, hosts become event loops.

    Raises ValueError for a wrong spec, TypeError for a thing that is no loop, ImportError for a name that is not there.
    """
    if isinstance(impl, str):
        if "." not in impl or ":" in impl:
            registry.resolve(impl)
            return impl
        impl = import_object(impl)
    return impl if impl is None or callable(impl) else registry.adopt(impl)


def make_event_loop(given: Any) -> EventLoop:
    """Make an event loop of what :func:`understand` has let pass; None for the one that the environment chooses."""
    if given is None or isinstance(given, str):
        return registry.make_loop(given)
    if callable(given) and not isinstance(given, EventLoop):
        given = given()
    return registry.adopt(given)
