"""What came of running one clause once, and how a process's end is put into words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from squall_conformance.isolation.processes import signal_name
from squall_conformance.isolation.protocol import LOST_CHANNEL, Message
from squall_conformance.outcome import Outcome

_MOST: Final = 20_000  # characters of captured output or stacks that are kept
_INNERMOST: Final = re.compile(
    r'^(?:Current thread|Thread) .*\n\s+File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<name>.+)$', re.MULTILINE
)

_OURS: Final = re.compile(r'squall_conformance/(?:isolation/|worker\.py)|File "<frozen runpy>"')


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One run of one clause, before anything is compared with other runs. ``data`` is all that the process sent."""

    outcome: Outcome
    message: str = ""
    detail: str = ""
    milliseconds: float = 0.0
    leaks: dict[str, int] = field(default_factory=dict)
    data: Message = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Ended:
    """How a clause's process ended: what it sent, its exit code (negative: a signal; None: nobody knows), and what it left."""

    result: Message | None
    exit_code: int | None
    seconds: float
    timed_out: float = 0.0
    at: str = ""
    passed: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    output: str = ""
    stacks: str = ""

    def judged(self) -> Attempt:
        """Return the outcome in the kit's terms."""
        milliseconds = self.seconds * 1000
        if self.result is None and self.timed_out:
            message = f"no result within {self.timed_out:g} s{self._where()}"
            return Attempt(outcome=Outcome.HANG, message=message, detail=self._detail(""), milliseconds=milliseconds)
        if self.result is None:
            return Attempt(outcome=Outcome.CRASH, message=self.end(), detail=self._detail(""), milliseconds=milliseconds)
        outcome = Outcome(self.result.get("outcome", "pass"))
        message = str(self.result.get("message", ""))
        leaked = dict(self.result.get("leaks", {}))
        if self.strays:
            leaked["children"] = max(leaked.get("children", 0), len(self.strays))
            if outcome is Outcome.PASS:
                outcome, message = Outcome.LEAK, f"left behind: {', '.join(self.strays)}"
        detail = self._detail(str(self.result.get("detail", ""))) if outcome is not Outcome.PASS else ""
        milliseconds = float(self.result.get("milliseconds", milliseconds))
        return Attempt(
            outcome=outcome, message=message, detail=detail, milliseconds=milliseconds, leaks=leaked, data=self.result
        )

    def end(self) -> str:
        """Return how the process ended although it had sent no result."""
        if self.exit_code is None:
            return "the process was lost: its supervisor ended before it"
        if self.exit_code < 0:
            return f"killed by {signal_name(-self.exit_code)}"
        if self.exit_code == LOST_CHANNEL:
            return "closed the descriptor on which its result was to be sent"
        return f"exited with status {self.exit_code} without a result"

    def _where(self) -> str:
        """Return the innermost frame of the last thread listed, the main one."""
        frames = list(_INNERMOST.finditer(self.stacks))
        if not frames:
            return ""
        last = frames[-1]
        return f", in {last['name']} ({Path(last['file']).name}:{last['line']})"

    def _detail(self, own: str) -> str:
        parts = [own, _section("stacks", _without_ours(self.stacks)), _section("output", self.output)]
        return "\n".join(part for part in parts if part)


def _without_ours(stacks: str) -> str:
    """Leave out the frames below the clause: those of the worker process, the same every time."""
    return "".join(line for line in stacks.splitlines(keepends=True) if not _OURS.search(line))


def _section(title: str, text: str) -> str:
    if not text.strip():
        return ""
    return f"--- {title} ---\n" + (text if len(text) <= _MOST else "[...]\n" + text[-_MOST:])


def read_text(path: Path) -> str:
    """Return a file's text, or an empty string when there is no such file."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
