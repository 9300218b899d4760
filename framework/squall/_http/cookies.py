"""Cookies of a request, read as browsers write them: split at semicolons and nowhere else (RFC 6265 section 4.2)."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))", re.DOTALL)
_BLANK = " \t"


def parse_cookie(cookie: str) -> dict[str, str]:
    """Return names and values of a Cookie header. Linear; what makes no sense is kept as it is, never raised.

    A part without ``=`` has the name ``""``; so has one that begins with it, and ``=__Host-a=b`` cannot pass for ``__Host-a``.
    """
    found: dict[str, str] = {}
    for part in cookie.split(";"):
        name, equals, value = part.partition("=")
        if not equals:
            name, value = "", name
        name, value = name.strip(_BLANK), value.strip(_BLANK)
        if name or value:
            found[name] = unquote_cookie(value)
    return found


def unquote_cookie(value: str) -> str:
    """Return the value without the quotes and escapes that some programs put around it; in linear time (CVE-2024-52804)."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)) if match[1] else match[2], value[1:-1])
