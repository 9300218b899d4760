"""Sockets that wait for clients, and the handler that takes the clients in.

What the kernel says, and what it means for us: ``accept`` may fail for reasons that concern one client only (ECONNABORTED: it
is gone already) and for reasons that concern us all (EMFILE, ENFILE, ENOBUFS, ENOMEM: there is nothing left to accept it with).
The first is passed over. In the second case the client stays in the queue and the socket stays readable, so a loop that
tried again at once would spin: accepting pauses, and tries again after a while (accept(2)).
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from squall.ioloop import IOLoop
from squall.log import gen_log

BACKLOG: Final = 128
"""Connections that the kernel keeps waiting for us."""
BATCH: Final = 128
"""The most that are accepted in one turn, so that a flood of clients starves nobody who is in already."""
PAUSE: Final = 0.5
"""Seconds without accepting, after the process or the system ran out of descriptors or memory."""
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_GONE: Final = {errno.ECONNABORTED, errno.EPROTO, errno.EPERM}


def bind_sockets(  # noqa: PLR0913, PLR0917 - Tornado's signature
    port: int,
    address: str | None = None,
    family: socket.AddressFamily = socket.AF_UNSPEC,
    backlog: int = BACKLOG,
    flags: int | None = None,
    reuse_port: bool = False,  # noqa: FBT001, FBT002 - Tornado's signature
) -> list[socket.socket]:
    """Return listening, non-blocking sockets for the port, one for each address that the name stands for.

    ``address`` is a name or an IP address; None and "" mean all of this machine's. Port 0 lets the kernel choose one, the same
    for every address. ``flags`` are those of getaddrinfo (AI_PASSIVE). ``reuse_port`` lets several processes listen on one
    port. OSError when a port is taken or an address is none of ours, ValueError for ``reuse_port`` where there is no such
    thing; then none is left open.
    """
    if reuse_port and not hasattr(socket, "SO_REUSEPORT"):
        raise ValueError("this platform has no SO_REUSEPORT")
    if family == socket.AF_UNSPEC and not socket.has_ipv6:
        family = socket.AF_INET
    flags = socket.AI_PASSIVE if flags is None else flags
    found = socket.getaddrinfo(address or None, port, family, socket.SOCK_STREAM, 0, flags)
    sockets: list[socket.socket] = []
    with ExitStack() as undo:
        for kind, _, protocol, _, target in sorted(set(found), key=lambda entry: entry[0]):
            bound = (target[0], sockets[0].getsockname()[1], *target[2:]) if sockets and port == 0 else target
            try:
                listener = _listen(kind, protocol, bound, backlog, reuse_port=reuse_port)
            except OSError as exc:
                if sockets and exc.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
                    continue  # the system resolves names to IPv6 addresses, and has none itself
                raise
            undo.callback(listener.close)
            sockets.append(listener)
        undo.pop_all()
    return sockets


def _listen(kind: int, protocol: int, target: Any, backlog: int, *, reuse_port: bool) -> socket.socket:
    listener = socket.socket(kind, socket.SOCK_STREAM, protocol)
    try:
        if os.name != "nt":  # there it would allow two programs on one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if kind == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has a socket of its own
        listener.setblocking(False)
        listener.bind(target)
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def bind_unix_socket(file: str | Path, mode: int = 0o600, backlog: int = BACKLOG) -> socket.socket:
    """Return a listening, non-blocking Unix socket at that path, with these permissions from its first moment.

    A socket that is left over there is replaced; anything else there is left alone: ValueError.
    """
    path = Path(file)
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        pass  # the usual case: nothing is in the way
    else:
        if not stat.S_ISSOCK(kind):
            raise ValueError(f"{path} exists and is no socket")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(str(path))
        path.chmod(mode)  # nobody can connect before listen
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def add_accept_handler(
    sock: socket.socket, callback: Callable[[socket.socket, Any], Any], io_loop: IOLoop | None = None
) -> Callable[[], None]:
    """Call ``callback(connection, address)`` for each client of a listening socket; return a function that ends that.

    What the callback raises is reported, and costs only its connection. Without descriptors or memory, accepting pauses.
    """
    return _Acceptor(sock, callback, io_loop or IOLoop.current()).remove


class _Acceptor:
    def __init__(self, sock: socket.socket, callback: Callable[[socket.socket, Any], Any], io_loop: IOLoop) -> None:
        self._socket, self._callback, self._loop = sock, callback, io_loop
        self._retry: Any = None
        self._removed = False
        io_loop.add_handler(sock, self._accept, IOLoop.READ)

    def _accept(self, _sock: socket.socket, _events: int) -> None:
        for _ in range(BATCH):
            if self._removed:
                return
            try:
                connection, address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as exc:
                if exc.errno in _EXHAUSTED:
                    self._pause(exc)
                    return
                if exc.errno not in _GONE:
                    raise
                continue
            self._hand_over(connection, address)

    def _hand_over(self, connection: socket.socket, address: Any) -> None:
        try:
            self._callback(connection, address)
        except Exception:  # noqa: BLE001 - reported, and the other clients are taken in
            connection.close()
            self._loop.handle_callback_exception(self._callback)

    def _pause(self, exc: OSError) -> None:
        gen_log.warning("%s: no client is accepted for %s seconds", exc, PAUSE)
        self._loop.update_handler(self._socket, 0)
        self._retry = self._loop.call_later(PAUSE, self._resume)

    def _resume(self) -> None:
        self._retry = None
        self._loop.update_handler(self._socket, IOLoop.READ)

    def remove(self) -> None:
        """End accepting; the socket stays open."""
        self._removed = True
        self._loop.remove_handler(self._socket)
        if self._retry is not None:
            self._loop.remove_timeout(self._retry)
            self._retry = None
