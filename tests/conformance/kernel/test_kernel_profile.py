"""Every clause of the kernel profile on every loop that is available here."""

from __future__ import annotations

import pytest

from squall_conformance import plugin, registry
from squall_loops.registry import known_loops

LOOPS = known_loops()
REASONS = {loop.spec: f"{loop.name}: {loop.reason}" for loop in LOOPS if not loop.available}


def _marks(spec):
    return [pytest.mark.skip(reason=REASONS[spec])] if spec in REASONS else []


@pytest.mark.parametrize(("target", "clause"), plugin.cells([loop.spec for loop in LOOPS], "kernel", _marks))
def test_every_clause_holds_on_every_loop(squall_judge, target, clause):
    squall_judge(target, clause)


def test_every_testable_rule_has_a_clause():
    assert registry.rules_without_clause("kernel") == ()


def test_every_clause_belongs_to_a_rule_of_the_contract():
    rules = {rule.id for rule in registry.RULES}
    assert [clause.id for clause in registry.load_profile("kernel") if clause.rule not in rules] == []
