"""What every poller does, on real descriptors."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import tempfile
import threading
import time
from pathlib import Path

import pytest

from squall_loops.contract import ERROR, READ, WRITE, UnwatchableError


def look(poller, fd, patience=0.5):
    """Return the events of one number, waiting a little for the first, and once more to let idle news pass."""
    deadline = time.monotonic() + patience
    while True:
        found = dict(poller.poll(0.01))
        if fd in found:
            return found[fd]
        if time.monotonic() > deadline:
            return 0


def open_descriptors():
    """Return the numbers that are open, as far as they can be listed here."""
    folder = Path("/dev/fd")
    return {entry.name for entry in folder.iterdir()} if folder.exists() else set()


def fill(end):
    with contextlib.suppress(BlockingIOError):
        while True:
            end.send(bytes(65536))


def reset(connection):
    """Close with a reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.fixture
def connection():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        served, _ = server.accept()
        with served:
            yield client, served


def test_nothing_registered_is_nothing_ready_after_the_time_asked_for(poller, pair):
    poller.register(pair[0].fileno(), READ)
    begin = time.monotonic()
    assert list(poller.poll(0.003)) == []
    assert time.monotonic() - begin >= 0.003
    assert list(poller.poll(0)) == []


def test_a_wait_is_rounded_up_to_the_unit_of_the_kernel(poller, pair):
    poller.register(pair[0].fileno(), READ)
    for timeout in (0.0001, 0.0011, 0.00201):
        begin = time.monotonic()
        poller.poll(timeout)
        assert time.monotonic() - begin >= timeout


def test_a_wait_of_a_day_is_accepted(poller, pair):
    left, right = pair
    right.send(b"x")
    poller.register(left.fileno(), READ)
    assert list(poller.poll(86400.0)) == [(left.fileno(), READ)]


def test_readiness_is_level_triggered(poller, pair):
    left, right = pair
    right.send(b"xy")
    poller.register(left.fileno(), READ)
    for _ in range(3):
        assert list(poller.poll(0)) == [(left.fileno(), READ)]
    left.recv(1)
    assert list(poller.poll(0)) == [(left.fileno(), READ)]
    left.recv(1)
    assert list(poller.poll(0)) == []


def test_both_directions_come_in_one_pair(poller, pair):
    left, right = pair
    right.send(b"x")
    poller.register(left.fileno(), READ | WRITE)
    assert list(poller.poll(0.5)) == [(left.fileno(), READ | WRITE)]


def test_only_what_was_asked_for_is_reported(poller, pair):
    left, right = pair
    right.send(b"x")
    fill(left)
    poller.register(left.fileno(), WRITE)
    assert look(poller, left.fileno(), 0.02) == 0
    poller.modify(left.fileno(), READ)
    assert look(poller, left.fileno()) == READ
    right.recv(1 << 20)
    assert look(poller, left.fileno()) == READ


@pytest.mark.parametrize("events", [0, ERROR])
def test_unread_data_neither_reaches_nor_spins_who_asked_for_no_more_than_errors(poller, pair, events):
    left, right = pair
    right.send(b"x")
    poller.register(left.fileno(), events)
    looks = 0
    deadline = time.monotonic() + 0.05
    while time.monotonic() < deadline:
        assert list(poller.poll(0.05)) == []
        looks += 1
    assert looks <= 5
    poller.modify(left.fileno(), READ)
    assert look(poller, left.fileno()) == READ


@pytest.mark.slow
@pytest.mark.parametrize("unread", [b"", b"x"])
@pytest.mark.parametrize("events", [0, ERROR])
def test_a_hang_up_reaches_who_asked_for_no_more_than_errors_again_and_again(poller, pair, events, unread):
    left, right = pair
    poller.register(left.fileno(), events)
    if unread:
        right.send(unread)
        assert look(poller, left.fileno(), 0.02) == 0
    right.close()
    for _ in range(3):
        assert look(poller, left.fileno()) & ERROR
    poller.modify(left.fileno(), READ)
    assert look(poller, left.fileno()) & READ


def test_a_half_closed_peer_is_end_of_file_and_no_error_to_who_does_not_read(poller, connection):
    client, served = connection
    client.shutdown(socket.SHUT_WR)
    poller.register(served.fileno(), 0)
    assert look(poller, served.fileno(), 0.02) == 0
    poller.modify(served.fileno(), READ)
    assert look(poller, served.fileno()) & READ
    poller.modify(served.fileno(), WRITE)
    assert look(poller, served.fileno()) & WRITE


@pytest.mark.parametrize(("events", "any_of"), [(READ, READ | ERROR), (WRITE, WRITE | ERROR), (ERROR, ERROR), (0, ERROR)])
def test_a_reset_reaches_everybody(poller, connection, events, any_of):
    client, served = connection
    served.setblocking(False)
    poller.register(served.fileno(), events)
    if events & WRITE:
        fill(served)
    reset(client)
    assert look(poller, served.fileno()) & any_of


