"""One line on stderr that says what is being measured, on terminals only."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import Self

_WIDTH = 79


class Progress:
    """Counts steps; shows count, remaining time and the present step in one line, and wipes it in the end."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._begin = monotonic()
        self._shown = sys.stderr is not None and sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        self._write("")

    def step(self, what: str) -> None:
        """Begin the next step."""
        passed = monotonic() - self._begin
        left = f", {passed / self._done * (self._total - self._done):.0f} s left" if self._done else ""
        self._done += 1
        self._write(f"[{self._done}/{self._total}{left}] {what}")

    def _write(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(f"\r{text[:_WIDTH]:{_WIDTH}}\r" if not text else f"\r{text[:_WIDTH]:{_WIDTH}}")
            sys.stderr.flush()
