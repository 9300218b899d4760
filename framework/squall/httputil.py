"""What servers and clients share of HTTP: headers, requests, start lines, forms, cookies, and the delegate interfaces."""

from __future__ import annotations

import base64
from ssl import SSLError

from squall._http.cookies import parse_cookie
from squall._http.dates import format_timestamp
from squall._http.delegates import HTTPConnection, HTTPMessageDelegate, HTTPServerConnectionDelegate
from squall._http.errors import HTTPInputError, HTTPOutputError
from squall._http.forms import (
    HTTPFile,
    ParseBodyConfig,
    ParseMultipartConfig,
    parse_body_arguments,
    parse_multipart_form_data,
    set_parse_body_config,
)
from squall._http.headers import HTTPHeaders
from squall._http.request import HTTPServerRequest
from squall._http.startlines import (
    RequestStartLine,
    ResponseStartLine,
    parse_request_start_line,
    parse_response_start_line,
)
from squall._http.urls import qs_to_qsl, split_host_and_port, url_concat

HTTP_WHITESPACE = " \t"

__all__ = [
    "HTTP_WHITESPACE",
    "HTTPConnection",
    "HTTPFile",
    "HTTPHeaders",
    "HTTPInputError",
    "HTTPMessageDelegate",
    "HTTPOutputError",
    "HTTPServerConnectionDelegate",
    "HTTPServerRequest",
    "ParseBodyConfig",
    "ParseMultipartConfig",
    "RequestStartLine",
    "ResponseStartLine",
    "SSLError",
    "encode_username_password",
    "format_timestamp",
    "parse_body_arguments",
    "parse_cookie",
    "parse_multipart_form_data",
    "parse_request_start_line",
    "parse_response_start_line",
    "qs_to_qsl",
    "set_parse_body_config",
    "split_host_and_port",
    "url_concat",
]


def encode_username_password(username: str | bytes, password: str | bytes) -> bytes:
    """Return the credentials as Basic authentication sends them (RFC 7617), without the word ``Basic``.

    Text is encoded as UTF-8. ValueError for a user name with a colon, which would end up in the password.
    """
    user = username.encode() if isinstance(username, str) else username
    if b":" in user:
        raise ValueError("a user name for Basic authentication cannot hold a colon")
    return base64.b64encode(user + b":" + (password.encode() if isinstance(password, str) else password))
