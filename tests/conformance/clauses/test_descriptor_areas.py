"""Descriptors, signals, lifecycle, fork and resources: every rule is watched, and every watcher has been seen to bite."""

from __future__ import annotations

import importlib

import pytest
from saboteurs import catalogue
from saboteurs.over_epoll import OverEpoll
from saboteurs.reference import Reference

from squall_conformance import registry
from squall_conformance.stage import ClauseFailure, Stage
from squall_loops.contract.rule import Level
from squall_loops.contract.rules import RULES

AREAS = ("FD", "SG", "LC", "FK", "RS")
TESTABLE = [rule for rule in RULES if rule.area in AREAS and not rule.untestable]
CLAUSES = [clause for clause in registry.load_profile("kernel") if clause.rule.partition("-")[0] in AREAS]
SABOTEURS = [saboteur for saboteur in catalogue.load() if saboteur.rule.partition("-")[0] in AREAS]

QUICK = {
    "FD-003", "FD-006", "FD-008", "FD-009", "FD-010", "FD-011", "FD-013", "FD-033", "FD-037", "FD-038",
    "LC-002", "LC-004", "LC-005", "LC-009", "LC-010", "LC-013", "LC-015", "RS-004", "RS-005", "RS-007",
}  # fmt: skip
"""Rules whose saboteurs are convicted within a turn and leave no trace in this process; `squall selftest` proves the others."""


@pytest.mark.parametrize("rule", [rule.id for rule in TESTABLE])
def test_every_testable_rule_has_a_clause(rule):
    assert [clause.id for clause in CLAUSES if clause.rule == rule]


@pytest.mark.parametrize("rule", [rule.id for rule in TESTABLE if rule.level in (Level.MUST, Level.SHOULD)])
def test_every_binding_rule_has_a_saboteur(rule):
    assert [saboteur.name for saboteur in SABOTEURS if saboteur.rule == rule]


def test_each_saboteur_says_by_what_words_it_is_convicted():
    assert [saboteur.name for saboteur in SABOTEURS if "fail" in saboteur.outcomes and not saboteur.reason] == []


def test_each_clause_says_in_one_sentence_what_it_does():
    def sentence(clause):
        return (clause.function.__doc__ or "").strip()

    assert [clause.id for clause in CLAUSES if not sentence(clause).endswith(".") or "\n" in sentence(clause)] == []


def convict(saboteur):
    """Run the clauses of the saboteur's rule here, without isolation, and return the messages of those that fail."""
    messages = []
    make = getattr(importlib.import_module(saboteur.spec.partition(":")[0]), saboteur.name)
    for clause in CLAUSES:
        if clause.rule == saboteur.rule:
            stage = Stage(make)
            try:
                clause.function(stage)
                stage.fail_on_reports()
            except ClauseFailure as exc:
                messages.append(str(exc))
            finally:
                try:
                    stage.tear_down()
                except OSError:  # a loop that closes what is not its own leaves nothing to be closed
                    assert messages
    return messages


@pytest.mark.parametrize("saboteur", [saboteur for saboteur in SABOTEURS if saboteur.rule in QUICK], ids=lambda it: it.name)
def test_a_saboteur_is_convicted_for_the_right_reason(saboteur):
    messages = convict(saboteur)
    assert any(saboteur.reason in message for message in messages), messages


@pytest.mark.parametrize("make", [Reference, OverEpoll], ids=lambda it: it.__name__)
@pytest.mark.parametrize("clause", [clause for clause in CLAUSES if clause.rule in QUICK], ids=lambda it: it.id)
def test_a_correct_loop_is_not_accused(clause, make):
    stage = Stage(make)
    try:
        clause.function(stage)
        stage.fail_on_reports()
    finally:
        stage.tear_down()
