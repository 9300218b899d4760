"""Colour and width of a terminal, without any library."""

from __future__ import annotations

import os
import shutil
from typing import Final, TextIO

from squall_conformance.outcome import Outcome

_CODES: Final = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}

STYLES: Final[dict[Outcome, str]] = {
    Outcome.PASS: "green",
    Outcome.FAIL: "red",
    Outcome.HANG: "red",
    Outcome.CRASH: "red",
    Outcome.LEAK: "red",
    Outcome.FLAKY: "red",
    Outcome.XPASS: "red",
    Outcome.XFAIL: "yellow",
    Outcome.INVALID: "magenta",
    Outcome.UNSUPPORTED: "dim",
    Outcome.UNTESTABLE: "dim",
    Outcome.NOTRUN: "dim",
}

VERDICT_STYLES: Final = {"conformant": "green", "partial": "yellow", "failing": "red"}


class Paint:
    """Wraps words in colours, or leaves them alone."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled

    def __call__(self, text: str, *styles: str) -> str:
        """Return ``text`` in those styles: bold, dim or the name of a colour."""
        if not self.enabled or not text or not styles:
            return text
        return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"


def wants_colour(stream: TextIO, *, forbidden: bool = False) -> bool:
    """Say whether to colour: ``--no-color``, then NO_COLOR, then FORCE_COLOR, then whether it is a terminal that can."""
    if forbidden or os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "") not in {"", "0"}:
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def is_terminal(stream: TextIO) -> bool:
    """Say whether somebody looks at the stream (a closed one is no terminal)."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def width_of(stream: TextIO) -> int:
    """Return the columns to fill: those of the terminal or of COLUMNS, else 120, and never fewer than 40."""
    if is_terminal(stream) or os.environ.get("COLUMNS"):
        return max(40, shutil.get_terminal_size((120, 24)).columns)
    return 120


def speaks_unicode(stream: TextIO) -> bool:
    """Say whether the stream can show the few signs that are used beyond ASCII."""
    try:
        "✓✗·…│".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def clip(text: str, width: int) -> str:
    """Return the text in at most ``width`` columns, its end cut off where it is longer."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
