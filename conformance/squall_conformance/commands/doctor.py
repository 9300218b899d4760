"""Say which loop is chosen and who chose it, what this machine offers, and what is missing and how to install it."""

from __future__ import annotations

import argparse
import os
import platform
import select
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Final

from squall_conformance.report.style import Paint, wants_colour
from squall_loops import registry
from squall_loops.availability import missing_reason, reason_against

_REQUIRED: Final = {"certifi": "CA certificates", "httptools": "the HTTP parser"}
_OPTIONAL: Final = {
    "uvloop": ("uvloop", "uvloop"),
    "twisted": ("twisted", "twisted"),
    "pycurl": ("pycurl", "curl"),
    "pycares": ("pycares", "dns"),
    "brotli": ("brotli", "compress"),
    "msgspec": ("msgspec", "speed"),
    "babel": ("Babel", "locale"),
    "watchfiles": ("watchfiles", "reload"),
    "rich": ("rich", "check"),
    "pytest": ("pytest", "check"),
}
"""Import name -> distribution, extra of squall that brings it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: ``state`` is ok, note or bad; ``cure`` is the command that helps."""

    state: str
    name: str
    text: str
    cure: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """State the arguments."""
    parser.add_argument("--no-color", action="store_true", help="no colours, also on a terminal")


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; 1 when something is wrong, 0 otherwise (what is optional and missing is not wrong)."""
    paint = Paint(enabled=wants_colour(sys.stdout, forbidden=arguments.no_color))
    facts = [*chosen_loop(), *machine(), *loops(), *distributions()]
    colours = {"ok": "green", "note": "yellow", "bad": "red"}
    for fact in facts:
        print(paint(f"{fact.state:<4}", colours[fact.state]) + f"  {fact.name:<16}  {fact.text}")  # noqa: T201 - a command talks
        if fact.cure:
            print(f"{'':<24}" + paint(fact.cure, "blue"))  # noqa: T201 - a command talks
    return int(any(fact.state == "bad" for fact in facts))


def pip(what: str) -> str:
    """Return the command that installs it into this very interpreter."""
    python = sys.executable if " " not in sys.executable else f'"{sys.executable}"'
    return f"{python} -m pip install '{what}'" if os.name != "nt" else f'{python} -m pip install "{what}"'


def chosen_loop() -> Iterator[Fact]:
    """Yield which loop would be used, and whether it can be had."""
    try:
        chosen = registry.resolve()
    except registry.SpecError as exc:
        yield Fact("bad", "loop", str(exc))
        return
    reason = reason_against(chosen.text)
    if reason:
        cure = pip(f"squall[{chosen.text.partition(':')[0]}]") if "not installed" in reason else ""
        yield Fact("bad", "loop", f"{chosen.text} (from {chosen.origin}): {reason}", cure)
        return
    try:
        loop = registry.make_loop(chosen)
        kind = type(loop).__name__
        loop.close()
    except Exception as exc:  # noqa: BLE001 - a stranger's factory may raise anything, and that is the finding
        yield Fact("bad", "loop", f"{chosen.text} (from {chosen.origin}): {exc}")
    else:
        yield Fact("ok", "loop", f"{chosen.text} (from {chosen.origin}), a {kind}")


def machine() -> Iterator[Fact]:
    """Yield interpreter, system, kernel calls and limits."""
    version = f"{platform.python_implementation()} {platform.python_version()} at {sys.executable}"
    yield Fact("ok" if sys.version_info >= (3, 11) else "bad", "Python", version)
    yield Fact("ok", "system", f"{platform.system()} {platform.release()} on {platform.machine()}, {os.cpu_count()} cores")
    calls = [name for name in ("epoll", "kqueue", "poll", "select") if hasattr(select, name)]
    yield Fact("ok", "kernel calls", ", ".join(calls))
    yield from _limit()


def _limit() -> Iterator[Fact]:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    soft, hard = (
        "unlimited" if value == resource.RLIM_INFINITY else value for value in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    low = isinstance(soft, int) and soft < 1024
    cure = f"ulimit -n {hard if isinstance(hard, int) and hard < 65536 else 65536}" if low else ""
    text = f"{soft} (hard limit {hard})" + (": few for a server" if low else "")
    yield Fact("note" if low else "ok", "open descriptors", text, cure)


def loops() -> Iterator[Fact]:
    """Yield the loops that are here, and those that are not."""
    known = registry.known_loops()
    yield Fact("ok", "loops here", ", ".join(loop.name for loop in known if loop.available))
    for loop in known:
        if not loop.available and "pip install 'squall[" not in loop.reason:  # those come with the distributions
            yield Fact("note", loop.name, loop.reason)


def distributions() -> Iterator[Fact]:
    """Yield squall itself, what shadows it, and what it needs or could use."""
    yield from shadows()
    for module, purpose in _REQUIRED.items():
        if find_spec(module):
            yield Fact("ok", module, f"{version_of(module)} ({purpose})")
        else:
            yield Fact("bad", module, f"not installed: {purpose}, which squall requires", pip(module))
    missing: dict[str, list[str]] = {}
    for module, (distribution, extra) in _OPTIONAL.items():
        if find_spec(module):
            yield Fact("ok", module, version_of(distribution))
        else:
            missing.setdefault(extra, []).append(module)
    for extra, modules in missing.items():
        yield Fact("note", ", ".join(modules), "not installed (optional)", pip(f"squall[{extra}]"))


def shadows() -> Iterator[Fact]:
    """Yield whether the import package ``squall`` is ours: the dormant distribution python-squall installs one of that name."""
    found = find_spec("squall")
    where = found.origin if found and found.origin else "nowhere"
    owners = metadata.packages_distributions().get("squall", [])
    if "python-squall" in owners or version_of("python-squall"):
        cure = f"{sys.executable} -m pip uninstall python-squall && {pip('--force-reinstall squall')}"
        yield Fact("bad", "squall", f"the distribution python-squall installs another package of this name ({where})", cure)
    elif find_spec("squall.ioloop") is None and not missing_reason("squall"):
        yield Fact("bad", "squall", f"the package found at {where} is not this one: it has no ioloop; something shadows it")
    else:
        yield Fact("ok", "squall", f"{version_of('squall')} at {where}")


def version_of(distribution: str) -> str:
    """Return the version of an installed distribution, or nothing."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
