"""The shape of one rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How binding a rule is, in the words of RFC 2119."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One promise of the contract.

    ``id`` is area + serial, never reused. ``needs`` names abilities (:mod:`squall_loops.contract.abilities`) without
    which the rule does not apply. ``untestable`` gives the reason when no clause can exist; it is empty otherwise.
    """

    id: str
    level: Level
    sentence: str
    intent: str
    consequence: str
    sources: tuple[str, ...]
    needs: frozenset[str] = frozenset()
    profile: str = "kernel"
    untestable: str = ""

    @property
    def area(self) -> str:
        """Return the letters of the id: ``FD`` of ``FD-007``."""
        return self.id.partition("-")[0]
