"""The matrix and the findings as lines of text: rows are targets, columns are areas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from squall_conformance.outcome import Outcome, Result, RunReport, TargetReport
from squall_conformance.report import view
from squall_conformance.report.style import STYLES, VERDICT_STYLES, Paint, clip

_NAME_WIDTH: Final = 28
_VERDICTS: Final = ("conformant", "partial", "failing")

EXITS: Final[dict[int, str]] = {
    0: "everything came out as expected",
    1: "something came out otherwise than expected",
    2: "the command line was wrong",
    3: "a target could not be started",
    4: "a listed deviation is stale or expired",
    5: "nothing ran, or fewer clauses than before",
}
"""What the exit codes of ``squall`` mean (DESIGN.md section 5)."""


def render(run: RunReport, paint: Paint, width: int) -> str:
    """Return the whole report, lines at most ``width`` columns wide where words allow it; ends with a newline."""
    parts = [
        heading(run, paint),
        *matrix(run, paint, width),
        findings(run, paint, width),
        known(run, paint, width),
        verdicts(run, paint, width),
        closing(run, paint),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def heading(run: RunReport, paint: Paint) -> str:
    """Return one line: what was measured, where and in how long."""
    facts = [
        paint(f"squall {run.kit}", "bold"),
        f"contract {run.contract}",
        f"profile {', '.join(run.profiles)}",
        environment_line(run),
        f"control {run.control}" if run.control else "",
        f"{run.seconds:.1f} s",
    ]
    return " · ".join(fact for fact in facts if fact)


def environment_line(run: RunReport) -> str:
    """Return the interpreter and system in a few words, from what the engine recorded."""
    known = run.environment
    python = " ".join(part for part in (known.get("implementation", "Python"), known.get("python", "")) if part)
    system = " ".join(part for part in (known.get("os", ""), known.get("release", "")) if part)
    return " on ".join(part for part in (python, system) if part)


def matrix(run: RunReport, paint: Paint, width: int) -> Iterator[str]:
    """Yield the matrix, in as many blocks as the width asks for."""
    areas = view.area_ids(run)
    names = [target.name or target.spec for target in run.targets]
    first = min(_NAME_WIDTH, max(12, width // 4), max((len(name) for name in names), default=6))
    grids = [view.by_area(target) for target in run.targets]
    columns = {area: max(len(area), *(len(_count(grid.get(area, []))) for grid in grids)) for area in areas}
    for chunk in _chunks(columns, width - first - 14):
        lines = [" " * first + "  " + paint("verdict".ljust(10), "dim") + _header(chunk, columns, paint)]
        for target, name, grid in zip(run.targets, names, grids, strict=True):
            lines.append(clip(name, first).ljust(first) + "  " + _row(target, grid, chunk, columns, paint))
        yield "\n".join(lines)
    if areas:
        legend = " · ".join(f"{area} {view.area_name(area).lower()}" for area in areas)
        yield "\n".join(paint(line, "dim") for line in _wrap(legend, width, " · "))


def _header(chunk: list[str], columns: dict[str, int], paint: Paint) -> str:
    return "".join("  " + paint(area.rjust(columns[area]), "bold") for area in chunk)


def _row(target: TargetReport, grid: dict[str, list[Result]], chunk: list[str], columns: dict[str, int], paint: Paint) -> str:
    if target.start_error:
        return paint("not judged", "red") + "  " + paint(target.start_error, "red")
    verdict = worst_verdict(target)
    text = paint(verdict.ljust(10), VERDICT_STYLES.get(verdict, "dim"))
    for area in chunk:
        results = grid.get(area, [])
        text += "  " + paint(_count(results).rjust(columns[area]), STYLES[view.worst(results)])
    return text


def worst_verdict(target: TargetReport) -> str:
    """Return the worst verdict of the target's profiles, or nothing."""
    return max(
        target.verdicts.values(), key=lambda verdict: _VERDICTS.index(verdict) if verdict in _VERDICTS else 0, default=""
    )


def _count(results: list[Result]) -> str:
    """Return ``14`` when all that ran passed, ``13/14`` when not, ``-`` when nothing ran."""
    count = view.tally(results)
    if not count.executed:
        return "-"
    return str(count.passed) if count.passed == count.executed else f"{count.passed}/{count.executed}"


def _chunks(columns: dict[str, int], room: int) -> Iterator[list[str]]:
    chunk: list[str] = []
    used = 0
    for area, size in columns.items():
        if chunk and used + size + 2 > room:
            yield chunk
            chunk, used = [], 0
        chunk.append(area)
        used += size + 2
    yield chunk


