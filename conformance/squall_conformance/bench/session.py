"""A whole run: rounds in which the subjects take turns, a process for each measurement, medians, and the verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from squall_conformance.bench import table
from squall_conformance.bench.environment import environment
from squall_conformance.bench.figures import Figure, Figures, as_data
from squall_conformance.bench.line import MARK, Line
from squall_conformance.bench.progress import Progress
from squall_conformance.bench.sections import Section, Subject, sections
from squall_loops import registry

SUITES: Final = ("loop",)
HANG: Final = 60.0
"""Seconds after which a measurement is given up."""
EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_NOTHING = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done for a figure."""

    rounds: int
    seconds: float
    """How long the run lasts that counts."""
    share: float
    """Share of the usual number of things, where their memory is measured."""


FULL: Final = Effort(rounds=5, seconds=0.2, share=1.0)
QUICK: Final = Effort(rounds=3, seconds=0.03, share=0.25)


Measure: TypeAlias = Callable[[str, str, Effort], Figure]


def run(
    suite: str,
    specs: Sequence[str] | None = None,
    quick: bool = False,  # noqa: FBT001, FBT002 - the command passes its options on
    json_path: str | os.PathLike[str] | None = None,
) -> int:
    """Run a suite (there is one: ``loop``), print its tables, and write them as JSON if a path is given.

    ``specs`` names the loops to measure, by default all of ours that are available. Returns the exit code: 0; 1 when a
    measurement crashed or hung; 2 for a wrong suite or spec; 5 when nothing could be measured.
    """
    if suite not in SUITES:
        sys.stderr.write(f"squall bench: there is no suite {suite!r}, only {', '.join(SUITES)}\n")
        return EXIT_USAGE
    try:
        planned = sections(specs or ())
    except registry.SpecError as error:
        sys.stderr.write(f"squall bench: {error}\n")
        return EXIT_USAGE
    effort = QUICK if quick else FULL
    with Progress(total=effort.rounds * sum(len(one.lines) * len(one.subjects) for one in planned)) as progress:
        figures = measure_all(planned, effort, progress.step)
    around = environment()
    table.show(planned, figures, around)
    if json_path is not None:
        document = {
            "suite": suite,
            "quick": quick,
            "environment": around,
            "sections": [as_data(one, figures) for one in planned],
        }
        Path(json_path).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return verdict(figures)


def measure_all(
    planned: Sequence[Section], effort: Effort, tell: Callable[[str], object], measure: Measure | None = None
) -> Figures:
    """Measure every line for every subject, once in each round; what failed or is not available is not tried again."""
    figures: Figures = {}
    for _ in range(effort.rounds):
        for line, subject in _turns(planned):
            tell(f"{line.title}: {subject.heading}")
            figure = figures.setdefault((line.name, subject.name), Figure())
            if not figure.unavailable and not figure.failure:
                new = (measure or measure_in_process)(line.name, subject.name, effort)
                figure.values += new.values
                figure.unavailable, figure.failure = new.unavailable, new.failure
    return figures


def _turns(planned: Sequence[Section]) -> Iterator[tuple[Line, Subject]]:
    """Subjects change fastest: those that are compared are measured next to each other in time."""
    for section in planned:
        for line in section.lines:
            for subject in section.subjects:
                yield line, subject


def measure_in_process(line: str, subject: str, effort: Effort) -> Figure:
    """Do one measurement in a new interpreter, so that a crash or a hang is a figure too."""
    command = [sys.executable, "-m", "squall_conformance.bench.measure", line, subject]
    command += ["--seconds", str(effort.seconds), "--share", str(effort.share)]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, capture_output=True, text=True, errors="replace", timeout=HANG, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return Figure(failure=f"hang: no result within {HANG:.0f} s")
    results = [text.removeprefix(MARK) for text in done.stdout.splitlines() if text.startswith(MARK)]
    if not results:
        return Figure(failure=_cause(done))
    result = json.loads(results[-1])
    if "value" in result:
        return Figure([result["value"]])
    return Figure(unavailable=result.get("unavailable", ""), failure=result.get("failure", ""))


def _cause(done: subprocess.CompletedProcess[str]) -> str:
    last = next((text for text in reversed(done.stderr.splitlines()) if text.strip()), "nothing was printed")
    how = f"killed by signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
    return f"crash: {how}: {last.strip()}"


def verdict(figures: Figures) -> int:
    """Return the exit code for these figures."""
    if any(figure.failure for figure in figures.values()):
        return EXIT_FAILED
    return EXIT_OK if any(figure.values for figure in figures.values()) else EXIT_NOTHING
