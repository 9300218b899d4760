"""The watchdog over one run: it lives in the engine, and goes by the engine's clock."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from squall_conformance.isolation import processes
from squall_conformance.isolation.attempt import Ended, read_text
from squall_conformance.isolation.protocol import DUMP_SIGNAL, Message, decode

START_SECONDS: Final = 30.0
"""How long a template may take to come up and to import a target."""
DUMP_SECONDS: Final = 0.3
"""How long a hung process may take to write its stacks."""
_LAST_SECONDS: Final = 3.0  # for a supervisor to report the end of what was killed

Tick = Callable[[int, float], None]
"""Called now and then while a clause runs, with its process id and the seconds it has run."""


class Watch:
    """Reads what a clause's process and its supervisor send, and ends what lasts too long."""

    def __init__(self, connection: socket.socket, nonce: str, timeout: float, directory: Path, tick: Tick | None) -> None:
        self._connection = connection
        self._nonce = nonce
        self._timeout = timeout
        self._directory = directory
        self._tick = tick
        self._rest = b""
        self._pid = 0
        self._at = ""
        self._passed: list[str] = []
        self._late = False
        self._result: Message | None = None
        self._exit: Message | None = None
        self._began = time.monotonic()

    def until_the_end(self) -> Ended:
        """Watch until the supervisor reports the end, or has itself come to one."""
        timed_out = 0.0
        if not self._listen(self._timeout):
            timed_out = self._timeout
            self._end_it()
        seconds = time.monotonic() - self._began
        report = self._exit or {}
        return Ended(
            result=self._result,
            exit_code=report.get("exit"),
            seconds=seconds,
            timed_out=timed_out,
            at=self._at,
            passed=self._passed,
            strays=list(report.get("strays", ())),
            output=read_text(self._directory / "output"),
            stacks=read_text(self._directory / "stacks"),
        )

    def _listen(self, seconds: float) -> bool:
        """Read messages until none comes for that long; True once the run is over."""
        ends = time.monotonic() + seconds
        poller = select.poll()
        poller.register(self._connection, select.POLLIN)
        while self._exit is None:
            left = ends - time.monotonic()
            if left <= 0:
                return False
            if poller.poll(min(left, 0.25) * 1000 + 1):
                data = self._connection.recv(65536)
                if not data:
                    self._lost()
                    return True
                self._read(data)
                ends = time.monotonic() + seconds if self._passed else ends
            elif self._tick and self._pid:
                self._tick(self._pid, time.monotonic() - self._began)
        return True

    def _read(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = decode(line)
            if "exit" in message:
                self._exit = message
            elif message.get("nonce") == self._nonce:
                self._pid = message.get("pid", self._pid)
                self._at = message.get("at", self._at)
                self._passed += [message["passed"]] if "passed" in message else []
                self._result = self._result if self._late else message.get("result", self._result)

    def _end_it(self) -> None:
        """Ask for the stacks, then kill the group; the supervisor, its parent, sees to the rest.

        A result that comes now is too late: the signal may have woken a system call that would have slept on.
        """
        self._late = True
        if self._pid and DUMP_SIGNAL is not None:
            with suppress(OSError):
                os.kill(self._pid, DUMP_SIGNAL)
            if self._listen(DUMP_SECONDS):
                return
        if self._pid:
            processes.kill_group(self._pid)
            processes.kill(self._pid)
        self._listen(_LAST_SECONDS)

    def _lost(self) -> None:
        """The supervisor is gone without a report: end what it can no longer end."""
        if self._pid:
            processes.kill_group(self._pid)
