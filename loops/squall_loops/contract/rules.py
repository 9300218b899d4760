"""Every promise of the contract as a rule: the source of ``docs/contract.md``, of the clauses and of ``squall explain``."""

from __future__ import annotations

from squall_loops.contract.areas import (
    callbacks,
    contexts,
    descriptors,
    errors,
    fork,
    lifecycle,
    readiness,
    resources,
    signals,
    threads,
    timers,
)
from squall_loops.contract.rule import Level, Rule

AREAS: dict[str, str] = {
    "CB": "Callbacks",
    "TM": "Timers",
    "FD": "Descriptors",
    "TH": "Threads",
    "SG": "Signals",
    "LC": "Lifecycle",
    "EX": "Errors",
    "CX": "Contexts",
    "FK": "Fork",
    "RS": "Resources",
}

RULES: tuple[Rule, ...] = (
    *callbacks.RULES,
    *timers.RULES,
    *descriptors.RULES,
    *readiness.RULES,
    *threads.RULES,
    *signals.RULES,
    *lifecycle.RULES,
    *errors.RULES,
    *contexts.RULES,
    *fork.RULES,
    *resources.RULES,
)

BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}


def rule(rule_id: str) -> Rule:
    """Return the rule with that id; KeyError names the nearest ids when there is none."""
    try:
        return BY_ID[rule_id]
    except KeyError:
        near = ", ".join(known for known in BY_ID if known.startswith(rule_id[:2].upper())) or ", ".join(AREAS)
        message = f"no rule {rule_id!r} in the contract; there are: {near}"
        raise KeyError(message) from None


__all__ = ["AREAS", "BY_ID", "RULES", "Level", "Rule", "rule"]
