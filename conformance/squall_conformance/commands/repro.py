"""Run one rule's clauses on one loop, alone and with all their detail; or write the clause as a stand-alone script.

The script needs the standard library and the loop only, and is meant for the loop's own tracker. It talks to the loop by
the loop's own calls, without Squall's adapter: where the script prints OK although the clause fails, the fault is ours.
"""

from __future__ import annotations

import argparse
import sys

from squall_conformance import registry
from squall_conformance.clause import Clause
from squall_conformance.commands import UsageError
from squall_conformance.commands.arguments import factor, from_one
from squall_conformance.commands.check import area_or_id
from squall_conformance.commands.explain import rule_lines, suggestion
from squall_conformance.outcome import Outcome, Result, RunReport
from squall_conformance.report.style import STYLES, Paint, wants_colour, width_of
from squall_conformance.report.terminal import EXITS, plain
from squall_loops.contract.rules import BY_ID

EPILOG = """\
examples:
  squall repro uvloop RS-004
  squall repro uvloop RS-004/leaves_the_blocking_flag --script > report.py
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """State the arguments."""
    parser.add_argument("target", metavar="TARGET", help="the loop, as for 'squall check'")
    parser.add_argument("what", metavar="RULE_OR_CLAUSE", help="FD-010, or FD-010/the_name_of_a_clause")
    parser.add_argument("--script", action="store_true", help="write the stand-alone script to stdout instead")
    parser.add_argument("--repeat", type=from_one, default=1, metavar="K", help="run it K times")
    parser.add_argument("--timeout-scale", type=factor, default=1.0, metavar="X", help="multiply the time limit")
    parser.add_argument("--control", default="", metavar="SPEC", help="loop that a failure is compared with")
    parser.add_argument("--no-color", action="store_true", help="no colours, also on a terminal")


def run(arguments: argparse.Namespace) -> int:
    """Write the script, or run the clauses and print all that is known."""
    clauses = clauses_of(arguments.what)
    if arguments.script:
        return _script(arguments.target, arguments.what, clauses)
    from squall_conformance import engine  # noqa: PLC0415 - not needed for a script

    options = engine.Options(
        clauses=tuple(clause.id for clause in clauses),
        jobs=1,
        repeat=arguments.repeat,
        timeout_scale=arguments.timeout_scale,
        control=arguments.control,
    )
    report = engine.run([arguments.target], options)
    paint = Paint(enabled=wants_colour(sys.stdout, forbidden=arguments.no_color))
    print("\n".join(describe(report, paint, min(100, width_of(sys.stdout)))))  # noqa: T201 - a command talks
    return report.exit_code


def clauses_of(what: str) -> list[Clause]:
    """Return the clauses of that rule, or the one clause. UsageError when there is none."""
    wanted = area_or_id(what)
    found = [clause for clause in registry.load_all() if wanted in {clause.id, clause.rule}]
    if not found:
        rule_id = wanted.partition("/")[0]
        known = [clause.id for clause in registry.load_all() if clause.rule == rule_id]
        if known:
            raise UsageError(f"there is no clause {what!r}; those of {rule_id} are: {', '.join(known)}")
        if rule_id in BY_ID:
            raise UsageError(f"no clause checks {rule_id}: {BY_ID[rule_id].untestable or 'none is written yet'}")
        raise UsageError(f"there is no rule {rule_id!r}; {suggestion(rule_id)}")
    return found


def _script(target: str, what: str, clauses: list[Clause]) -> int:
    from squall_conformance.repro import ReproError, script  # noqa: PLC0415 - only wanted here

    if len(clauses) > 1:
        raise UsageError(f"{what} has several clauses, and a script is of one: {', '.join(clause.id for clause in clauses)}")
    try:
        sys.stdout.write(script(target, clauses[0]))
    except ReproError as exc:
        print(f"squall repro: {exc}", file=sys.stderr)  # noqa: T201 - a command talks
        return 3
    return 0


def describe(report: RunReport, paint: Paint, width: int) -> list[str]:
    """Return the lines on a run of a few clauses on one loop: rule, outcome, message and everything behind it."""
    (target,) = report.targets
    lines: list[str] = []
    previous = ""
    for result in target.results:
        if result.rule != previous and result.rule in BY_ID:
            lines += [*rule_lines(BY_ID[result.rule], paint, width), ""]
            previous = result.rule
        lines += _result_lines(result, paint)
    if target.start_error:
        lines.append(paint(f"{target.spec} cannot be judged: {plain(target.start_error)}", "red"))
    lines += [f"note: {plain(note)}" for note in report.notes]
    lines.append(paint(f"exit {report.exit_code}", "bold") + f": {EXITS.get(report.exit_code, 'interrupted')}")
    return lines


def _result_lines(result: Result, paint: Paint) -> list[str]:
    runs = f", {result.bad_runs} of {result.runs} runs bad" if result.bad_runs else f", {result.runs} runs" * (result.runs > 1)
    word = paint(result.outcome.value, STYLES[result.outcome], "bold")
    lines = [f"{result.target} {result.clause}: {word} ({result.milliseconds:.1f} ms{runs})"]
    if result.message:
        lines.append(f"  {plain(result.message)}")
    if result.deviation:
        lines.append(f"  known deviation: {plain(result.deviation)}")
    lines += [f"  left behind: {count} {kind}" for kind, count in result.leaks.items()]
    if result.detail and result.outcome is not Outcome.PASS:
        lines += ["", *(f"  {plain_line}" for plain_line in map(_visible, result.detail.rstrip().splitlines()))]
    return [*lines, ""]


def _visible(line: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)
