"""What a process holds: descriptors, threads and children, counted before a clause and after it."""

from __future__ import annotations

import gc
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from squall_conformance.isolation import processes

_GRACE: Final = 0.5  # seconds to end on their own after the loop was closed


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything counted at one moment. ``descriptors`` maps numbers to what they refer to."""

    descriptors: dict[int, str]
    threads: int
    children: tuple[int, ...]

    def beyond(self, before: Holdings) -> dict[str, int]:
        """Return how many of each kind have been added since ``before``; kinds without any are left out."""
        counts = {
            "descriptors": len(self.descriptors.keys() - before.descriptors.keys()),
            "threads": self.threads - before.threads,
            "children": len(set(self.children) - set(before.children)),
        }
        return {kind: count for kind, count in counts.items() if count > 0}

    def describe_beyond(self, before: Holdings) -> str:
        """Return the additions in words, descriptors with what they refer to."""
        lines = [
            f"descriptor {fd}: {self.descriptors[fd]}" for fd in sorted(self.descriptors.keys() - before.descriptors.keys())
        ]
        lines += [f"child process {pid}" for pid in self.children if pid not in before.children]
        if self.threads > before.threads:
            lines += [f"thread: {thread.name}" for thread in threading.enumerate() if thread is not threading.main_thread()]
        return "\n".join(lines)


def holdings() -> Holdings:
    """Count now."""
    return Holdings(open_descriptors(), _threads(), tuple(processes.children(os.getpid())))


def settled(before: Holdings) -> Holdings:
    """Count once the garbage is collected; threads and children that end on their own within half a second are not counted."""
    gc.collect()
    ends = time.monotonic() + _GRACE
    now = holdings()
    while now.beyond(before).keys() - {"descriptors"} and time.monotonic() < ends:
        time.sleep(0.01)
        now = holdings()
    return now


def open_descriptors() -> dict[int, str]:
    """Return the open descriptors of this process; empty where the system does not list them."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            numbers = [int(name) for name in os.listdir(folder)]  # noqa: PTH208 - called for each clause, so the quick way
            found = {}
            for fd in numbers:
                with suppress(OSError):  # the one that listed the folder is gone
                    os.fstat(fd)
                    found[fd] = _referent(folder, fd)
            return found
    return {}


def _referent(folder: str, fd: int) -> str:
    try:
        return os.readlink(f"{folder}/{fd}")  # noqa: PTH115 - as above
    except OSError:
        return "of a kind that the system does not tell"


def _threads() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return threading.active_count()
