"""Clauses on the kinds of descriptors: listening sockets, datagrams, pipes, terminals, Unix sockets, eventfds."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from functools import partial
from pathlib import Path

from squall_conformance.clause import clause
from squall_conformance.stage import Stage, expect
from squall_loops.contract import ERROR, READ, WRITE


def pipe(stage: Stage) -> tuple[int, int]:
    """Return the reading and the writing end of a non-blocking pipe."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
        stage.later(partial(os.close, end))
    return ends


def read(number: int) -> bytes:
    """Read from a descriptor that was reported; what the other side's hang-up raises is the end of file."""
    try:
        return os.read(number, 100)
    except BlockingIOError:
        return b"(nothing)"
    except OSError:
        return b""


@clause("FD-020", timeout=3)
def repeats_read_until_all_are_accepted(stage: Stage) -> None:
    """Connect five clients to a listening socket and accept one in each call."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)
    stage.later(listener.close)
    loop = stage.loop()
    accepted: list[socket.socket] = []

    def accept(fd: socket.socket, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            accepted.append(fd.accept()[0])
            stage.later(accepted[-1].close)

    listener.setblocking(False)
    loop.add_handler(listener, accept, READ)
    for _ in range(5):
        stage.later(socket.create_connection(listener.getsockname()).close)
    stage.until(loop, lambda: len(accepted) == 5)
    expect(len(accepted) == 5, f"5 clients wait on a listening socket; READ was delivered for {len(accepted)}")
    loop.remove_handler(listener)


@clause("FD-021", timeout=3)
def reports_each_datagram(stage: Stage) -> None:
    """Send three datagrams over UDP and receive one in each call; wait for WRITE on the sending socket before."""
    receiver, sender = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
    for sock in (receiver, sender):
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        stage.later(sock.close)
    loop = stage.loop()
    got: list[bytes] = []
    room: list[int] = []
    loop.add_handler(sender, lambda _fd, events: room.append(events), WRITE)
    expect(stage.until(loop, lambda: WRITE in room), f"a datagram socket is writable, but was reported with {room[:5]}")
    loop.update_handler(sender, 0)
    loop.add_handler(receiver, lambda fd, _events: got.append(fd.recv(10)), READ)
    for text in (b"1", b"22", b"333"):
        sender.sendto(text, receiver.getsockname())
    stage.until(loop, lambda: len(got) == 3)
    expect(sorted(got) == [b"1", b"22", b"333"], f"3 datagrams were sent; READ was delivered for {got}")
    loop.remove_handler(receiver)
    loop.remove_handler(sender)


@clause("FD-022", timeout=3)
def reports_data_and_end_of_a_pipe(stage: Stage) -> None:
    """Write into a pipe, then close its writing end."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    stage.later(partial(os.close, reader))
    loop = stage.loop()
    got: list[bytes] = []
    with os.fdopen(writer, "wb", buffering=0) as source:
        loop.add_handler(reader, lambda fd, _events: got.append(read(fd)), READ)
        source.write(b"x")
        expect(stage.until(loop, lambda: got), "a pipe with unread data was not reported for READ")
        expect(got[0] == b"x", f"the pipe should have given b'x', but gave {got[0]!r}")
    expect(stage.until(loop, lambda: b"" in got), "the writing end of a pipe was closed, and the reader was not told")
    loop.remove_handler(reader)


@clause("FD-022", timeout=3)
def reports_room_in_a_pipe(stage: Stage) -> None:
    """Watch an empty pipe for WRITE, fill it, and make room again."""
    reader, writer = pipe(stage)
    loop = stage.loop()
    calls: list[int] = []
    loop.add_handler(writer, lambda _fd, events: calls.append(events), WRITE)
    expect(stage.until(loop, lambda: WRITE in calls), f"an empty pipe should be reported for WRITE; the calls were {calls[:5]}")
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 65536)
    stage.turns(loop, 3)  # what was polled before the pipe was full may still arrive
    calls.clear()
    stage.turns(loop, 3)
    expect(not calls, f"a full pipe is reported with {calls[:5]}")
    with contextlib.suppress(BlockingIOError):
        while True:
            os.read(reader, 1 << 20)
    expect(stage.until(loop, lambda: WRITE in calls), "after a full pipe was read empty no WRITE was delivered")
    loop.remove_handler(writer)


