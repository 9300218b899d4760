"""A loop whose time and whose kernel are inputs."""

from __future__ import annotations

import pytest

from squall_loops.testing import ManualClock, ScriptedPoller
from squall_loops.turn.loop import TurnLoop


class Scripted(TurnLoop):
    """A turn loop over a script; errors of callbacks collect in ``reports``."""

    def __init__(self):
        self.clock = ManualClock(1000.0)
        self.poller = ScriptedPoller(clock=self.clock)
        self.reports = []
        super().__init__(self.poller, clock=self.clock)

    def handle_callback_exception(self, callback, exc):
        self.reports.append((callback, exc))


@pytest.fixture
def scripted():
    loop = Scripted()
    yield loop
    loop.close()
    assert loop.reports == []
