"""Where the figures were taken: they mean nothing without it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

import squall


def environment() -> dict[str, object]:
    """Return the machine, the interpreter and the versions, as JSON has them."""
    return {
        "squall": squall.version,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "free_threaded": not getattr(sys, "_is_gil_enabled", lambda: True)(),
        "uvloop": _version("uvloop"),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cpus": _cpus(),
        "load": _load(),
    }


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """Linux tells the model in /proc/cpuinfo only (proc(5)); elsewhere ``platform`` knows it."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def _cpus() -> int | None:
    """The processors that this process may use, which in a container are fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _load() -> float | None:
    """Processes that ran or waited to run in the last minute: above the number of processors, figures wander."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
