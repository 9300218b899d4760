"""What we send, one direction of a connection: parts of a message in, bytes out, never ones that break the protocol.

A head decides how its body is framed; the body is then checked against it: too much or too little of an announced length
is a LocalProtocolError, raised before a wrong byte leaves.
"""

from __future__ import annotations

from collections.abc import Iterable

from squall._wire.errors import LocalProtocolError
from squall._wire.http1 import grammar
from squall._wire.http1.events import Headers
from squall._wire.http1.states import TABLE, Part, State, Travels

_LAST_CHUNK = b"0\r\n\r\n"


class Sender:
    """The sending half of a connection. ``sends`` is RESPONSES for a server and REQUESTS for a client."""

    def __init__(self, sends: Travels) -> None:
        self.state = State.IDLE
        self._table = TABLE[sends]
        self._left: int | None = None  # of an announced length
        self._chunked = False

    def __repr__(self) -> str:
        return f"<Sender {self.state.name}{' chunked' if self._chunked else ''} left={self._left}>"

    def send_head(self, line: bytes, fields: Iterable[tuple[str, str]], *, length: int | None, chunked: bool) -> bytes:
        """Return the head. ``length`` bytes of body or ``chunked`` ones follow; neither: until the connection closes.

        ``line`` is a start line of ``request_line`` or ``status_line``. LocalProtocolError when a field cannot be sent.
        """
        self._may(Part.HEAD)
        block = line + encode_fields(fields) + b"\r\n"
        self._left, self._chunked = length, chunked
        self.state = State.BODY
        return block

    def send_information(self, line: bytes, fields: Iterable[tuple[str, str]] = ()) -> bytes:
        """Return an informational response (1xx), which a final one follows (RFC 9110 section 15.2)."""
        self._may(Part.INFORMATION)
        return line + encode_fields(fields) + b"\r\n"

    def send_data(self, data: bytes | memoryview) -> bytes | memoryview:
        """Return a piece of the body as it travels; empty data is nothing."""
        self._may(Part.DATA)
        if not data:
            return b""
        if self._chunked:
            return b"".join((b"%x\r\n" % len(data), data, b"\r\n"))
        if self._left is not None:
            if len(data) > self._left:
                raise LocalProtocolError(f"{len(data) - self._left} bytes more than the Content-Length that was sent")
            self._left -= len(data)
        return data

    def end(self, trailers: Headers | None = None) -> bytes:
        """Return what ends the message. LocalProtocolError when bytes of the announced length are missing."""
        self._may(Part.END)
        if self._left:
            raise LocalProtocolError(f"{self._left} bytes fewer than the Content-Length that was sent")
        if trailers and not self._chunked:
            raise LocalProtocolError("only a chunked body can have trailers")
        self.state = State.DONE
        if not self._chunked:
            return b""
        return b"0\r\n" + encode_fields(trailers) + b"\r\n" if trailers else _LAST_CHUNK

    def start_next_message(self) -> None:
        """Go on to the next message; the present one has to be over."""
        self._may(Part.NEXT)
        self.state = State.IDLE

    def switch_protocol(self) -> None:
        """Say that another protocol follows the present message."""
        self._may(Part.SWITCH)
        self.state = State.SWITCHED

    def _may(self, part: Part) -> None:
        if (self.state, part) not in self._table:
            raise LocalProtocolError(f"{part.value} cannot be sent now: {self.state.value}")


def request_line(method: str, target: str) -> bytes:
    """Return the first line of a request. LocalProtocolError when method or target cannot be sent (CVE-2019-12387)."""
    line = f"{method} {target} HTTP/1.1\r\n".encode("latin-1", "replace")
    if grammar.REQUEST_LINE.fullmatch(line) is None:
        raise LocalProtocolError(f"{method!r} {target[:100]!r} is no request line")
    return line


def status_line(status: int, reason: str, version: str = "HTTP/1.1") -> bytes:
    """Return the first line of a response. LocalProtocolError when the reason cannot be sent (CVE-2025-67725)."""
    if not 100 <= status <= 999 or grammar.FORBIDDEN_IN_VALUE.search(reason):
        raise LocalProtocolError(f"{status} {reason[:100]!r} is no status line")
    return f"{version} {status} {reason}\r\n".encode("latin-1", "replace")


def encode_fields(fields: Iterable[tuple[str, str]]) -> bytes:
    """Return the fields as lines. LocalProtocolError when a name is no token or a value holds CR, LF, NUL or their like."""
    lines = [f"{name}: {value}\r\n" for name, value in fields]
    block = "".join(lines)
    try:
        encoded = block.encode("latin-1")
    except UnicodeEncodeError:
        encoded = block.encode("utf-8")  # as browsers send and read what ISO-8859-1 does not have
    if grammar.FIELDS.fullmatch(encoded + b"\r\n") is None or encoded.count(b"\n") != len(lines):
        raise _bad_field(fields, lines)
    return encoded


def _bad_field(fields: Iterable[tuple[str, str]], lines: list[str]) -> LocalProtocolError:
    for (name, value), line in zip(fields, lines, strict=True):
        if grammar.FIELD.fullmatch(line.encode("utf-8")) is None:
            return LocalProtocolError(f"the header field {name!r}: {value[:100]!r} cannot be sent")
    return LocalProtocolError("a header field cannot be sent")
