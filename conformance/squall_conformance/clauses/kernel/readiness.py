"""Clauses on readiness: what is delivered, how often, and what is not."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import threading
import time
from collections.abc import Callable

from squall_conformance.clause import clause
from squall_conformance.stage import Stage, expect, unsupported
from squall_loops.contract import ERROR, READ, WRITE, EventLoop

PROMPT = 0.5
"""Seconds within which an event has to reach a loop that waits. Loops take a tenth of a millisecond."""


def fill(sock: socket.socket) -> int:
    """Send until the socket takes no more; return the number of bytes."""
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += sock.send(b"x" * 65536)
    return sent


def drain(sock: socket.socket) -> int:
    """Receive until nothing more is there; return the number of bytes."""
    received = 0
    with contextlib.suppress(BlockingIOError):
        while data := sock.recv(1 << 20):
            received += len(data)
    return received


def start_and_meanwhile(loop: EventLoop, action: Callable[[], object]) -> float:
    """Start the loop, do ``action`` in another thread 20 ms later, and return how long after that start returned."""
    done: list[float] = []

    def act() -> None:
        action()
        done.append(time.monotonic())

    actor = threading.Timer(0.02, act)
    actor.start()
    loop.start()
    ended = time.monotonic()
    actor.join()
    return ended - done[0]


@clause("FD-001", timeout=3)
def reports_data(stage: Stage) -> None:
    """Watch a socket for READ and send it a byte."""
    left, right = stage.pair()
    loop = stage.loop()
    calls: list[int] = []
    loop.add_handler(left, lambda _fd, events: calls.append(events), READ)
    right.send(b"x")
    stage.until(loop, lambda: READ in calls)
    expect(READ in calls, f"a socket with unread data should be reported with {READ} (READ); the calls were {calls[:5]}")


@clause("FD-001", timeout=3)
def reports_data_to_a_loop_that_waits(stage: Stage) -> None:
    """Send a byte from another thread while the loop has nothing else to do."""
    left, right = stage.pair()
    loop = stage.loop()
    loop.add_handler(left, lambda _fd, _events: loop.stop(), READ)
    late = start_and_meanwhile(loop, lambda: right.send(b"x"))
    expect(late < PROMPT, f"READ reached a waiting loop {late:.3f} s after the data; it should at once")


@clause("FD-002", timeout=3)
def reports_room(stage: Stage) -> None:
    """Watch a socket whose buffer is empty for WRITE."""
    left, _right = stage.pair()
    loop = stage.loop()
    calls: list[int] = []
    loop.add_handler(left, lambda _fd, events: calls.append(events), WRITE)
    stage.until(loop, lambda: WRITE in calls)
    expect(WRITE in calls, f"a writable socket should be reported with {WRITE} (WRITE); the calls were {calls[:5]}")


@clause("FD-002", timeout=3)
def reports_room_to_a_loop_that_waits(stage: Stage) -> None:
    """Fill a socket's buffer and let another thread make room while the loop has nothing else to do."""
    left, right = stage.pair()
    loop = stage.loop()
    fill(left)
    loop.add_handler(left, lambda _fd, _events: loop.stop(), WRITE)
    late = start_and_meanwhile(loop, lambda: drain(right))
    expect(late < PROMPT, f"WRITE reached a waiting loop {late:.3f} s after the peer had made room; it should at once")


@clause("FD-004", timeout=3)
def repeats_read_until_all_is_read(stage: Stage) -> None:
    """Send ten bytes at once and read one in each call."""
    left, right = stage.pair()
    loop = stage.loop()
    got = bytearray()
    loop.add_handler(left, lambda fd, _events: got.extend(fd.recv(1)), READ)
    right.send(b"0123456789")
    stage.until(loop, lambda: len(got) == 10)
    expect(got == b"0123456789", f"of 10 bytes sent at once, READ was delivered for {len(got)} when each call reads one")


@clause("FD-005", timeout=3)
def repeats_write_while_there_is_room(stage: Stage) -> None:
    """Watch a writable socket for WRITE without writing anything."""
    left, _right = stage.pair()
    loop = stage.loop()
    calls: list[int] = []
    loop.add_handler(left, lambda _fd, events: calls.append(events), WRITE)
    stage.until(loop, lambda: len(calls) >= 5)
    expect(len(calls) >= 5, f"a socket that stays writable should be reported again and again; it was {len(calls)} times")


