"""Loops that cannot watch descriptors are served by a thread, and obey the contract all the same."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import threading
import time

import pytest

from squall_loops.contract import ERROR, READ, WRITE
from squall_loops.hosts.asyncio import AsyncioLoop


class Watchless(asyncio.SelectorEventLoop):
    """As Windows' Proactor loop: everything but readers and writers."""

    def add_reader(self, *_args):
        raise NotImplementedError

    add_writer = remove_reader = remove_writer = add_reader


@pytest.fixture(params=["poll", "select"])
def loop(request, monkeypatch):
    if request.param == "select":
        monkeypatch.delattr("select.poll", raising=False)
    loop = AsyncioLoop.over(Watchless())
    yield loop
    loop.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "squall-selector"]


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    with left, right:
        yield left, right


def run_for(loop, seconds):
    loop.call_at(loop.time() + seconds, loop.stop)
    loop.start()


def test_reading_goes_on_for_as_long_as_there_are_bytes(loop, pair):
    left, right = pair
    seen = []

    def handler(thing, events):
        seen.append((thing, events, thing.recv(1)))
        if len(seen) == 3:
            loop.stop()

    loop.add_handler(left, handler, READ)
    right.send(b"abc")
    loop.start()
    assert seen == [(left, READ, b"a"), (left, READ, b"b"), (left, READ, b"c")]


def test_the_thread_waits_while_a_handler_does_not_read(loop, pair):
    left, right = pair
    calls = []
    loop.add_handler(left, lambda _thing, _events: (calls.append(1), time.sleep(0.005)), READ)
    right.send(b"x")
    run_for(loop, 0.05)
    assert 1 < len(calls) <= 11


def test_an_idle_thread_uses_no_processor(loop, pair):
    loop.add_handler(pair[0], print, READ)
    before = time.process_time()
    run_for(loop, 0.1)
    assert time.process_time() - before < 0.05


def test_reading_and_writing_may_come_together(loop, pair):
    left, right = pair
    right.send(b"x")
    seen = []
    loop.add_handler(left, lambda _thing, events: (seen.append(events), loop.stop()), READ | WRITE)
    loop.start()
    assert seen == [READ | WRITE]


def test_what_is_removed_is_told_no_more(loop, pair):
    left, right = pair
    loop.add_handler(left, lambda _thing, _events: pytest.fail("told"), READ)
    right.send(b"x")
    time.sleep(0.01)  # the thread has handed it over by now
    loop.remove_handler(left)
    seen = []
    loop.add_handler(left, lambda _thing, events: (seen.append(events), loop.stop()), WRITE)
    loop.start()
    assert seen == [WRITE]


@pytest.mark.skipif(not hasattr(select, "poll"), reason="select sees no hang-up without reading")
def test_a_hangup_reaches_who_asked_for_nothing(pair):
    loop = AsyncioLoop.over(Watchless())
    left, right = pair
    seen = []
    loop.add_handler(left, lambda _thing, events: (seen.append(events), loop.stop()), 0)
    right.close()
    loop.start()
    loop.close()
    assert seen == [seen[0]]
    assert seen[0] & ERROR
    assert not seen[0] & ~ERROR


def test_a_number_closed_behind_our_back_neither_stops_nor_spins(loop, pair):
    left, right = pair
    reader, writer = os.pipe()
    loop.add_handler(reader, print, READ)
    os.close(reader)
    before = time.process_time()
    seen = []
    loop.add_handler(left, lambda thing, _events: seen.append(thing.recv(1)), READ)
    right.send(b"x")
    run_for(loop, 0.1)
    assert time.process_time() - before < 0.06
    assert seen == [b"x"]
    loop.remove_handler(reader)
    os.close(writer)


def test_a_host_closed_by_its_owner_ends_the_thread():
    host = Watchless()
    loop = AsyncioLoop.over(host)
    left, right = socket.socketpair()
    with left, right:
        loop.add_handler(left, print, READ)
        host.close()
        right.send(b"x")
        deadline = time.monotonic() + 5
        while any(thread.name == "squall-selector" for thread in threading.enumerate()) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert not [thread for thread in threading.enumerate() if thread.name == "squall-selector"]
        loop.close()
