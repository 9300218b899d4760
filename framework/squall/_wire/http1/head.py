"""The head of a message: bytes up to the empty line, to a Request or a Response.

llhttp (by httptools) splits and interprets; ``grammar`` says first what may stand there at all. Both see the same bytes
of one head and never a byte more, so nothing that follows can change what a head means.
"""

from __future__ import annotations

import httptools

from squall._wire.errors import RemoteProtocolError
from squall._wire.http1 import grammar
from squall._wire.http1.events import Headers, Request, Response
from squall._wire.http1.limits import Limits


class _Collector:
    """What httptools calls back. It finds the methods by their names."""

    __slots__ = ("headers",)

    def __init__(self) -> None:
        self.headers: Headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))


def read_request(block: bytes, limits: Limits) -> Request:
    """Return the request whose head is ``block``, the empty line included; RemoteProtocolError when it is none."""
    line = grammar.REQUEST_LINE.match(block)
    if line is None:
        raise _bad_line(block, limits, "request")
    _check_fields(block, line.end(), limits)
    major, minor = int(line[3]), int(line[4])
    if major != 1:
        raise RemoteProtocolError(f"HTTP/{major}.{minor} is not spoken here", 505)
    collector = _Collector()
    parser = httptools.HttpRequestParser(collector)
    try:
        parser.feed_data(block)
    except httptools.HttpParserUpgrade:
        pass  # llhttp stops at the end of a head that asks for an upgrade; we never give it more than the head
    except httptools.HttpParserInvalidMethodError as exc:
        raise RemoteProtocolError(f"the method {line[1].decode('ascii')} is not known", 501) from exc
    except httptools.HttpParserError as exc:
        raise _framing_error(exc) from exc
    request = Request(line[1].decode("ascii"), line[2].decode("ascii"), (1, minor), collector.headers)
    request.keep_alive = bool(parser.should_keep_alive())
    _frame_request(request)
    return request


def read_response(block: bytes, limits: Limits, method: str) -> Response:
    """Return the response whose head is ``block``; ``method`` is that of the request that it answers."""
    line = grammar.STATUS_LINE.match(block)
    if line is None:
        raise _bad_line(block, limits, "status")
    _check_fields(block, line.end(), limits)
    major, minor = int(line[1]), int(line[2])
    if major != 1:
        raise RemoteProtocolError(f"the server answers in HTTP/{major}.{minor}")
    collector = _Collector()
    parser = httptools.HttpResponseParser(collector)
    try:
        parser.feed_data(block)
    except httptools.HttpParserUpgrade:
        pass  # as above
    except httptools.HttpParserError as exc:
        raise _framing_error(exc) from exc
    reason = (line[4] or b"").decode("latin-1").strip(" \t")
    response = Response(int(line[3]), reason, (1, minor), collector.headers)
    _frame_response(response, method)
    return response


def _bad_line(block: bytes, limits: Limits, kind: str) -> RemoteProtocolError:
    end = block.find(b"\n") + 1
    if end > limits.line:
        return RemoteProtocolError(f"the {kind} line is longer than {limits.line} bytes", 414)
    return RemoteProtocolError(f"malformed {kind} line: {block[: min(end, 100)]!r}")


def _check_fields(block: bytes, begin: int, limits: Limits) -> None:
    if begin > limits.line:
        raise RemoteProtocolError(f"the first line is longer than {limits.line} bytes", 414)
    if grammar.FIELDS.fullmatch(block, begin) is None:
        bad = next(line for line in block[begin:].split(b"\r\n") if grammar.FIELD.fullmatch(line + b"\r\n") is None)
        raise RemoteProtocolError(f"malformed header field: {bad[:100]!r}")
    if block.count(b"\n") - 2 > limits.fields:
        raise RemoteProtocolError(f"more than {limits.fields} header fields", 431)


def read_fields(block: bytes) -> Headers:
    """Return the trailer fields in ``block``, which ends with the empty line (RFC 9112 section 7.1.2)."""
    if grammar.FIELDS.fullmatch(block) is None:
        raise RemoteProtocolError("malformed trailer section")
    fields = grammar.FIELD.findall(block)
    headers = [(name.decode("ascii"), value.strip(b" \t").decode("latin-1")) for name, value in fields]
    forbidden = [name for name, _ in headers if name.lower() in FORBIDDEN_TRAILERS]
    if forbidden:
        raise RemoteProtocolError(f"a trailer must not be {forbidden[0]}")
    return headers


