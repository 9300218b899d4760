"""One page with everything: the matrix first, and behind each cell the rule, what was seen and how to see it again.

Self-contained: style and script are inside, nothing is fetched. Without JavaScript the matrix and the findings are all there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any, Final

from squall_conformance.outcome import Outcome, Result, RunReport, TargetReport
from squall_conformance.report import terminal, view
from squall_loops.contract.rules import BY_ID

KINDS: Final[dict[Outcome, str]] = {
    **dict.fromkeys(view.UNEXPECTED, "bad"),
    Outcome.PASS: "good",
    Outcome.XFAIL: "known",
    Outcome.INVALID: "odd",
    **dict.fromkeys(view.NOT_EXECUTED, "grey"),
}
"""Outcome -> the class that colours it. The words are always there as well."""

_VERDICT_KINDS: Final = {"conformant": "good", "partial": "known", "failing": "bad"}
_CELL_WORDS: Final = {Outcome.UNSUPPORTED: "n/a", Outcome.UNTESTABLE: "untestable", Outcome.NOTRUN: "not run"}


def write(run: RunReport, path: Path) -> None:
    """Write the page. OSError when the file cannot be written."""
    path.write_text(page(run), encoding="utf-8")


def page(run: RunReport) -> str:
    """Return the page's source."""
    parts = (
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        "<title>Loop conformance</title>",
        f"<style>{_resource('page.css')}</style></head><body>",
        *_header(run),
        '<div class="cards">',
        *(_card(target) for target in run.targets),
        "</div>",
        *_matrix(run),
        *_findings(run),
        *_notes(run),
        f"<footer>squall {escape(run.kit)}, loop contract {escape(run.contract)}; exit code {run.exit_code}.</footer>",
        '<dialog id="said" class="said"></dialog>',
        f'<script type="application/json" id="data">{_data(run)}</script>',
        f"<script>{_resource('page.js')}</script></body></html>\n",
    )
    return "\n".join(parts)


def _resource(name: str) -> str:
    return resources.files("squall_conformance.report").joinpath(name).read_text(encoding="utf-8")


def _header(run: RunReport) -> Iterator[str]:
    good = sum(terminal.worst_verdict(target) == "conformant" for target in run.targets)
    yield "<h1>Loop conformance</h1>"
    yield (
        f'<p class="lead">{good} of {len(run.targets)} event loops keep every MUST of the contract. Each cell below was'
        " measured in this run, each clause in a process of its own.</p>"
    )
    facts = {
        "started": run.started.replace("T", " "),
        "took": f"{run.seconds:.1f} s",
        "Python": " ".join(run.environment.get(key, "") for key in ("implementation", "python")).strip(),
        "system": " ".join(run.environment.get(key, "") for key in ("os", "release", "machine")).strip(),
        "cores": run.environment.get("cores", ""),
        "control": run.control,
        "profile": ", ".join(run.profiles),
    }
    yield '<dl class="facts">'
    yield from (f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items() if text)
    yield "</dl>"


def _breakable(name: str) -> str:
    """Return the name escaped, with places where a narrow column may break it."""
    return re.sub(r"([.:_])(?=\w)", r"\1<wbr>", escape(name))


def _card(target: TargetReport) -> str:
    name, version = _breakable(target.name or target.spec), escape(target.version)
    head = f'<div class="card"><h3>{name}</h3><div class="version">{version}</div>'
    if target.start_error:
        return f'{head}<span class="verdict bad">not judged</span><p>{escape(target.start_error)}</p></div>'
    verdicts = "".join(
        f'<span class="verdict {_VERDICT_KINDS.get(verdict, "grey")}">{escape(profile)}: {escape(verdict)}</span> '
        for profile, verdict in target.verdicts.items()
    )
    return f'{head}{verdicts}{_bar(target)}<p class="soft">{escape(terminal.denominators(target))}</p></div>'


def _bar(target: TargetReport) -> str:
    whole = view.tally(target.results)
    shares = {"good": whole.passed, "known": whole.known, "odd": whole.invalid, "bad": whole.unexpected}
    parts = (
        f'<i class="{kind}" style="width:{100 * count / whole.total:.2f}%"></i>' for kind, count in shares.items() if count
    )
    return f'<div class="bar" aria-hidden="true">{"".join(parts)}</div>'


def _matrix(run: RunReport) -> Iterator[str]:
    yield "<h2>Rules and loops</h2>"
    yield '<div class="tools"><input id="search" type="search" placeholder="search the rules" aria-label="search the rules">'
    yield '<label><input id="only" type="checkbox"> only rules that something did not pass</label>'
    yield '<span class="soft">Click a cell to see what is behind it.</span></div>'
    yield '<div class="frame"><table id="matrix"><thead><tr><th scope="col">Rule</th>'
    yield from (f'<th scope="col" class="target">{_breakable(target.name or target.spec)}</th>' for target in run.targets)
    yield "</tr></thead>"
    grids = [view.cells(target) for target in run.targets]
    areas = [view.by_area(target) for target in run.targets]
    for area in view.area_ids(run):
        name = f"{escape(area)} {escape(view.area_name(area))}"
        yield f'<tbody><tr class="area"><th scope="rowgroup">{name}</th>' + "".join(
            _area_cell(by.get(area, [])) for by in areas
        )
        yield "</tr>"
        for rule_id in view.rule_ids(run):
            if view.area_of(rule_id) == area:
                yield _rule_row(rule_id, [grid.get(rule_id) for grid in grids])
        yield "</tbody>"
    yield "</table></div>"
    yield '<ul class="legend">'
    for outcome, meaning in view.MEANINGS.items():
        yield f'<li><b class="{KINDS[outcome]}">{_word(outcome)}</b> {escape(meaning)}</li>'
    yield "</ul>"


