"""A failing clause as one file for the tracker of the loop: standard library and the loop only."""

from __future__ import annotations

import platform
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import Final

from squall_conformance.clause import Clause
from squall_conformance.excerpt import Excerpt, ExcerptError
from squall_conformance.target import version_of
from squall_loops.availability import entry_points
from squall_loops.contract.rules import BY_ID

_SHIMS: Final = {
    "asyncio": ("squall_conformance.shims.over_asyncio", "AsyncioShim"),
    "twisted": ("squall_conformance.shims.over_twisted", "TwistedShim"),
}
_SHORT: Final = {"asyncio": "asyncio:new_event_loop", "uvloop": "uvloop:new_event_loop"}
_PRUNED: Final = frozenset({"Stage", "AsyncioShim", "TwistedShim"})
_PATIENCE: Final = 20.0
"""Seconds for finding out what a stranger's factory makes."""

_PROBE: Final = """
import sys
from operator import attrgetter
from importlib import import_module
module, _, name = sys.argv[1].partition(":")
made = attrgetter(name)(import_module(module))()
kinds = {"asyncio": "run_forever", "twisted": "callFromThread", "loop": "add_handler", "poller": "poll"}
sys.stderr.write("made:" + next((kind for kind, method in kinds.items() if hasattr(made, method)), type(made).__name__))
"""


class ReproError(Exception):
    """No script can be written for this target or clause; the message says why."""


@dataclass(frozen=True, slots=True)
class Making:
    """How a script makes its loop. ``kind`` is asyncio, twisted, loop, poller or ours."""

    kind: str
    imports: tuple[str, ...]
    lines: tuple[str, ...]


