"""The list of saboteurs: which loop breaks which rule, and by what words its own clause must convict it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Factory = TypeVar("Factory", bound=Callable[[], object])


@dataclass(frozen=True, slots=True)
class Saboteur:
    """A loop with one defect. ``spec`` makes it; ``reason`` is a part of the message with which its clause must fail.

    ``outcomes`` are the outcomes that count as being caught: usually ``fail``, sometimes ``hang`` or ``crash``.
    """

    name: str
    rule: str
    spec: str
    defect: str
    reason: str
    outcomes: tuple[str, ...]


SABOTEURS: list[Saboteur] = []


def saboteur(
    rule: str, defect: str, *, reason: str = "", outcomes: tuple[str, ...] = ("fail",)
) -> Callable[[Factory], Factory]:
    """Enter the decorated class or function, called without arguments, as the saboteur of that rule."""

    def enter(factory: Factory) -> Factory:
        spec = f"{factory.__module__}:{factory.__name__}"
        SABOTEURS.append(Saboteur(factory.__name__, rule, spec, defect, reason, outcomes))
        return factory

    return enter


def load() -> list[Saboteur]:
    """Import every module of this folder and return all saboteurs, in the order of their rules."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"saboteurs.{module.name}")
    return sorted(SABOTEURS, key=lambda saboteur: (saboteur.rule, saboteur.name))
