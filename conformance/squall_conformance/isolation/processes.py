"""Finding and ending processes: children, descendants that left their group, and whatever bears a run's marker.

Linux facts this rests on: an orphan is given to its nearest ancestor that called ``prctl(PR_SET_CHILD_SUBREAPER)``;
``/proc/PID/environ`` is what a process was started with, and forked children share it; a zombie keeps its process id, and
the id of its group, until it is waited for.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from squall_conformance.isolation.protocol import MARKER

_PR_SET_CHILD_SUBREAPER: Final = 36
_PROC: Final = Path("/proc")


def become_subreaper() -> bool:
    """Let orphans of our descendants come to us instead of to init; False where the system has no such thing."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def children(pid: int) -> list[int]:
    """Return the children of a process, also those that are zombies; empty where the system does not tell."""
    found: list[int] = []
    with suppress(OSError):
        for task in (_PROC / str(pid) / "task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def descendants(pid: int) -> list[int]:
    """Return children, their children and so on, nearest first."""
    found = children(pid)
    for child in found:
        found += children(child)
    return found


def state(pid: int) -> str:
    """Return the letter of ``/proc/PID/stat`` (``Z`` is a zombie), or an empty string when there is no such process."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def cpu_seconds(pid: int) -> float | None:
    """Return the processor time that a process has used, or None where the system does not tell."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None


def kill(pid: int) -> None:
    """Send SIGKILL to one process if it is still there."""
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def kill_group(group: int) -> None:
    """Send SIGKILL to every process of the group, if there is one."""
    with suppress(OSError):
        os.killpg(group, signal.SIGKILL)


def marked(value: str) -> list[int]:
    """Return the processes that were started with that marker in their environment, except this one and zombies."""
    wanted = f"{MARKER}={value}".encode()
    found = []
    for entry in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            if int(entry.name) != os.getpid() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return [pid for pid in found if state(pid) not in {"", "Z"}]


def kill_marked(value: str, seconds: float = 2.0) -> list[int]:
    """Kill whatever bears the marker until nothing does, for at most that long; return all that were found."""
    ends = time.monotonic() + seconds
    found: list[int] = []
    while now := marked(value):
        found += [pid for pid in now if pid not in found]
        for pid in now:
            kill(pid)
        if time.monotonic() > ends:
            break
        time.sleep(0.005)
    return found


def signal_name(number: int) -> str:
    """Return ``SIGSEGV`` for 11, and a plain number for what has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
