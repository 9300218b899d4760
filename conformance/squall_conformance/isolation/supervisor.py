"""The parent of a clause's process: waits for its end, removes what it left, and tells the engine.

It is forked from the template for each clause and never runs code of the target. When the engine goes away it ends everything.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from squall_conformance.isolation import child, processes
from squall_conformance.isolation.protocol import Channel, Message, encode

_PATIENCE: Final = 2.0  # seconds to wait for processes that were killed


def supervise(connection: socket.socket, request: Message) -> NoReturn:
    """Run the request in a child of ours; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    processes.become_subreaper()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        child.main(Channel(connection.detach(), request["nonce"]), request)
    with suppress(OSError):  # the child did it first, and may be gone
        os.setpgid(pid, pid)
    _wait(pid, connection)
    strays = _clear(pid)
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):
        connection.sendall(encode({"exit": os.waitstatus_to_exitcode(status), "strays": strays}))
    os._exit(0)


def _wait(pid: int, connection: socket.socket) -> None:
    """Return when the process has ended (it stays a zombie, so that its id stays its own) or the engine has hung up."""
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    with suppress(AttributeError, OSError):  # Linux only
        pidfd = os.pidfd_open(pid)
        poller.register(pidfd, select.POLLIN)
        poller.poll()
        return
    while not poller.poll(5) and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        pass


def _clear(pid: int) -> list[str]:
    """Kill the process's group and all that became ours; return the names of those that were alive though it had ended."""
    ended = processes.state(pid) in {"Z", ""}
    strays = [other for other in processes.descendants(os.getpid()) if other != pid and processes.state(other) not in {"Z", ""}]
    names = [f"{_command(stray)} ({stray})" for stray in strays] if ended else []
    processes.kill_group(pid)
    processes.kill(pid)
    ends = time.monotonic() + _PATIENCE
    while others := [other for other in processes.children(os.getpid()) if other != pid]:
        for other in others:
            processes.kill(other)
            with suppress(OSError):
                os.waitpid(other, os.WNOHANG)
        if time.monotonic() > ends:
            break
        time.sleep(0.001)
    return names


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return "a process"
