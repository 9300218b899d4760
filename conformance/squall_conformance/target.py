"""Who is judged: the spec, its name and version, and what this machine can offer it."""

from __future__ import annotations

import os
import platform
import select
import signal
import socket
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from squall_loops import registry as loops
from squall_loops.contract.abilities import ABILITIES


@dataclass(frozen=True, slots=True)
class Target:
    """A loop to judge. ``package`` is the import package it comes from, ``version`` its distribution's (empty if unknown)."""

    spec: str
    name: str
    package: str
    version: str


def target(spec: str) -> Target:
    """Return what is known of a spec without making it or importing it."""
    for info in loops.known_loops():
        if spec in {info.spec, info.name}:
            package = _OWNERS.get(info.spec.partition(":")[0], info.spec.partition(":")[0].partition(".")[0])
            return Target(spec, info.name, package, info.version)
    package = "twisted" if spec.startswith("twisted:") else spec.partition(":")[0].partition(".")[0]
    return Target(spec, spec, package, version_of(package))


_OWNERS: Final = dict.fromkeys(("auto", "epoll", "kqueue", "poll", "select"), "squall_loops")


def version_of(package: str) -> str:
    """Return the version of the distribution that an import package comes from, or an empty string."""
    try:
        return metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError):
        names = metadata.packages_distributions().get(package, ())
        return metadata.version(names[0]) if names else ""


def machine_abilities() -> frozenset[str]:
    """Return the abilities that this machine has, whatever the loop."""
    found = {
        "signals": hasattr(signal, "pthread_kill"),
        "fork": hasattr(os, "fork"),
        "unix-sockets": hasattr(socket, "AF_UNIX"),
        "pipes": sys.platform != "win32",
        "ptys": _has_ptys(),
        "eventfd": hasattr(os, "eventfd"),
        "rlimits": _has_rlimits(),
        "proc-fd": Path("/proc/self/fd").is_dir() or (sys.platform != "win32" and Path("/dev/fd").is_dir()),
    }
    return frozenset(ability for ability, here in found.items() if here)


def _has_ptys() -> bool:
    if not hasattr(os, "openpty"):
        return False
    try:
        for fd in os.openpty():
            os.close(fd)
    except OSError:
        return False
    return True


def _has_rlimits() -> bool:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return False
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft == resource.RLIM_INFINITY or min(soft, hard) > 0


def lacking(needs: frozenset[str], available: frozenset[str]) -> str:
    """Return in words what is needed but not available; empty when nothing is."""
    missing = sorted(needs - available)
    return "; ".join(
        f"needs {ability}: {ABILITIES.get(ability, 'an ability that the contract does not know')}" for ability in missing
    )


def environment() -> dict[str, str]:
    """Return what a reader must know of the machine to weigh a report."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "os": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "cores": str(os.cpu_count() or 1),
        "pollers": " ".join(name for name in ("epoll", "kqueue", "poll", "select") if hasattr(select, name)),
    }
