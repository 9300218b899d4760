"""The stand-in for kqueue against kqueue(2), sentence by sentence; each test states the sentence in our own words.

Where the machine has the real one, the same sentences are tried on it, so that a stand-in that drifts is found out.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import tempfile
import threading
import time

import pytest

pytestmark = pytest.mark.skipif(not hasattr(select, "poll"), reason="the stand-in for kqueue is built on poll(2)")

REAL = pytest.mark.skipif(not hasattr(select, "kqueue"), reason="this Python has no select.kqueue")


@pytest.fixture(params=["stand-in", pytest.param("real", marks=REAL)])
def kernel(request, stand_in):
    return stand_in.kernel() if request.param == "stand-in" else select


@pytest.fixture
def queue(kernel):
    made = kernel.kqueue()
    yield made
    made.close()


@pytest.fixture
def change(kernel, queue):
    """Make one change, and say nothing of events."""

    def make(fd, kind, flags):
        return queue.control([kernel.kevent(fd, kind, flags)], 0, 0)

    return make


def test_kqueue_makes_a_queue_that_is_a_descriptor(queue):
    os.fstat(queue.fileno())
    assert not queue.closed
    queue.close()
    queue.close()
    assert queue.closed
    with pytest.raises(ValueError):
        queue.fileno()


def test_an_entry_is_identified_by_number_and_filter_and_adding_it_again_makes_no_second_one(kernel, queue, change, pair):
    left, right = pair
    right.send(b"x")
    for _ in range(2):
        change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)
    assert len(queue.control(None, 10, 0)) == 1
    change(left.fileno(), kernel.KQ_FILTER_WRITE, kernel.KQ_EV_ADD)
    found = {(event.ident, event.filter) for event in queue.control(None, 10, 0)}
    assert found == {(left.fileno(), kernel.KQ_FILTER_READ), (left.fileno(), kernel.KQ_FILTER_WRITE)}


def test_adding_enables_and_the_condition_is_looked_at_when_the_entry_is_made(kernel, queue, pair):
    left, right = pair
    right.send(b"xyz")
    (event,) = queue.control([kernel.kevent(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)], 10, 0)
    assert (event.ident, event.filter, event.data) == (left.fileno(), kernel.KQ_FILTER_READ, 3)


def test_deleting_removes_the_entry_and_deleting_what_is_not_there_is_enoent(kernel, queue, change, pair):
    left, right = pair
    right.send(b"x")
    change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)
    change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_DELETE)
    assert queue.control(None, 10, 0) == []
    with pytest.raises(OSError) as caught:
        change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_DELETE)
    assert caught.value.errno == errno.ENOENT


def test_a_disabled_entry_is_not_reported_until_it_is_enabled(kernel, queue, change, pair):
    left, right = pair
    right.send(b"x")
    change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)
    change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_DISABLE)
    assert queue.control(None, 10, 0) == []
    change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ENABLE)
    assert len(queue.control(None, 10, 0)) == 1


def test_a_one_shot_entry_is_deleted_once_it_has_been_retrieved(kernel, queue, change, pair):
    left, right = pair
    right.send(b"x")
    change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD | kernel.KQ_EV_ONESHOT)
    assert len(queue.control(None, 10, 0)) == 1
    assert queue.control(None, 10, 0) == []
    with pytest.raises(OSError):
        change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_DELETE)


def test_without_clear_a_condition_is_reported_for_as_long_as_it_holds(kernel, queue, change, pair):
    left, right = pair
    right.send(b"x")
    change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)
    for _ in range(3):
        assert len(queue.control(None, 10, 0)) == 1
    left.recv(1)
    assert queue.control(None, 10, 0) == []


def test_with_clear_the_state_is_reset_by_the_retrieval_and_reported_when_it_changes(kernel, queue, change, pair):
    left, right = pair
    right.send(b"x")
    change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD | kernel.KQ_EV_CLEAR)
    assert len(queue.control(None, 10, 0)) == 1
    assert queue.control(None, 10, 0) == []
    assert queue.control(None, 10, 0.01) == []
    right.send(b"y")
    (event,) = queue.control(None, 10, 0.5)
    assert event.data == 2
    right.close()
    (event,) = queue.control(None, 10, 0.5)
    assert event.flags & kernel.KQ_EV_EOF


def test_end_of_file_is_a_flag_and_may_come_while_data_waits(kernel, queue, change, pair):
    left, right = pair
    right.send(b"rest")
    right.shutdown(socket.SHUT_WR)
    change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)
    (event,) = queue.control(None, 10, 0.5)
    assert event.flags & kernel.KQ_EV_EOF
    assert event.data == 4


def test_a_sockets_error_comes_in_fflags_with_end_of_file(kernel, queue, change):
    with socket.socket() as nobody, socket.socket() as client:
        nobody.bind(("127.0.0.1", 0))
        client.setblocking(False)
        client.connect_ex(nobody.getsockname())
        change(client.fileno(), kernel.KQ_FILTER_WRITE, kernel.KQ_EV_ADD)
        (event,) = queue.control(None, 10, 1.0)
        assert event.flags & kernel.KQ_EV_EOF
        assert event.fflags
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


def test_a_listening_socket_is_readable_while_a_connection_waits(kernel, queue, change):
    with socket.create_server(("127.0.0.1", 0)) as server:
        change(server.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)
        assert queue.control(None, 10, 0) == []
        with socket.create_connection(server.getsockname()):
            (event,) = queue.control(None, 10, 0.5)
            assert event.data >= 1
            server.accept()[0].close()
            assert queue.control(None, 10, 0) == []


def test_a_pipe_is_readable_with_the_number_of_bytes_and_ends_when_its_writer_has_gone(kernel, queue, change):
    reader, writer = os.pipe()
    change(reader, kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)
    assert queue.control(None, 10, 0) == []
    os.write(writer, b"xy")
    (event,) = queue.control(None, 10, 0)
    assert (event.data, event.flags & kernel.KQ_EV_EOF) == (2, 0)
    os.close(writer)
    (event,) = queue.control(None, 10, 0)
    assert event.flags & kernel.KQ_EV_EOF
    os.close(reader)


def test_a_pipe_is_writable_while_there_is_room_and_ends_when_its_reader_has_gone(kernel, queue, change):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    change(writer, kernel.KQ_FILTER_WRITE, kernel.KQ_EV_ADD)
    (event,) = queue.control(None, 10, 0)
    assert not event.flags & kernel.KQ_EV_EOF
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(65536))
    assert queue.control(None, 10, 0) == []
    os.close(reader)
    (event,) = queue.control(None, 10, 0)
    assert event.flags & kernel.KQ_EV_EOF
    os.close(writer)


def test_a_socket_is_not_writable_while_its_buffer_is_full(kernel, queue, change, pair):
    left, right = pair
    with contextlib.suppress(BlockingIOError):
        while True:
            left.send(bytes(65536))
    change(left.fileno(), kernel.KQ_FILTER_WRITE, kernel.KQ_EV_ADD)
    assert queue.control(None, 10, 0.005) == []
    with contextlib.suppress(BlockingIOError):
        while True:
            right.recv(1 << 20)
    assert len(queue.control(None, 10, 0.5)) == 1


def test_a_regular_file_is_readable_while_its_offset_is_not_at_the_end(kernel, queue, change):
    with tempfile.TemporaryFile() as file:
        change(file.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)
        assert queue.control(None, 10, 0.005) == []
        os.write(file.fileno(), b"four")
        os.lseek(file.fileno(), 1, os.SEEK_SET)
        (event,) = queue.control(None, 10, 0.5)
        assert event.data == 3


def test_closing_a_number_removes_its_entries_although_a_duplicate_lives_on(kernel, queue, change, pair):
    left, right = pair
    number = os.dup(left.fileno())
    change(number, kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)
    os.close(number)
    right.send(b"x")
    assert queue.control(None, 10, 0) == []


def test_a_closed_number_is_ebadf_and_a_filter_that_does_not_exist_is_einval(kernel, change, pair):
    number = os.dup(pair[0].fileno())
    os.close(number)
    for fd, kind, code in ((number, kernel.KQ_FILTER_READ, errno.EBADF), (pair[0].fileno(), -99, errno.EINVAL)):
        with pytest.raises(OSError) as caught:
            change(fd, kind, kernel.KQ_EV_ADD)
        assert caught.value.errno == code


def test_with_room_for_events_an_error_of_a_change_comes_as_an_event(kernel, queue, pair):
    wrong = kernel.kevent(pair[0].fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_DELETE)
    (event,) = queue.control([wrong], 1, 0)
    assert event.flags & kernel.KQ_EV_ERROR
    assert event.data == errno.ENOENT
    with pytest.raises(OSError):
        queue.control([wrong], 0, 0)


def test_without_room_for_events_the_call_returns_at_once(kernel, queue, change, pair):
    change(pair[0].fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)
    assert queue.control(None, 0, None) == []


def test_what_does_not_fit_comes_with_the_next_calls(kernel, queue, change):
    pairs = [socket.socketpair() for _ in range(5)]
    for left, _right in pairs:
        change(left.fileno(), kernel.KQ_FILTER_WRITE, kernel.KQ_EV_ADD)
    seen = set()
    for _ in range(5):
        (event,) = queue.control(None, 1, 0)
        seen.add(event.ident)
    assert seen == {left.fileno() for left, _right in pairs}
    for left, right in pairs:
        left.close()
        right.close()


def test_the_timeout_limits_the_wait_and_none_waits_for_an_event(kernel, queue, change, pair):
    left, right = pair
    change(left.fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)
    begin = time.monotonic()
    assert queue.control(None, 1, 0.01) == []
    assert time.monotonic() - begin >= 0.01
    thread = threading.Timer(0.01, right.send, (b"x",))
    thread.start()
    assert len(queue.control(None, 1, None)) == 1
    thread.join()
    with pytest.raises(ValueError):
        queue.control(None, 1, -1)
    with pytest.raises(ValueError):
        queue.control(None, -1, 0)


def test_a_child_does_not_inherit_the_queue(kernel, queue, change, pair):
    change(pair[0].fileno(), kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD)
    pid = os.fork()
    if pid == 0:
        try:
            queue.control(None, 1, 0)
        except (OSError, ValueError):
            os._exit(0)
        os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    pair[1].send(b"x")
    assert len(queue.control(None, 1, 0.5)) == 1


def test_a_write_filter_for_a_pipe_without_a_reader_is_refused_by_old_macos(stand_in):
    kernel = stand_in.kernel(stand_in.OldMacKqueue)
    queue = kernel.kqueue()
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        queue.control([kernel.kevent(writer, kernel.KQ_FILTER_WRITE, kernel.KQ_EV_ADD)], 0, 0)
    os.close(writer)
    queue.close()


def test_a_kevent_takes_an_object_with_a_number_and_shows_its_fields(stand_in, pair):
    event = stand_in.kevent(pair[0])
    assert event.ident == pair[0].fileno()
    assert (event.filter, event.flags) == (stand_in.KQ_FILTER_READ, stand_in.KQ_EV_ADD)
    assert repr(event).startswith(f"kevent({pair[0].fileno()}, -1, 0x1")
