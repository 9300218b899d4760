"""Every poller there is, and a stand-in for the one that this machine may lack."""

from __future__ import annotations

import importlib.util
import select
import socket
from pathlib import Path

import pytest

from squall_loops.pollers.choose import POLLERS, make_poller, missing
from squall_loops.pollers.kqueue import KqueuePoller
from squall_loops.turn.loop import TurnLoop

_spec = importlib.util.spec_from_file_location("kqueue_stand_in", Path(__file__).with_name("kqueue_stand_in.py"))
stand_in_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stand_in_module)

NEEDS_POLL = pytest.mark.skipif(not hasattr(select, "poll"), reason="the stand-in for kqueue is built on poll(2)")


@pytest.fixture
def stand_in():
    """The module with the stand-in for kqueue."""
    return stand_in_module


def _makers():
    for name in POLLERS:
        reason = missing(name)
        marks = pytest.mark.skip(reason=f"{name}: {reason}") if reason else ()
        yield pytest.param(lambda name=name: make_poller(name), id=name, marks=marks)
    yield pytest.param(lambda: KqueuePoller(stand_in_module.kernel()), id="kqueue-stand-in", marks=NEEDS_POLL)


@pytest.fixture(params=_makers())
def make(request):
    """The maker of each poller in turn."""
    return request.param


@pytest.fixture
def poller(make):
    made = make()
    yield made
    made.close()


@pytest.fixture
def loop(make):
    made = TurnLoop(make())
    yield made
    made.close()


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    yield left, right
    left.close()
    right.close()
