"""Which loop was asked for, and by whom: the text of the choice and where it comes from.

The order: an argument, the environment variable ``SQUALL_LOOP``, ``[tool.squall] loop`` in the nearest ``pyproject.toml``
upwards from the working directory, and ``auto``.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VARIABLE: Final = "SQUALL_LOOP"
DEFAULT: Final = "auto"


class SpecError(ValueError):
    """A loop was asked for that cannot be had; the message says what was wrong, where it came from and what would work."""


@dataclass(frozen=True, slots=True)
class LoopSpec:
    """A choice of loop, and in words who made it: ``argument``, ``SQUALL_LOOP``, ``pyproject.toml at ...`` or ``default``."""

    text: str
    origin: str

    def __str__(self) -> str:
        """Return the text with its origin, as error messages quote it."""
        return f"{self.text!r} ({self.origin})"


def resolve(spec: str | None = None) -> LoopSpec:
    """Return the choice that is in force; it is not checked whether such a loop exists.

    Raises SpecError when a ``pyproject.toml`` on the way cannot be read or names something other than text.
    """
    if spec is not None:
        return LoopSpec(spec.strip(), "argument")
    variable = os.environ.get(VARIABLE, "").strip()
    if variable:
        return LoopSpec(variable, VARIABLE)
    return _from_project(Path.cwd()) or LoopSpec(DEFAULT, "default")


def _from_project(start: Path) -> LoopSpec | None:
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            return _from_file(file)
    return None


def _from_file(file: Path) -> LoopSpec | None:
    origin = f"pyproject.toml at {file.parent}"
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        message = f"cannot look for [tool.squall] loop in {origin}: {exc}"
        raise SpecError(message) from exc
    tool = settings.get("tool")
    table = tool.get("squall") if isinstance(tool, dict) else None
    if not isinstance(table, dict) or "loop" not in table:
        return None
    text = table["loop"]
    if not isinstance(text, str) or not text.strip():
        message = f"[tool.squall] loop in {origin} is {text!r}; it has to be a text such as {DEFAULT!r} or 'uvloop'"
        raise SpecError(message)
    return LoopSpec(text.strip(), origin)
