"""Bodies as they travel: each reader has ``take(buffer)``, which removes what it understands from the front of the buffer.

It returns bytes (a piece of the body), an EndOfMessage, or None for "the peer has to send more first"; or it raises
RemoteProtocolError. ``at_eof`` is asked when the peer has closed: an EndOfMessage, or the error that the body is cut.
"""

from __future__ import annotations

from typing import Protocol

from squall._wire.errors import RemoteProtocolError
from squall._wire.http1 import grammar
from squall._wire.http1.events import END, EndOfMessage
from squall._wire.http1.head import read_fields
from squall._wire.http1.limits import Limits


class BodyReader(Protocol):
    """What the connection asks for the next piece of a body."""

    def take(self, buffer: bytearray) -> bytes | EndOfMessage | None:
        """Remove and return the next piece."""

    def at_eof(self) -> EndOfMessage:
        """Say what the end of the connection means here."""


def _all_of(buffer: bytearray) -> bytes:
    piece = bytes(buffer)
    buffer.clear()
    return piece


class NoBody:
    """The head was all."""

    def take(self, buffer: bytearray) -> EndOfMessage:  # noqa: ARG002 - the readers' signature
        """Return the end of the message."""
        return END

    def at_eof(self) -> EndOfMessage:
        """Return the end of the message."""
        return END


class LengthBody:
    """A body of an announced number of bytes (RFC 9112 section 6.2)."""

    def __init__(self, length: int) -> None:
        self._left = length

    def take(self, buffer: bytearray) -> bytes | EndOfMessage | None:
        """Return what is there, at most what is left."""
        if self._left == 0:
            return END
        if not buffer:
            return None
        if len(buffer) <= self._left:
            piece = _all_of(buffer)
        else:
            piece = bytes(memoryview(buffer)[: self._left])
            del buffer[: self._left]
        self._left -= len(piece)
        return piece

    def at_eof(self) -> EndOfMessage:
        """Raise unless nothing is left."""
        if self._left:
            raise RemoteProtocolError(f"the connection was closed with {self._left} bytes of the body missing")
        return END


class BodyUntilClose:
    """The body of a response that ends with the connection (RFC 9112 section 6.3, item 8)."""

    def __init__(self, limit: int | None) -> None:
        self._room = limit

    def take(self, buffer: bytearray) -> bytes | None:
        """Return all that is there."""
        if not buffer:
            return None
        if self._room is not None:
            self._room -= len(buffer)
            if self._room < 0:
                raise RemoteProtocolError("the body is longer than allowed", 413)
        return _all_of(buffer)

    def at_eof(self) -> EndOfMessage:
        """Return the end of the message."""
        return END


class ChunkedBody:
    """A body in chunks (RFC 9112 section 7.1)."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._room = limits.body
        self._overhead = limits.chunk_overhead
        self._left = 0  # bytes of the present chunk that are still to come
        self._closing = False  # the CRLF after a chunk is still to come
        self._trailing = False  # the last chunk was seen
        self._scanned = 0  # how far the buffer was searched for the end of a line already

    def take(self, buffer: bytearray) -> bytes | EndOfMessage | None:
        """Return what is there of the present chunk, going on to the next one where it is complete."""
        while not self._trailing:
            if self._left:
                return self._take_data(buffer)
            if self._closing and not self._take_crlf(buffer):
                return None
            if not self._take_size(buffer):
                return None
        return self._take_trailers(buffer)

    def _take_data(self, buffer: bytearray) -> bytes | None:
        if not buffer:
            return None
        if len(buffer) <= self._left:
            piece = _all_of(buffer)
        else:
            piece = bytes(memoryview(buffer)[: self._left])
            del buffer[: self._left]
        self._left -= len(piece)
        self._closing = self._left == 0
        return piece

    def _take_crlf(self, buffer: bytearray) -> bool:
        """Remove the CRLF behind a chunk's data; anything else there is how bodies are smuggled."""
        if len(buffer) < 2:
            if buffer and buffer[0] != 0x0D:
                raise RemoteProtocolError("a chunk is not followed by CRLF")
            return False
        if buffer[:2] != b"\r\n":
            raise RemoteProtocolError("a chunk is not followed by CRLF")
        del buffer[:2]
        self._closing = False
        return True

    def _take_size(self, buffer: bytearray) -> bool:
        """Remove a chunk's first line and note its size; False when the line is not complete."""
        end = buffer.find(b"\r\n", max(self._scanned - 1, 0), self._limits.chunk_line + 2)
        if end < 0:
            self._scanned = len(buffer)
            if self._scanned > self._limits.chunk_line:
                raise RemoteProtocolError(f"a chunk's size and extensions are longer than {self._limits.chunk_line} bytes")
            return False
        self._scanned = 0
        line = grammar.CHUNK_LINE.fullmatch(buffer, 0, end)
        if line is None:
            raise RemoteProtocolError(f"bad chunk size or extension {bytes(buffer[: min(end, 40)])!r}")
        self._left = int(line[1], 16)
        self._count(self._left, len(line[2]))
        line = None  # a match holds the buffer, which could not be resized then
        del buffer[: end + 2]
        self._trailing = self._left == 0
        return True

    def _count(self, size: int, extension: int) -> None:
        self._overhead -= extension
        if self._overhead < 0:
            raise RemoteProtocolError(f"more than {self._limits.chunk_overhead} bytes of chunk extensions")
        if self._room is not None:
            self._room -= size
            if self._room < 0:
                raise RemoteProtocolError("the body is longer than allowed", 413)

    def _take_trailers(self, buffer: bytearray) -> EndOfMessage | None:
        if buffer[:2] == b"\r\n":
            del buffer[:2]
            return END
        end = buffer.find(b"\r\n\r\n", max(self._scanned - 3, 0), self._limits.trailers + 4)
        if end < 0:
            self._scanned = len(buffer)
            if self._scanned > self._limits.trailers:
                raise RemoteProtocolError(f"trailers are longer than {self._limits.trailers} bytes", 431)
            return None
        block = bytes(buffer[: end + 4])
        del buffer[: end + 4]
        return EndOfMessage(read_fields(block))

    def at_eof(self) -> EndOfMessage:
        """Raise: a chunked body says itself where it ends."""
        raise RemoteProtocolError("the connection was closed in the middle of a chunked body")
