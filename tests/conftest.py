"""The matrix is one list: every test that touches a loop takes ``loop_spec`` or ``make_loop``, and no test names a backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from squall_loops import registry
from squall_loops.contract import EventLoop

LOOPS = registry.known_loops()


def _matrix() -> list[object]:
    return [
        pytest.param(
            loop.spec, id=loop.name, marks=() if loop.available else (pytest.mark.skip(reason=f"{loop.name}: {loop.reason}"),)
        )
        for loop in LOOPS
    ]


@pytest.fixture(params=_matrix())
def loop_spec(request: pytest.FixtureRequest) -> str:
    """The spec text of each loop in turn that the registry knows; those not available here are skipped with the reason."""
    return str(request.param)


@pytest.fixture
def make_loop(loop_spec: str) -> Iterator[Callable[[], EventLoop]]:
    """Make loops of the kind under test; they are closed when the test is over."""
    made: list[EventLoop] = []

    def make() -> EventLoop:
        loop = registry.make_loop(loop_spec)
        made.append(loop)
        return loop

    yield make
    for loop in reversed(made):
        loop.close()


@pytest.fixture
def event_loop(make_loop: Callable[[], EventLoop]) -> EventLoop:
    """One loop of the kind under test."""
    return make_loop()
