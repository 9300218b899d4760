"""Which loop is meant, and which one is made."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from squall import gen
from squall.ioloop import IOLoop, PollIOLoop
from squall_loops import registry
from squall_loops.contract import EventLoop
from squall_loops.hosts.asyncio import AsyncioLoop
from squall_loops.pollers.choose import make_poller
from squall_loops.turn.loop import TurnLoop

pytestmark = pytest.mark.usefixtures("clean_ioloop")


@pytest.fixture
def loops():
    made = []

    def make(*args, **kwargs):
        loop = IOLoop(*args, **kwargs)
        made.append(loop)
        return loop

    yield make
    for loop in made:
        loop.close()


def test_a_new_loop_becomes_current_if_there_is_none(loops):
    assert IOLoop.current(instance=False) is None
    first = loops()
    assert IOLoop.current() is first
    second = loops()
    assert IOLoop.current() is first
    third = loops(make_current=True)
    assert IOLoop.current() is third
    second.make_current()
    assert IOLoop.current() is second
    IOLoop.clear_current()
    assert IOLoop.current(instance=False) is None
    loops(make_current=False)
    assert IOLoop.current(instance=False) is None


def test_a_loop_that_runs_is_current_and_what_was_current_is_so_again(loops):
    current = loops()
    other = loops()
    assert other.run_sync(IOLoop.current) is other
    assert other.run_sync(lambda: IOLoop.current(instance=False)) is other
    assert IOLoop.current() is current


def test_the_programs_loop_is_made_once_and_found_by_other_threads():
    assert not IOLoop.initialized()
    loop = IOLoop.instance()
    assert IOLoop.initialized()
    assert IOLoop.instance() is loop
    assert IOLoop.current() is loop
    found = []
    worker = threading.Thread(target=lambda: found.append(IOLoop.current()))
    worker.start()
    worker.join()
    assert found == [loop]
    loop.close()
    assert not IOLoop.initialized()
    assert IOLoop.current(instance=False) is None


def test_the_main_threads_current_loop_becomes_the_programs(loops):
    loop = loops()
    assert IOLoop.instance() is loop


def test_a_loop_can_be_installed_as_the_programs(loops):
    loop, other = loops(), loops()
    loop.install()
    loop.install()
    assert IOLoop.instance() is loop
    with pytest.raises(RuntimeError, match="already"):
        other.install()
    IOLoop.clear_instance()
    other.install()
    assert IOLoop.instance() is other


def test_closing_a_loop_takes_it_from_where_it_could_be_found(loops):
    loop = loops()
    loop.install()
    loop.close()
    assert IOLoop.current(instance=False) is None
    assert not IOLoop.initialized()


def test_inside_a_running_asyncio_program_its_loop_is_found():
    async def main():
        loop = IOLoop.current()
        assert IOLoop.current(instance=False) is IOLoop.instance() is loop
        assert loop.asyncio_loop is asyncio.get_running_loop()
        seen = []
        loop.add_callback(seen.append, "callback")
        loop.call_later(0, seen.append, "timer")
        loop.spawn_callback(gen.sleep, 0)

        @gen.coroutine
        def generator():
            yield gen.sleep(0.01)
            return "generator"

        assert await generator() == "generator"
        with pytest.raises(RuntimeError):
            loop.start()
        return seen

    assert sorted(asyncio.run(main())) == ["callback", "timer"]
    assert IOLoop.current(instance=False) is None


def test_a_running_asyncio_loop_goes_before_the_current_one(loops):
    current = loops()

    async def main():
        return IOLoop.current() is not current

    assert asyncio.run(main())
    assert IOLoop.current() is current


def test_the_loop_over_a_given_asyncio_loop_is_found_when_that_runs(loops):
    asyncio_loop = asyncio.new_event_loop()
    loop = loops(event_loop=asyncio_loop)

    async def main():
        return IOLoop.current()

    assert asyncio_loop.run_until_complete(main()) is loop
    assert loop.run_sync(main) is loop


@pytest.mark.parametrize("configured", [False, True])
def test_an_adopted_loop_is_of_the_configured_class(configured):
    class Mine(IOLoop):
        pass

    if configured:
        IOLoop.configure(Mine)

    async def main():
        return type(IOLoop.current())

    assert asyncio.run(main()) is (Mine if configured else IOLoop)


class Factory(TurnLoop):
    pass


def not_a_class():
    return Factory()


@pytest.mark.parametrize(
    ("impl", "expected"),
    [
        ("select", TurnLoop),
        ("asyncio", AsyncioLoop),
        (Factory, Factory),
        (not_a_class, Factory),
        (make_poller, TurnLoop),
        (asyncio.new_event_loop, AsyncioLoop),
        ("asyncio.new_event_loop", AsyncioLoop),
        ("asyncio:new_event_loop", AsyncioLoop),
        ("squall_loops.turn.loop.TurnLoop", TurnLoop),
    ],
    ids=lambda given: given if isinstance(given, str) else getattr(given, "__name__", type(given).__name__),
)
def test_configure_takes_specs_factories_and_names(loops, impl, expected):
    IOLoop.configure(impl)
    loop = loops()
    assert type(loop) is IOLoop
    assert isinstance(loop.event_loop, expected)
    assert loop.run_sync(lambda: gen.sleep(0)) is None
    IOLoop.configure(None)
    assert type(loops().event_loop) is type(registry.make_loop())


def test_configure_takes_a_loop_that_exists(loops):
    event_loop = TurnLoop()
    IOLoop.configure(event_loop)
    assert loops().event_loop is event_loop


def test_configure_takes_subclasses_by_class_and_by_name(loops):
    IOLoop.configure(PollIOLoop)
    assert type(loops()) is PollIOLoop
    IOLoop.configure("squall.ioloop.PollIOLoop")
    assert type(loops()) is PollIOLoop
    assert IOLoop.configured_class() is PollIOLoop


@pytest.mark.parametrize(
    ("impl", "error"),
    [(object(), TypeError), (5, TypeError), ("no.such.module", ImportError), ("no_such_loop", ValueError)],
    ids=lambda given: given if isinstance(given, str) else getattr(given, "__name__", type(given).__name__),
)
def test_a_wrong_choice_is_an_error(impl, error):
    def choose():
        IOLoop.configure(impl)
        IOLoop()

    with pytest.raises(error):
        choose()


def test_the_environment_chooses(loops, monkeypatch):
    monkeypatch.setenv("SQUALL_LOOP", "asyncio")
    assert isinstance(loops().event_loop, AsyncioLoop)


def test_an_argument_goes_before_configuration(loops):
    IOLoop.configure("asyncio")
    assert isinstance(loops(event_loop="select").event_loop, TurnLoop)


def test_a_loop_of_ones_own_is_an_event_loop(loops):
    assert issubclass(TurnLoop, EventLoop)
    assert loops(event_loop=TurnLoop()).run_sync(lambda: 1) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_finds_no_loop_and_makes_one_of_its_own(loops):
    parent = loops()
    parent.install()
    child = os.fork()
    if child == 0:  # no assertion here: the child must not return into pytest
        try:
            alone = IOLoop.current(instance=False) is None and not IOLoop.initialized()
            made = IOLoop.current()
            ran = made.run_sync(lambda: gen.sleep(0)) is None and made is not parent
            os._exit(0 if alone and ran else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert IOLoop.current() is IOLoop.instance() is parent
    assert parent.run_sync(lambda: 5) == 5
