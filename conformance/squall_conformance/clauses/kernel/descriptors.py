"""Clauses on descriptors: what adding and updating a registration means, and what is refused."""

from __future__ import annotations

import os
import socket
import tempfile
from functools import partial

from squall_conformance.clause import clause
from squall_conformance.stage import Stage, expect, expect_raises, expect_works, unsupported
from squall_loops.contract import ERROR, READ, WRITE, EventLoop


class Holder:
    """An object that has a descriptor and nothing else of a socket."""

    def __init__(self, number: int) -> None:
        self.number = number

    def fileno(self) -> int:
        """Return the descriptor."""
        return self.number


def still_serves(stage: Stage, loop: EventLoop, after: str) -> None:
    """Fail unless the loop serves a fresh pair of sockets."""
    left, right = stage.pair()
    calls: list[int] = []
    loop.add_handler(left, lambda _fd, events: calls.append(events), READ)
    right.send(b"x")
    expect(stage.until(loop, lambda: calls), f"after {after} the loop no longer serves another descriptor")
    loop.remove_handler(left)


@clause("FD-003", timeout=3)
def gives_back_what_was_registered(stage: Stage) -> None:
    """Register a socket, a number and an object of another kind, and look at what each handler is given."""
    pairs = [stage.pair() for _ in range(3)]
    loop = stage.loop()
    registered: list[object] = [pairs[0][0], pairs[1][0].fileno(), Holder(pairs[2][0].fileno())]
    given: dict[int, object] = {}

    def take(place: int, fd: object) -> None:
        given[place] = fd
        pairs[place][0].recv(1)

    for place, thing in enumerate(registered):
        loop.add_handler(thing, lambda fd, _events, place=place: take(place, fd), READ)  # type: ignore[arg-type,misc] # mypy knows neither
        pairs[place][1].send(b"x")
    expect(stage.until(loop, lambda: len(given) == 3), f"3 handlers should have been called, {len(given)} were")
    for place in (0, 2):
        expect(given[place] is registered[place], f"the handler was given {given[place]!r} instead of {registered[place]!r}")
    expect(
        type(given[1]) is int and given[1] == registered[1], f"the handler was given {given[1]!r} instead of {registered[1]!r}"
    )


@clause("FD-006", timeout=3)
def refuses_a_second_registration(stage: Stage) -> None:
    """Add a handler for a registered socket again, by object and by number, and see the first one go on alone."""
    left, right = stage.pair()
    loop = stage.loop()
    first: list[int] = []
    second: list[int] = []
    loop.add_handler(left, lambda _fd, events: first.append(events), READ)
    for again in (left, left.fileno(), Holder(left.fileno())):
        name = f"add_handler of {type(again).__name__} for a registered descriptor"
        expect_raises(ValueError, name, loop.add_handler, again, lambda _fd, events: second.append(events), READ | WRITE)
    stage.turns(loop)
    expect(not first, f"the refused add changed the events of the first registration: it was called with {first}")
    right.send(b"x")
    expect(stage.until(loop, lambda: first), "the first handler is no longer called after a refused second add")
    expect(not second, f"the refused handler was called with {second}")


@clause("FD-007", timeout=3)
def updates_in_both_directions(stage: Stage) -> None:
    """Switch an idle socket from READ to WRITE and back, and see WRITE begin and end and READ go on."""
    left, right = stage.pair()
    loop = stage.loop()
    calls: list[int] = []
    loop.add_handler(left, lambda _fd, events: calls.append(events), READ)
    stage.turns(loop, 3)
    expect(not calls, f"an idle socket watched for READ was reported with {calls}")
    loop.update_handler(left, WRITE)
    wrote = stage.until(loop, lambda: any(events & WRITE for events in calls))
    expect(wrote, f"after update_handler(READ -> WRITE) no WRITE was delivered, only {calls}")
    loop.update_handler(left, READ)
    stage.turns(loop, 3)
    calls.clear()
    stage.turns(loop, 5)
    expect(not calls, f"after update_handler(WRITE -> READ) an idle socket is still reported with {calls[:5]}")
    right.send(b"x")
    expect(stage.until(loop, lambda: READ in calls), f"after update_handler(WRITE -> READ) no READ was delivered, only {calls}")


