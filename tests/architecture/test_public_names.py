"""Tornado 4.0's public names are the floor: every one exists here, with its parameters in their places."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path

import pytest

API = json.loads((Path(__file__).parent / "tornado_4_0.json").read_text(encoding="utf-8"))

FINISHED = ("concurrent", "escape", "gen", "httputil", "ioloop", "log", "netutil", "stack_context", "util")
"""The modules of Tornado 4.0 that are whole here; README lists those still to come."""

INCIDENTAL = {
    "concurrent.futures": "an import of the module's own, never documented",
    "httputil.doctests": "a hook of Tornado's own test suite",
    "ioloop.signal": "an import of the module's own, never documented",
    "log.curses": "an import of the module's own, never documented",
    "netutil.xrange": "an alias for Python 2",
    "util.doctests": "a hook of Tornado's own test suite",
    "util.xrange": "an alias for Python 2",
}


def _claims():
    for module in FINISHED:
        for name, entry in API[f"tornado.{module}"].items():
            if f"{module}.{name}" in INCIDENTAL:
                continue
            yield module, name, entry
            for member, inner in entry.get("members", {}).items():
                yield module, f"{name}.{member}", inner


CLAIMS = list(_claims())


def _find(module: str, path: str) -> object:
    found: object = importlib.import_module(f"squall.{module}")
    for name in path.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize(("module", "path", "entry"), CLAIMS, ids=[f"{module}.{path}" for module, path, _ in CLAIMS])
def test_the_name_exists_and_takes_the_parameters_of_tornado_4_0(module, path, entry):
    found = _find(module, path)
    if entry["kind"] == "class":
        assert inspect.isclass(found)
        return
    if "parameters" not in entry or entry["kind"] == "property":
        assert not callable(found) or entry["kind"] != "property"
        return
    assert callable(found)
    ours = list(inspect.signature(found).parameters.values())
    if ours and ours[0].name in ("self", "cls"):
        ours = ours[1:]
    names = [_name(parameter) for parameter in ours]
    theirs = [parameter.partition("=")[0] for parameter in entry["parameters"]]
    positional = [name for name in theirs if not name.startswith("*")]
    assert names[: len(positional)] == positional or _swallows_all(ours), f"{names} does not begin with {positional}"
    for star in set(theirs) - set(positional):
        assert star[:1] in {name[:1] for name in names if name.startswith("*")}, f"{star} is not taken"
    for extra in ours[len(positional) :]:
        optional = extra.default is not inspect.Parameter.empty or extra.kind in (extra.VAR_POSITIONAL, extra.VAR_KEYWORD)
        assert optional, f"{extra} is required, but Tornado 4.0 does not pass it"


@pytest.mark.parametrize(("module", "path", "entry"), CLAIMS, ids=[f"{module}.{path}" for module, path, _ in CLAIMS])
def test_what_is_optional_in_tornado_4_0_is_optional_here(module, path, entry):
    optional = {parameter.partition("=")[0] for parameter in entry.get("parameters", ()) if "=" in parameter}
    ours = inspect.signature(_find(module, path)).parameters if optional else {}
    required = {name for name in optional if name in ours and ours[name].default is inspect.Parameter.empty}
    assert not required


def _name(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
    return stars.get(parameter.kind, "") + parameter.name


def _swallows_all(parameters: list[inspect.Parameter]) -> bool:
    kinds = {parameter.kind for parameter in parameters}
    return {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds


@pytest.mark.parametrize("name", ["async_callback", "get_error_html"])
def test_what_the_mission_removed_is_named_nowhere_in_the_framework(name):
    framework = Path(importlib.import_module("squall").__file__).parent
    holders = [str(path) for path in framework.rglob("*.py") if f"def {name}" in path.read_text(encoding="utf-8")]
    assert not holders
