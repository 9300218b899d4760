"""Finding, making and installing Twisted's reactors."""

from __future__ import annotations

from squall_loops.availability import REACTORS


def reactor_module(name: str) -> str | None:
    """Return the module that holds the reactor of that short name, also one of a plugin; None when nobody knows it."""
    if name in REACTORS:
        return REACTORS[name]
    from twisted.application.reactors import getReactorTypes  # noqa: PLC0415 - loads every plugin, so only when it must

    return next((known.moduleName for known in getReactorTypes() if known.shortName == name), None)