@clause("FD-008", timeout=3)
def refuses_to_update_what_is_not_registered(stage: Stage) -> None:
    """Update a socket that was never registered, and one that was removed."""
    left, right = stage.pair()
    loop = stage.loop()
    for thing in (left, left.fileno()):
        expect_raises(KeyError, "update_handler of a descriptor never registered", loop.update_handler, thing, READ)
    loop.add_handler(right, lambda _fd, _events: None, READ)
    loop.remove_handler(right)
    expect_raises(KeyError, "update_handler of a removed descriptor", loop.update_handler, right, READ)


@clause("FD-009", timeout=3)
def removing_nothing_is_harmless(stage: Stage) -> None:
    """Remove sockets that are not registered, before and after, and see another registration unharmed."""
    (left, right), (other, peer) = stage.pair(), stage.pair()
    loop = stage.loop()
    calls: list[int] = []
    loop.add_handler(other, lambda _fd, events: calls.append(events), READ)
    loop.add_handler(right, lambda _fd, _events: None, READ)
    loop.remove_handler(right)
    for thing, what in ((left, "never registered"), (left.fileno(), "never registered"), (right, "removed already")):
        expect_works(f"remove_handler of a descriptor {what}", loop.remove_handler, thing)
    peer.send(b"x")
    expect(stage.until(loop, lambda: calls), "removing what was not registered ended another registration")


@clause("FD-011", timeout=3)
def number_and_object_are_one(stage: Stage) -> None:
    """Register by object and change by number, and the other way round."""
    for by_number in (False, True):
        left, _right = stage.pair()
        loop = stage.loop()
        calls: list[int] = []
        first, other = (left.fileno(), left) if by_number else (left, left.fileno())
        how = f"registered as {type(first).__name__}, named as {type(other).__name__}"
        loop.add_handler(first, lambda _fd, events, calls=calls: calls.append(events), READ)  # type: ignore[misc] # mypy cannot infer it
        expect_works(f"update_handler of a descriptor {how}", loop.update_handler, other, WRITE)
        expect(stage.until(loop, lambda calls=calls: calls), f"update_handler had no effect on a descriptor {how}")  # type: ignore[misc] # the same
        loop.remove_handler(other)
        calls.clear()
        stage.turns(loop)
        expect(not calls, f"remove_handler had no effect on a descriptor {how}: {len(calls)} calls")
        loop.close()


@clause("FD-026", timeout=3)
def watches_high_numbers_or_refuses_them(stage: Stage) -> None:
    """Register a socket whose number is above 1024: it is served or refused, and the rest goes on."""
    import fcntl  # noqa: PLC0415 - not on Windows
    import resource  # noqa: PLC0415 - not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 1200:
        if hard != resource.RLIM_INFINITY and hard < 1200:
            unsupported(f"the hard limit of open descriptors is {hard}, and 1200 are needed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (1200, hard))
        stage.later(partial(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard)))
    left, right = stage.pair()
    high = fcntl.fcntl(left.fileno(), fcntl.F_DUPFD_CLOEXEC, 1100)
    stage.later(partial(os.close, high))
    loop = stage.loop()
    calls: list[int] = []
    right.send(b"x")
    try:
        loop.add_handler(high, lambda _fd, events: calls.append(events), READ)
    except ValueError:
        stage.turns(loop, 2)
    else:
        expect(stage.until(loop, lambda: calls), f"descriptor {high} was accepted, but its data is not delivered")
        loop.remove_handler(high)
    still_serves(stage, loop, f"adding descriptor {high}")


@clause("FD-033", timeout=3)
def refuses_what_is_not_open(stage: Stage) -> None:
    """Add the number of a descriptor that was closed, a negative number, and a closed socket."""
    left, _right = stage.pair()
    closed = socket.socket()
    closed.close()
    loop = stage.loop()
    number = os.dup(left.fileno())
    os.close(number)
    for thing, what in ((number, "a closed number"), (-1, "-1"), (closed, "a closed socket")):
        kinds = (ValueError, OSError)
        expect_raises(kinds, f"add_handler of {what}", loop.add_handler, thing, lambda _fd, _events: None, READ)
    still_serves(stage, loop, "adding what is not open")


