"""Finding, making and installing Twisted's reactors.

Twisted has one place for the reactor of a process, ``twisted.internet.reactor``, and its modules offer only ``install()``,
which fills that place once. We need more: several reactors in one process, and the place free again when its loop is closed.
So a reactor is made by its own ``install()`` while the place is empty, and then the place gets what belongs there: the first
reactor stays, a later one leaves it to the first. Code that imports ``twisted.internet.reactor`` (much of Twisted does) works
on the one that is installed only; a program that uses such code makes one Twisted loop and no second.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from squall_loops.availability import REACTORS

_PLACE: Final = "twisted.internet.reactor"
_lock = threading.Lock()


def reactor_module(name: str) -> str | None:
    """Return the module that holds the reactor of that short name, also one of a plugin; None when nobody knows it."""
    if name in REACTORS:
        return REACTORS[name]
    from twisted.application.reactors import getReactorTypes  # noqa: PLC0415 - loads every plugin, so only when it must

    return next((known.moduleName for known in getReactorTypes() if known.shortName == name), None)


def installed() -> Any:
    """Return the reactor of the process, None when there is none yet."""
    return sys.modules.get(_PLACE)


def install_of(name: str) -> Callable[..., object]:
    """Return the ``install`` of that short name's reactor. ValueError for an unknown one, ImportError for want of parts."""
    module = reactor_module(name)
    if module is None:
        message = f"Twisted knows no reactor {name!r}"
        raise ValueError(message)
    install: Callable[..., object] = importlib.import_module(module).install
    return install


def is_made_by(install: Callable[..., object], reactor: object) -> bool:
    """Tell whether the reactor is of the kind that this ``install`` makes."""
    return type(reactor).__module__ == install.__module__


def make(install: Callable[..., object], *args: object) -> Any:
    """Make a reactor; it becomes the one of the process if there is none."""
    with _lock:
        first = _take_out()
        try:
            install(*args)
            reactor = _take_out()
        finally:
            if first is not None:
                _put_in(first)
        if first is None:
            _put_in(reactor)
        return reactor


def uninstall(reactor: object) -> None:
    """Free the place again if this reactor holds it."""
    with _lock:
        if installed() is reactor:
            _take_out()


def _take_out() -> Any:
    package = importlib.import_module("twisted.internet")
    package.__dict__.pop("reactor", None)
    return sys.modules.pop(_PLACE, None)


def _put_in(reactor: Any) -> None:
    package = importlib.import_module("twisted.internet")
    package.__dict__["reactor"] = reactor
    sys.modules[_PLACE] = reactor


def free(reactor: Any) -> None:
    """Take from a reactor what it holds; Twisted has no word for that."""
    if getattr(reactor, "threadpool", None) is not None:
        reactor._stopThreadPool()  # noqa: SLF001 - its only other caller is a shutdown, which would end more than threads
    for call in reactor.getDelayedCalls():
        call.cancel()
    getattr(reactor, "threadCallQueue", []).clear()
    for reader in list(getattr(reactor, "_internalReaders", ())):
        reactor.removeReader(reader)
    close_own(reactor)


def close_own(reactor: Any) -> None:
    """Close the descriptors that the reactor has opened for itself, and tell the kernel nothing else."""
    for reader in list(getattr(reactor, "_internalReaders", ())):
        reader.connectionLost(None)
    for name in ("_poller", "_kq", "_asyncioEventloop"):
        close = getattr(getattr(reactor, name, None), "close", None)
        if close is not None:
            close()
