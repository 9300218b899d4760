"""What is peculiar to reactors: restarts, being a guest of one that runs, the one place of a process."""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import time

import pytest

pytest.importorskip("twisted")

from twisted.internet.defer import Deferred
from twisted.internet.pollreactor import PollReactor
from twisted.internet.selectreactor import SelectReactor

from squall_loops import registry
from squall_loops.contract import ERROR, READ, WRITE, LoopForkedError, LoopRunningError, UnwatchableError
from squall_loops.hosts import reactors
from squall_loops.hosts.twisted import TwistedLoop, make_twisted

NAMES = [
    info.spec.removeprefix("twisted:") for info in registry.known_loops() if info.spec.startswith("twisted:") and info.available
]


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def loop(name):
    loop = make_twisted(name)
    yield loop
    loop.close()


@pytest.fixture
def guest(name):
    """A loop over a reactor that the test runs itself, as a Twisted daemon would."""
    reactor = make_twisted(name)
    loop = TwistedLoop(reactor.reactor)
    yield loop
    loop.close()
    reactor.close()


def run_as_daemon(reactor):
    reactor.callLater(5, reactor.crash)
    reactor.run(installSignalHandlers=False)


def test_the_first_reactor_is_that_of_the_process_until_its_loop_is_closed(name):
    assert reactors.installed() is None
    first = make_twisted(name)
    second = make_twisted("select")
    from twisted.internet import reactor

    assert reactor is first.reactor
    assert second.reactor is not reactor
    second.close()
    assert reactors.installed() is first.reactor
    first.close()
    assert reactors.installed() is None


def test_an_installed_reactor_of_that_kind_is_used_and_left_as_it_is():
    reactor = reactors.make(reactors.install_of("select"))
    try:
        loop = make_twisted("select")
        assert loop.reactor is reactor
        other = make_twisted("select")
        assert other.reactor is not reactor
        other.close()
        loop.close()
        assert reactors.installed() is reactor
        again = make_twisted("select")
        assert again.reactor is reactor
        again.add_callback(again.stop)
        again.start()
        again.close()
    finally:
        reactors.uninstall(reactor)
        reactors.free(reactor)


def test_the_thread_keeps_its_asyncio_loop(monkeypatch):
    import asyncio

    monkeypatch.setattr("twisted.internet.asyncioreactor.set_event_loop", lambda _loop: pytest.fail("set"))
    loop = make_twisted("asyncio")
    assert isinstance(loop.reactor._asyncioEventloop, asyncio.SelectorEventLoop)
    loop.close()
    assert loop.reactor._asyncioEventloop.is_closed()


def test_adopting_a_reactor_gives_the_same_loop_each_time(name):
    owner = make_twisted(name)
    assert registry.adopt(owner.reactor) is owner
    owner.close()


def test_a_running_reactor_serves_us_and_refuses_start(guest):
    left, right = socket.socketpair()
    seen = []
    reactor = guest.reactor

    def step(what):
        seen.append(what)
        if what == "callback":
            with pytest.raises(LoopRunningError):
                guest.start()
            with pytest.raises(LoopRunningError):
                guest.close()
            guest.call_at(guest.time() + 0.002, step, "timer")
        elif what == "timer":
            guest.add_handler(left, lambda thing, events: step((thing, events, thing.recv(1))), READ)
            right.send(b"x")
        elif what == "thread":
            reactor.crash()
        else:
            guest.remove_handler(left)
            thread.start()

    thread = threading.Thread(target=guest.add_callback, args=(step, "thread"))
    with left, right:
        guest.add_callback(step, "callback")
        run_as_daemon(reactor)
        thread.join()
        assert seen == ["callback", "timer", (left, READ, b"x"), "thread"]


def test_a_daemons_reactor_is_found_in_its_thread_only():
    reactor = reactors.make(reactors.install_of("select"))
    found = []

    def look():
        found.extend([registry.running_loop(), registry.running_loop()])
        thread = threading.Thread(target=lambda: found.append(registry.running_loop()))
        thread.start()
        thread.join()
        reactor.crash()

    reactor.callWhenRunning(look)
    run_as_daemon(reactor)
    assert isinstance(found[0], TwistedLoop)
    assert found == [found[0], found[0], None]
    assert found[0].reactor is reactor
    assert registry.running_loop() is None
    reactors.uninstall(reactor)
    reactors.free(reactor)


def test_stop_ends_for_good_a_reactor_that_somebody_else_runs(guest):
    over = []
    guest.reactor.addSystemEventTrigger("before", "shutdown", over.append, True)
    guest.reactor.callWhenRunning(guest.add_callback, guest.stop)
    run_as_daemon(guest.reactor)
    assert over == [True]


def test_a_callback_that_raises_in_a_running_reactor_is_reported_and_the_rest_run(guest):
    seen = []
    guest.handle_callback_exception = lambda _callback, exc: seen.append(type(exc))
    guest.add_callback(lambda: 1 / 0)
    guest.add_callback(seen.append, "rest")
    guest.add_callback(guest.reactor.crash)
    run_as_daemon(guest.reactor)
    assert seen == [ZeroDivisionError, "rest"]


