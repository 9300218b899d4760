"""Escaping and unescaping: HTML, URLs and JSON, and the way between bytes and text."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, unquote_plus, unquote_to_bytes

from squall._http.forms import parse_qs_bytes

_Bytes = TypeVar("_Bytes", bytes, None)
_Text = TypeVar("_Text", str, None)
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})
_BLANKS = re.compile(r"[\x00-\x20]+")
_URL = re.compile(r"\b(?:([A-Za-z][A-Za-z0-9+.\-]{0,30}):(//)?|www\.)[^\s()<>\"'&]*(?:&amp;[^\s()<>\"'&]*)*", re.ASCII)
_TAIL = ".,;:!?"
_LONGEST_SHOWN = 30

unichr = chr

__all__ = [
    "json_decode",
    "json_encode",
    "linkify",
    "native_str",
    "parse_qs_bytes",
    "recursive_unicode",
    "squeeze",
    "to_basestring",
    "to_unicode",
    "unichr",
    "url_escape",
    "url_unescape",
    "utf8",
    "xhtml_escape",
    "xhtml_unescape",
]


def xhtml_escape(value: str | bytes | None) -> str:
    """Return the text with ``& < > " '`` written as character references."""
    return to_unicode(value or "").translate(_HTML)


def xhtml_unescape(value: str | bytes) -> str:
    """Return the text with character references replaced by what they stand for."""
    return html.unescape(to_unicode(value))


def json_encode(value: Any) -> str:
    r"""Return the value as JSON that may stand inside an HTML script: ``</`` is written as ``<\/``."""
    return json.dumps(value).replace("</", "<\\/")


def json_decode(value: str | bytes) -> Any:
    """Return what the JSON text says; ValueError when it is none."""
    return json.loads(value)


def squeeze(value: str) -> str:
    """Return the text with every run of blanks and controls replaced by one blank."""
    return _BLANKS.sub(" ", value).strip()


def url_escape(value: str | bytes, plus: bool = True) -> str:  # noqa: FBT001, FBT002 - Tornado's signature
    """Return the value percent-encoded for a URL; a blank becomes ``+`` (right in a query) or, without ``plus``, ``%20``."""
    return quote_plus(utf8(value)) if plus else quote(utf8(value))


def url_unescape(value: str | bytes, encoding: str | None = "utf-8", plus: bool = True) -> Any:  # noqa: FBT001, FBT002 - Tornado's signature
    """Return the percent-decoded value: text in that encoding, or bytes with None. ``plus`` reads ``+`` as a blank."""
    text = to_unicode(value)
    if plus and encoding is not None:
        return unquote_plus(text, encoding)
    decoded = unquote_to_bytes(text.replace("+", " ") if plus else text)
    return decoded if encoding is None else decoded.decode(encoding, "replace")


def utf8(value: str | bytes | _Bytes) -> bytes | _Bytes:
    """Return text as UTF-8 bytes; bytes and None as they are. TypeError for anything else."""
    if isinstance(value, bytes | None):
        return value
    if not isinstance(value, str):
        raise TypeError(f"text, bytes or None is wanted, not {type(value).__name__}")
    return value.encode("utf-8")


def to_unicode(value: str | bytes | _Text) -> str | _Text:
    """Return UTF-8 bytes as text; text and None as they are. TypeError, or UnicodeDecodeError, for anything else."""
    if isinstance(value, str | None):
        return value
    if not isinstance(value, bytes):
        raise TypeError(f"text, bytes or None is wanted, not {type(value).__name__}")
    return value.decode("utf-8")


native_str = to_basestring = to_unicode


def recursive_unicode(obj: Any) -> Any:
    """Return lists, tuples and dictionaries with every bytes object in them decoded from UTF-8."""
    if isinstance(obj, dict):
        return {recursive_unicode(key): recursive_unicode(value) for key, value in obj.items()}
    if isinstance(obj, list):
        return [recursive_unicode(item) for item in obj]
    if isinstance(obj, tuple):
        return tuple(recursive_unicode(item) for item in obj)
    return to_unicode(obj) if isinstance(obj, bytes) else obj


def linkify(
    text: str | bytes,
    shorten: bool = False,  # noqa: FBT001, FBT002 - Tornado's signature
    extra_params: str | Callable[[str], str] = "",
    require_protocol: bool = False,  # noqa: FBT001, FBT002 - as above
    permitted_protocols: Sequence[str] = ("http", "https"),
) -> str:
    """Return the text as HTML, escaped, with the URLs in it made into links.

    ``shorten`` shows long ones cut; ``extra_params`` are attributes for the link, or a function of the URL that returns them;
    with ``require_protocol`` a bare ``www.`` stays text; other schemes than ``permitted_protocols`` stay text.
    """

    def link(match: re.Match[str]) -> str:
        url, scheme = match[0], match[1]
        if (scheme is None and require_protocol) or (scheme is not None and scheme.lower() not in permitted_protocols):
            return url
        bare = url.rstrip(_TAIL)
        href = bare if scheme else f"http://{bare}"
        attributes = extra_params(href) if callable(extra_params) else extra_params
        space = f" {attributes.strip()}" if attributes else ""
        shown = bare
        if shorten and len(bare) > _LONGEST_SHOWN:
            shown = _shortened(bare)
            space += f' title="{href}"'
        return f'<a href="{href}"{space}>{shown}</a>{url[len(bare) :]}'

    return _URL.sub(link, xhtml_escape(text))


def _shortened(url: str) -> str:
    cut = url[:_LONGEST_SHOWN]
    ampersand = cut.rfind("&")
    if ampersand > _LONGEST_SHOWN - 5:  # not in the middle of a character reference
        cut = cut[:ampersand]
    return cut + "..."
