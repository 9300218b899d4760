"""A request as handlers see it. What costs something (arguments, cookies, a form) is worked out when it is asked for."""

from __future__ import annotations

import ssl
import time
from functools import cached_property
from http.cookies import CookieError, Morsel, SimpleCookie
from typing import Any

from squall._http.cookies import parse_cookie
from squall._http.delegates import HTTPConnection
from squall._http.errors import HTTPInputError
from squall._http.forms import HTTPFile, parse_body_arguments, parse_qs_bytes
from squall._http.headers import HTTPHeaders
from squall._http.startlines import RequestStartLine
from squall._http.urls import split_host_and_port


class HTTPServerRequest:
    """One request.

    ``uri`` is the target as it stood in the request line, ``path`` and ``query`` its parts, ``version`` such as ``HTTP/1.1``,
    ``body`` bytes, ``remote_ip``, ``protocol`` (``http`` or ``https``), ``host`` with and ``host_name`` without a port.
    ``arguments`` holds those of query and body, names to lists of bytes; ``query_arguments`` and ``body_arguments`` apart;
    ``files`` names to lists of HTTPFile.
    """

    path: str = ""
    query: str = ""

    def __init__(  # noqa: PLR0913, PLR0917 - Tornado's signature
        self,
        method: str | None = None,
        uri: str | None = None,
        version: str = "HTTP/1.0",
        headers: HTTPHeaders | None = None,
        body: bytes | None = None,
        host: str | None = None,
        files: dict[str, list[HTTPFile]] | None = None,
        connection: HTTPConnection | None = None,
        start_line: RequestStartLine | None = None,
        server_connection: object | None = None,
    ) -> None:
        if start_line is not None:
            method, uri, version = start_line
        self.method = method
        self.uri = uri
        self.version = version
        self.headers = HTTPHeaders() if headers is None else headers
        self.body = body or b""
        context = getattr(connection, "context", None)
        self.remote_ip: str | None = getattr(context, "remote_ip", None)
        self.protocol: str = getattr(context, "protocol", "http")
        if host:
            self.host = host
        if files is not None:
            self.files = files
        self.connection = connection
        self.server_connection = server_connection
        self._start_time = time.monotonic()
        self._finish_time: float | None = None
        if uri is not None:
            if uri[:4].lower() == "http" and "://" in uri:
                self._read_absolute_form(uri)
            else:
                self.path, _, self.query = uri.partition("?")

    def _read_absolute_form(self, uri: str) -> None:
        """RFC 9112 section 3.2.2: the authority of an absolute target replaces the Host field."""
        rest = uri.partition("://")[2]
        target, _, self.query = rest.partition("?")
        authority, slash, path = target.partition("/")
        self.host = authority
        self.path = slash + path or "/"

    @cached_property
    def host(self) -> str:
        """The host that was asked for, with its port if one was named."""
        return self.headers.get("Host") or "127.0.0.1"

    @cached_property
    def host_name(self) -> str:
        """The host in lower case, without a port."""
        return split_host_and_port(self.host.lower())[0]

    @cached_property
    def query_arguments(self) -> dict[str, list[bytes]]:
        """The query's arguments; HTTPInputError when there are too many."""
        if not self.query:
            return {}
        try:
            return parse_qs_bytes(self.query, keep_blank_values=True)
        except ValueError as exc:
            raise HTTPInputError(f"the query cannot be read: {exc}") from exc

    @cached_property
    def _form(self) -> tuple[dict[str, list[bytes]], dict[str, list[HTTPFile]]]:
        arguments: dict[str, list[bytes]] = {}
        files: dict[str, list[HTTPFile]] = {}
        if self.body:
            parse_body_arguments(self.headers.get("Content-Type", ""), self.body, arguments, files, self.headers)
        return arguments, files

    @cached_property
    def body_arguments(self) -> dict[str, list[bytes]]:
        """The arguments of a form in the body; HTTPInputError when it is malformed."""
        return self._form[0]

    @cached_property
    def files(self) -> dict[str, list[HTTPFile]]:
        """The files of a form in the body; HTTPInputError when it is malformed."""
        return self._form[1]

    @cached_property
    def arguments(self) -> dict[str, list[bytes]]:
        """The arguments of query and body together, the query's first."""
        joined = {name: values.copy() for name, values in self.query_arguments.items()}
        for name, values in self.body_arguments.items():
            joined.setdefault(name, []).extend(values)
        return joined

    @cached_property
    def cookies(self) -> SimpleCookie:
        """The cookies that came with the request; those that make no sense are left out."""
        found = SimpleCookie()
        for name, value in parse_cookie(self.headers.get("Cookie", "")).items():
            morsel: Morsel[str] = Morsel()
            try:
                morsel.set(name, value, value)
            except CookieError:  # a reserved or illegal name
                continue
            dict.__setitem__(found, name, morsel)
        return found

    def supports_http_1_1(self) -> bool:
        """Say whether the client speaks HTTP/1.1."""
        return self.version == "HTTP/1.1"

    def write(self, chunk: bytes, callback: Any = None) -> Any:
        """Write to the connection (an old style; handlers write by their own methods)."""
        return self._connection().write(chunk, callback)

    def finish(self) -> None:
        """End the response (an old style)."""
        self._connection().finish()
        self._finish_time = time.monotonic()

    def _connection(self) -> HTTPConnection:
        if self.connection is None:
            raise RuntimeError("this request came over no connection")
        return self.connection

    def full_url(self) -> str:
        """Return the URL of this request, as far as the server can know it."""
        return f"{self.protocol}://{self.host}{self.path}{'?' + self.query if self.query else ''}"

    def request_time(self) -> float:
        """Return how many seconds this request took, or has taken so far."""
        return (self._finish_time or time.monotonic()) - self._start_time

    def get_ssl_certificate(self, binary_form: bool = False) -> dict[str, Any] | bytes | None:  # noqa: FBT001, FBT002 - Tornado's signature
        """Return the client's certificate, if it was asked for and given: a dictionary, or DER bytes with ``binary_form``."""
        stream = getattr(self.connection, "stream", None)
        connected = getattr(stream, "socket", None)
        if not isinstance(connected, ssl.SSLSocket):
            return None
        certificate: dict[str, Any] | bytes | None = connected.getpeercert(binary_form=binary_form)
        return certificate

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(protocol={self.protocol!r}, host={self.host!r}, method={self.method!r}, uri={self.uri!r},"
            f" version={self.version!r}, remote_ip={self.remote_ip!r})"
        )
