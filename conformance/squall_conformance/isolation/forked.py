"""The engine's side of a template: start it, warm it, and ask it for forks."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from squall_conformance.isolation.attempt import Ended, read_text
from squall_conformance.isolation.protocol import Message, decode, encode
from squall_conformance.isolation.surroundings import environment
from squall_conformance.isolation.watch import START_SECONDS, Tick, Watch


class Template:
    """One warm process. Safe for several threads: each run has a connection and a supervisor of its own."""

    def __init__(self, directory: Path, marker: str) -> None:
        self._directory = directory
        self._marker = marker
        self._serial = 0
        self._lock = threading.Lock()
        self._live: set[socket.socket] = set()
        self._closed = False
        self._address = str(directory / f"t{secrets.token_hex(4)}")
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener, (self._directory / "log").open("ab") as log:
            listener.bind(self._address)
            listener.listen(64)
            command = [sys.executable, "-P", "-m", "squall_conformance.worker", "template", str(listener.fileno())]
            return subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(listener.fileno(),),
                env=environment(self._marker),
                start_new_session=True,
            )

    def warm(self, modules: Iterable[str]) -> Message:
        """Import modules in the template; the answer has ``unforkable`` when nothing may be forked from it any more."""
        nonce = secrets.token_hex(8)
        with self._connect() as connection:
            connection.settimeout(START_SECONDS)
            connection.sendall(encode({"op": "warm", "modules": list(modules), "nonce": nonce}))
            data = b""
            while b'"result"' not in data or not data.endswith(b"\n"):
                more = connection.recv(65536)
                if not more:
                    break
                data += more
        for line in data.splitlines():
            message = decode(line)
            if "result" in message:
                return dict(message["result"])
        return {"unforkable": "importing it ends the process"}

    def run(self, request: Message, timeout: float, tick: Tick | None = None) -> Ended:
        """Run the request in a fork and return how that ended. OSError when the template is gone or could not come up."""
        directory = self._private()
        nonce = secrets.token_hex(16)
        connection = self._connect()
        try:
            connection.sendall(encode({**request, "nonce": nonce, "directory": str(directory)}))
            watch = Watch(connection, nonce, timeout, directory, tick)
            return watch.until_the_end()
        finally:
            with self._lock:
                self._live.discard(connection)
            connection.close()
            shutil.rmtree(directory, ignore_errors=True)

    def _private(self) -> Path:
        with self._lock:
            self._serial += 1
            directory = self._directory / f"{Path(self._address).name}.{self._serial}"
        directory.mkdir()
        return directory

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with self._lock:
                self._live.add(connection)
            connection.connect(self._address)  # FileNotFoundError once the template was closed
        except BaseException:
            connection.close()
            raise
        return connection

    def log(self) -> str:
        """Return what the template itself has printed."""
        return read_text(self._directory / "log")

    def close(self) -> None:
        """End the template and every run: supervisors end what they watch over when the engine hangs up."""
        with self._lock:
            self._closed = True
            for connection in self._live:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        Path(self._address).unlink(missing_ok=True)
