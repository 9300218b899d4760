"""Clauses on callbacks: each runs once, in order, in a turn of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial

from squall_conformance.clause import clause
from squall_conformance.stage import Stage, expect, expect_raises, expect_works
from squall_loops.contract import READ, EventLoop

LINKS = 1000
"""A chain of callbacks this long is meant to end early: by then everything else has had its turn many times."""


def chain(loop: EventLoop, ended: Callable[[], object]) -> int:
    """Run callbacks of which each adds the next, until ``ended()`` or 1000 of them; return how many there were."""
    links = 0

    def link() -> None:
        nonlocal links
        links += 1
        if ended() or links >= LINKS:
            loop.stop()
        else:
            loop.add_callback(link)

    loop.add_callback(link)
    loop.start()
    return links


@clause("CB-001", timeout=3)
def each_runs_exactly_once(stage: Stage) -> None:
    """Add 300 callbacks, half of them from inside another one, and count the runs of each."""
    loop = stage.loop()
    runs = [0] * 300

    def count(index: int) -> None:
        runs[index] += 1

    def add(first: int) -> None:
        for index in range(first, first + 150):
            loop.add_callback(count, index)

    add(0)
    loop.add_callback(add, 150)
    stage.until(loop, lambda: all(runs), seconds=0.5)
    stage.turns(loop)
    wrong = {index: times for index, times in enumerate(runs) if times != 1}
    expect(
        not wrong, f"expected each of 300 callbacks to run once; {len(wrong)} did not: (index, runs) {list(wrong.items())[:4]}"
    )


@clause("CB-002", timeout=3)
def the_order_of_adding_is_kept(stage: Stage) -> None:
    """Add 20 callbacks of which each adds another one, and compare the order of all 40."""
    loop = stage.loop()
    seen: list[int] = []

    def first(index: int) -> None:
        seen.append(index)
        loop.add_callback(seen.append, 20 + index)

    for index in range(20):
        loop.add_callback(first, index)
    stage.until(loop, lambda: len(seen) >= 40, seconds=0.5)
    expect(seen == list(range(40)), f"expected callbacks in the order of adding, 0 to 39; saw {seen}")


@clause("CB-003", timeout=3)
def a_chain_of_callbacks_gives_way_to_descriptors(stage: Stage) -> None:
    """Run callbacks of which each adds the next, with a readable socket registered, until its handler was called."""
    left, right = stage.pair()
    loop = stage.loop()
    served: list[int] = []
    loop.add_handler(left, lambda _fd, _events: served.append(left.recv(1)[0]), READ)
    right.send(b"x")
    links = chain(loop, lambda: served)
    expect(served, f"expected a readable socket to be served between callbacks; {links} of them ran in a chain before it was")


@clause("CB-004", timeout=3)
def a_chain_of_callbacks_gives_way_to_timers(stage: Stage) -> None:
    """Run callbacks of which each adds the next until a due timer has run, and count them from its deadline on."""
    loop = stage.loop()
    fired: list[bool] = []
    overdue = 0
    deadline = loop.time() + 0.002
    loop.call_at(deadline, fired.append, True)

    def link() -> None:
        nonlocal overdue
        overdue += loop.time() > deadline
        if fired or overdue >= LINKS:
            loop.stop()
        else:
            loop.add_callback(link)

    loop.add_callback(link)
    loop.start()
    expect(fired, f"expected a due timer to run between callbacks; {overdue} callbacks ran after its deadline and it did not")


class Unkind:
    """A value that does not like to be looked at."""

    def __bool__(self) -> bool:
        raise TypeError("the loop looked at a value that is none of its business")

    def __eq__(self, other: object) -> bool:
        raise TypeError("the loop compared a value that is none of its business")

    __hash__ = None  # type: ignore[assignment] # an argument need not be hashable


@clause("CB-005", timeout=3)
def arguments_arrive_untouched(stage: Stage) -> None:
    """Add a callback with a list, an exception, a callable and None among its arguments and compare identities."""
    loop = stage.loop()
    given: tuple[object, ...] = ([], {}, ValueError("an argument"), print, None, Unkind(), object())
    seen: list[tuple[object, ...]] = []
    loop.add_callback(lambda *args: seen.append(args), *given)
    stage.turns(loop)
    expect(len(seen) == 1, f"expected one call, saw {len(seen)}")
    expect(len(seen[0]) == len(given), f"expected {len(given)} arguments, saw {len(seen[0])}")
    other = [index for index, (was, now) in enumerate(zip(given, seen[0], strict=True)) if was is not now]
    expect(not other, f"expected the very arguments that were added; those at {other} are other objects")


@clause("CB-005", timeout=3)
def returned_values_mean_nothing(stage: Stage) -> None:
    """Let callbacks return true, false and unkind values; each must have run once."""
    loop = stage.loop()
    values = (True, 1, False, NotImplemented, ValueError("returned, not raised"), Unkind(), iter(()))
    runs = [0] * len(values)

    def run(index: int) -> object:
        runs[index] += 1
        return values[index]

    for index in range(len(values)):
        loop.add_callback(run, index)
    stage.turns(loop)
    expect(
        set(runs) == {1},
        f"expected each callback to run once whatever it returned; saw {runs} runs for {values[:5]} and others",
    )


@clause("CB-006", timeout=3)
def those_added_before_start_run(stage: Stage) -> None:
    """Add 1000 callbacks to a new loop; a readable socket ends the loop after it has been served 20 times."""
    left, right = stage.pair()
    loop = stage.loop()
    ran: list[int] = []
    served = 0

    def handler(_fd: object, _events: int) -> None:
        nonlocal served
        served += 1
        if served >= 20:
            loop.stop()

    for index in range(1000):
        loop.add_callback(ran.append, index)
    loop.add_handler(left, handler, READ)
    right.send(b"x")
    loop.start()
    expect(len(ran) == 1000, f"expected 1000 callbacks added before start to run; {len(ran)} did in {served} turns")


@clause("CB-007", timeout=2)
def one_added_by_a_handler_runs_without_another_event(stage: Stage) -> None:
    """Let the handler of the only event add the callback that stops the loop."""
    left, right = stage.pair()
    loop = stage.loop()

    def handler(fd: socket.socket, _events: int) -> None:
        fd.recv(1)
        loop.add_callback(loop.stop)

    loop.add_handler(left, handler, READ)
    right.send(b"x")
    loop.start()


@clause("CB-007", timeout=2)
def one_added_by_a_timer_runs_without_another_event(stage: Stage) -> None:
    """Let a timer on an idle loop add the callback that stops it."""
    loop = stage.loop()
    loop.add_callback(lambda: loop.call_at(loop.time() + 0.002, loop.add_callback, loop.stop))
    loop.start()


@clause("CB-008", timeout=3)
def what_waits_at_stop_runs_at_the_next_start(stage: Stage) -> None:
    """Stop the loop from a callback that has just added others, add one more, and start again."""
    loop = stage.loop()
    seen: list[int] = []

    def stop_with_work_left() -> None:
        seen.append(0)
        for index in range(1, 4):
            loop.add_callback(seen.append, index)
        loop.stop()

    loop.add_callback(stop_with_work_left)
    loop.start()
    loop.add_callback(seen.append, 4)
    stage.turns(loop)
    expect(seen == [0, 1, 2, 3, 4], f"expected callbacks 0 to 4 in two starts, in that order; saw {seen}")


@clause("CB-009", timeout=3)
def the_same_callable_runs_for_each_adding(stage: Stage) -> None:
    """Add one function five times, twice with equal arguments."""
    loop = stage.loop()
    seen: list[int] = []

    def record(value: int) -> None:
        seen.append(value)

    for value in (1, 2, 2, 3, 1):
        loop.add_callback(record, value)
    stage.turns(loop)
    expect(sorted(seen) == [1, 1, 2, 2, 3], f"expected a run for each of 5 addings, with 1, 1, 2, 2, 3; saw {sorted(seen)}")


class Falsy:
    """A callable without a name, a hash or a truth."""

    __hash__ = None  # type: ignore[assignment] # a callable need not be hashable

    def __init__(self, seen: list[str]) -> None:
        self.seen = seen

    def __bool__(self) -> bool:
        return False

    def __call__(self, value: str) -> None:
        """Note the value."""
        self.seen.append(value)


def class_that_notes(seen: list[str]) -> type:
    """Return a class that notes when it is called."""
    return type("Class", (), {"__init__": lambda _self: seen.append("class")})


@clause("CB-010", timeout=3)
def any_callable_is_accepted(stage: Stage) -> None:
    """Add a builtin method, a lambda, a partial, a class and a nameless, unhashable, falsy object."""
    loop = stage.loop()
    seen: list[str] = []
    expect_works("add_callback with a builtin method", loop.add_callback, seen.append, "builtin")
    expect_works("add_callback with a lambda", loop.add_callback, lambda value: seen.append(value), "lambda")  # noqa: PLW0108 - a lambda is the subject
    expect_works("add_callback with a partial", loop.add_callback, partial(seen.append, "partial"))
    expect_works("add_callback with a class", loop.add_callback, class_that_notes(seen))
    expect_works("add_callback with a falsy object", loop.add_callback, Falsy(seen), "falsy")
    stage.turns(loop)
    wanted = ["builtin", "class", "falsy", "lambda", "partial"]
    expect(sorted(seen) == wanted, f"expected five kinds of callables to run; saw {sorted(seen)}")


@clause("CB-010", timeout=3)
def what_cannot_be_called_is_refused_at_once(stage: Stage) -> None:
    """Add None, a number, a string and a plain object; each must raise TypeError when it is added."""
    loop = stage.loop()
    for thing in (None, 5, "name", object()):
        expect_raises(TypeError, f"add_callback({thing!r})", loop.add_callback, thing)
    expect_raises(TypeError, "add_callback_from_signal(None)", loop.add_callback_from_signal, None)
    stage.turns(loop)


@clause("CB-011", timeout=3)
def a_closed_loop_refuses_callbacks(stage: Stage) -> None:
    """Close a loop that has run and add a callback in both ways."""
    loop = stage.loop()
    stage.turns(loop, 1)
    loop.close()
    ran: list[int] = []
    expect_raises(RuntimeError, "add_callback on a closed loop", loop.add_callback, ran.append, 1)
    expect_raises(RuntimeError, "add_callback_from_signal on a closed loop", loop.add_callback_from_signal, ran.append, 2)
    expect(not ran, f"expected callbacks refused by a closed loop not to run; {ran} did")


@clause("CB-012", timeout=3)
def none_runs_inside_the_call_that_adds_it(stage: Stage) -> None:
    """Add callbacks before start, from a callback, a handler and a timer, each of which notes when it has finished adding."""
    left, right = stage.pair()
    loop = stage.loop()
    adding: list[str] = []
    inside: list[str] = []
    ran: list[str] = []

    def added(place: str) -> None:
        ran.append(place)
        inside.extend(adding)

    def add(place: str) -> None:
        adding.append(place)
        loop.add_callback(added, place)
        loop.add_callback_from_signal(added, place)
        adding.clear()

    def handler(_fd: object, _events: int) -> None:
        loop.remove_handler(left)
        add("a handler")

    add("before start")
    loop.add_callback(add, "a callback")
    loop.add_handler(left, handler, READ)
    right.send(b"x")
    loop.call_at(loop.time(), add, "a timer")
    stage.until(loop, lambda: len(ran) >= 8)
    expect(not inside, f"expected callbacks to run after the call that adds them; ran inside it: {sorted(set(inside))}")
