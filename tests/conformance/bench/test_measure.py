"""Each line of the bench can be measured for each kind of subject; only the structure is looked at, never the time."""

from __future__ import annotations

import json
import os
import socket

import pytest

from squall_conformance.bench import coroutine_lines, descriptors, drive, loop_lines, measure
from squall_conformance.bench.line import MARK, Rate

LOOP_LINES = [line for line in loop_lines.LINES if line.name != "events-10000"]
KINDS = ["native:auto", "generator:auto", "task:asyncio", "pytask:asyncio"]


@pytest.fixture(autouse=True)
def _environment_as_before(monkeypatch):
    monkeypatch.setenv("SQUALL_LOOP", os.environ.get("SQUALL_LOOP", "auto"))


@pytest.mark.parametrize("line", LOOP_LINES, ids=lambda line: line.name)
@pytest.mark.parametrize("subject", ["auto", "raw:asyncio"])
def test_every_line_gives_a_figure_for_our_loop_and_for_asyncio(line, subject):
    assert measure.measure(line.name, subject, seconds=0, share=0.01) > 0


@pytest.mark.parametrize("name", ["callbacks", "events-10", "timers-fired"])
def test_every_loop_can_be_measured(name, loop_spec):
    assert measure.measure(name, loop_spec, seconds=0) > 0


@pytest.mark.parametrize("line", coroutine_lines.LINES, ids=lambda line: line.name)
@pytest.mark.parametrize("subject", KINDS)
def test_every_kind_of_coroutine_gives_a_figure(line, subject):
    assert measure.measure(line.name, subject, seconds=0) > 0


class Counting:
    """A drive that counts what passes through it."""

    def __init__(self, subject):
        inner = drive.make_drive(subject)
        self.close = inner.close
        self.calls: dict[str, int] = {}
        fields = {name: getattr(inner, name) for name in drive.Drive.__slots__}
        for name in ("soon", "at", "cancel", "from_thread"):
            fields[name] = self._counted(name, fields[name])
        self.drive = drive.Drive(**fields)

    def _counted(self, name, function):
        def call(*arguments):
            self.calls[name] = self.calls.get(name, 0) + 1
            return function(*arguments)

        return call


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("callbacks", {"soon": 3000}),
        ("timers-cancelled", {"at": 3000, "cancel": 3000, "soon": 3}),
        ("timers-fired", {"at": 3000}),
        ("wake-ups", {"from_thread": 3001, "soon": 1}),
    ],
)
def test_a_line_does_its_thing_as_often_as_it_says(name, calls):
    counting = Counting("auto")
    line = next(line for line in loop_lines.LINES if line.name == name)
    assert isinstance(line, Rate)
    with line.repeated(counting.drive) as once:
        assert once(3000) > 0
    counting.close()
    assert counting.calls == calls


def test_a_rate_is_taken_from_a_run_that_is_long_enough():
    tries = []

    def once(times):
        tries.append(times)
        return times / 1000

    assert measure._rate(once, 10, 5, seconds=1) == pytest.approx(1000)
    assert tries[0] == 10
    assert tries[-1] >= 1000
    assert all(times % 5 == 0 for times in tries)


def test_unknown_lines_and_loops_are_errors():
    with pytest.raises(KeyError):
        measure.measure("no-such-line", "auto", seconds=0)
    with pytest.raises(ValueError, match="no_such_loop"):
        measure.measure("callbacks", "no_such_loop", seconds=0)


def test_the_result_is_the_last_line_printed(capsys):
    assert measure.main(["memory-timer", "auto", "--share", "0.01"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(last.removeprefix(MARK))["value"] > 0


def test_what_cannot_be_measured_here_says_why(capsys, monkeypatch):
    def no_sockets(count):
        raise drive.UnavailableError("none left")

    monkeypatch.setattr(loop_lines, "idle_sockets", no_sockets)
    assert measure.main(["events-10", "auto"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(last.removeprefix(MARK)) == {"unavailable": "none left"}


def test_idle_sockets_are_pairs_of_neighbours_and_are_closed_in_the_end():
    with descriptors.idle_sockets(4) as sockets:
        sockets[0].send(b"x")
        assert sockets[1].recv(1) == b"x"
        with pytest.raises(BlockingIOError):
            sockets[3].recv(1)
        assert len(sockets) == 4
    assert all(one.fileno() == -1 for one in sockets)


def test_more_open_files_than_allowed_are_reported_with_the_limit(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (100, 200))
    with pytest.raises(drive.UnavailableError, match="hard limit is 200"), descriptors.idle_sockets(1000):
        pass


def test_the_limit_of_open_files_is_raised_as_far_as_needed(monkeypatch):
    resource = pytest.importorskip("resource")
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: (10, 5000))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: asked.append(limits))
    with descriptors.idle_sockets(2) as sockets:
        assert all(isinstance(one, socket.socket) for one in sockets)
    assert asked == [(2 + descriptors.SPARE, 5000)]