@clause("FD-034", timeout=3)
def refuses_a_regular_file_or_reports_it(stage: Stage) -> None:
    """Add a regular file: it is refused, or ready at once, and another descriptor is served all the same."""
    loop = stage.loop()
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
        file.flush()
        calls: list[int] = []
        try:
            loop.add_handler(file, lambda _fd, events: calls.append(events), READ)
        except (ValueError, OSError):
            stage.turns(loop, 2)
        else:
            expect(stage.until(loop, lambda: calls), "a regular file was accepted, but is never reported ready")
        still_serves(stage, loop, "adding a regular file")
        loop.remove_handler(file)


@clause("FD-036", timeout=3)
def accepts_a_removed_descriptor_again(stage: Stage) -> None:
    """Remove and add one socket three times, each time with another handler and other events."""
    left, right = stage.pair()
    right.send(b"x")
    loop = stage.loop()
    calls: list[tuple[int, int]] = []
    for owner, wanted in enumerate((READ, WRITE, READ)):
        calls.clear()
        loop.add_handler(left, lambda _fd, events, owner=owner: calls.append((owner, events)), wanted)  # type: ignore[misc] # mypy cannot infer it
        stage.until(loop, lambda: calls)
        expect(calls, f"owner {owner} of the socket, who watches it for events {wanted}, was never called")
        strange = [call for call in calls if call[0] != owner or not call[1] & wanted]
        expect(
            not strange,
            f"while owner {owner} watched the socket for events {wanted}, there were calls {strange[:5]} (owner, events)",
        )
        loop.remove_handler(left)


@clause("FD-037", timeout=3)
def finds_an_object_that_was_closed(stage: Stage) -> None:
    """Close a registered socket, remove it, and register another one under its number."""
    left, right = stage.pair()
    fresh, peer = stage.pair()
    loop = stage.loop()
    old: list[int] = []
    new: list[int] = []
    loop.add_handler(left, lambda _fd, events: old.append(events), READ)
    number = left.fileno()
    left.close()
    loop.remove_handler(left)
    os.dup2(fresh.fileno(), number)
    stage.later(partial(os.close, number))
    what = "add_handler for the number of a socket that was closed and then removed"
    expect_works(what, loop.add_handler, number, lambda _fd, events: new.append(events), READ)
    peer.send(b"x")
    expect(stage.until(loop, lambda: new), "the number of a socket that was closed and then removed is not watched anew")
    expect(not old, f"the handler of the closed and removed socket was called with {old}")
    right.close()
    loop.remove_handler(number)


@clause("FD-038", timeout=3)
def refuses_unknown_event_bits(stage: Stage) -> None:
    """Add a socket with poller flags of epoll and with other unknown bits, then with READ alone."""
    left, right = stage.pair()
    loop = stage.loop()
    calls: list[int] = []
    for name, bits in (
        ("edge-triggered", READ | 1 << 31),
        ("one-shot", READ | 1 << 30),
        ("0x002", 0x002),
        ("0x400", 0x400 | ERROR),
    ):
        what = f"add_handler with the event bits {bits:#x} ({name})"
        expect_raises(ValueError, what, loop.add_handler, left, lambda _fd, events: calls.append(-events), bits)
    loop.add_handler(left, lambda _fd, events: calls.append(events), READ)
    right.send(b"x")
    expect(stage.until(loop, lambda: calls), "after a refused add the socket cannot be watched")
    expect(calls[0] == READ, f"the handler of a refused add was called with {-calls[0]}")


@clause("FD-039", timeout=3)
def no_events_is_a_pause(stage: Stage) -> None:
    """Pause a socket by updating to no events, let data arrive, and take the pause back."""
    left, right = stage.pair()
    loop = stage.loop()
    calls: list[int] = []
    loop.add_handler(left, lambda _fd, events: calls.append(events), READ)
    stage.turns(loop, 2)
    loop.update_handler(left, 0)
    right.send(b"x")
    stage.turns(loop)
    expect(not calls, f"a socket that was updated to no events is reported with {calls[:5]}")
    loop.update_handler(left, READ)
    expect(stage.until(loop, lambda: calls), "what arrived during a pause was not delivered after it")
