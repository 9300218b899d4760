from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from squall_conformance import excerpt, registry, repro
from squall_conformance.excerpt import Excerpt, ExcerptError
from squall_loops.contract.rules import BY_ID

CLAUSES = registry.load_all()
HERE = Path(__file__).parent


def clause(rule_id):
    return next(one for one in CLAUSES if one.rule == rule_id)


def imported(source):
    """The top-level names of every module that the source imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.partition(".")[0]


def run(source, tmp_path, *words):
    file = tmp_path / "script.py"
    file.write_text(source, encoding="utf-8")
    command = [sys.executable, "-W", "error", str(file), *words]
    environment = {"PYTHONPATH": str(HERE), "PATH": ""}
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment)


@pytest.mark.parametrize("one", CLAUSES, ids=lambda one: one.id)
def test_the_script_of_each_clause_needs_the_standard_library_only(one):
    source = repro.script("asyncio", one)
    compile(source, "script.py", "exec")
    assert set(imported(source)) <= sys.stdlib_module_names
    assert "squall_" not in "".join(line for line in source.splitlines() if not line.startswith("#"))
    assert BY_ID[one.rule].sentence.split(maxsplit=1)[0] in source


@pytest.mark.parametrize("rule_id", ["CB-001", "FD-010", "SG-002", "TH-001"])
@pytest.mark.parametrize("spec", ["twisted", "twisted:select"])
def test_a_script_for_a_reactor_needs_twisted_besides(rule_id, spec):
    source = repro.script(spec, clause(rule_id))
    compile(source, "script.py", "exec")
    assert set(imported(source)) - sys.stdlib_module_names == {"twisted"}
    assert ('installReactor("select")' in source.replace("'", '"')) is (spec == "twisted:select")


def test_nothing_is_used_in_a_script_that_it_does_not_define():
    source = repro.script("asyncio", clause("FD-010"))
    names = {}
    exec(compile(source, "script.py", "exec"), names)
    check = names[clause("FD-010").name]
    assert set(check.__code__.co_names) & {"expect", "READ"} <= names.keys()


def test_only_the_methods_that_are_called_are_copied():
    source = repro.script("asyncio", clause("CB-001"))
    (shim,) = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "AsyncioShim"]
    methods = {node.name for node in shim.body if isinstance(node, ast.FunctionDef)}
    assert {"__init__", "add_callback", "start", "stop", "close"} <= methods
    assert "create_task" not in methods


def test_the_header_says_rule_versions_and_how_to_run_it():
    source = repro.script("asyncio", clause("RS-004"))
    head = source.partition("\nfrom __future__")[0].replace("\n#", "").replace("  ", " ")
    assert all(line.startswith("#") for line in source.partition("\nfrom __future__")[0].strip().splitlines())
    assert BY_ID["RS-004"].sentence in head
    assert BY_ID["RS-004"].consequence in head
    assert "exits with 0" in head
    assert f"Python {sys.version.split()[0]}" in head


def test_a_factory_of_an_asyncio_loop_is_named_and_can_be_compared():
    source = repro.script("sample_loops:new_asyncio_loop", clause("CB-001"))
    assert 'factory = asyncio.new_event_loop if "--asyncio" in sys.argv else sample_loops.new_asyncio_loop' in source


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch):
    """Factories of this folder can be imported by the probe."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@pytest.mark.parametrize(
    ("spec", "kind", "makes"),
    [
        ("epoll", "ours", "make_loop('epoll')"),
        ("sample_loops:new_asyncio_loop", "asyncio", "AsyncioShim(factory())"),
        ("sample_loops:new_poller", "poller", "TurnLoop(sample_loops.new_poller())"),
        ("saboteurs.reference:Reference", "loop", "saboteurs.reference.Reference()"),
        ("twisted:poll", "twisted", "TwistedShim(reactor)"),
    ],
)
def test_what_a_factory_makes_decides_how_the_script_makes_it(spec, kind, makes):
    making = repro.making_of(spec)
    assert making.kind == kind
    assert any(makes in line for line in making.lines)


def test_a_short_name_that_a_distribution_adds_is_looked_up(monkeypatch):
    point = EntryPoint("mine", "sample_loops:new_asyncio_loop", "squall.loops")
    monkeypatch.setattr(repro, "entry_points", lambda: {"mine": point})
    assert repro.making_of("mine") == repro.making_of("sample_loops:new_asyncio_loop")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("no.such.module:factory", "could not be called: ModuleNotFoundError"),
        ("sample_loops:raises", "could not be called: ZeroDivisionError"),
        ("sample_loops:exits", "could not be called: it ended with 0"),
        ("sample_loops:gives_nothing", "makes neither a loop, a poller nor a reactor but NoneType"),
    ],
)
def test_a_factory_that_gives_no_loop_is_an_error_that_says_so(spec, said):
    with pytest.raises(repro.ReproError, match=said):
        repro.script(spec, clause("CB-001"))


