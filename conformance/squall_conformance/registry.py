"""Every clause and every rule there is, by profile, by id and by glob."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from squall_conformance import clauses as profiles_package
from squall_conformance.clause import CLAUSES, Clause
from squall_loops.contract.rule import Rule
from squall_loops.contract.rules import BY_ID, RULES

CONTRACT: Final = "1.0"
"""The version of the contract that the rules state."""


class SelectionError(ValueError):
    """What was asked for does not exist: a profile, a rule or a clause; the message names what does."""


def profiles() -> tuple[str, ...]:
    """Return the names of all profiles."""
    return tuple(module.name for module in pkgutil.iter_modules(profiles_package.__path__) if module.ispkg)


def load_profile(profile: str) -> tuple[Clause, ...]:
    """Import the clauses of a profile and return them in the order of the rules. SelectionError if there is no such profile."""
    if profile not in profiles():
        message = f"there is no profile {profile!r}; there are: {', '.join(profiles())}"
        raise SelectionError(message)
    prefix = f"{profiles_package.__name__}.{profile}"
    package = importlib.import_module(prefix)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{prefix}.{module.name}")
    return in_order(clause for clause in CLAUSES.values() if clause.function.__module__.startswith(prefix + "."))


def load_all() -> tuple[Clause, ...]:
    """Import the clauses of all profiles."""
    return tuple(clause for profile in profiles() for clause in load_profile(profile))


def load(clause_id: str) -> Clause:
    """Return the clause with that id. SelectionError if there is none, also once everything is imported."""
    if clause_id not in CLAUSES:
        load_all()
    if clause_id not in CLAUSES:
        message = f"there is no clause {clause_id!r}"
        raise SelectionError(message)
    return CLAUSES[clause_id]


def in_order(clauses: Iterable[Clause]) -> tuple[Clause, ...]:
    """Sort clauses by their rules, in the order of the contract; those of one rule stay in the order of definition."""
    places = {rule_id: place for place, rule_id in enumerate(BY_ID)}
    return tuple(sorted(clauses, key=lambda clause: (places.get(clause.rule, len(places)), clause.rule)))


def select(
    wanted_profiles: Iterable[str], rules: Iterable[str] = (), globs: Iterable[str] = ()
) -> tuple[tuple[Clause, ...], tuple[Rule, ...]]:
    """Return the clauses that are asked for, and the untestable rules among them.

    ``rules`` are ids of rules, of areas (``FD``) or globs; ``globs`` are ids of clauses or globs. Nothing in either means all.
    SelectionError names the pattern that matches nothing.
    """
    wanted = tuple(wanted_profiles)
    everything = tuple(clause for profile in wanted for clause in load_profile(profile))
    known = tuple(rule for rule in RULES if rule.profile in wanted)
    patterns = [("rule", pattern) for pattern in rules] + [("clause", pattern) for pattern in globs]
    if not patterns:
        return everything, tuple(rule for rule in known if rule.untestable)
    chosen: list[Clause] = []
    untestable: list[Rule] = []
    for kind, pattern in patterns:
        found = [clause for clause in everything if matches(pattern, clause.id)]
        found_rules = [rule for rule in known if rule.untestable and kind == "rule" and matches(pattern, rule.id)]
        if not found and not found_rules:
            raise SelectionError(_nothing(kind, pattern, everything))
        chosen += [clause for clause in found if clause not in chosen]
        untestable += [rule for rule in found_rules if rule not in untestable]
    return in_order(chosen), tuple(untestable)


def _nothing(kind: str, pattern: str, everything: tuple[Clause, ...]) -> str:
    near = [clause.id for clause in everything if clause.id.startswith(pattern[:2].upper())]
    names = near or sorted({clause.id.partition("-")[0] for clause in everything})
    return f"no {kind} matches {pattern!r}; {'near it' if near else 'areas'}: {', '.join(names[:12])}"


def matches(pattern: str, clause_id: str) -> bool:
    """Whether a clause's id, a rule's, an area's letters or a glob over any of them means that clause (or rule)."""
    rule_id = clause_id.partition("/")[0]
    area = rule_id.partition("-")[0]
    return any(fnmatchcase(text, pattern) for text in (clause_id, rule_id, area))


def needs(clause: Clause) -> frozenset[str]:
    """Return the abilities without which the clause does not apply: its own and its rule's."""
    rule = BY_ID.get(clause.rule)
    return clause.needs | (rule.needs if rule else frozenset())


def level(rule_id: str) -> str:
    """Return MUST, SHOULD or MAY; MUST for a rule that the contract does not have (clauses of tests and of strangers)."""
    rule = BY_ID.get(rule_id)
    return rule.level.value if rule else "MUST"


def rules_without_clause(profile: str) -> tuple[str, ...]:
    """Return the ids of testable rules that no clause checks: an error of the kit."""
    covered = {clause.rule for clause in load_profile(profile)}
    return tuple(rule.id for rule in RULES if rule.profile == profile and not rule.untestable and rule.id not in covered)