FORBIDDEN_TRAILERS = frozenset(
    (
        *("authorization", "connection", "content-encoding", "content-length", "content-range", "content-type", "cookie"),
        *("expect", "host", "set-cookie", "te", "trailer", "transfer-encoding", "upgrade"),
    )
)
"""Fields that decide framing, routing or authority before the body is read (RFC 9110 section 6.5.1)."""


def _framing_error(exc: Exception) -> RemoteProtocolError:
    text = str(exc)
    unknown_coding = "`Transfer-Encoding`" in text
    return RemoteProtocolError(text, 501 if unknown_coding else 400)


def _frame(head: Request | Response, lengths: list[str], codings: list[str]) -> None:
    """Find the length of the body as the fields tell it (RFC 9112 section 6); what is ambiguous is refused."""
    if codings:
        if lengths:
            raise RemoteProtocolError("both Content-Length and Transfer-Encoding")
        if head.version < (1, 1):
            raise RemoteProtocolError("Transfer-Encoding in HTTP/1.0")
        if len(codings) != 1 or codings[0].lower() != "chunked":
            raise RemoteProtocolError(f"transfer coding {', '.join(codings)!r} is not known", 501)
        head.chunked = True
    elif lengths:
        if len(lengths) != 1 or grammar.DIGITS.fullmatch(lengths[0].encode("latin-1")) is None:
            raise RemoteProtocolError(f"bad Content-Length {', '.join(lengths)!r}")
        head.length = int(lengths[0])


def _frame_request(request: Request) -> None:
    lengths: list[str] = []
    codings: list[str] = []
    hosts: list[str] = []
    upgrade = connection = ""
    for name, value in request.headers:
        key = name.lower()
        if key == "host":
            hosts.append(value)
        elif key == "content-length":
            lengths.append(value)
        elif key == "transfer-encoding":
            codings.append(value)
        elif key == "connection":
            connection += "," + value.lower()
        elif key == "upgrade":
            upgrade = value
        elif key == "expect":
            request.expects_continue = value.lower() == "100-continue" and request.version >= (1, 1)
    if lengths or codings:
        _frame(request, lengths, codings)
    if upgrade and "upgrade" in {option.strip(" \t") for option in connection.split(",")}:
        request.upgrade = upgrade
    _check_host(request, hosts)
    _check_target(request)


def _check_host(request: Request, hosts: list[str]) -> None:
    """RFC 9112 section 3.2: exactly one Host in HTTP/1.1, never several, and it has to be one."""
    if len(hosts) > 1 or (not hosts and request.version >= (1, 1)):
        raise RemoteProtocolError("exactly one Host field is wanted")
    if hosts and grammar.HOST.fullmatch(hosts[0].encode("latin-1")) is None:
        raise RemoteProtocolError(f"bad Host {hosts[0][:100]!r}")


def _check_target(request: Request) -> None:
    """RFC 9112 section 3.2: the four forms of a target, each where it belongs."""
    target, method = request.target, request.method
    if method == "CONNECT":
        host, _, port = target.rpartition(":")
        legal = bool(host) and port.isdigit() and grammar.HOST.fullmatch(target.encode("ascii")) is not None
    elif target[0] == "/":
        legal = "#" not in target
    elif target == "*":
        legal = method == "OPTIONS"
    else:
        scheme, separator, rest = target.partition("://")
        authority = rest.partition("/")[0].partition("?")[0]
        legal = separator != "" and scheme.lower() in ("http", "https") and bool(authority) and "#" not in target
        legal = legal and grammar.HOST.fullmatch(authority.encode("ascii")) is not None
    if not legal:
        raise RemoteProtocolError(f"bad target {target[:100]!r} for {method}")


def _frame_response(response: Response, method: str) -> None:
    lengths: list[str] = []
    codings: list[str] = []
    options: set[str] = set()
    for name, value in response.headers:
        key = name.lower()
        if key == "content-length":
            lengths.append(value)
        elif key == "transfer-encoding":
            codings.append(value)
        elif key == "connection":
            options.update(option.strip(" \t") for option in value.lower().split(","))
    _frame(response, lengths, codings)
    response.keep_alive = "close" not in options and (response.version >= (1, 1) or "keep-alive" in options)
    if method == "HEAD" or response.status < 200 or response.status in (204, 304):
        response.length, response.chunked = 0, False
