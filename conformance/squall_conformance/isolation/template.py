"""The warm process from which clauses are forked: it has imported the kit and the target, and runs nothing of them.

Forking copies one thread only, so a template must stay single-threaded; and what a module opens while it is imported would be
shared by all forks. Either makes the engine fall back on a fresh interpreter for each clause.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

from squall_conformance import registry as clauses
from squall_conformance.isolation import leaks
from squall_conformance.isolation.protocol import Message, decode, encode
from squall_conformance.isolation.supervisor import supervise


def serve(listener: socket.socket) -> None:
    """Answer requests until the engine closes our standard input."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors are not waited for
    clauses.load_all()
    gc.collect()
    gc.freeze()
    poller = select.poll()
    poller.register(0, select.POLLIN)
    poller.register(listener, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poller.poll()}
        if 0 in ready:
            return
        connection, _ = listener.accept()
        with connection:
            _answer(connection, listener)


def _answer(connection: socket.socket, listener: socket.socket) -> None:
    request = decode(_line(connection))
    if request.get("op") == "warm":
        connection.sendall(encode({"result": warm(request["modules"]), "nonce": request["nonce"]}))
    elif request and os.fork() == 0:
        listener.close()
        os.close(0)
        supervise(connection, request)


def _line(connection: socket.socket) -> bytes:
    """Read the request; the engine sends nothing after its line end."""
    data = b""
    while not data.strip() or not data.endswith(b"\n"):
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    return data.strip()


def warm(modules: list[str]) -> Message:
    """Import the modules a probe has seen, in its order; tell why no clause may be forked from here, if so."""
    before: Any = leaks.holdings()
    for name in modules:
        if name not in sys.modules:
            with suppress(BaseException):  # a fork would import it anew, and would meet the error itself
                importlib.import_module(name)
    after = leaks.holdings()
    shared = [
        f"{fd}: {what}"
        for fd, what in after.descriptors.items()
        if fd not in before.descriptors and (what.startswith(("anon_inode:", "socket:", "pipe:")))
    ]
    gc.collect()
    gc.freeze()
    if after.threads > 1:
        return {"unforkable": f"importing it starts threads ({after.threads} now)"}
    return {"unforkable": f"importing it opens {', '.join(shared)}"} if shared else {}
