"""What came out: a figure for each line and subject, its ratio to the baseline, and all of it as JSON."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TypeAlias

from squall_conformance.bench.line import Line
from squall_conformance.bench.sections import Section, Subject


@dataclass(slots=True)
class Figure:
    """What came out for one line and one subject: a value for each round, or the reason why there is none."""

    values: list[float] = field(default_factory=list)
    unavailable: str = ""
    """Why it cannot be measured here; no fault of the subject's."""
    failure: str = ""
    """How the measurement crashed or hung."""

    @property
    def value(self) -> float | None:
        """The median of the rounds; None when a measurement failed."""
        return statistics.median(self.values) if self.values and not self.failure else None


Figures: TypeAlias = dict[tuple[str, str], Figure]
"""By the names of line and subject."""


def ratio(section: Section, line: Line, subject: Subject, figures: Figures) -> float | None:
    """Return the figure divided by the baseline's; None when either is missing."""
    value, base = figures[line.name, subject.name].value, figures[line.name, section.baseline].value
    return value / base if value is not None and base else None


def as_data(section: Section, figures: Figures) -> dict[str, object]:
    """Return a table as JSON has it."""
    return {
        "title": section.title,
        "baseline": section.baseline,
        "lines": [
            {
                "name": line.name,
                "title": line.title,
                "unit": line.unit,
                "results": [_result(section, line, subject, figures) for subject in section.subjects],
            }
            for line in section.lines
        ],
    }


def _result(section: Section, line: Line, subject: Subject, figures: Figures) -> dict[str, object]:
    figure = figures[line.name, subject.name]
    found = {
        "value": figure.value,
        "ratio": ratio(section, line, subject, figures),
        "rounds": figure.values,
        "unavailable": figure.unavailable,
        "failure": figure.failure,
    }
    return {"subject": subject.name} | {key: value for key, value in found.items() if value not in ("", None)}
