"""Say what a rule demands, why it exists, who breaks without it, where it comes from and which clauses check it."""

from __future__ import annotations

import argparse
import difflib
import shutil
import sys
import textwrap
from collections.abc import Iterator

from squall_conformance import registry
from squall_conformance.clause import Clause
from squall_conformance.commands import UsageError
from squall_conformance.report.style import Paint, is_terminal, wants_colour, width_of
from squall_loops.contract.abilities import ABILITIES
from squall_loops.contract.rule import Rule
from squall_loops.contract.rules import AREAS, BY_ID, RULES

EPILOG = """\
examples:
  squall explain             every area and every rule
  squall explain FD          the rules of one area
  squall explain FD-010      one rule, in full
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """State the arguments."""
    parser.add_argument("what", nargs="?", metavar="RULE", help="the id of a rule or a clause, or the letters of an area")
    parser.add_argument("--no-color", action="store_true", help="no colours, also on a terminal")


def run(arguments: argparse.Namespace) -> int:
    """Print the text."""
    paint = Paint(enabled=wants_colour(sys.stdout, forbidden=arguments.no_color))
    width = min(width_of(sys.stdout), 100) if is_terminal(sys.stdout) else shutil.get_terminal_size((100, 24)).columns
    what = (arguments.what or "").partition("/")[0].upper()
    if not what:
        lines = _areas(tuple(AREAS), paint, width)
    elif what in AREAS:
        lines = _areas((what,), paint, width)
    elif what in BY_ID:
        lines = rule_lines(BY_ID[what], paint, width)
    else:
        raise UsageError(f"there is no rule {arguments.what!r}; {suggestion(what)}")
    print("\n".join(lines))  # noqa: T201 - a command talks
    return 0


def suggestion(what: str) -> str:
    """Return what may have been meant: near ids, else the areas."""
    near = difflib.get_close_matches(what, [*BY_ID, *AREAS], n=4, cutoff=0.7)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return "the areas are: " + ", ".join(f"{area} ({name.lower()})" for area, name in AREAS.items())


def _areas(areas: tuple[str, ...], paint: Paint, width: int) -> Iterator[str]:
    for area in areas:
        rules = [rule for rule in RULES if rule.area == area]
        yield paint(f"{area}  {AREAS[area]}", "bold") + paint(f"  {len(rules)} rules", "dim")
        for rule in rules:
            head = f"  {rule.id}  {rule.level.value:<6}  "
            text = textwrap.fill(rule.sentence, max(40, width), initial_indent=head, subsequent_indent=" " * len(head))
            yield text.replace(rule.id, paint(rule.id, "cyan"), 1)
        yield ""


def rule_lines(rule: Rule, paint: Paint, width: int) -> Iterator[str]:
    """Yield all that is known of one rule."""
    yield paint(rule.id, "bold") + "  " + paint(rule.level.value, "cyan") + f"  {AREAS[rule.area]}, profile {rule.profile}"
    yield ""
    yield from textwrap.wrap(rule.sentence, width)
    yield ""
    yield from _field("Why", rule.intent, paint, width)
    yield from _field("Who breaks", rule.consequence, paint, width)
    for place, source in enumerate(rule.sources):
        yield from _field("" if place else "Sources", source, paint, width)
    for place, need in enumerate(sorted(rule.needs)):
        yield from _field("" if place else "Needs", f"{need}: {ABILITIES.get(need, '')}", paint, width)
    clauses = [clause for clause in registry.load_profile(rule.profile) if clause.rule == rule.id]
    if rule.untestable:
        yield from _field("Untestable", rule.untestable, paint, width)
    for place, clause in enumerate(clauses):
        yield from _field("" if place else "Checked by", f"{clause.id}: {said_of(clause)}", paint, width)
    if not clauses and not rule.untestable:
        yield from _field("Checked by", "no clause yet", paint, width)


def said_of(clause: Clause) -> str:
    """Return the first line of what the clause says of itself."""
    return (clause.function.__doc__ or "").strip().partition("\n")[0]


def _field(name: str, text: str, paint: Paint, width: int) -> Iterator[str]:
    for place, line in enumerate(textwrap.wrap(text, max(30, width - 12), break_long_words=False, break_on_hyphens=False)):
        yield paint(("" if place else name).ljust(12), "dim") + line