def test_a_refused_connect_reaches_the_writer_and_the_reason_is_still_to_be_had(poller):
    with socket.socket() as nobody, socket.socket() as client:
        nobody.bind(("127.0.0.1", 0))
        client.setblocking(False)
        code = client.connect_ex(nobody.getsockname())
        assert code in {errno.EINPROGRESS, errno.ECONNREFUSED}
        poller.register(client.fileno(), WRITE)
        assert look(poller, client.fileno()) & (WRITE | ERROR)
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in {errno.ECONNREFUSED, 0}


def test_the_writer_of_a_pipe_learns_that_its_reader_has_gone_whatever_it_asked_for(poller):
    for events in (WRITE, ERROR, 0):
        reader, writer = os.pipe()
        poller.register(writer, events)
        os.close(reader)
        for _ in range(2):
            assert look(poller, writer) & (ERROR | events)
        poller.unregister(writer)
        os.close(writer)


def test_the_reader_of_a_pipe_learns_that_its_writer_has_gone_whatever_it_asked_for(poller):
    for events in (READ, ERROR, 0):
        reader, writer = os.pipe()
        poller.register(reader, events)
        os.close(writer)
        for _ in range(2):
            assert look(poller, reader) & (ERROR | events)
        poller.unregister(reader)
        os.close(reader)


def test_after_unregister_nothing_comes_and_the_number_may_be_registered_again(poller, pair):
    left, right = pair
    right.send(b"x")
    poller.register(left.fileno(), READ)
    poller.unregister(left.fileno())
    poller.unregister(left.fileno())
    assert list(poller.poll(0)) == []
    poller.register(left.fileno(), READ | WRITE)
    assert look(poller, left.fileno()) == READ | WRITE


def test_a_closed_number_neither_stops_nor_spins_the_wait_and_is_usable_anew(poller, pair):
    left, right = pair
    poller.register(left.fileno(), READ)
    reader, writer = os.pipe()
    poller.register(reader, READ)
    os.close(reader)
    poller.poll(0)
    assert list(poller.poll(0.01)) == []
    right.send(b"x")
    assert look(poller, left.fileno()) == READ
    poller.unregister(reader)
    again = os.dup(left.fileno())
    if again != reader:
        os.dup2(again, reader)
        os.close(again)
    poller.register(reader, READ)
    assert dict(poller.poll(0)) == {left.fileno(): READ, reader: READ}
    poller.unregister(reader)
    os.close(reader)
    os.close(writer)


def test_a_number_that_was_closed_and_reused_can_be_unregistered_modified_and_registered(poller, pair):
    left, right = pair
    right.send(b"x")
    reader, writer = os.pipe()
    poller.register(reader, READ)
    os.dup2(left.fileno(), reader)
    poller.modify(reader, READ)
    assert look(poller, reader) == READ
    os.dup2(right.fileno(), reader)
    poller.unregister(reader)
    poller.register(reader, WRITE)
    assert look(poller, reader) == WRITE
    poller.unregister(reader)
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("events", [READ, WRITE, READ | WRITE, ERROR, 0])
def test_a_number_that_is_not_open_is_refused_and_nothing_is_registered(poller, events):
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    for number in (reader, -1):
        with pytest.raises((ValueError, OSError)):
            poller.register(number, events)
    poller.unregister(reader)
    assert list(poller.poll(0)) == []


def test_a_modification_that_is_refused_says_so(poller):
    reader, writer = os.pipe()
    poller.register(reader, READ)
    os.close(reader)
    os.close(writer)
    poller.poll(0)
    with pytest.raises((ValueError, OSError)):
        poller.modify(reader, READ)


def test_a_regular_file_is_refused_or_ready_and_the_others_go_on(poller, pair):
    left, right = pair
    right.send(b"x")
    poller.register(left.fileno(), READ)
    with tempfile.TemporaryFile() as file:
        try:
            poller.register(file.fileno(), READ)
        except (UnwatchableError, PermissionError):
            assert dict(poller.poll(0)) == {left.fileno(): READ}
        else:
            assert dict(poller.poll(0)) == {left.fileno(): READ, file.fileno(): READ}
        poller.unregister(file.fileno())


def test_hundreds_of_ready_numbers_are_all_reported_over_a_few_waits(poller):
    pairs = [socket.socketpair() for _ in range(150)]
    try:
        for left, right in pairs:
            right.send(b"x")
            poller.register(left.fileno(), READ)
        seen = set()
        for _ in range(3):
            seen |= {fd for fd, _ in poller.poll(0)}
        assert seen == {left.fileno() for left, _ in pairs}
    finally:
        for left, right in pairs:
            poller.unregister(left.fileno())
            left.close()
            right.close()


def test_the_wait_lets_other_threads_run_and_ends_when_one_makes_a_descriptor_ready(poller, pair):
    left, right = pair
    poller.register(left.fileno(), READ)
    thread = threading.Timer(0.01, right.send, (b"x",))
    thread.start()
    begin = time.monotonic()
    assert list(poller.poll(5.0)) == [(left.fileno(), READ)]
    assert time.monotonic() - begin < 2.0
    thread.join()


def test_closing_twice_is_harmless_and_gives_descriptors_back(make, pair):
    before = open_descriptors()
    poller = make()
    poller.register(pair[0].fileno(), READ)
    poller.close()
    poller.close()
    assert open_descriptors() == before
