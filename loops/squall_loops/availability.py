"""Which loops this machine has, which it has not, and why: without importing any of them, so that it is instant."""

from __future__ import annotations

import platform
import select
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from typing import Final

GROUP: Final = "squall.loops"
"""The group of entry points by which a distribution adds short names."""

ALIASES: Final = {"auto": "the best poller of this platform", "twisted": "Twisted's own default reactor"}
"""Short names that choose among the others, and so are no loops of their own."""

POLLERS: Final = ("epoll", "kqueue", "poll", "select")
ASYNCIO_HOSTS: Final = ("asyncio", "uvloop")

REACTORS: Final = {
    "default": "twisted.internet.default",
    "select": "twisted.internet.selectreactor",
    "poll": "twisted.internet.pollreactor",
    "epoll": "twisted.internet.epollreactor",
    "kqueue": "twisted.internet.kqreactor",
    "cf": "twisted.internet.cfreactor",
    "asyncio": "twisted.internet.asyncioreactor",
    "wx": "twisted.internet.wxreactor",
    "gi": "twisted.internet.gireactor",
    "gtk3": "twisted.internet.gtk3reactor",
    "gtk2": "twisted.internet.gtk2reactor",
    "glib2": "twisted.internet.glib2reactor",
    "win32": "twisted.internet.win32eventreactor",
    "iocp": "twisted.internet.iocpreactor",
}
"""Twisted's own short names of reactors; ``twistd --help-reactors`` lists those of plugins too."""

_LISTED_REACTORS: Final = ("select", "poll", "epoll", "asyncio")


@dataclass(frozen=True, slots=True)
class LoopInfo:
    """One loop that the registry knows. ``reason`` is empty when it is available, ``version`` when there is nothing to ask."""

    name: str
    spec: str
    available: bool
    reason: str
    version: str


def known_loops() -> tuple[LoopInfo, ...]:
    """Return every loop with a short name, the listed reactors and the entry points; each loop once, so without ``ALIASES``."""
    return tuple(_infos())


def _infos() -> Iterator[LoopInfo]:
    for name in POLLERS:
        yield _info(name, poller_reason(name), _kernel())
    yield _info("asyncio", "", platform.python_version())
    yield _info("uvloop", missing_reason("uvloop"), version_of("uvloop"))
    for name in _LISTED_REACTORS:
        yield _info(f"twisted:{name}", reactor_reason(name), version_of("twisted"))
    for point in entry_points().values():
        distribution = point.dist
        yield _info(point.name, module_reason(point.module), distribution.version if distribution else "")


def _info(name: str, reason: str, version: str) -> LoopInfo:
    return LoopInfo(name, name, available=not reason, reason=reason, version="" if reason else version)


def entry_points() -> dict[str, metadata.EntryPoint]:
    """Return the short names that installed distributions add; a name of ours cannot be taken over."""
    ours = {*ALIASES, *POLLERS, *ASYNCIO_HOSTS}
    points = metadata.entry_points(group=GROUP)
    return {point.name: point for point in sorted(points, key=lambda point: point.name) if point.name not in ours}


def reason_against(name: str) -> str:
    """Return why the short name or ``twisted:NAME`` cannot be had here; empty when it can, or is not known."""
    if name in POLLERS:
        return poller_reason(name)
    if name == "uvloop":
        return missing_reason("uvloop")
    if name == "twisted":
        return missing_reason("twisted")
    if name.startswith("twisted:"):
        return reactor_reason(name.removeprefix("twisted:"))
    point = entry_points().get(name)
    return module_reason(point.module) if point else ""


def poller_reason(name: str) -> str:
    """Return why that kernel call cannot be had here; empty when it can."""
    return "" if hasattr(select, name) else f"this platform has no select.{name}"


def missing_reason(extra: str) -> str:
    """Return why the module of one of our extras cannot be imported; empty when it is installed."""
    return "" if find_spec(extra) else f"{extra} is not installed: pip install 'squall[{extra}]'"


def module_reason(module: str) -> str:
    """Return why an entry point's module cannot be imported; empty when its package is installed."""
    top = module.partition(".")[0]
    return "" if find_spec(top) else f"the module {top} is not installed"


def reactor_reason(name: str) -> str:
    """Return why that reactor cannot be had here, as far as that can be known without importing it."""
    needs = {"epoll": "epoll", "poll": "poll", "kqueue": "kqueue"}
    if reason := missing_reason("twisted"):
        return reason
    if name in needs:
        return poller_reason(needs[name])
    if name in {"iocp", "win32"} and sys.platform != "win32":
        return "Windows only"
    if name in {"gi", "gtk3", "glib2"} and not find_spec("gi"):
        return "the module gi is not installed: pip install PyGObject"
    return ""


def version_of(distribution: str) -> str:
    """Return the version of an installed distribution; empty when there is none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


@cache
def _kernel() -> str:
    return f"{platform.system()} {platform.release()}"
