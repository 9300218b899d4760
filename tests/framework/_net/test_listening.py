"""Listening sockets: bound as asked or not at all, and accepting on every loop, also when descriptors run out."""

from __future__ import annotations

import errno
import os
import socket
import stat

import psutil
import pytest

from squall._net import listening
from squall.ioloop import IOLoop
from squall.netutil import add_accept_handler, bind_sockets, bind_unix_socket


@pytest.fixture
def bound():
    """Bind like bind_sockets; what was bound is closed when the test is over."""
    made = []

    def bind(*args, **kwargs):
        sockets = bind_sockets(*args, **kwargs)
        made.extend(sockets)
        return sockets

    yield bind
    for one in made:
        one.close()


def test_port_0_is_one_free_port_for_all_addresses(bound):
    sockets = bound(0, "localhost")
    assert len({one.getsockname()[1] for one in sockets}) == 1
    assert all(not one.getblocking() and not one.get_inheritable() for one in sockets)


def test_all_addresses_are_listened_on_without_a_name(bound):
    families = {one.family for one in bound(0)}
    assert socket.AF_INET in families
    assert bound(0, "")


def test_a_family_can_be_asked_for(bound):
    assert [one.family for one in bound(0, "127.0.0.1", socket.AF_INET)] == [socket.AF_INET]


def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open(bound):
    port = bound(0, "127.0.0.1")[0].getsockname()[1]
    before = psutil.Process().num_fds() if os.name == "posix" else 0
    with pytest.raises(OSError, match="in use"):
        bind_sockets(port, "127.0.0.1")
    assert before == (psutil.Process().num_fds() if before else 0)


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no SO_REUSEPORT")
def test_several_sockets_share_a_port_that_all_of_them_reuse(bound):
    port = bound(0, "127.0.0.1", reuse_port=True)[0].getsockname()[1]
    assert bound(port, "127.0.0.1", reuse_port=True)


def test_reuse_port_is_refused_where_there_is_no_such_thing(monkeypatch):
    monkeypatch.delattr(socket, "SO_REUSEPORT", raising=False)
    with pytest.raises(ValueError, match="SO_REUSEPORT"):
        bind_sockets(0, "127.0.0.1", reuse_port=True)


def test_an_address_that_is_not_ours_is_an_error():
    with pytest.raises(OSError, match=r"assign|resolve|known"):
        bind_sockets(0, "192.0.2.1")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets")
def test_a_unix_socket_has_its_mode_and_replaces_what_a_crash_left(tmp_path):
    path = tmp_path / "s"
    for mode in (0o600, 0o666):
        with bind_unix_socket(path, mode) as listener:
            assert stat.S_IMODE(path.stat().st_mode) == mode
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
            assert not listener.getblocking()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets")
def test_a_file_in_the_way_of_a_unix_socket_is_left_alone(tmp_path):
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(ValueError, match="no socket"):
        bind_unix_socket(path)
    assert path.read_text() == "precious"


def test_every_client_of_a_burst_is_handed_over(io_loop, bound):
    listener = bound(0, "127.0.0.1")[0]
    clients = [socket.create_connection(listener.getsockname()) for _ in range(20)]
    accepted = []

    def take(connection, address):
        accepted.append(address)
        connection.close()
        if len(accepted) == len(clients):
            io_loop.stop()

    remove = add_accept_handler(listener, take)
    io_loop.start()
    assert sorted(accepted) == sorted(client.getsockname() for client in clients)
    remove()
    remove()
    for client in clients:
        client.close()


def test_after_removing_nobody_is_accepted_also_not_in_the_same_turn(io_loop, bound):
    listener = bound(0, "127.0.0.1")[0]
    clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
    accepted = []

    def take(connection, _address):
        accepted.append(connection)
        connection.close()
        remove()
        io_loop.add_callback(io_loop.stop)

    remove = add_accept_handler(listener, take, io_loop)
    io_loop.start()
    assert len(accepted) == 1
    for client in clients:
        client.close()


def test_a_callback_that_raises_costs_its_connection_only(io_loop, bound, monkeypatch):
    reported = []
    monkeypatch.setattr(io_loop, "handle_callback_exception", reported.append)
    listener = bound(0, "127.0.0.1")[0]
    first, second = (socket.create_connection(listener.getsockname()) for _ in range(2))
    seen = []

    def take(connection, address):
        seen.append(address)
        if len(seen) == 1:
            raise ZeroDivisionError
        connection.close()
        io_loop.stop()

    remove = add_accept_handler(listener, take)
    io_loop.start()
    assert reported == [take]
    assert first.recv(1) == b""
    remove()
    first.close()
    second.close()


class _Exhausted:
    """A listening socket whose accept fails a few times as the kernel's would."""

    def __init__(self, listener, errors):
        self._listener, self._errors = listener, errors

    def fileno(self):
        return self._listener.fileno()

    def accept(self):
        if self._errors:
            raise OSError(self._errors.pop(0), "as the kernel says")
        return self._listener.accept()


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED])
def test_accepting_goes_on_after_an_error_of_the_kernel(io_loop, bound, monkeypatch, caplog, error):
    monkeypatch.setattr(listening, "PAUSE", 0.001)
    listener = bound(0, "127.0.0.1")[0]
    client = socket.create_connection(listener.getsockname())

    def take(connection, _address):
        connection.close()
        io_loop.stop()

    remove = add_accept_handler(_Exhausted(listener, [error]), take)
    io_loop.start()
    remove()
    client.close()
    assert bool(caplog.records) == (error != errno.ECONNABORTED)


def test_removing_ends_a_pause_too(io_loop, bound, caplog):
    listener = bound(0, "127.0.0.1")[0]
    client = socket.create_connection(listener.getsockname())
    remove = add_accept_handler(_Exhausted(listener, [errno.EMFILE] * 9), lambda *_: None)
    io_loop.call_later(0.02, io_loop.stop)
    io_loop.start()
    remove()
    assert len(caplog.records) == 1
    io_loop.add_handler(listener, lambda *_: io_loop.stop(), IOLoop.READ)
    io_loop.start()
    io_loop.remove_handler(listener)
    client.close()