@clause("FD-014", timeout=3)
def reports_the_peers_close(stage: Stage) -> None:
    """Close the other end of a Unix and of a TCP connection."""
    for kind, (left, right) in (("socket pair", stage.pair()), ("TCP", stage.tcp_pair())):
        loop = stage.loop()
        calls: list[int] = []
        loop.add_handler(left, lambda _fd, events, calls=calls: calls.append(events), READ)  # type: ignore[misc] # mypy cannot infer it
        right.close()
        told = stage.until(loop, lambda calls=calls: any(events & (READ | ERROR) for events in calls))  # type: ignore[misc] # the same
        expect(told, f"{kind}: the peer has closed, and a handler for READ got only {calls[:5]}")
        loop.close()


@clause("FD-015", timeout=3)
def reports_a_reset_to_a_writer(stage: Stage) -> None:
    """Fill the buffer of a TCP socket, wait for WRITE, and let the peer reset the connection."""
    left, right = stage.tcp_pair()
    loop = stage.loop()
    told: list[tuple[int, int | None]] = []

    def write(fd: socket.socket, events: int) -> None:
        try:
            fill(fd)
        except OSError as exc:
            told.append((events, exc.errno))
            loop.remove_handler(fd)

    fill(left)
    loop.add_handler(left, write, WRITE)
    stage.turns(loop, 3)
    expect(not told, f"before the reset the writer failed already: {told}")
    right.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    right.close()
    expect(
        stage.until(loop, lambda: told), "the peer has reset the connection, and a handler that waits for WRITE was not called"
    )
    expect(
        told[0][0] & (WRITE | ERROR), f"a reset was reported to a writer with {told[0][0]}, which is neither WRITE nor ERROR"
    )


