"""What can come of a clause, and the record of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    """The outcomes of DESIGN.md section 5."""

    PASS = "pass"  # noqa: S105 - an outcome, not a password
    FAIL = "fail"
    HANG = "hang"
    CRASH = "crash"
    LEAK = "leak"
    FLAKY = "flaky"
    UNSUPPORTED = "unsupported"
    XFAIL = "xfail"
    XPASS = "xpass"
    INVALID = "invalid"
    UNTESTABLE = "untestable"
    NOTRUN = "notrun"


@dataclass(slots=True, kw_only=True)
class Result:
    """One clause on one target.

    ``milliseconds`` is the time of the last run, ``runs`` how many there were, ``bad_runs`` how many of those did not pass.
    ``message`` is one line for people; ``detail`` holds tracebacks, stacks of hung threads and captured output.
    """

    target: str
    clause: str
    rule: str
    level: str
    outcome: Outcome
    message: str = ""
    detail: str = ""
    milliseconds: float = 0.0
    runs: int = 1
    bad_runs: int = 0
    deviation: str = ""
    leaks: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class TargetReport:
    """Everything that is known of one target after a run.

    ``start_error`` is set when it could not be started at all, and says why; ``start_detail`` has the traceback or the stacks.
    """

    spec: str
    name: str
    version: str = ""
    start_error: str = ""
    start_detail: str = ""
    abilities: tuple[str, ...] = ()
    results: list[Result] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    """Profile -> ``conformant``, ``partial`` or ``failing``."""


@dataclass(slots=True, kw_only=True)
class RunReport:
    """One run of the kit: the document behind the terminal matrix, the HTML page and ``report.v1.json``."""

    started: str
    seconds: float
    kit: str
    contract: str
    environment: dict[str, str]
    control: str
    profiles: tuple[str, ...]
    targets: list[TargetReport]
    exit_code: int = 0
    notes: list[str] = field(default_factory=list)
    """Sentences for people: stale deviations, shrunken baselines and the like."""
