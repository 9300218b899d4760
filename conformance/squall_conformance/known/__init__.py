"""Which deviations are known: those that a loop's package or another distribution brings along, and those we have proved.

Each file beside this one is named after an import package. A loop's own file is ``squall.deviations.toml`` in its package, or
whatever entry points of the group ``squall.deviations`` name as ``package`` or ``package:file``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from squall_conformance.deviations import Deviation, load
from squall_conformance.target import Target

FILE: Final = "squall.deviations.toml"
GROUP: Final = "squall.deviations"


def deviations(target: Target, given: Sequence[Deviation] = (), *, shipped: bool = True) -> tuple[Deviation, ...]:
    """Return all entries that concern the target: those given, and those found. DeviationError when a file is wrong."""
    found = [entry for file in files(target) for entry in load(file)] if shipped else []
    return tuple(entry for entry in (*given, *found) if entry.concerns(target))


def files(target: Target) -> tuple[Path, ...]:
    """Return the files that come with the target's package, with installed distributions and with the kit."""
    return tuple(dict.fromkeys(file for file in _candidates(target.package) if file.is_file()))


def _candidates(package: str) -> Iterator[Path]:
    if not package.isidentifier():
        return
    yield from (folder / FILE for folder in _folders(package))
    for point in metadata.entry_points(group=GROUP, name=package):
        where, _, name = point.value.partition(":")
        yield from (folder / (name or FILE) for folder in _folders(where))
    yield Path(__file__).parent / f"{package}.toml"


def _folders(package: str) -> list[Path]:
    """Return the folders of a package without importing it; none for what is not installed, or is a single module."""
    try:
        spec = find_spec(package.partition(".")[0])
    except (ImportError, ValueError):
        return []
    rest = package.split(".")[1:]
    return [Path(folder, *rest) for folder in (spec.submodule_search_locations or ())] if spec else []