@clause("FD-022", timeout=3)
def tells_the_writer_that_the_reader_closed(stage: Stage) -> None:
    """Fill a pipe, watch it for WRITE, and close its reading end."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    stage.later(partial(os.close, writer))
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 65536)
    loop = stage.loop()
    calls: list[int] = []
    loop.add_handler(writer, lambda _fd, events: calls.append(events), WRITE)
    os.close(reader)
    told = stage.until(loop, lambda: any(events & (WRITE | ERROR) for events in calls))
    expect(told, f"the reading end of a full pipe was closed, and the writer was not told; the calls were {calls[:5]}")
    loop.remove_handler(writer)


@clause("FD-023", timeout=3)
def reports_data_and_hang_up_of_a_terminal(stage: Stage) -> None:
    """Write into a pseudo-terminal, then close the side of the program that runs in it."""
    master, slave = os.openpty()
    os.set_blocking(master, False)
    stage.later(partial(os.close, master))
    loop = stage.loop()
    got: list[bytes] = []
    with os.fdopen(slave, "wb", buffering=0) as program:
        loop.add_handler(master, lambda fd, _events: got.append(read(fd)), READ)
        program.write(b"x")
        expect(stage.until(loop, lambda: b"x" in got), f"a terminal's output should be reported and be b'x'; it was {got}")
    expect(
        stage.until(loop, lambda: b"" in got), "the program's side of a terminal was closed, and the other side was not told"
    )
    loop.remove_handler(master)


@clause("FD-024", timeout=3)
def serves_unix_sockets(stage: Stage) -> None:
    """Listen on a socket file, accept a client there and read what it sends."""
    folder = tempfile.TemporaryDirectory()
    stage.later(folder.cleanup)
    path = str(Path(folder.name) / "s")
    listener, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    stage.later(listener.close)
    stage.later(client.close)
    listener.bind(path)
    listener.listen()
    listener.setblocking(False)
    loop = stage.loop()
    got: list[bytes] = []

    def accept(fd: socket.socket, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            server = fd.accept()[0]
            stage.later(server.close)
            loop.add_handler(server, lambda fd, _events: got.append(fd.recv(10)), READ)

    loop.add_handler(listener, accept, READ)
    client.connect(path)
    client.send(b"x")
    expect(stage.until(loop, lambda: got), "what a client of a listening Unix socket sent was never delivered")
    expect(got[0] == b"x", f"the Unix socket should have given b'x', but gave {got[0]!r}")


@clause("FD-025", timeout=3)
def reports_an_eventfd(stage: Stage) -> None:
    """Raise an eventfd's counter, see READ until it is read, and nothing afterwards."""
    number = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    stage.later(partial(os.close, number))
    loop = stage.loop()
    calls: list[int] = []
    loop.add_handler(number, lambda _fd, events: calls.append(events), READ)
    stage.turns(loop, 3)
    expect(not calls, f"an eventfd whose counter is 0 is reported with {calls[:5]}")
    os.eventfd_write(number, 2)
    stage.until(loop, lambda: len(calls) >= 3)
    expect(len(calls) >= 3, f"an eventfd whose counter is 2 should be reported until it is read; it was {len(calls)} times")
    os.eventfd_read(number)
    stage.turns(loop, 3)
    calls.clear()
    stage.turns(loop, 3)
    expect(not calls, f"an eventfd that was read down to 0 is still reported with {calls[:5]}")
    loop.remove_handler(number)
