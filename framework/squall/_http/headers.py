"""Header fields as a mapping: case does not matter, order is kept, and a name may come several times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, MutableMapping
from functools import lru_cache
from typing import Any

from squall._http.errors import HTTPInputError

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BLANK = " \t"


@lru_cache(maxsize=1000)
def normalize(name: str) -> str:
    """Return the name as it is usually written: ``Content-Type``."""
    return "-".join([word.capitalize() for word in name.split("-")])


class HTTPHeaders(MutableMapping[str, str]):
    """The fields of a message.

    Reading a name that came several times joins the values with a comma (RFC 9110 section 5.3); ``get_list`` has each by
    itself, which is the only right way for Set-Cookie. Setting replaces, ``add`` adds. Names come out as ``Content-Type``.
    """

    __slots__ = ("_fields", "_known")

    def __init__(self, *args: Any, **kwargs: str) -> None:
        self._known: dict[str, list[str]] | None = {}
        self._fields: Iterable[tuple[str, str]] = ()
        if len(args) == 1 and not kwargs and isinstance(args[0], HTTPHeaders):
            for name in args[0]:
                self._lists[name] = args[0].get_list(name)
        elif args or kwargs:
            self.update(*args, **kwargs)

    @classmethod
    def of_fields(cls, fields: Iterable[tuple[str, str]]) -> HTTPHeaders:
        """Return headers of names and values that the wire has checked already. They are sorted in when first looked at."""
        headers = cls()
        headers._known = None
        headers._fields = fields
        return headers

    @property
    def _lists(self) -> dict[str, list[str]]:
        known = self._known
        if known is None:
            known = self._known = {}
            for name, value in self._fields:
                known.setdefault(normalize(name), []).append(value)
            self._fields = ()
        return known

    def add(self, name: str, value: str) -> None:
        """Add one more field. ValueError for a name that is no token or a value with CR, LF, NUL or other controls."""
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name[:100]!r} is no name of a header field")
        if _BAD_VALUE.search(value):
            raise ValueError(f"the value {value[:100]!r} of the header field {name} has control characters")
        self._lists.setdefault(normalize(name), []).append(value)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of that name, several joined by commas; ``default`` when there is none."""
        values = self._lists.get(normalize(name))
        if values is None:
            return default
        return values[0] if len(values) == 1 else ",".join(values)

    def get_list(self, name: str) -> list[str]:
        """Return every value of that name, in order; an empty list when there is none."""
        return self._lists.get(normalize(name), []).copy()

    def get_all(self) -> Iterator[tuple[str, str]]:
        """Yield every field as a pair; a name that came several times comes as often."""
        for name, values in self._lists.items():
            for value in values:
                yield name, value

    def parse_line(self, line: str) -> None:
        """Add the field in a line such as ``"Name: value"``; HTTPInputError when it is none. Folded lines are refused."""
        name, colon, value = line.rstrip("\r\n").partition(":")
        if not colon:
            raise HTTPInputError(f"no colon in the header line {line[:100]!r}")
        try:
            self.add(name, value.strip(_BLANK))
        except ValueError as exc:
            raise HTTPInputError(str(exc)) from exc

    @classmethod
    def parse(cls, headers: str) -> HTTPHeaders:
        """Return the fields in a text of lines; HTTPInputError when a line is none."""
        parsed = cls()
        for line in headers.split("\n"):
            if stripped := line.removesuffix("\r"):
                parsed.parse_line(stripped)
        return parsed

    def copy(self) -> HTTPHeaders:
        """Return an independent copy."""
        return HTTPHeaders(self)

    __copy__ = copy

    def __setitem__(self, name: str, value: str) -> None:
        self._lists.pop(normalize(name), None)
        self.add(name, value)

    def __getitem__(self, name: str) -> str:
        values = self._lists[normalize(name)]
        return values[0] if len(values) == 1 else ",".join(values)

    def __delitem__(self, name: str) -> None:
        del self._lists[normalize(name)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and normalize(name) in self._lists

    def __len__(self) -> int:
        return len(self._lists)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __str__(self) -> str:
        return "".join(f"{name}: {value}\n" for name, value in self.get_all())

    def __repr__(self) -> str:
        return f"HTTPHeaders({dict(self)!r})"
