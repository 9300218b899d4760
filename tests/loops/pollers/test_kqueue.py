"""What only kqueue does, over the stand-in, and over the real one where there is one."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import tempfile

import pytest

from squall_loops.contract import ERROR, READ, WRITE, UnwatchableError
from squall_loops.pollers.kqueue import KqueuePoller

pytestmark = pytest.mark.skipif(not hasattr(select, "poll"), reason="the stand-in for kqueue is built on poll(2)")


class Recorder:
    """A queue that records changes and plays back events."""

    def __init__(self, refusals=()):
        self.changes, self.events, self.refusals, self.timeouts = [], [], dict(refusals), []

    def control(self, changes, room, timeout):
        for change in changes or ():
            self.changes.append((change.ident, change.filter, change.flags))
            refusal = self.refusals.get((change.filter, change.flags))
            if refusal:
                raise OSError(refusal, os.strerror(refusal))
        if room:
            self.timeouts.append(timeout)
        return self.events[:room]

    def close(self):
        self.changes.append("closed")


@pytest.fixture
def record(stand_in):
    """Make a poller over a recorder that refuses some changes with an error number."""

    def make(refusals=()):
        recorder = Recorder(refusals)
        return recorder, KqueuePoller(stand_in.kernel(lambda: recorder))

    return make


@pytest.fixture
def poller(stand_in):
    made = KqueuePoller(stand_in.kernel())
    yield made
    made.close()


@pytest.fixture
def number(pair):
    return pair[0].fileno()


def test_filters_are_registered_one_by_one_and_deleted_one_by_one(record, number, stand_in):
    recorder, poller = record()
    poller.register(number, READ | WRITE)
    poller.unregister(number)
    read, write = stand_in.KQ_FILTER_READ, stand_in.KQ_FILTER_WRITE
    assert recorder.changes == [
        (number, read, stand_in.KQ_EV_ADD),
        (number, write, stand_in.KQ_EV_ADD),
        (number, read, stand_in.KQ_EV_DELETE),
        (number, write, stand_in.KQ_EV_DELETE),
    ]


def test_if_the_second_filter_is_refused_the_first_is_taken_back(record, number, stand_in):
    recorder, poller = record({(stand_in.KQ_FILTER_WRITE, stand_in.KQ_EV_ADD): errno.EINVAL})
    with pytest.raises(OSError, match="Invalid"):
        poller.register(number, READ | WRITE)
    assert recorder.changes[-1] == (number, stand_in.KQ_FILTER_READ, stand_in.KQ_EV_DELETE)
    poller.unregister(number)
    assert len(recorder.changes) == 3


@pytest.mark.parametrize("error", [errno.ENOENT, errno.EBADF])
def test_deleting_what_the_kernel_has_forgotten_is_fine(record, number, stand_in, error):
    recorder, poller = record({(stand_in.KQ_FILTER_READ, stand_in.KQ_EV_DELETE): error})
    poller.register(number, READ | WRITE)
    poller.unregister(number)
    assert recorder.changes[-1] == (number, stand_in.KQ_FILTER_WRITE, stand_in.KQ_EV_DELETE)


def test_any_other_error_of_a_deletion_is_told(record, number, stand_in):
    _recorder, poller = record({(stand_in.KQ_FILTER_READ, stand_in.KQ_EV_DELETE): errno.ENOMEM})
    poller.register(number, READ)
    with pytest.raises(OSError, match="memory"):
        poller.unregister(number)


def test_a_refused_quiet_registration_leaves_nothing(record, number, stand_in):
    flags = stand_in.KQ_EV_ADD | stand_in.KQ_EV_CLEAR
    recorder, poller = record({(stand_in.KQ_FILTER_READ, flags): errno.EINVAL})
    with pytest.raises(OSError, match="Invalid"):
        poller.register(number, ERROR)
    recorder.events = [stand_in.kevent(number, stand_in.KQ_FILTER_READ)]
    assert poller.poll(0) == [(number, READ)]


def test_events_of_both_filters_are_merged_into_one_pair(record, number, stand_in):
    recorder, poller = record()
    poller.register(number, READ | WRITE)
    recorder.events = [
        stand_in.kevent(number, stand_in.KQ_FILTER_READ, stand_in.KQ_EV_EOF, fflags=errno.ECONNRESET),
        stand_in.kevent(number, stand_in.KQ_FILTER_WRITE),
    ]
    assert poller.poll(1.5) == [(number, READ | WRITE | ERROR)]
    assert recorder.timeouts == [1.5]


def test_end_of_file_without_an_error_is_a_readiness_and_no_error(record, number, stand_in):
    recorder, poller = record()
    poller.register(number, READ)
    recorder.events = [stand_in.kevent(number, stand_in.KQ_FILTER_READ, stand_in.KQ_EV_EOF)]
    assert poller.poll(0) == [(number, READ)]


def test_a_quiet_socket_is_over_when_both_directions_have_ended_and_stays_over(record, number, stand_in):
    recorder, poller = record()
    poller.register(number, 0)
    assert {flags for _, _, flags in recorder.changes} == {stand_in.KQ_EV_ADD | stand_in.KQ_EV_CLEAR}
    ended = [stand_in.kevent(number, kind, stand_in.KQ_EV_EOF) for kind in (stand_in.KQ_FILTER_READ, stand_in.KQ_FILTER_WRITE)]
    recorder.events = ended[:1]
    assert poller.poll(None) == []
    recorder.events = ended[1:]
    assert poller.poll(None) == [(number, ERROR)]
    recorder.events = []
    assert poller.poll(None) == [(number, ERROR)]
    assert recorder.timeouts[-1] == 0
    poller.modify(number, READ)
    assert poller.poll(None) == []


def test_a_quiet_socket_with_an_error_is_over_at_once(record, number, stand_in):
    recorder, poller = record()
    poller.register(number, ERROR)
    recorder.events = [stand_in.kevent(number, stand_in.KQ_FILTER_READ, stand_in.KQ_EV_EOF, fflags=errno.ECONNRESET)]
    assert poller.poll(None) == [(number, ERROR)]


def test_a_pipe_without_a_reader_that_macos_refuses_is_a_hang_up(stand_in):
    poller = KqueuePoller(stand_in.kernel(stand_in.OldMacKqueue))
    for events, seen in ((WRITE, WRITE | ERROR), (READ | WRITE, READ | WRITE | ERROR), (0, ERROR)):
        reader, writer = os.pipe()
        os.close(reader)
        poller.register(writer, events)
        for _ in range(2):
            assert dict(poller.poll(None))[writer] | (seen & READ) == seen
        poller.unregister(writer)
        assert poller.poll(0) == []
        os.close(writer)
    poller.close()


def test_a_broken_pipe_is_no_longer_writable_to_who_no_longer_writes(stand_in):
    poller = KqueuePoller(stand_in.kernel(stand_in.OldMacKqueue))
    reader, writer = os.pipe()
    poller.register(writer, WRITE)
    os.close(reader)
    poller.modify(writer, READ)
    assert poller.poll(0) == [(writer, READ)]
    poller.modify(writer, READ | WRITE)
    assert poller.poll(0) == [(writer, READ | WRITE | ERROR)]
    poller.modify(writer, READ)
    assert poller.poll(0) == [(writer, READ)]
    os.close(writer)
    poller.close()


def test_a_modification_enters_each_filter_once_and_deletes_what_is_no_longer_wanted(record, number, stand_in):
    recorder, poller = record()
    poller.register(number, READ)
    poller.modify(number, READ | WRITE)
    poller.modify(number, WRITE)
    poller.unregister(number)
    read, write = stand_in.KQ_FILTER_READ, stand_in.KQ_FILTER_WRITE
    assert [kind for _, kind, flags in recorder.changes if flags == stand_in.KQ_EV_DELETE] == [read, write]


def test_a_regular_file_is_refused_as_epoll_does(poller):
    with tempfile.TemporaryFile() as file, pytest.raises(UnwatchableError, match="regular file"):
        poller.register(file.fileno(), READ)


def test_after_fork_the_child_can_let_go_of_a_queue_that_it_has_not_inherited(poller, pair):
    left, right = pair
    poller.register(left.fileno(), READ)
    pid = os.fork()
    if pid == 0:
        poller.close()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    right.send(b"x")
    assert poller.poll(0.5) == [(left.fileno(), READ)]


def test_a_full_buffer_does_not_spin_a_quiet_reader(poller, pair):
    left, right = pair
    poller.register(left.fileno(), ERROR)
    with contextlib.suppress(BlockingIOError):
        while True:
            right.send(bytes(4096))
    looks = sum(1 for _ in range(20) if poller.poll(0.001) == [])
    assert looks == 20
    with socket.socket() as other:
        assert other.fileno() != left.fileno()


def test_without_a_kqueue_the_module_loads_and_the_poller_cannot_be_made():
    if hasattr(select, "kqueue"):
        KqueuePoller().close()
    else:
        with pytest.raises(AttributeError, match="kqueue"):
            KqueuePoller()
