"""The figures as text: plain in files and pipes, drawn by rich on a terminal that has it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence

from squall_conformance.bench.figures import Figures, ratio
from squall_conformance.bench.line import Line
from squall_conformance.bench.sections import Section, Subject


def show(planned: Sequence[Section], figures: Figures, around: Mapping[str, object]) -> None:
    """Print the tables to stdout, notes on what could not be measured, and where the figures were taken."""
    draw = sys.stdout.isatty() and importlib.util.find_spec("rich") is not None
    for section in planned:
        if draw:
            _draw(section, figures)
        else:
            sys.stdout.write(plain(section, figures))
    notes = "".join(f"{note}\n" for note in _notes(planned, figures))
    known = ", ".join(f"{name} {value}" for name, value in around.items() if value is not None)
    sys.stdout.write(f"{notes}\n{known}\n")


def plain(section: Section, figures: Figures) -> str:
    """Return one table as lines of text."""
    rows = [["", *(subject.heading for subject in section.subjects)]]
    rows += [[line.title, *(_cell(section, line, subject, figures) for subject in section.subjects)] for line in section.lines]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    text = [f"\n{section.title}\n{section.legend}\n\n"]
    for row in rows:
        cells = [f"{row[0]:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))]
        text.append("  ".join(cells).rstrip() + "\n")
    return "".join(text)


def _draw(section: Section, figures: Figures) -> None:
    """Draw one table; rich itself obeys NO_COLOR and the terminal's width."""
    from rich.console import Console  # noqa: PLC0415 - optional, and slow to import
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    drawn = Table(title=section.title, caption=section.legend)
    drawn.add_column("")
    for subject in section.subjects:
        drawn.add_column(subject.heading, justify="right")
    for line in section.lines:
        cells = [
            Text(_cell(section, line, subject, figures), style=_style(section, line, subject, figures))
            for subject in section.subjects
        ]
        drawn.add_row(line.title, *cells)
    Console().print(drawn)


def _style(section: Section, line: Line, subject: Subject, figures: Figures) -> str:
    against = ratio(section, line, subject, figures)
    if against is None:
        return "dim"
    if subject.name == section.baseline:
        return ""
    return "green" if (against <= 1 if line.unit == "B" else against >= 1) else "red"


def _cell(section: Section, line: Line, subject: Subject, figures: Figures) -> str:
    figure = figures[line.name, subject.name]
    if figure.failure:
        return figure.failure.partition(":")[0].upper()
    if figure.value is None:
        return "-"
    against = ratio(section, line, subject, figures)
    return human(figure.value, line.unit) + (f" {against:5.2f}" if against is not None else "")


def human(value: float, unit: str) -> str:
    """Return a figure with three digits and its unit: ``1.23 M/s``, ``45.6 k/s``, ``789 B``."""
    for size, prefix in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            scaled = value / size
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f} {prefix}{unit}"
    return f"{value:.0f} {unit}"


def _notes(planned: Sequence[Section], figures: Figures) -> Iterator[str]:
    for section in planned:
        for line in section.lines:
            for subject in section.subjects:
                figure = figures[line.name, subject.name]
                if figure.failure or figure.unavailable:
                    yield f"{line.title}, {subject.heading}: {figure.failure or figure.unavailable}"