@clause("FD-016", timeout=3)
def reports_a_hang_up_to_who_asked_for_nothing(stage: Stage) -> None:
    """Watch both ends of a pair for ERROR only, and close one; then let a TCP peer reset its connection."""
    unix, tcp = stage.pair(), stage.tcp_pair()
    tcp[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for kind, (left, right) in (("the close of a socket pair", unix), ("the reset of a TCP connection", tcp)):
        loop = stage.loop()
        calls: list[int] = []
        loop.add_handler(left, lambda _fd, events, calls=calls: calls.append(events), ERROR)  # type: ignore[misc] # mypy cannot infer it
        stage.turns(loop, 3)
        expect(not calls, f"before {kind} a handler for ERROR only was called with {calls[:5]}")
        right.close()
        expect(stage.until(loop, lambda calls=calls: calls), f"{kind} did not reach a handler that asked for ERROR only")  # type: ignore[misc] # the same
        loop.close()


@clause("FD-017", timeout=3)
def delivers_only_what_was_asked_for(stage: Stage) -> None:
    """Make three sockets readable and writable, and watch one for READ, one for WRITE and one for neither."""
    wanted = (READ, WRITE, ERROR)
    pairs = [stage.pair() for _ in wanted]
    loop = stage.loop()
    calls: list[tuple[int, int]] = []
    for events, (left, right) in zip(wanted, pairs, strict=True):
        loop.add_handler(left, lambda _fd, got, events=events: calls.append((events, got)), events)  # type: ignore[misc] # mypy cannot infer it
        right.send(b"x")
    stage.turns(loop, 8)
    unasked = [f"{got} for {events}" for events, got in calls if got & ~events]
    expect(not unasked, f"handlers got events that they had not asked for: {unasked[:5]} (READ 1, WRITE 4, ERROR 24)")


@clause("FD-018", timeout=3)
def reports_a_refused_connect(stage: Stage) -> None:
    """Connect to a port where nobody listens and wait for WRITE."""
    with socket.socket() as deaf, socket.socket() as client:
        deaf.bind(("127.0.0.1", 0))
        client.setblocking(False)
        code = client.connect_ex(deaf.getsockname())
        if code not in {errno.EINPROGRESS, errno.EWOULDBLOCK}:
            unsupported(f"this system refuses the connection at once, with {errno.errorcode.get(code, code)}")
        loop = stage.loop()
        calls: list[int] = []
        loop.add_handler(client, lambda _fd, events: calls.append(events), WRITE)
        told = stage.until(loop, lambda: any(events & (WRITE | ERROR) for events in calls))
        expect(told, f"a refused connect did not reach the handler that waits for WRITE; the calls were {calls[:5]}")
        code = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        expect(
            code == errno.ECONNREFUSED, f"SO_ERROR should be ECONNREFUSED ({errno.ECONNREFUSED}) in the handler, but is {code}"
        )
        loop.remove_handler(client)


@clause("FD-019", timeout=3)
def delivers_both_directions(stage: Stage) -> None:
    """Watch a socket for READ and WRITE that stays readable and writable."""
    left, right = stage.pair()
    right.send(b"x")
    loop = stage.loop()
    counts = {READ: 0, WRITE: 0}

    def count(_fd: socket.socket, events: int) -> None:
        for event in counts:
            counts[event] += bool(events & event)

    loop.add_handler(left, count, READ | WRITE)
    both = stage.until(loop, lambda: min(counts.values()) >= 3)
    expect(
        both, f"of a socket ready in both directions READ was delivered {counts[READ]} times and WRITE {counts[WRITE]} times"
    )


@clause("FD-027", timeout=3)
def serves_hundreds(stage: Stage) -> None:
    """Watch both ends of 150 pairs; make one half ready at once, and later the other."""
    pairs = [stage.pair() for _ in range(150)]
    loop = stage.loop()
    served: set[int] = set()

    def take(fd: socket.socket, _events: int) -> None:
        fd.recv(1)
        served.add(fd.fileno())

    for left, right in pairs:
        loop.add_handler(left, take, READ)
        loop.add_handler(right, take, READ)
        right.send(b"x")
    stage.until(loop, lambda: len(served) >= 150)
    expect(len(served) == 150, f"150 of 300 sockets were ready at once; {len(served)} were served")
    for left, _right in pairs:
        left.send(b"x")
    stage.until(loop, lambda: len(served) >= 300)
    expect(len(served) == 300, f"the other 150 sockets became ready; {len(served) - 150} of them were served")


@clause("FD-028", timeout=3)
def a_busy_neighbour_starves_nobody(stage: Stage) -> None:
    """Surround a readable socket with sockets that are ready all the time, lower and higher, earlier and later."""
    pairs = [stage.pair() for _ in range(5)]
    quiet = pairs[2][0]
    loop = stage.loop()
    counts = [0] * 5

    def count(place: int) -> None:
        counts[place] += 1

    for place, (left, right) in enumerate(pairs):
        loop.add_handler(left, lambda _fd, _events, place=place: count(place), READ if left is quiet else READ | WRITE)  # type: ignore[misc] # mypy cannot infer it
        right.send(b"x")
    stage.until(loop, lambda: min(counts) >= 3)
    expect(min(counts) >= 3, f"of five sockets that are always ready each should be served; they were served {counts} times")


@clause("FD-035", timeout=3)
def a_half_closed_peer_is_still_answered(stage: Stage) -> None:
    """Let a TCP peer shut down its sending side, read the end of file, wait for WRITE and answer."""
    left, right = stage.tcp_pair()
    loop = stage.loop()
    steps: list[object] = []

    def serve(fd: socket.socket, events: int) -> None:
        if not steps:
            if events & (READ | ERROR):
                steps.append(fd.recv(10))
                loop.update_handler(fd, WRITE)
        elif events & WRITE:
            steps.append(fd.send(b"answer"))
            loop.remove_handler(fd)

    loop.add_handler(left, serve, READ)
    right.shutdown(socket.SHUT_WR)
    expect(stage.until(loop, lambda: steps), "the peer has shut down its sending side, and the reader was not called")
    expect(steps[0] == b"", f"the reader should have seen end of file, but got {steps[0]!r}")
    expect(stage.until(loop, lambda: len(steps) > 1), "after the end of file from the peer no WRITE was delivered")
    right.settimeout(1)
    answer = right.recv(10)
    expect(answer == b"answer", f"the half-closed peer should have received b'answer', but got {answer!r}")


@clause("FD-042", timeout=3)
def write_waits_for_room(stage: Stage) -> None:
    """Fill a socket's buffer, see that WRITE stays away, and make room at the other end."""
    left, right = stage.pair()
    loop = stage.loop()
    calls: list[int] = []
    sent = fill(left)
    loop.add_handler(left, lambda _fd, events: calls.append(events), WRITE)
    stage.turns(loop)
    expect(not calls, f"with {sent} bytes in its buffer a full socket is reported with {calls[:5]}")
    received = drain(right)
    expect(
        stage.until(loop, lambda: WRITE in calls), f"the peer has taken {received} of {sent} bytes, and no WRITE was delivered"
    )
