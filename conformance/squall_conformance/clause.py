"""A clause: data plus one function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from squall_conformance.stage import Stage

CLAUSES: Final[dict[str, Clause]] = {}
"""Every clause that has been imported, by its id, in the order of definition."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One check of one rule. ``id`` is ``RULE/name``, for example ``TM-001/never_early``.

    ``timeout`` is in seconds, for a machine of ordinary speed; the engine scales it. ``serial`` clauses measure time and run
    without neighbours.
    """

    rule: str
    name: str
    function: Callable[[Stage], None]
    needs: frozenset[str] = field(default_factory=frozenset)
    timeout: float = 5.0
    serial: bool = False

    @property
    def id(self) -> str:
        """Return the address of the clause."""
        return f"{self.rule}/{self.name}"


def clause(
    rule: str, *, needs: Iterable[str] = (), timeout: float = 5.0, serial: bool = False
) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Enter the decorated function as a clause of that rule; its name is the clause's name.

    ``needs`` adds abilities to those that the rule names. ValueError when the id is taken.
    """

    def enter(function: Callable[[Stage], None]) -> Callable[[Stage], None]:
        new = Clause(rule, function.__name__, function, frozenset(needs), timeout, serial)
        if new.id in CLAUSES and CLAUSES[new.id].function.__module__ != function.__module__:
            message = f"clause {new.id} is defined twice"
            raise ValueError(message)
        CLAUSES[new.id] = new
        return function

    return enter
