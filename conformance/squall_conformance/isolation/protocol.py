"""What the engine and its worker processes say to each other: JSON, one message a line.

The engine sends one request for each connection. The answers are told apart by their key: ``pid`` (the clause's process runs
now), ``at`` (what a probe is about to do), ``passed`` (a clause of a sweep), ``result`` (the last one counts), all with the
request's nonce; and ``exit``, from the supervisor: the process is gone, and nothing of it is left.
"""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from typing import Any, Final

Message = dict[str, Any]

LOST_CHANNEL: Final = 74
"""Exit status of a clause's process that could not send its result (``EX_IOERR``)."""

DUMP_SIGNAL: Final[int | None] = (
    getattr(signal, "SIGRTMAX", 0) - 1 if hasattr(signal, "SIGRTMAX") else getattr(signal, "SIGUSR2", None)
)
"""Makes a clause's process write the stacks of its threads; a real-time signal, where there are any: no loop uses those."""

MARKER: Final = "SQUALL_KIT_RUN"
"""Name of the environment variable by which every descendant of a run is known."""


class Channel:
    """The way on which a clause's process sends its result. Forked children lose it: they cannot speak for their parent."""

    def __init__(self, fd: int, nonce: str) -> None:
        self._fd = fd
        self._nonce = nonce
        self._owner = os.getpid()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._close_in_child)

    def _close_in_child(self) -> None:
        with suppress(OSError):
            os.close(self._fd)

    @property
    def owned(self) -> bool:
        """Whether this process is the one that was asked to run the clause."""
        return os.getpid() == self._owner

    def send(self, message: Message) -> None:
        """Write the message; the process ends at once when it may not speak or cannot be heard."""
        if not self.owned:
            os._exit(0)
        try:
            write_all(self._fd, encode({**message, "nonce": self._nonce}))
        except OSError:
            os._exit(LOST_CHANNEL)


def encode(message: Message) -> bytes:
    """Return the message as one line. It begins with a line end too, in case another writer was cut off within a line."""
    return b"\n" + json.dumps(message).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message on that line, or an empty one if it is none of ours."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def write_all(fd: int, data: bytes) -> None:
    """Write all of ``data``; OSError as ``write(2)`` raises it."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
