"""The first lines of messages."""

from __future__ import annotations

import re
from typing import NamedTuple

from squall._http.errors import HTTPInputError

_REQUEST = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) (HTTP/1\.[0-9])", re.ASCII)
_RESPONSE = re.compile(r"(HTTP/1\.[0-9]) ([1-9][0-9][0-9])(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?", re.ASCII)


class RequestStartLine(NamedTuple):
    """Method, target (as it stood there) and version, such as ``HTTP/1.1``."""

    method: str
    path: str
    version: str


class ResponseStartLine(NamedTuple):
    """Version, status and reason."""

    version: str
    code: int
    reason: str


def parse_request_start_line(line: str) -> RequestStartLine:
    """Return the parts of a request line without its CRLF; HTTPInputError when it is none (RFC 9112 section 3)."""
    match = _REQUEST.fullmatch(line)
    if match is None:
        raise HTTPInputError(f"malformed request line {line[:100]!r}")
    return RequestStartLine(match[1], match[2], match[3])


def parse_response_start_line(line: str) -> ResponseStartLine:
    """Return the parts of a status line without its CRLF; HTTPInputError when it is none (RFC 9112 section 4)."""
    match = _RESPONSE.fullmatch(line)
    if match is None:
        raise HTTPInputError(f"malformed status line {line[:100]!r}")
    return ResponseStartLine(match[1], int(match[2]), match[3] or "")
