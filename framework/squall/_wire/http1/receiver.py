"""What a peer sends, one direction of a connection: bytes in by ``receive``, events out by ``next_event``.

``next_event`` answers with an event, or with a Pause that says what has to happen first; it raises RemoteProtocolError
once and for good when the peer breaks the protocol. The outcome does not depend on how the bytes were cut into pieces.
After the end of a message nothing of the next one is looked at until ``start_next_message``: a driver that is not done
with the first request leaves the second one unread, which bounds what a client can pipeline.
"""

from __future__ import annotations

from typing import Final

from squall._wire.errors import RemoteProtocolError
from squall._wire.http1.body import BodyReader, BodyUntilClose, ChunkedBody, LengthBody, NoBody
from squall._wire.http1.events import CLOSED, NEED_DATA, PAUSED, SWITCHED, EndOfMessage, Event, Request, Response
from squall._wire.http1.head import read_request, read_response
from squall._wire.http1.limits import DEFAULT_LIMITS, Limits
from squall._wire.http1.states import TABLE, Part, State, Travels

_NO_BODY: Final = NoBody()


class Receiver:
    """The receiving half of a connection. ``receives`` is REQUESTS for a server and RESPONSES for a client."""

    def __init__(self, receives: Travels, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        """May be replaced between two messages, and for the body once its head is out."""
        self.state = State.IDLE
        self._table = TABLE[receives]
        self._requests = receives is Travels.REQUESTS
        self._method = "GET"
        self._buffer = bytearray()
        self._scanned = 0  # how far the buffer was searched for the end of the head already
        self._may_skip = self._requests  # an empty line before this head
        self._eof = False
        self._head: Request | Response | None = None
        self._body: BodyReader | None = None

    def __repr__(self) -> str:
        return f"<Receiver {self.state.name} buffered={len(self._buffer)}{' eof' if self._eof else ''}>"

    @property
    def buffered(self) -> int:
        """Bytes that were received and not understood yet."""
        return len(self._buffer)

    def receive(self, data: bytes) -> None:
        """Take what the peer has sent; empty bytes mean that it will send no more."""
        if data:
            self._buffer += data
        else:
            self._eof = True

    def expect_response_to(self, method: str) -> None:
        """Tell a client's half which method the next response answers: those to HEAD and CONNECT are framed differently."""
        self._method = method

    def next_event(self) -> Event:
        """Return what the peer has said next."""
        state = self.state
        if state is State.IDLE:
            return self._next_head()
        if state is State.BODY:
            return self._next_body()
        if state is State.DONE:
            return PAUSED
        if state is State.SWITCHED:
            return SWITCHED
        if state is State.CLOSED:
            return CLOSED
        raise RemoteProtocolError("the peer has broken the protocol before")

    def start_next_message(self) -> None:
        """Go on to the next message; the present one has to be over."""
        self._move(Part.NEXT)
        self._may_skip = self._requests

    def switch_protocol(self) -> None:
        """Say that what follows the present message is another protocol; ``take_rest`` has what came of it already."""
        self._move(Part.SWITCH)

    def take_rest(self) -> bytes:
        """Remove and return what was received and not understood."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def _move(self, part: Part) -> None:
        following = self._table.get((self.state, part))
        assert following is not None, f"{part.name} in {self.state.name}"  # noqa: S101 - our driver's bug, never a peer's
        self.state = following

    def _refuse(self, error: RemoteProtocolError) -> RemoteProtocolError:
        self._move(Part.BREAK)
        self._buffer.clear()
        return error

    def _next_head(self) -> Event:
        buffer = self._buffer
        if self._may_skip and buffer:
            self._skip_blank_line()
        if not buffer:
            return self._at_silence()
        end = buffer.find(b"\r\n\r\n", max(self._scanned - 3, 0), self.limits.head)
        if end < 0:
            self._scanned = len(buffer)
            return self._incomplete_head()
        self._scanned = 0
        block = bytes(memoryview(buffer)[: end + 4])
        del buffer[: end + 4]
        try:
            head = self._read(block)
        except RemoteProtocolError as exc:
            raise self._refuse(exc) from exc.__cause__
        if isinstance(head, Response) and head.status < 200 and head.status != 101:
            self._move(Part.INFORMATION)
            return head
        self._move(Part.HEAD)
        self._head, self._body = head, None
        return head

    def _read(self, block: bytes) -> Request | Response:
        if self._requests:
            return read_request(block, self.limits)
        return read_response(block, self.limits, self._method)

    def _skip_blank_line(self) -> None:
        """A server ignores an empty line before a request (RFC 9112 section 2.2). One: who sends thousands is no client."""
        if self._buffer == b"\r" and not self._eof:
            return
        self._may_skip = False
        if self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]

    def _at_silence(self) -> Event:
        if not self._eof:
            return NEED_DATA
        self._move(Part.CLOSE)
        return CLOSED

    def _incomplete_head(self) -> Event:
        buffer = self._buffer
        newline = buffer.find(b"\n", 0, self.limits.line)
        if newline < 0 and len(buffer) >= self.limits.line:
            raise self._refuse(RemoteProtocolError(f"the first line is longer than {self.limits.line} bytes", 414))
        if newline >= 0 and buffer[newline - 1 : newline] != b"\r":
            raise self._refuse(RemoteProtocolError("a line ends in LF without CR"))
        if len(buffer) >= self.limits.head:
            raise self._refuse(RemoteProtocolError(f"the head is longer than {self.limits.head} bytes", 431))
        if self._eof:
            raise self._refuse(RemoteProtocolError("the connection was closed in the middle of a head"))
        return NEED_DATA

    def _next_body(self) -> Event:
        try:
            if self._body is None:
                self._body = self._make_reader()
            piece = self._body.take(self._buffer)
            if piece is None:
                if not self._eof:
                    return NEED_DATA
                piece = self._body.at_eof()
        except RemoteProtocolError as exc:
            raise self._refuse(exc) from None
        if isinstance(piece, EndOfMessage):
            self._move(Part.END)
        return piece

    def _make_reader(self) -> BodyReader:
        """Choose by the head how the body is framed (RFC 9112 section 6.3), when the first of it is asked for."""
        head = self._head
        assert head is not None  # noqa: S101 - a body follows a head
        if head.chunked:
            return ChunkedBody(self.limits)
        if head.length is None:
            return _NO_BODY if self._requests or self._is_tunnel(head) else BodyUntilClose(self.limits.body)
        if self.limits.body is not None and head.length > self.limits.body:
            raise RemoteProtocolError(f"a body of {head.length} bytes is longer than the {self.limits.body} allowed", 413)
        return LengthBody(head.length) if head.length else _NO_BODY

    def _is_tunnel(self, head: Request | Response) -> bool:
        return isinstance(head, Response) and self._method == "CONNECT" and 200 <= head.status < 300