def _area_cell(results: list[Result]) -> str:
    count = view.tally(results)
    text = f"{count.passed}/{count.executed}" if count.executed else "-"
    return f'<td class="{KINDS[view.worst(results)]}">{text}</td>'


def _rule_row(rule_id: str, row: list[view.Cell | None]) -> str:
    rule = BY_ID.get(rule_id)
    level = rule.level.value if rule else ""
    sentence = escape(rule.sentence) if rule else ""
    found = int(any(cell and KINDS[cell.outcome] not in {"good", "grey"} for cell in row))
    head = f'<span class="id">{escape(rule_id)}</span><span class="level">{level}</span>{sentence}'
    cells = "".join(_cell(cell, column) for column, cell in enumerate(row))
    return f'<tr data-rule="{escape(rule_id)}" data-found="{found}"><th scope="row" class="rule">{head}</th>{cells}</tr>'


def _cell(cell: view.Cell | None, column: int) -> str:
    if cell is None:
        return '<td class="grey"><span class="cell">-</span></td>'
    rates = [view.rate(result) for result in cell.results if result.outcome is Outcome.FLAKY]
    word = " ".join([_word(cell.outcome), *rates])
    messages = "\n".join(result.message for result in cell.results if result.message and result.outcome is not Outcome.PASS)
    title = f' title="{escape(messages)}"' if messages else ""
    button = f'<button type="button" class="cell" data-column="{column}"{title}>{escape(word)}</button>'
    return f'<td class="{KINDS[cell.outcome]}">{button}</td>'


def _word(outcome: Outcome) -> str:
    return _CELL_WORDS.get(outcome, outcome.value)


def _findings(run: RunReport) -> Iterator[str]:
    listed = [
        *view.unexpected(run),
        *view.with_outcome(run, Outcome.XFAIL),
        *view.with_outcome(run, Outcome.INVALID),
    ]
    yield f"<h2>Findings ({len(listed)})</h2>"
    if not listed:
        yield "<p>Every clause that ran came out as the contract wants it.</p>"
    for target, result in listed:
        yield _finding(target, result)


def _finding(target: TargetReport, result: Result) -> str:
    rule = view.rule_of(result)
    kind = KINDS[result.outcome]
    summary = f'<b class="{kind}">{result.outcome.value} {view.rate(result)}</b>'.replace(" </b>", "</b>")
    parts = [
        (
            f'<details class="finding"><summary>{summary}<span class="id">{escape(result.clause)}</span> on'
            f" <strong>{escape(view.label(target))}</strong>: {escape(result.message)}</summary>"
        )
    ]
    if rule:
        parts.append(f"<p>{rule.level.value}: {escape(rule.sentence)}</p>")
        parts.append(f'<p><span class="soft">Who breaks:</span> {escape(rule.consequence)}</p>')
    if result.deviation:
        parts.append(f'<p><span class="soft">Known deviation:</span> {escape(result.deviation)}</p>')
    if result.detail:
        parts.append(f"<pre>{escape(result.detail)}</pre>")
    parts.append(f'<pre class="command">{escape(view.repro_command(target, result))}</pre></details>')
    return "".join(parts)


def _notes(run: RunReport) -> Iterator[str]:
    if run.notes:
        yield "<h2>Notes</h2><ul>"
        yield from (f"<li>{escape(note)}</li>" for note in run.notes)
        yield "</ul>"


def _data(run: RunReport) -> str:
    """Return what the script needs, as JSON that cannot end its element: no ``<`` is left in it."""
    grids = [view.cells(target) for target in run.targets]
    ids = view.rule_ids(run)
    data = {
        "targets": [view.label(target) for target in run.targets],
        "rules": {rule_id: _rule_data(rule_id) for rule_id in ids},
        "cells": {
            rule_id: [
                [_result_data(target, result) for result in (grid[rule_id].results if rule_id in grid else ())]
                for target, grid in zip(run.targets, grids, strict=True)
            ]
            for rule_id in ids
        },
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _rule_data(rule_id: str) -> dict[str, Any]:
    rule = BY_ID.get(rule_id)
    if rule is None:
        return {"level": "", "sentence": "", "intent": "", "consequence": "", "sources": []}
    return {
        "level": rule.level.value + ":",
        "sentence": rule.sentence,
        "intent": rule.intent,
        "consequence": rule.consequence,
        "sources": list(rule.sources),
    }


def _result_data(target: TargetReport, result: Result) -> dict[str, Any]:
    return {
        "clause": result.clause,
        "outcome": result.outcome.value,
        "kind": KINDS[result.outcome],
        "message": result.message,
        "detail": result.detail,
        "deviation": result.deviation,
        "ms": round(result.milliseconds, 2),
        "runs": result.runs,
        "bad": result.bad_runs,
        "leaks": result.leaks,
        "repro": view.repro_command(target, result),
    }
