"""The turn loop over every poller."""

from __future__ import annotations

import os
import threading
import time

from squall_loops.contract import ERROR, READ, WRITE


def test_a_message_goes_there_and_back(loop, pair):
    left, right = pair
    seen = []

    def echo(end, _events):
        end.send(end.recv(10).upper())

    def finish(end, _events):
        seen.append(end.recv(10))
        loop.stop()

    loop.add_handler(right, echo, READ)
    loop.add_handler(left, finish, READ)
    left.send(b"hello")
    loop.start()
    assert seen == [b"HELLO"]


def test_a_paused_reader_gets_what_came_meanwhile(loop, pair):
    left, right = pair
    seen = []
    loop.add_handler(left, lambda end, events: (seen.append((end.recv(10), events)), loop.stop()), READ)
    loop.update_handler(left, 0)
    right.send(b"x")
    loop.call_at(loop.time() + 0.01, loop.stop)
    loop.start()
    assert seen == []
    loop.update_handler(left, READ)
    loop.start()
    assert seen == [(b"x", READ)]


def test_a_stream_of_wake_ups_starves_neither_descriptors_nor_timers(loop, pair):
    left, right = pair
    served = set()
    over = threading.Event()

    def served_one(name):
        served.add(name)
        if len(served) == 2:
            over.set()
            loop.stop()

    def chatter():
        while not over.is_set():
            loop.add_callback(int)

    right.send(b"x")
    loop.add_handler(left, lambda _end, _events: served_one("descriptor"), READ | WRITE)
    loop.call_at(loop.time() + 0.01, served_one, "timer")
    thread = threading.Thread(target=chatter)
    thread.start()
    loop.start()
    over.set()
    thread.join()
    assert served == {"descriptor", "timer"}


def test_an_object_closed_before_it_is_removed_neither_stops_nor_spins_the_loop(loop, pair):
    left, right = pair
    calls = []
    loop.add_handler(left, lambda *got: calls.append(got), READ)
    right.send(b"x")
    left.close()
    loop.call_at(loop.time() + 0.02, loop.stop)
    used = time.process_time()
    loop.start()
    assert calls == []
    assert time.process_time() - used < 0.015
    loop.remove_handler(left)
    reader, writer = os.pipe()
    loop.add_handler(reader, lambda *_got: loop.stop(), READ | ERROR)
    os.close(writer)
    loop.start()
    loop.remove_handler(reader)
    os.close(reader)