def _wrap(text: str, width: int, separator: str) -> Iterator[str]:
    line = ""
    for word in text.split(separator):
        longer = f"{line}{separator}{word}" if line else word
        if line and len(longer) > width:
            yield line
            longer = word
        line = longer
    yield line


def findings(run: RunReport, paint: Paint, width: int) -> str:
    """Return each unexpected result by rule: what was seen, who breaks by it, and how to see it again."""
    lines: list[str] = []
    previous = ""
    for target, result in view.unexpected(run):
        if result.rule != previous:
            lines += ["", *_rule_lines(result, paint, width)]
            previous = result.rule
        lines += _finding_lines(target, result, paint, width)
    return "\n".join([paint("Not as expected", "bold"), *lines]) if lines else ""


def _rule_lines(result: Result, paint: Paint, width: int) -> Iterator[str]:
    rule = view.rule_of(result)
    yield paint(result.rule, "bold") + " " + paint(result.level, "cyan") + " " + (rule.sentence if rule else "")
    if rule and rule.consequence:
        for line in _wrap(f"Who breaks: {rule.consequence}", width - 2, " "):
            yield "  " + paint(line, "dim")


def _finding_lines(target: TargetReport, result: Result, paint: Paint, width: int) -> Iterator[str]:
    rate = view.rate(result)
    word = f"{result.outcome.value} {rate}".rstrip()
    start = f"  {view.label(target)}: {word}"
    message = clip(plain(result.message), max(20, width - len(start) - 2))
    yield f"  {paint(view.label(target), 'bold')}: {paint(word, STYLES[result.outcome])}  {message}".rstrip()
    yield "    " + paint(view.repro_command(target, result), "blue")


def plain(text: str) -> str:
    """Return the text on one line without control characters: a loop's message must not drive the terminal."""
    return "".join(char if char.isprintable() else " " for char in text).strip()


def known(run: RunReport, paint: Paint, width: int) -> str:
    """Return the known deviations and the clauses of which nothing can be said here, one line each."""
    lines = [
        *_listed("Known deviations", view.with_outcome(run, Outcome.XFAIL), paint, width),
        *_listed("Failed on the control loop too, so nothing is said", view.with_outcome(run, Outcome.INVALID), paint, width),
    ]
    return "\n".join(lines)


def _listed(title: str, found: Iterable[tuple[TargetReport, Result]], paint: Paint, width: int) -> Iterator[str]:
    pairs = list(found)
    if not pairs:
        return
    yield paint(title, "bold")
    for target, result in pairs:
        reason = result.deviation or result.message
        text = clip(f"{view.label(target)}  {result.clause}  {plain(reason)}", width - 2)
        yield "  " + paint(text, STYLES[result.outcome])


def verdicts(run: RunReport, paint: Paint, width: int) -> str:
    """Return a line per target and profile, with the denominators."""
    lines = [paint("Verdicts", "bold")]
    first = min(_NAME_WIDTH, max((len(view.label(target)) for target in run.targets), default=6))
    for target in run.targets:
        name = clip(view.label(target), first).ljust(first)
        if target.start_error:
            lines.append(f"  {name}  " + paint(clip(f"not judged: {plain(target.start_error)}", width), "red"))
            continue
        for profile, verdict in target.verdicts.items():
            said = paint(verdict.ljust(10), VERDICT_STYLES.get(verdict, "dim"))
            lines.append(f"  {name}  {profile} {said}  {paint(denominators(target), 'dim')}")
    return "\n".join(lines) if len(lines) > 1 else ""


def denominators(target: TargetReport) -> str:
    """Return how many MUST and SHOULD clauses passed, and of how many clauses that is."""
    must, should = (view.tally(view.of_level(target, level)) for level in ("MUST", "SHOULD"))
    whole = view.tally(target.results)
    text = f"MUST {must.passed}/{must.total} · SHOULD {should.passed}/{should.total}"
    text += f" · {whole.executed} of {whole.total} clauses ran"
    left = {"unsupported": whole.unsupported, "untestable": whole.untestable, "not run": whole.notrun, "invalid": whole.invalid}
    return text + "".join(f", {count} {word}" for word, count in left.items() if count)


def closing(run: RunReport, paint: Paint) -> str:
    """Return the engine's notes and what the exit code says."""
    lines = [paint("note: ", "yellow") + plain(note) for note in run.notes]
    style = "green" if run.exit_code == 0 else "red"
    meaning = EXITS.get(run.exit_code, "interrupted")
    lines.append(paint(f"exit {run.exit_code}", style, "bold") + f": {meaning}")
    return "\n".join(lines)
