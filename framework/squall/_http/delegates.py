"""The interfaces between a connection and what speaks over it; server, client and WSGI share them.

The order of calls on a message delegate is fixed: ``headers_received`` once, ``data_received`` any number of times, then either
``finish`` or ``on_connection_close``, never both and never twice. A method may return a Future or a coroutine: the connection
reads no further until it is done, which is flow control.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from squall._http.headers import HTTPHeaders
from squall._http.startlines import RequestStartLine, ResponseStartLine

if TYPE_CHECKING:
    from squall.concurrent import Future


class HTTPServerConnectionDelegate:
    """What a server does with its connections."""

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Return the delegate of one new request. ``request_conn`` is where the answer goes.

        ``server_conn`` stands for the whole connection and is the same for all its requests.
        """
        raise NotImplementedError

    def on_close(self, server_conn: object) -> None:
        """Learn that a connection is closed; called once, after its last request."""


class HTTPMessageDelegate:
    """What becomes of one message, a request or a response."""

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Take the head of the message."""

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Take a piece of the body; how it was cut means nothing."""

    def finish(self) -> None:
        """Learn that the message is complete."""

    def on_connection_close(self) -> None:
        """Learn that the connection was closed before the message was complete, or while it was answered."""


class HTTPConnection:
    """Where a message is written to."""

    def write_headers(
        self,
        start_line: RequestStartLine | ResponseStartLine,
        headers: HTTPHeaders,
        chunk: bytes | None = None,
        callback: Any = None,
    ) -> Future[None]:
        """Write the head, and perhaps the first piece of the body; the Future resolves when the peer can take more."""
        raise NotImplementedError

    def write(self, chunk: bytes, callback: Any = None) -> Future[None]:
        """Write a piece of the body; the Future resolves when the peer can take more."""
        raise NotImplementedError

    def finish(self) -> None:
        """Say that the message is complete."""
        raise NotImplementedError
