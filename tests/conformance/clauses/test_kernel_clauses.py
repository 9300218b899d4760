"""What holds for every clause of the kernel profile, and for the loops that are to break them one by one."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from saboteurs import catalogue
from saboteurs.reference import Reference

from squall_conformance import registry
from squall_conformance.clauses import kernel
from squall_conformance.stage import Stage
from squall_loops.contract.rule import Level
from squall_loops.contract.rules import RULES

CLAUSES = registry.load_profile("kernel")
OURS = ("CB", "TM", "TH", "EX", "CX")
MODULES = sorted(Path(kernel.__file__).parent.glob("[a-z]*.py"))
TESTABLE = [rule for rule in RULES if rule.area in OURS and not rule.untestable]
ALLOWED = {"squall_conformance.clause", "squall_conformance.stage", "squall_loops.contract"}


def _marked(clause):
    """TH-004 adds more callbacks than a pipe has room for."""
    return pytest.param(clause, id=clause.id, marks=[pytest.mark.slow] if clause.rule == "TH-004" else [])


@pytest.mark.parametrize("rule", [rule.id for rule in TESTABLE])
def test_every_testable_rule_has_a_clause(rule):
    assert [clause.id for clause in CLAUSES if clause.rule == rule]


@pytest.mark.parametrize("rule", [rule.id for rule in TESTABLE if rule.level is not Level.MAY])
def test_every_binding_rule_has_a_saboteur_with_a_reason(rule):
    convicts = [saboteur for saboteur in catalogue.load() if saboteur.rule == rule]
    assert convicts
    assert [saboteur.name for saboteur in convicts if "fail" in saboteur.outcomes and not saboteur.reason] == []


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.id)
def test_every_clause_says_what_it_does(clause):
    assert (clause.function.__doc__ or "").rstrip().endswith(".")


@pytest.mark.parametrize("clause", [_marked(clause) for clause in CLAUSES if clause.rule[:2] in OURS])
def test_the_reference_loop_passes(clause):
    stage = Stage(Reference)
    try:
        clause.function(stage)
        stage.fail_on_reports()
    finally:
        stage.tear_down()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_clauses_import_the_contract_and_the_standard_library_only(module):
    imported = {
        name
        for node in ast.walk(ast.parse(module.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names} <= ALLOWED


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_clauses_read_no_insides_of_a_loop(module):
    inner = {
        node.attr
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
    }
    assert inner <= {"_exit"}  # os._exit, in children that were forked
