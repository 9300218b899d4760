"""What only select does: limited sets, and no word for a hang-up."""

from __future__ import annotations

import errno
import os
import resource
import select
import socket
import struct

import pytest

from squall_loops.contract import ERROR, READ, WRITE, UnwatchableError
from squall_loops.pollers import select as module
from squall_loops.pollers.select import SelectPoller
from squall_loops.turn.loop import TurnLoop


@pytest.fixture
def poller():
    made = SelectPoller()
    yield made
    made.close()


@pytest.fixture
def high():
    """A pipe's ends with numbers that do not fit into the sets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1100:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (1100, hard))
        except ValueError:
            pytest.skip("no more than 1024 descriptors are allowed here")
    reader, writer = os.pipe()
    numbers = [os.dup2(reader, 1050), os.dup2(writer, 1051)]
    os.close(reader)
    os.close(writer)
    yield numbers
    for number in numbers:
        os.close(number)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_number_beyond_the_sets_is_refused_when_it_is_registered(poller, high, pair):
    left, right = pair
    poller.register(left.fileno(), READ)
    for number in high:
        with pytest.raises(UnwatchableError, match=f"{number} cannot be watched.*FD_SETSIZE"):
            poller.register(number, READ)
    right.send(b"x")
    assert poller.poll(0) == [(left.fileno(), READ)]


def test_a_loop_refuses_it_too_and_goes_on(poller, high):
    loop = TurnLoop(poller)
    with pytest.raises(UnwatchableError):
        loop.add_handler(high[0], print, READ)
    loop.stop()
    loop.start()
    loop.close()


def test_a_hushed_number_is_looked_at_for_a_hang_up_every_so_often(poller, pair, monkeypatch):
    monkeypatch.setattr(module, "PEEK_INTERVAL", 0.001)
    left, right = pair
    right.send(b"x")
    poller.register(left.fileno(), 0)
    for _ in range(3):
        assert poller.poll(None) == []
    right.close()
    assert poller.poll(None) == [(left.fileno(), ERROR)]
    poller.modify(left.fileno(), READ)
    assert poller.poll(None) == [(left.fileno(), READ)]


def test_without_poll_a_hang_up_is_found_by_peeking(poller, pair, monkeypatch):
    monkeypatch.delattr(select, "poll")
    left, right = pair
    poller.register(left.fileno(), 0)
    assert poller.poll(0) == []
    right.close()
    assert poller.poll(0.5) == [(left.fileno(), ERROR)]
    assert left.fileno() >= 0


def test_without_poll_unread_data_is_no_hang_up_and_stays_unread(poller, pair, monkeypatch):
    monkeypatch.delattr(select, "poll")
    left, right = pair
    right.send(b"x")
    poller.register(left.fileno(), 0)
    for _ in range(3):
        assert poller.poll(0) == []
    assert left.recv(10) == b"x"


def test_without_poll_a_reset_is_a_hang_up_too(poller, monkeypatch):
    monkeypatch.delattr(select, "poll")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        served, _ = server.accept()
        with served:
            poller.register(served.fileno(), 0)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            assert poller.poll(0.5) == [(served.fileno(), ERROR)]


def test_an_error_of_the_wait_that_no_closed_number_explains_is_told(poller, pair, monkeypatch):
    poller.register(pair[0].fileno(), READ)
    real = select.select

    def fails(readers, writers, failing, timeout):
        if readers is poller._readers:
            raise OSError(errno.ENOMEM, "no memory")
        return real(readers, writers, failing, timeout)

    monkeypatch.setattr(select, "select", fails)
    with pytest.raises(OSError, match="no memory"):
        poller.poll(0)


def test_on_windows_the_places_are_counted(pair, monkeypatch):
    monkeypatch.setattr(module, "WINDOWS_PLACES", 1)
    left, right = pair
    poller = SelectPoller(windows=True)
    poller.register(left.fileno(), READ)
    with pytest.raises(UnwatchableError, match="1 places"):
        poller.register(right.fileno(), READ)
    poller.unregister(left.fileno())
    poller.register(right.fileno(), READ)
    poller.close()


def test_on_windows_the_third_set_tells_of_a_refused_connect(pair, monkeypatch):
    left, _right = pair
    poller = SelectPoller(windows=True)
    poller.register(left.fileno(), WRITE)
    asked = []

    def refused(readers, writers, failing, timeout):
        asked.append((set(readers), set(writers), set(failing)))
        return [], [], list(failing)

    monkeypatch.setattr(select, "select", refused)
    assert poller.poll(0) == [(left.fileno(), ERROR)]
    assert asked == [(set(), {left.fileno()}, {left.fileno()})]


def test_out_of_band_data_is_nobodys_error(poller):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        served, _ = server.accept()
        with served:
            client.send(b"!", socket.MSG_OOB)
            poller.register(served.fileno(), READ)
            assert poller.poll(0.01) == []
