"""The spec language: who may choose, what each form means, and what a wrong choice is told."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from squall_loops import availability, registry
from squall_loops.pollers.select import SelectPoller
from squall_loops.turn.loop import TurnLoop


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder below one that may hold a pyproject.toml, with no choice in the environment and modules importable from it."""
    monkeypatch.delenv("SQUALL_LOOP", raising=False)
    inner = tmp_path / "src" / "package"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture
def entry_point(monkeypatch):
    """Pretend that a distribution adds short names."""

    def add(**names):
        points = [metadata.EntryPoint(name, value, availability.GROUP) for name, value in names.items()]
        monkeypatch.setattr(availability.metadata, "entry_points", lambda group: [p for p in points if p.group == group])

    return add


def test_an_argument_comes_before_all_else(project, monkeypatch):
    monkeypatch.setenv("SQUALL_LOOP", "poll")
    assert registry.resolve("select") == registry.LoopSpec("select", "argument")


def test_the_variable_comes_before_the_project(project, monkeypatch):
    (project / "pyproject.toml").write_text('[tool.squall]\nloop = "poll"\n')
    monkeypatch.setenv("SQUALL_LOOP", " select ")
    assert registry.resolve() == registry.LoopSpec("select", "SQUALL_LOOP")


def test_the_nearest_project_file_upwards_is_asked_next(project):
    (project / "pyproject.toml").write_text('[tool.squall]\nloop = "poll"\n')
    assert registry.resolve() == registry.LoopSpec("poll", f"pyproject.toml at {project}")


def test_a_nearer_project_file_without_a_choice_hides_a_farther_one(project):
    (project / "pyproject.toml").write_text('[tool.squall]\nloop = "poll"\n')
    (project / "src" / "pyproject.toml").write_text("[tool.other]\n")
    assert registry.resolve() == registry.LoopSpec("auto", "default")


def test_an_empty_variable_is_none(project, monkeypatch):
    monkeypatch.setenv("SQUALL_LOOP", "")
    assert registry.resolve() == registry.LoopSpec("auto", "default")


@pytest.mark.parametrize("text", ["[tool.squall]\nloop = 3\n", "[tool.squall]\nloop = ''\n", "no toml at all ="])
def test_a_project_file_that_cannot_be_understood_is_named(project, text):
    (project / "pyproject.toml").write_text(text)
    with pytest.raises(registry.SpecError, match=r"pyproject\.toml at"):
        registry.resolve()


def test_each_listed_loop_is_made_and_closed(make_loop, loop_spec):
    loop = make_loop()
    loop.add_callback(loop.stop)
    loop.start()


@pytest.mark.parametrize("name", sorted(availability.ALIASES))
def test_a_short_name_may_stand_for_another_loop(name):
    if reason := availability.reason_against(name):
        pytest.skip(reason)
    registry.make_loop(name).close()


@pytest.mark.parametrize(
    ("factory", "kind"),
    [
        ("squall_loops.turn.loop:TurnLoop", "TurnLoop"),
        ("squall_loops.pollers.select:SelectPoller", "TurnLoop"),
        ("asyncio:SelectorEventLoop", "AsyncioLoop"),
        ("asyncio.selector_events:asyncio_holder.SelectorEventLoop", ""),
    ],
)
def test_what_a_factory_returns_decides(monkeypatch, factory, kind):
    if not kind:
        monkeypatch.setattr("asyncio.selector_events.asyncio_holder", asyncio, raising=False)
        kind = "AsyncioLoop"
    loop = registry.make_loop(factory)
    assert type(loop).__name__ == kind
    loop.close()


def test_a_factory_may_return_a_reactor(project):
    pytest.importorskip("twisted")
    (project / "reactor_of_mine.py").write_text(
        "from twisted.internet.selectreactor import SelectReactor\ndef make():\n    return SelectReactor()\n"
    )
    loop = registry.make_loop("reactor_of_mine:make")
    assert type(loop).__name__ == "TwistedLoop"
    loop.close()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("epol", r"'epol' \(argument\) is not the name of a loop.*did you mean epoll"),
        ("uvlop:new_event_loop", "cannot be imported: No module named 'uvlop'"),
        ("broken_on_import:make", "broken_on_import raised ZeroDivisionError"),
        ("asyncio:SelectorEventLop", "did you mean SelectorEventLoop"),
        ("asyncio:", "lacks a part"),
        (":make", "lacks a part"),
        ("os:sep", "cannot be called: sep is an object of type str"),
        ("raising:make", "its factory raised RuntimeError: not today"),
        ("raising:nothing", "its factory returned None where an EventLoop"),
        ("os:getcwd", r"returned an object of type builtins\.str"),
        ("raising:a_class", r"returned the class asyncio\.\w+\.\w*SelectorEventLoop"),
        ("raising:needy", "its factory raised TypeError"),
    ],
)
def test_a_wrong_spec_is_told_what_was_wrong(project, spec, words):
    (project / "broken_on_import.py").write_text("1 / 0\n")
    (project / "raising.py").write_text(
        "import asyncio\n"
        "def make():\n    raise RuntimeError('not today')\n"
        "def nothing():\n    return None\n"
        "def a_class():\n    return asyncio.SelectorEventLoop\n"
        "def needy(argument):\n    return argument\n"
    )
    with pytest.raises(registry.SpecError, match=words):
        registry.make_loop(spec)


