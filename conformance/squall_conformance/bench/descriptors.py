"""Many open sockets, as far as the limit of open files permits."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from squall_conformance.bench.drive import UnavailableError

SPARE = 64
"""Descriptors that the interpreter and the loop need besides."""


@contextlib.contextmanager
def idle_sockets(count: int) -> Iterator[list[socket.socket]]:
    """Open ``count`` (an even number of) non-blocking sockets, connected in pairs, neighbours in the list.

    Raises UnavailableError, with the limit, when so many files may not be open.
    """
    _raise_limit(count + SPARE)
    sockets: list[socket.socket] = []
    try:
        while len(sockets) < count:
            sockets.extend(socket.socketpair())
        for one in sockets:
            one.setblocking(False)
        yield sockets
    finally:
        for one in sockets:
            one.close()


def _raise_limit(needed: int) -> None:
    """Raise this process's soft limit of open files where it is too low (setrlimit(2)); Windows has no such limit."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise UnavailableError(f"needs {needed:,} open files, and the hard limit is {hard:,} (ulimit -Hn)")
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (ValueError, OSError) as error:  # macOS has a lower limit besides (sysctl kern.maxfilesperproc)
        raise UnavailableError(f"needs {needed:,} open files, and the limit stays at {soft:,}: {error}") from None
