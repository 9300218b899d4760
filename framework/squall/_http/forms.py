"""Bodies of forms: urlencoded, and multipart (RFC 7578, RFC 2046). Linear in their size, and limited in their parts.

The first error ends the reading with HTTPInputError: a server answers 400 and writes one line, however long the body is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from squall._http.errors import HTTPInputError
from squall._http.headers import HTTPHeaders
from squall.util import ObjectDict

MOST_FIELDS = 1000
"""Arguments in one query or urlencoded body (CVE-2026-82397)."""
_PARAMETER = re.compile(r';[ \t]*([!#$&+\-.^_`|~0-9A-Za-z%\'*]+)=(?:"((?:[^"\\\r\n]|\\.)*)"|([^;"\r\n \t]*))[ \t]*', re.ASCII)
_TYPE = re.compile(r"[ \t]*([^;\s]+)[ \t]*")


class HTTPFile(ObjectDict):
    """An uploaded file: ``filename`` (as sent: never a path to trust), ``body`` (bytes) and ``content_type``."""

    filename: str
    body: bytes
    content_type: str


@dataclass(frozen=True)
class ParseMultipartConfig:
    """Limits of multipart bodies. ``max_part_header_size`` is in bytes, for each part."""

    enabled: bool = True
    max_parts: int = 100
    max_part_header_size: int = 10 * 1024


@dataclass(frozen=True)
class ParseBodyConfig:
    """How bodies are read."""

    multipart: ParseMultipartConfig = field(default_factory=ParseMultipartConfig)


_config = ParseBodyConfig()


def set_parse_body_config(config: ParseBodyConfig) -> None:
    """Set the limits for every body that is read from now on without limits of its own."""
    global _config  # noqa: PLW0603 - a setting of the process, as users of later releases know it
    _config = config


def parse_qs_bytes(qs: str | bytes, *, keep_blank_values: bool = False, strict_parsing: bool = False) -> dict[str, list[bytes]]:
    """Return names and values of a query; values are bytes, because their encoding is not known yet.

    Only ``&`` separates (CVE-2021-23336). ValueError for more than 1,000 arguments, and for what is none if strict.
    """
    text = qs.decode("latin-1") if isinstance(qs, bytes) else qs
    found = parse_qs(text, keep_blank_values, strict_parsing, encoding="latin-1", errors="strict", max_num_fields=MOST_FIELDS)
    return {name: [value.encode("latin-1") for value in values] for name, values in found.items()}


def parse_body_arguments(  # noqa: PLR0913, PLR0917 - Tornado's signature
    content_type: str,
    body: bytes,
    arguments: dict[str, list[bytes]],
    files: dict[str, list[HTTPFile]],
    headers: HTTPHeaders | None = None,
    config: ParseBodyConfig | None = None,
) -> None:
    """Add the arguments and files of a form's body to the two dictionaries; a body of another type adds nothing.

    HTTPInputError when the body is not what its type says, or when it has a Content-Encoding.
    """
    kind, parameters = parse_header_value(content_type)
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return
    if headers is not None and "Content-Encoding" in headers:
        raise HTTPInputError(f"a form with Content-Encoding {headers['Content-Encoding']!r} cannot be read")
    if kind == "multipart/form-data":
        boundary = parameters.get("boundary", "")
        if not boundary:
            raise HTTPInputError("a multipart body without a boundary")
        parse_multipart_form_data(boundary.encode("latin-1"), body, arguments, files, config)
        return
    try:
        found = parse_qs_bytes(body, keep_blank_values=True)
    except ValueError as exc:
        raise HTTPInputError(f"the urlencoded body cannot be read: {exc}") from exc
    for name, values in found.items():
        arguments.setdefault(name, []).extend(values)


def parse_header_value(value: str) -> tuple[str, dict[str, str]]:
    """Return the first word of a field, in lower case, and its parameters; HTTPInputError when they are none. Linear."""
    match = _TYPE.match(value)
    if match is None:
        return "", {}
    parameters: dict[str, str] = {}
    position = match.end()
    while position < len(value):
        found = _PARAMETER.match(value, position)
        if found is None:
            if value[position:].strip(" \t;"):
                raise HTTPInputError(f"malformed parameters in {value[:100]!r}")
            break
        quoted = found[2]
        parameters.setdefault(found[1].lower(), found[3] if quoted is None else _unquote(quoted))
        position = found.end()
    return match[1].lower(), parameters


def _unquote(text: str) -> str:
    """Browsers write a quote as %22, or with a backslash; a backslash before anything else stands for itself (file names)."""
    return text.replace('\\"', '"').replace("\\\\", "\\")


def parse_multipart_form_data(
    boundary: bytes,
    data: bytes,
    arguments: dict[str, list[bytes]],
    files: dict[str, list[HTTPFile]],
    config: ParseBodyConfig | None = None,
) -> None:
    """Add the parts of a multipart body to the two dictionaries. HTTPInputError for a malformed or too large one."""
    limits = (config or _config).multipart
    if not limits.enabled:
        raise HTTPInputError("multipart bodies are switched off here")
    if boundary.startswith(b'"') and boundary.endswith(b'"'):
        boundary = boundary[1:-1]
    delimiter = b"--" + boundary
    # Counted before anything is split (GHSA-8423-8fgw-73vq); the last one ends the body and begins no part.
    if data.count(b"\r\n" + delimiter) + data.startswith(delimiter) - 1 > limits.max_parts:
        raise HTTPInputError(f"a multipart body of more than {limits.max_parts} parts")
    begin = 0 if data.startswith(delimiter) else data.find(b"\r\n" + delimiter) + 2
    if begin == 1:
        raise HTTPInputError("a multipart body that does not contain its boundary")
    while True:
        begin += len(delimiter)
        if data.startswith(b"--", begin):
            return
        line_end = data.find(b"\r\n", begin)
        if line_end < 0 or data[begin:line_end].strip(b" \t"):
            raise HTTPInputError("something stands behind a multipart boundary")
        end = data.find(b"\r\n" + delimiter, line_end)
        if end < 0:
            raise HTTPInputError("a multipart body without its last boundary")
        _take_part(data, line_end + 2, end, limits, arguments, files)
        begin = end + 2


def _take_part(  # noqa: PLR0913, PLR0917 - the slice of one part, and where it goes
    data: bytes,
    begin: int,
    end: int,
    limits: ParseMultipartConfig,
    arguments: dict[str, list[bytes]],
    files: dict[str, list[HTTPFile]],
) -> None:
    head_end = data.find(b"\r\n\r\n", begin, min(end, begin + limits.max_part_header_size) + 4)
    if head_end < 0:
        raise HTTPInputError(f"a part's headers do not end within {limits.max_part_header_size} bytes")
    headers = _part_headers(data[begin:head_end])
    kind, parameters = parse_header_value(headers.get("Content-Disposition", ""))
    name = parameters.get("name")
    if kind != "form-data" or name is None:
        raise HTTPInputError("a part without a Content-Disposition of form-data with a name")
    body = data[head_end + 4 : end]
    if filename := parameters.get("filename"):
        content_type = headers.get("Content-Type", "application/unknown")
        files.setdefault(name, []).append(HTTPFile(filename=filename, body=body, content_type=content_type))
    else:
        arguments.setdefault(name, []).append(body)


def _part_headers(block: bytes) -> HTTPHeaders:
    headers = HTTPHeaders()
    for line in block.split(b"\r\n"):
        try:
            headers.parse_line(line.decode("utf-8"))
        except UnicodeDecodeError as exc:
            raise HTTPInputError("a part's headers are not UTF-8") from exc
    return headers
