"""A summary in Markdown, as GitHub shows it on the page of a run (``$GITHUB_STEP_SUMMARY``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from squall_conformance.outcome import Outcome, Result, RunReport, TargetReport
from squall_conformance.report import terminal, view

_SIGNS: Final = {"conformant": "✅", "partial": "🟡", "failing": "❌"}
_MOST: Final = 100
"""Findings that are listed; GitHub refuses a summary above a megabyte."""


def write(run: RunReport, path: Path) -> None:
    """Append the summary to the file, as a step summary wants it. OSError when that fails."""
    with path.open("a", encoding="utf-8") as file:
        file.write(text(run))


def text(run: RunReport) -> str:
    """Return the Markdown."""
    return "\n".join([*_matrix(run), "", *_findings(run), *_notes(run)]) + "\n"


def _matrix(run: RunReport) -> Iterator[str]:
    areas = view.area_ids(run)
    yield f"## Loop conformance: {', '.join(run.profiles)}"
    yield ""
    facts = (terminal.environment_line(run), f"contract {run.contract}", f"squall {run.kit}", f"{run.seconds:.1f} s")
    yield escape(", ".join(facts))
    yield ""
    yield "| loop | verdict | " + " | ".join(areas) + " | MUST | SHOULD |"
    yield "|:--|:--|" + "--:|" * (len(areas) + 2)
    yield from (_row(target, areas) for target in run.targets)


def _row(target: TargetReport, areas: list[str]) -> str:
    name = escape(view.label(target))
    if target.start_error:
        return f"| {name} | ❌ not judged: {escape(target.start_error)} |" + " |" * (len(areas) + 2)
    grid = view.by_area(target)
    verdict = terminal.worst_verdict(target)
    cells = [_count(grid.get(area, [])) for area in areas]
    cells += [_count(view.of_level(target, level)) for level in ("MUST", "SHOULD")]
    return f"| {name} | {_SIGNS.get(verdict, '')} {verdict} | " + " | ".join(cells) + " |"


def _count(results: list[Result]) -> str:
    count = view.tally(results)
    if not count.executed:
        return "-"
    figures = f"{count.passed}/{count.executed}"
    return f"**{figures}**" if count.unexpected else figures


def _findings(run: RunReport) -> Iterator[str]:
    found = list(view.unexpected(run))
    if found:
        yield "### Not as expected"
        yield ""
    for target, result in found[:_MOST]:
        rule = view.rule_of(result)
        yield (
            f"- **{result.clause}** ({result.level}) on {escape(view.label(target))}: "
            f"{result.outcome.value} {view.rate(result)}".rstrip()
            + f" - {escape(result.message)}"
        )
        if rule:
            yield f"  <br>{escape(rule.sentence)} *Who breaks:* {escape(rule.consequence)}"
        yield f"  <br>{_code(view.repro_command(target, result))}"
    if len(found) > _MOST:
        yield f"- and {len(found) - _MOST} more"
    known = list(view.with_outcome(run, Outcome.XFAIL))
    if known:
        yield ""
        yield "### Known deviations"
        yield ""
        yield from (
            f"- {result.clause} on {escape(view.label(target))}: {escape(result.deviation)}" for target, result in known
        )


def _notes(run: RunReport) -> Iterator[str]:
    if run.notes:
        yield ""
    yield from (f"> {escape(note)}" for note in run.notes)


def escape(text: str) -> str:
    """Return the text on one line, with nothing in it that Markdown or HTML would act on."""
    line = "".join(char if char.isprintable() else " " for char in text).strip()
    return re.sub(r"([\\`*_{}\[\]|~@])", r"\\\1", line).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"`{text}`"
