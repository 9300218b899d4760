"""When a known deviation applies: ``os == 'linux' and target < '0.24'``, by a grammar of its own, never evaluated as code.

    condition  = part { "or" part }
    part       = term { "and" term }
    term       = "(" condition ")" | name operator text
    name       = os | machine | python | implementation | target
    operator   = == | != | < | <= | > | >=

``python`` and ``target`` (the version of the loop that is judged) are compared as versions; the others are words, and
compared by == and != only.
"""

from __future__ import annotations

import operator
import platform
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

VERSIONS: Final = frozenset({"python", "target"})
NAMES: Final = frozenset({"os", "machine", "implementation"}) | VERSIONS

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TOKEN: Final = re.compile(r"\s*(?:(?P<text>'[^']*'|\"[^\"]*\")|(?P<operator>[=!<>]=|[<>])|(?P<name>[a-z]+)|(?P<paren>[()]))")
_RELEASE: Final = re.compile(r"v?(?:\d+!)?(?P<release>\d+(?:\.\d+)*)(?P<rest>.*)")
_BEFORE_RELEASE: Final = re.compile(r"[._-]?(?:a|b|c|rc|alpha|beta|pre|preview|dev)", re.IGNORECASE)

Facts = Mapping[str, str]


class ConditionError(ValueError):
    """The text is no condition; the message says where it stopped making sense, and what would be right there."""


def facts(target_version: str) -> Facts:
    """Return what conditions are about, for this machine and a target of that version."""
    return {
        "os": platform.system().lower(),
        "machine": platform.machine().lower(),
        "implementation": platform.python_implementation().lower(),
        "python": platform.python_version(),
        "target": target_version,
    }


def holds(condition: str, known: Facts) -> bool:
    """Whether the condition is true of those facts; an empty one is. ConditionError when it is none."""
    if not condition.strip():
        return True
    reader = _Reader(condition, known)
    result = reader.any_of()
    reader.end()
    return result


def version_key(version: str) -> tuple[tuple[int, ...], int]:
    """Return a key by which versions sort: numbers by value, and a pre-release before its release. ValueError if it is none."""
    match = _RELEASE.match(version.strip())
    if match is None:
        message = f"{version!r} is no version"
        raise ValueError(message)
    numbers = [int(number) for number in match["release"].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), 0 if _BEFORE_RELEASE.match(match["rest"]) else 1


class _Reader:
    """Reads a condition from left to right."""

    def __init__(self, text: str, known: Facts) -> None:
        self._known = known
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                message = f"condition {text!r}: {text[place:].strip()!r} is neither a name, an operator nor a quoted text"
                raise ConditionError(message)
            kind = str(match.lastgroup)
            self._tokens.append((kind, match[kind]))
            place = match.end()
        self._tokens.reverse()

    def any_of(self) -> bool:
        result = self._all_of()
        while self._word("or"):
            result = self._all_of() or result
        return result

    def _all_of(self) -> bool:
        result = self._term()
        while self._word("and"):
            result = self._term() and result
        return result

    def _term(self) -> bool:
        kind, text = self._take("a name or a parenthesis")
        if text == "(":
            result = self.any_of()
            if self._take("a closing parenthesis") != ("paren", ")"):
                self._complain("a closing parenthesis is missing")
            return result
        if kind != "name" or text not in NAMES:
            self._complain(f"{text!r} is not one of {', '.join(sorted(NAMES))}")
        kind, sign = self._take("an operator")
        if kind != "operator":
            self._complain(f"after {text!r} an operator is wanted, one of {' '.join(_OPERATORS)}, not {sign!r}")
        kind, quoted = self._take("a quoted text")
        if kind != "text":
            self._complain(f"{quoted!r} has to be in quotes")
        return self._compare(text, sign, quoted[1:-1])

    def _compare(self, name: str, sign: str, wanted: str) -> bool:
        known = self._known[name]
        if name not in VERSIONS:
            if sign not in {"==", "!="}:
                self._complain(f"{name!r} can be compared by == and != only")
            return _OPERATORS[sign](known, wanted.lower())
        try:
            key = version_key(wanted)
        except ValueError as exc:
            self._complain(str(exc))
        return bool(known) and _OPERATORS[sign](version_key(known), key)

    def end(self) -> None:
        if self._tokens:
            self._complain(f"{self._tokens[-1][1]!r} is too much; terms are joined by 'and' or 'or'")

    def _word(self, word: str) -> bool:
        if self._tokens and self._tokens[-1] == ("name", word):
            self._tokens.pop()
            return True
        return False

    def _take(self, wanted: str) -> tuple[str, str]:
        if not self._tokens:
            self._complain(f"it ends where {wanted} is wanted")
        return self._tokens.pop()

    def _complain(self, what: str) -> NoReturn:
        message = f"condition {self._text!r}: {what}"
        raise ConditionError(message)
