"""What a peer has said. Body data comes as plain ``bytes``, never empty."""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeAlias

Headers: TypeAlias = list[tuple[str, str]]
"""Names and values as they stood on the wire, decoded from ISO-8859-1, in their order."""


class Head:
    """What a request and a response have in common.

    ``length`` is the announced number of body bytes, None where no length was announced. ``chunked`` tells that the body comes
    in chunks. ``keep_alive`` is what the sender says of the connection after this message (RFC 9112 section 9.3).
    """

    __slots__ = ("chunked", "headers", "keep_alive", "length", "version")

    def __init__(self, version: tuple[int, int], headers: Headers) -> None:
        self.version = version
        self.headers = headers
        self.length: int | None = None
        self.chunked = False
        self.keep_alive = True

    def get(self, name: str) -> str | None:
        """Return the first value of a field, by its lower-case name; None when there is none."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None


class Request(Head):
    """The head of a request.

    ``expects_continue``: the client waits for a 100 before it sends the body. ``upgrade`` is the value of the Upgrade field of
    a request that also says ``Connection: upgrade``, else an empty string.
    """

    __slots__ = ("expects_continue", "method", "target", "upgrade")

    def __init__(self, method: str, target: str, version: tuple[int, int], headers: Headers) -> None:
        super().__init__(version, headers)
        self.method = method
        self.target = target
        self.expects_continue = False
        self.upgrade = ""

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.target} HTTP/{self.version[0]}.{self.version[1]} {len(self.headers)} fields>"


class Response(Head):
    """The head of a response, an informational one (1xx) included."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, version: tuple[int, int], headers: Headers) -> None:
        super().__init__(version, headers)
        self.status = status
        self.reason = reason

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason} HTTP/{self.version[0]}.{self.version[1]} {len(self.headers)} fields>"


class EndOfMessage:
    """The message is complete. ``trailers`` are the fields that came after a chunked body."""

    __slots__ = ("trailers",)

    def __init__(self, trailers: Headers | None = None) -> None:
        self.trailers = trailers or []

    def __repr__(self) -> str:
        return f"<EndOfMessage {len(self.trailers)} trailers>"


class Pause(Enum):
    """Why there is no event."""

    NEED_DATA = "the peer has to send more first"
    PAUSED = "this message is over, and the next one waits for start_next_message"
    CLOSED = "the peer has closed the connection between two messages"
    SWITCHED = "the connection speaks another protocol now; see take_rest"


END: Final = EndOfMessage()
"""The end of every message without trailers: made once, since most are."""
NEED_DATA: Final = Pause.NEED_DATA
PAUSED: Final = Pause.PAUSED
CLOSED: Final = Pause.CLOSED
SWITCHED: Final = Pause.SWITCHED

Event: TypeAlias = Request | Response | bytes | EndOfMessage | Pause
