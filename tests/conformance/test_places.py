"""Places for clauses: shared ones in order, one alone, and none for those that only wait."""

from __future__ import annotations

import os
import threading

import pytest

from squall_conformance.isolation import places
from squall_conformance.isolation.places import Places


class Guest:
    """Takes a place in a thread of its own and holds it until told to leave."""

    def __init__(self, where, *, exclusive=False):
        self.inside, self._leave = threading.Event(), threading.Event()
        self._where, self._exclusive = where, exclusive
        self.thread = threading.Thread(target=self._stay)
        self.thread.start()

    def _stay(self):
        with self._where.take(exclusive=self._exclusive):
            self.inside.set()
            self._leave.wait()

    def leave(self):
        self._leave.set()


@pytest.fixture
def enter():
    guests = []

    def enter(where, *, exclusive=False, waits=False):
        guest = Guest(where, exclusive=exclusive)
        guests.append(guest)
        assert guest.inside.wait(0.02 if waits else 5) is not waits
        return guest

    yield enter
    for guest in guests:
        guest.leave()
    for guest in guests:
        guest.thread.join()


def test_there_are_as_many_places_as_jobs(enter):
    room = Places(2)
    first, _ = enter(room), enter(room)
    third = enter(room, waits=True)
    first.leave()
    assert third.inside.wait(5)


def test_who_wants_to_be_alone_waits_for_all_and_comes_before_those_who_share(enter):
    room = Places(2)
    first = enter(room)
    alone = enter(room, exclusive=True, waits=True)
    later = enter(room, waits=True)
    first.leave()
    assert alone.inside.wait(5)
    assert not later.inside.is_set()
    alone.leave()
    assert later.inside.wait(5)


def test_two_that_want_to_be_alone_are_alone_one_after_the_other(enter):
    room = Places(2)
    first = enter(room, exclusive=True)
    second = enter(room, exclusive=True, waits=True)
    first.leave()
    assert second.inside.wait(5)


def test_a_place_is_given_back_once_only(enter):
    room = Places(1)
    with room.take() as place:
        place.leave()
        place.leave()
        enter(room)
    enter(room, waits=True)


@pytest.mark.parametrize(("used", "given_away"), [(0.0, True), (5.0, False), (None, True)])
def test_what_only_waits_gives_its_place_away(monkeypatch, used, given_away):
    monkeypatch.setattr(places.processes, "cpu_seconds", lambda _: used)
    room = Places(1)
    with room.take() as place:
        place.tick(os.getpid(), 0.1)
        assert room._taken == 1
        place.tick(os.getpid(), 6.0)
        assert room._taken == (0 if given_away else 1)
