"""Tornado 4.0's way to make a loop: hand over a poller."""

from __future__ import annotations

import select
import socket

import pytest

from squall import gen
from squall.ioloop import IOLoop, PollIOLoop
from squall_loops.pollers.choose import make_poller

pytestmark = pytest.mark.usefixtures("clean_ioloop")


class SelectImpl:
    """The least that Tornado 4.0 asked of a poller."""

    def __init__(self):
        self.watched = {}

    def register(self, fd, events):
        self.watched[fd] = events

    modify = register

    def unregister(self, fd):
        del self.watched[fd]

    def poll(self, timeout):
        readers = [fd for fd, events in self.watched.items() if events & IOLoop.READ]
        writers = [fd for fd, events in self.watched.items() if events & IOLoop.WRITE]
        ready = select.select(readers, writers, [], timeout)
        return [(fd, IOLoop.READ) for fd in ready[0]] + [(fd, IOLoop.WRITE) for fd in ready[1]]


class MyLoop(PollIOLoop):
    def initialize(self, **kwargs):
        super().initialize(impl=SelectImpl(), **kwargs)


def test_a_loop_over_a_poller_of_tornados_kind_waits_for_descriptors_and_timers():
    loop = MyLoop()
    left, right = socket.socketpair()
    seen = []

    def handler(fd, events):
        seen.append(left.recv(10))
        loop.remove_handler(fd)

    @gen.coroutine
    def main():
        loop.add_handler(left.fileno(), handler, loop.READ)
        yield gen.sleep(0.01)
        right.send(b"x")
        yield gen.sleep(0.01)

    loop.run_sync(main, timeout=5)
    assert seen == [b"x"]
    loop.close()
    left.close()
    right.close()


def test_removing_a_descriptor_that_the_poller_has_forgotten_is_harmless():
    loop = MyLoop()
    left, right = socket.socketpair()
    loop.add_handler(left, print, loop.READ)
    loop.event_loop._poller._impl.watched.pop(left.fileno())
    loop.remove_handler(left)
    loop.close()
    left.close()
    right.close()


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="no select.epoll here")
def test_select_epoll_itself_is_a_poller_and_is_closed_with_the_loop():
    epoll = select.epoll()
    loop = PollIOLoop(impl=epoll)
    assert loop.run_sync(lambda: gen.sleep(0), timeout=5) is None
    loop.close()
    assert epoll.closed


def test_a_poller_of_the_contract_and_a_clock_are_taken():
    loop = PollIOLoop(impl=make_poller(), time_func=lambda: 77.0)
    assert loop.time() == 77.0
    seen = []
    loop.call_at(deadline=70.0, callback=lambda: seen.append("due"))
    loop.add_callback(loop.add_callback, loop.stop)
    loop.start()
    assert seen == ["due"]
    loop.close()


def test_without_a_poller_it_is_the_best_of_this_machine():
    loop = PollIOLoop()
    assert IOLoop.current() is loop
    assert loop.run_sync(lambda: 1) == 1
    loop.close()
