"""List the profiles, and for each the clauses with their level, time limit and what they need."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from squall_conformance import registry
from squall_conformance.clause import Clause
from squall_conformance.commands import UsageError
from squall_conformance.commands.explain import said_of
from squall_loops.contract.rules import RULES


def configure(parser: argparse.ArgumentParser) -> None:
    """State the arguments."""
    parser.add_argument("profile", nargs="?", metavar="PROFILE", help="only this profile (default: all)")
    parser.add_argument("--ids", action="store_true", help="only the ids of clauses, one a line, for scripts")


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    for profile in [arguments.profile] if arguments.profile else registry.profiles():
        try:
            clauses = registry.load_profile(profile)
        except registry.SelectionError as exc:
            raise UsageError(str(exc)) from exc
        lines = (clause.id for clause in clauses) if arguments.ids else _lines(profile, clauses)
        print("\n".join(lines))  # noqa: T201 - a command talks
    return 0


def _lines(profile: str, clauses: tuple[Clause, ...]) -> Iterator[str]:
    rules = [rule for rule in RULES if rule.profile == profile]
    untestable = [rule for rule in rules if rule.untestable]
    yield f"{profile}: {len(rules)} rules, {len(clauses)} clauses, {len(untestable)} rules untestable"
    width = max((len(clause.id) for clause in clauses), default=0)
    for clause in clauses:
        needs = ", ".join(sorted(registry.needs(clause)))
        marks = f"{clause.timeout:g} s" + (", alone" if clause.serial else "") + (f", needs {needs}" if needs else "")
        yield f"  {clause.id:<{width}}  {registry.level(clause.rule):<6}  {said_of(clause)} ({marks})"
    for rule in untestable:
        yield f"  {rule.id:<{width}}  {rule.level.value:<6}  untestable: {rule.untestable}"
