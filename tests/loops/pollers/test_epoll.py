"""What only epoll does: it watches open file descriptions, and those may outlive their numbers."""

from __future__ import annotations

import errno
import os
import select

import pytest

from squall_loops.contract import READ, WRITE
from squall_loops.pollers.epoll import BATCH, LOOKS, EpollPoller

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="this Python has no select.epoll")


@pytest.fixture
def poller():
    made = EpollPoller()
    yield made
    made.close()


@pytest.fixture
def ghost(poller, pair):
    """A registered number that was closed while a duplicate keeps its description alive, with data to read."""
    left, right = pair
    number = os.dup(left.fileno())
    poller.register(number, READ)
    os.close(number)
    right.send(b"x")
    return number


def move(fd, number):
    """Give the open file another number, which may be its own already."""
    if fd != number:
        os.dup2(fd, number)
        os.close(fd)


def spin(poller):
    """Return how many waits it takes until nothing is reported."""
    for count in range(2 * LOOKS):
        if not poller.poll(0):
            return count
    return None


def test_a_ghost_of_a_removed_number_does_not_spin_for_long(poller, ghost):
    poller.unregister(ghost)
    assert spin(poller) <= LOOKS
    assert poller.poll(0.005) == []


def test_a_ghost_of_a_number_that_is_still_registered_does_not_spin_for_long(poller, ghost):
    assert spin(poller) <= LOOKS
    poller.unregister(ghost)


def test_a_ghost_under_a_number_that_belongs_to_another_file_by_now_does_not_spin_for_long(poller, ghost):
    poller.unregister(ghost)
    reader, writer = os.pipe()
    move(reader, ghost)
    poller.register(ghost, READ)
    assert spin(poller) <= LOOKS
    os.write(writer, b"x")
    assert poller.poll(0.5) == [(ghost, READ)]
    poller.unregister(ghost)
    os.close(ghost)
    os.close(writer)


def test_the_other_registrations_survive_a_new_instance(poller, ghost, pair):
    left, right = pair
    poller.register(right.fileno(), WRITE)
    poller.register(left.fileno(), READ)
    for _ in range(LOOKS):
        poller.poll(0)
    for _ in range(2 * LOOKS):
        assert sorted(poller.poll(0)) == sorted([(left.fileno(), READ), (right.fileno(), WRITE)])


def test_honest_events_are_never_taken_for_ghosts(poller, pair, monkeypatch):
    left, right = pair
    right.send(b"x")
    poller.register(left.fileno(), READ | WRITE)
    monkeypatch.setattr(poller, "_begin_anew", lambda: pytest.fail("there is no ghost"))
    for _ in range(3 * LOOKS):
        assert poller.poll(0) == [(left.fileno(), READ | WRITE)]


def test_a_number_that_took_its_old_description_back_is_registered_all_the_same(poller, pair):
    left, right = pair
    number = os.dup(left.fileno())
    poller.register(number, READ)
    os.close(number)
    reader, writer = os.pipe()
    move(reader, number)
    poller.unregister(number)
    os.dup2(left.fileno(), number)
    poller.register(number, READ | WRITE)
    right.send(b"x")
    assert poller.poll(0) == [(number, READ | WRITE)]
    for fd in (number, writer):
        os.close(fd)


def test_a_duplicate_is_watched_on_its_own(poller, pair):
    left, right = pair
    number = os.dup(left.fileno())
    poller.register(left.fileno(), READ)
    poller.register(number, READ)
    poller.unregister(left.fileno())
    right.send(b"x")
    assert poller.poll(0) == [(number, READ)]
    os.close(number)


def test_what_does_not_fit_into_one_batch_comes_in_the_next(poller, pair, monkeypatch):
    monkeypatch.setattr("squall_loops.pollers.epoll.BATCH", 1)
    left, right = pair
    poller.register(left.fileno(), WRITE)
    poller.register(right.fileno(), WRITE)
    assert sorted(poller.poll(0) + poller.poll(0)) == sorted([(left.fileno(), WRITE), (right.fileno(), WRITE)])
    assert BATCH >= 256


def test_a_new_instance_does_not_watch_what_took_a_closed_number(poller, ghost):
    reader, writer = os.pipe()
    move(reader, ghost)
    os.write(writer, b"x")
    assert spin(poller) <= LOOKS
    assert poller.poll(0.005) == []
    os.close(ghost)
    os.close(writer)


@pytest.mark.parametrize("refused", ["epoll", "register"])
def test_a_ghost_stays_while_the_kernel_has_no_room_for_a_new_instance_and_goes_later(
    poller, ghost, pair, monkeypatch, refused
):
    class Full:
        def register(self, fd, events):
            raise OSError(errno.ENOSPC, "no room")

        def close(self):
            closed.append(True)

    def no_more():
        if refused == "epoll":
            raise OSError(errno.EMFILE, "Too many open files")
        return Full()

    closed = []
    right = pair[1].fileno()
    poller.register(right, WRITE)
    with monkeypatch.context() as patch:
        patch.setattr(select, "epoll", no_more)
        for _ in range(3 * LOOKS):
            assert sorted(poller.poll(0)) == sorted([(ghost, READ), (right, WRITE)])
    assert bool(closed) == (refused == "register")
    for _ in range(LOOKS):
        poller.poll(0)
    assert poller.poll(0) == [(right, WRITE)]
