"""A line of the bench: what is measured, in which unit, and the function that does it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

MARK: Final = "squall-bench-result "
"""Stands before the result in what a measurement prints: loops may print as well."""

Once: TypeAlias = Callable[[int], float]
"""Do the thing so many times and return the seconds of processor time it took."""
Repeated: TypeAlias = Callable[[Any], AbstractContextManager[Once]]
"""Set the stage on a subject, give the function to repeat, and clear the stage afterwards."""
Counted: TypeAlias = Callable[[Any, int], float]
"""Make so many of a thing on a subject and return the bytes that each takes."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A line in times per second of processor time: more is better."""

    name: str
    title: str
    repeated: Repeated
    first: int
    """How often the thing is done in the first try; tries grow until one lasts as long as it shall."""
    step: int = 1
    """The thing is done a multiple of so many times."""
    unit: Literal["/s"] = "/s"


@dataclass(frozen=True, slots=True)
class Memory:
    """A line in bytes for each thing: less is better."""

    name: str
    title: str
    counted: Counted
    count: int
    unit: Literal["B"] = "B"


Line: TypeAlias = Rate | Memory