def test_a_reactor_that_was_stopped_by_its_own_stop_starts_again_with_its_descriptors(loop):
    left, right = socket.socketpair()
    told = []
    with left, right:
        loop.add_handler(left, lambda thing, events: (told.append((events, thing.recv(1))), loop.stop()), READ)
        loop.add_callback(loop.reactor.stop)
        loop.start()
        assert told == []
        right.send(b"x")
        loop.start()
        assert told == [(READ, b"x")]


def test_twisteds_own_calls_and_deferreds_work_beside_ours(loop):
    seen = []
    waiting = Deferred()
    waiting.addCallback(lambda value: (seen.append(value), loop.stop()))
    loop.reactor.callLater(0.001, waiting.callback, "deferred")
    loop.reactor.callWhenRunning(seen.append, "running")
    loop.add_callback(loop.reactor.callInThread, lambda: loop.reactor.callFromThread(seen.append, "thread"))
    loop.start()
    loop.call_at(loop.time() + 0.02, loop.stop)
    loop.start()
    assert sorted(seen) == ["deferred", "running", "thread"]


def test_a_hangup_is_told_for_as_long_as_it_lasts(loop):
    reader, writer = os.pipe()
    told = []

    def handler(_fd, events):
        told.append(events)
        if len(told) == 3:
            loop.stop()

    loop.add_handler(reader, handler, READ)
    os.close(writer)
    loop.start()
    assert len(told) == 3
    assert all(events & READ for events in told)
    loop.remove_handler(reader)
    os.close(reader)


def test_a_reset_reaches_a_writer(loop):
    reader, writer = os.pipe()
    told = []
    os.close(reader)
    loop.add_handler(writer, lambda _fd, events: (told.append(events), loop.stop()), WRITE)
    loop.start()
    assert told[0] & WRITE
    loop.remove_handler(writer)
    os.close(writer)


def test_the_hangup_of_a_paused_descriptor_is_told(loop):
    left, right = socket.socketpair()
    told = []
    with left, right:
        loop.add_handler(left, lambda _thing, events: (told.append(events), loop.stop()), 0)
        right.close()
        loop.start()
        loop.remove_handler(left)
    assert told == [ERROR]


def test_a_number_closed_while_registered_can_be_used_anew(loop):
    left, right = socket.socketpair()
    reader, writer = os.pipe()
    loop.add_handler(left.fileno(), print, READ | WRITE)
    number = left.detach()
    os.close(number)
    loop.remove_handler(number)
    os.dup2(reader, number)
    told = []
    loop.add_handler(number, lambda _fd, events: (told.append(events), loop.stop()), READ)
    os.write(writer, b"x")
    loop.start()
    assert told == [READ]
    loop.remove_handler(number)
    for fd in (reader, writer, number):
        os.close(fd)
    right.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no limit by number there")
def test_select_refuses_a_high_descriptor_when_it_is_added():
    loop = make_twisted("select")
    high = os.dup2(0, 1030) if os.sysconf("SC_OPEN_MAX") > 1030 else pytest.skip("too few descriptors allowed")
    with pytest.raises(UnwatchableError):
        loop.add_handler(high, print, READ)
    os.close(high)
    loop.close()


def test_an_interrupt_while_it_waits_leaves_start_and_it_starts_again(loop):
    import signal

    if not hasattr(signal, "pthread_kill"):
        pytest.skip("no way to send a signal to a thread")
    threading.Timer(0.02, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        loop.start()
    seen = []
    loop.add_callback(seen.append, 1)
    loop.add_callback(loop.stop)
    loop.start()
    assert seen == [1]


def test_setting_the_wall_clock_back_delays_no_timer_of_ours(monkeypatch):
    for kind in (SelectReactor, PollReactor) if hasattr(select, "poll") else (SelectReactor,):
        loop = TwistedLoop(kind(), owned=True)
        monkeypatch.setattr(loop.reactor, "seconds", lambda: time.time() - 3600)
        before = loop.time()
        loop.call_at(before + 0.01, loop.stop)
        loop.start()
        assert 0.01 <= loop.time() - before < 2
        loop.close()


def test_a_guests_timer_is_asked_again_when_the_wall_clock_was_set_forward(guest):
    fired = []
    deadline = guest.time() + 0.03
    guest.call_at(deadline, lambda: (fired.append(guest.time()), guest.reactor.crash()))
    guest.reactor.callLater(0, guest._visit)  # as if the call had come early
    run_as_daemon(guest.reactor)
    assert fired[0] >= deadline


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # fork with threads: pytest-xdist has some
def test_a_child_has_the_place_of_the_reactor_free_and_leaves_the_parent_alone(loop):
    pid = os.fork()
    if not pid:
        code = 1
        try:
            with pytest.raises(LoopForkedError):
                loop.start()
            loop.close()
            mine = make_twisted("select")
            mine.add_callback(mine.stop)
            mine.start()
            code = 0 if reactors.installed() is mine.reactor else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    threading.Timer(0.02, loop.add_callback, [loop.stop]).start()
    loop.start()


def test_closing_ends_the_reactors_threads(loop):
    loop.add_callback(loop.reactor.callInThread, loop.add_callback, loop.stop)
    loop.start()
    loop.close()
    assert not [thread for thread in threading.enumerate() if "twisted" in thread.name]


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="no reactor 'nonsense'"):
        make_twisted("nonsense")