def test_the_error_of_a_factory_is_chained(project):
    (project / "raising_too.py").write_text("def make():\n    raise RuntimeError('not today')\n")
    with pytest.raises(registry.SpecError) as caught:
        registry.make_loop("raising_too:make")
    assert str(caught.value.__cause__) == "not today"


def test_an_exit_of_a_factory_is_no_error_of_the_spec(project):
    (project / "exiting.py").write_text("def make():\n    raise SystemExit(3)\n")
    with pytest.raises(SystemExit):
        registry.make_loop("exiting:make")


def test_a_refusal_says_what_there_is_and_why_the_rest_is_not(monkeypatch, project):
    monkeypatch.setenv("SQUALL_LOOP", "nonsense")
    monkeypatch.setattr(availability, "find_spec", lambda _name: None)
    with pytest.raises(registry.SpecError) as caught:
        registry.make_loop()
    text = str(caught.value)
    assert "'nonsense' (SQUALL_LOOP)" in text
    assert "available here: auto," in text
    assert "not available: uvloop: uvloop is not installed: pip install 'squall[uvloop]'" in text


@pytest.mark.parametrize("name", ["uvloop", "twisted", "twisted:epoll"])
def test_a_missing_extra_is_told_how_to_be_installed(monkeypatch, name):
    monkeypatch.setattr(availability, "find_spec", lambda _name: None)
    extra = name.partition(":")[0]
    with pytest.raises(registry.SpecError, match=rf"{extra} is not installed: pip install 'squall\[{extra}\]'"):
        registry.make_loop(name)


def test_a_kernel_call_that_is_missing_is_named(monkeypatch):
    monkeypatch.delattr("select.poll")
    with pytest.raises(registry.SpecError, match=r"no select\.poll"):
        registry.make_loop("poll")
    assert next(info for info in registry.known_loops() if info.name == "poll").reason == "this platform has no select.poll"


def test_an_unknown_reactor_is_answered_with_those_that_twisted_knows():
    pytest.importorskip("twisted")
    with pytest.raises(registry.SpecError, match=r"no reactor of Twisted's \(did you mean epoll.*asyncio"):
        registry.make_loop("twisted:epol")


def test_a_distribution_adds_short_names(entry_point):
    entry_point(mine="squall_loops.pollers.select:SelectPoller", gone="nowhere_at_all:make")
    names = {info.name: info for info in registry.known_loops()}
    assert names["mine"].available
    assert names["gone"].reason == "the module nowhere_at_all is not installed"
    registry.make_loop("mine").close()
    with pytest.raises(registry.SpecError, match="the module nowhere_at_all is not installed"):
        registry.make_loop("gone")


def test_a_distribution_cannot_take_over_a_name_of_ours(entry_point):
    entry_point(auto="os:getcwd", epoll="os:getcwd")
    assert not availability.entry_points()


def test_loops_are_listed_once_with_their_versions():
    names = [info.name for info in registry.known_loops()]
    assert len(names) == len(set(names))
    assert all(info.version for info in registry.known_loops() if info.available)
    assert not set(names) & set(availability.ALIASES)


def test_listing_the_loops_imports_none_of_them():
    code = (
        "import sys; from squall_loops import registry; registry.known_loops(); "
        "print(sorted({'twisted', 'uvloop', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_adopting_a_loop_of_ours_is_that_loop():
    loop = TurnLoop()
    assert registry.adopt(loop) is loop
    loop.close()


def test_adopting_a_poller_makes_a_loop_over_it():
    loop = registry.adopt(SelectPoller(windows=False))
    assert isinstance(loop, TurnLoop)
    loop.close()


@pytest.mark.parametrize("thing", [None, 3, TurnLoop, asyncio.SelectorEventLoop, Path()])
def test_adopting_anything_else_is_a_type_error(thing):
    with pytest.raises(TypeError, match="where an EventLoop, a Poller, an asyncio loop or a Twisted reactor is wanted"):
        registry.adopt(thing)


def test_no_loop_runs_where_none_runs():
    assert registry.running_loop() is None
