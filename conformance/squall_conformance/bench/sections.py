"""What is measured beside what: the tables of ``squall bench loop``, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from squall_conformance.bench import coroutine_lines, loop_lines
from squall_conformance.bench.drive import RAW
from squall_conformance.bench.line import Line
from squall_loops import registry
from squall_loops.factories import factory_of

OWN: Final = ("epoll", "kqueue", "poll", "select")
"""The short names of our own loops, the quickest first."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One column: the name by which a measurement knows it, and the heading."""

    name: str
    heading: str


@dataclass(frozen=True, slots=True)
class Section:
    """One table: every line is measured for every subject."""

    title: str
    legend: str
    lines: tuple[Line, ...]
    subjects: tuple[Subject, ...]
    baseline: str
    """The subject whose ratio is 1.00."""


def sections(specs: Sequence[str]) -> tuple[Section, ...]:
    """Return the tables for these loops; for all that are ours and available here when there are none.

    asyncio and uvloop always stand beside them. Raises ``registry.SpecError`` for a name that no loop has
    here; what is wrong with ``package.module:factory`` shows when it is measured.
    """
    for spec in specs:
        chosen = registry.resolve(spec)
        if ":" not in chosen.text:  # a stranger's module is imported in the measuring process only
            factory_of(chosen)
    available = [loop.name for loop in registry.known_loops() if loop.available]
    own = [name for name in OWN if name in available]
    return _loops(specs or own), _coroutines(specs[0] if specs else own[0])


def _loops(specs: Sequence[str]) -> Section:
    # A spec that runs on asyncio is our adapter; asyncio itself is measured under a name that is no spec.
    ours = tuple(Subject(spec, f"squall on {spec}" if spec in {"asyncio", "uvloop"} else spec) for spec in dict.fromkeys(specs))
    return Section(
        title="Loops",
        legend="A ratio of 1.00 is asyncio's own selector loop, measured in the same run; more is better, but for memory."
        " Seconds are processor time.",
        lines=loop_lines.LINES,
        subjects=(*ours, Subject(f"{RAW}asyncio", "asyncio"), Subject(f"{RAW}uvloop", "uvloop")),
        baseline=f"{RAW}asyncio",
    )


def _coroutines(spec: str) -> Section:
    return Section(
        title=f"Coroutines (squall's on {spec})",
        legend="A ratio of 1.00 is asyncio's task in pure Python, measured in the same run; more is better."
        " Seconds are processor time.",
        lines=coroutine_lines.LINES,
        subjects=(
            Subject(f"native:{spec}", "async def"),
            Subject(f"generator:{spec}", "gen.coroutine"),
            Subject("pytask:asyncio", "Task in Python"),
            Subject("task:asyncio", "Task in C"),
            Subject("task:uvloop", "Task on uvloop"),
        ),
        baseline="pytask:asyncio",
    )