def script(spec: str, clause: Clause) -> str:
    """Return the source of a program that runs this clause on that loop and exits with 0 or 1.

    ReproError when the target cannot be looked into or the clause cannot be copied out.
    """
    making = making_of(spec)
    shim = _SHIMS.get(making.kind)
    try:
        check, rest = _excerpts(clause, shim)
    except ExcerptError as exc:
        raise ReproError(f"the clause {clause.id} cannot be made a script: {exc}") from exc
    imports = dict.fromkeys([*rest.import_lines(), *making.imports, "import sys"])
    plain = sorted(line for line in imports if line.startswith("import "))
    parts = [
        _header(spec, clause),
        "from __future__ import annotations",
        "\n".join(plain + [line for line in imports if line not in plain]),
        *_spaced(check),
        *_spaced(["\n".join(making.lines)]),
        "\n# What the check stands on",
        *_spaced([piece for piece in rest.pieces.values() if piece not in check]),
        f'\nif __name__ == "__main__":\n    sys.exit(judge({clause.name}, make, seconds={max(10.0, 2 * clause.timeout)}))',
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _excerpts(clause: Clause, shim: tuple[str, str] | None) -> tuple[list[str], Excerpt]:
    """Return the pieces of the check itself, and all of the excerpt.

    It is copied until no method is missing that something calls: what is kept of a class depends on all else, and the reverse.
    """
    known: set[str] = set()
    while True:
        excerpt = Excerpt(foreign=() if shim else ("squall_loops",), pruned=_PRUNED, attributes=set(known))
        excerpt.take(clause.function.__module__, clause.name)
        check = list(excerpt.pieces.values())
        if shim:
            excerpt.take(*shim)
        excerpt.take("squall_conformance.shims.verdict", "judge")
        if excerpt.attributes == known:
            return check, excerpt
        known = excerpt.attributes


def _spaced(pieces: list[str]) -> list[str]:
    """Join neighbouring constants, and set a blank line more before functions and classes."""
    spaced: list[str] = []
    for piece in pieces:
        long = piece.lstrip().startswith(("def ", "async def ", "class ", "@", "#"))
        if spaced and not long and not spaced[-1].startswith("\n"):
            spaced[-1] += "\n" + piece
        else:
            spaced.append("\n" + piece if long else piece)
    return spaced


def making_of(spec: str) -> Making:
    """Return how a script makes the loop of that spec. ReproError when the factory cannot be called here."""
    spec = _SHORT.get(spec, spec)
    if ":" not in spec and spec in (points := entry_points()):
        spec = points[spec].value
    name, _, rest = spec.partition(":")
    if name == "twisted":
        return _of_reactor(rest)
    if not rest:
        return Making("ours", ("from squall_loops.registry import make_loop",), _make(f"make_loop({spec!r})"))
    kind = "asyncio" if spec in _SHORT.values() else _probe(spec)
    if kind == "asyncio":
        return _of_asyncio(name, rest)
    if kind == "twisted":
        return Making(kind, (f"import {name}",), (f"reactor = {name}.{rest}()", "", "", *_make("TwistedShim(reactor)")))
    if kind == "poller":
        imports = (f"import {name}", "from squall_loops.turn.loop import TurnLoop")
        return Making(kind, imports, _make(f"TurnLoop({name}.{rest}())"))
    if kind == "loop":
        return Making(kind, (f"import {name}",), _make(f"{name}.{rest}()"))
    raise ReproError(f"{spec} makes neither a loop, a poller nor a reactor but {kind}")


def _of_asyncio(module: str, factory: str) -> Making:
    if module == "asyncio":
        return Making("asyncio", ("import asyncio",), _make(f"AsyncioShim(asyncio.{factory}())"))
    choice = f'factory = asyncio.new_event_loop if "--asyncio" in sys.argv else {module}.{factory}'
    hint = "# Run with --asyncio to see what the standard library's own loop does."
    lines = (hint, choice, "", "", *_make("AsyncioShim(factory())"))
    return Making("asyncio", ("import asyncio", "import sys", f"import {module}"), lines)


def _of_reactor(name: str) -> Making:
    if not name:
        return Making("twisted", ("from twisted.internet import reactor",), _make("TwistedShim(reactor)"))
    imports = ("from twisted.application.reactors import installReactor",)
    return Making("twisted", imports, (f"reactor = installReactor({name!r})", "", "", *_make("TwistedShim(reactor)")))


def _make(expression: str) -> tuple[str, ...]:
    return ("def make():", '    """Make the loop that is judged."""', f"    return {expression}")


def _probe(spec: str) -> str:
    """Call the factory in a process of its own and say what came out."""
    command = [sys.executable, "-c", _PROBE, spec]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)  # noqa: S603 - what the user named
    except subprocess.TimeoutExpired:
        raise ReproError(f"the factory {spec} did not return within {_PATIENCE:.0f} s") from None
    _, found, kind = done.stderr.rpartition("made:")
    if not found:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
        raise ReproError(f"the factory {spec} could not be called: {last[0]}")
    return kind.split()[0]


def _header(spec: str, clause: Clause) -> str:
    rule = BY_ID[clause.rule]
    seen = f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {_version(spec)}"
    text = "\n\n".join(
        textwrap.fill(paragraph, 118)
        for paragraph in (
            f"{clause.id} on {spec}",
            f"{rule.level.value}: {rule.sentence}",
            f"Why: {rule.intent} Who breaks: {rule.consequence}",
            f"Sources: {', '.join(rule.sources)}",
            f"Written by squall's conformance kit under {seen}.",
            "Run it with Python 3.11 or later: it prints OK and exits with 0, or FAIL and exits with 1.",
        )
    )
    return textwrap.indent(text, "# ", lambda _line: True).replace("# \n", "#\n")


def _version(spec: str) -> str:
    """Return the distribution behind the spec with its version."""
    package = spec.partition(":")[0].partition(".")[0]
    if package in sys.stdlib_module_names - {"select"}:
        return "the standard library's loop"
    if package in {"epoll", "kqueue", "poll", "select", "auto"}:
        package = "squall"
    return f"{package} {version_of(package)}".rstrip()
