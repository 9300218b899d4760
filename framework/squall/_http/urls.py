"""Small work on URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_PORT = re.compile(r"(.+):([0-9]{1,5})", re.ASCII | re.DOTALL)


def url_concat(url: str, args: Mapping[str, str] | Sequence[tuple[str, str]] | None) -> str:
    """Return the URL with these arguments added to its query, behind those that it has. None adds nothing.

    TypeError when ``args`` is neither a mapping nor a sequence of pairs.
    """
    if args is None:
        return url
    if not isinstance(args, Mapping | list | tuple):
        raise TypeError(f"args must be a mapping or a sequence of pairs, not {type(args).__name__}")
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    pairs.extend(args.items() if isinstance(args, Mapping) else args)
    return urlunsplit(parts._replace(query=urlencode(pairs)))


def split_host_and_port(netloc: str) -> tuple[str, int | None]:
    """Return host and port of a text such as ``example.com:8888``; the port is None where there is none."""
    match = _PORT.fullmatch(netloc)
    return (match[1], int(match[2])) if match else (netloc, None)


def qs_to_qsl(qs: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Return a mapping of lists, as ``parse_qs`` makes, as a list of pairs."""
    return [(name, value) for name, values in qs.items() for value in values]