@pytest.mark.slow
def test_a_factory_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(repro, "_PATIENCE", 0.5)
    with pytest.raises(repro.ReproError, match="did not return within"):
        repro.script("sample_loops:hangs", clause("CB-001"))


@pytest.mark.slow
@pytest.mark.parametrize("rule_id", ["CB-001", "TM-001", "FD-010", "FD-016", "TH-001", "LC-002", "EX-005", "CX-001", "RS-001"])
def test_on_asyncio_a_script_prints_ok(rule_id, tmp_path):
    done = run(repro.script("asyncio", clause(rule_id)), tmp_path)
    assert (done.returncode, done.stdout) == (0, "OK\n"), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("rule_id", ["CB-001", "FD-001", "TH-001"])
def test_on_twisted_a_script_prints_ok(rule_id, tmp_path):
    pytest.importorskip("twisted")
    done = run(repro.script("twisted:select", clause(rule_id)), tmp_path)
    assert (done.returncode, done.stdout) == (0, "OK\n"), done.stderr


@pytest.mark.slow
def test_on_a_broken_asyncio_loop_the_script_fails_and_on_asyncio_itself_it_does_not(tmp_path):
    source = repro.script("sample_loops:new_lifo_loop", clause("CB-002"))
    done = run(source, tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("FAIL: ")
    assert "Traceback" in done.stderr
    done = run(source, tmp_path, "--asyncio")
    assert (done.returncode, done.stdout) == (0, "OK\n"), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule_id", "spec", "code", "said"),
    [
        ("CB-002", "sample_loops:LifoCallbacks", 1, "FAIL: expected callbacks in the order of adding"),
        ("CB-001", "sample_loops:Hangs", 1, "Timeout (0:00:01)!"),
        ("CB-002", "saboteurs.reference:Reference", 0, "OK"),
    ],
)
def test_for_a_loop_of_the_contract_the_script_imports_its_factory(rule_id, spec, code, said, tmp_path):
    source = repro.script(spec, clause(rule_id)).replace("seconds=10.0", "seconds=1.0")
    done = run(source, tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr


def test_an_excerpt_follows_names_through_modules_and_keeps_dependencies_first():
    taken = Excerpt()
    taken.take("squall_conformance.stage", "expect")
    assert [name for _, name in taken.pieces] == ["ClauseFailure", "expect"]


def test_an_excerpt_refuses_what_it_cannot_copy(monkeypatch):
    with pytest.raises(ExcerptError, match="no global name 'nothing'"):
        Excerpt().take("squall_conformance.stage", "nothing")
    with pytest.raises(ExcerptError, match="the source of no_such_module is not here"):
        Excerpt().take("no_such_module", "x")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f():\n    return mystery", "f uses 'mystery', which is bound nowhere"),
        ("def f():\n    from squall_loops.contract import READ\n    return READ", "inside a function cannot be copied out"),
        ("import squall_loops.contract\ndef f():\n    return squall_loops.contract.READ", "import the names from it instead"),
    ],
)
def test_an_excerpt_says_why_a_definition_cannot_stand_alone(monkeypatch, source, said):
    bound = {name: node for node in ast.parse(source).body for name in excerpt._names_bound(node)}
    monkeypatch.setattr(excerpt, "read", lambda _module: excerpt.Source("squall_test", source.splitlines(), bound))
    with pytest.raises(ExcerptError, match=said):
        Excerpt().take("squall_test", "f")


def test_the_clause_loses_its_mark_and_keeps_other_decorators(monkeypatch):
    mark = "@clause(\n    'CB-001',\n)\n"
    source = f"import functools\n\n\n{mark}@functools.cache  # noqa: X1 - ours\ndef f(a: Unknown) -> Nowhere:\n    return a\n"
    bound = {name: node for node in ast.parse(source).body for name in excerpt._names_bound(node)}
    monkeypatch.setattr(excerpt, "read", lambda _module: excerpt.Source("squall_test", source.splitlines(), bound))
    taken = Excerpt()
    taken.take("squall_test", "f")
    assert list(taken.pieces.values()) == ["@functools.cache\ndef f(a: Unknown) -> Nowhere:\n    return a"]
    assert taken.import_lines() == ["import functools"]
