"""Loops that break one rule about what is reported ready, each for one kind of descriptor or one situation."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import stat
import struct
import termios
import weakref
from itertools import islice
from pathlib import Path

from squall_loops.contract import ERROR, READ, WRITE

from .catalogue import saboteur
from .reference import Reference


def as_socket(number):
    """Return a socket object over a duplicate of the descriptor, or None when it is no socket."""
    if not stat.S_ISSOCK(os.fstat(number).st_mode):
        return None
    try:
        return socket.socket(fileno=os.dup(number))
    except OSError:  # no descriptor left: not this loop's defect
        return None


def option(number, name):
    """Return a socket option as a number; None for what is no socket."""
    sock = as_socket(number)
    if sock is None:
        return None
    with sock:
        return sock.getsockopt(socket.SOL_SOCKET, name)


def family(number):
    sock = as_socket(number)
    if sock is None:
        return None
    with sock:
        return sock.family


def connected(number):
    sock = as_socket(number)
    if sock is None:
        return False
    with sock:
        try:
            return bool(sock.getpeername() or True)
        except OSError:
            return False


def at_end(number):
    """Tell whether the next receive on the socket would see the end of file."""
    sock = as_socket(number)
    if sock is None:
        return False
    with sock:
        try:
            return sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except OSError:
            return False


class Filter(Reference):
    """A loop that changes, by ``judge``, what the kernel has reported before it is delivered."""

    def dispatch(self, ready):
        super().dispatch([(registration, self.judge(registration, events)) for registration, events in ready])

    def judge(self, registration, events):
        raise NotImplementedError


class Once(Filter):
    """A loop that delivers ``event`` once, and again only when a wait has found it absent in between."""

    event = READ

    def __init__(self):
        super().__init__()
        self.delivered = set()

    def concerns(self, registration):
        raise NotImplementedError

    def dispatch(self, ready):
        present = {registration.number for registration, events in ready if events & self.event}
        self.delivered &= present
        super().dispatch(ready)

    def judge(self, registration, events):
        if events & self.event and self.concerns(registration):
            if registration.number in self.delivered:
                return events & ~self.event
            self.delivered.add(registration.number)
        return events


class HalfBlindWhenIdle(Reference):
    """A loop that, when it waits without limit, does so for ``seen`` only and looks at the rest once a second."""

    seen = 0

    def wait(self, timeout):
        if timeout is None:
            narrow = select.poll()
            narrow.register(self.wake_reader, select.POLLIN)
            for number, registration in self.registered.items():
                if registration.events & self.seen:
                    narrow.register(number, registration.events & self.seen)
            narrow.poll(1000)
            timeout = 0
        return super().wait(timeout)


@saboteur("FD-001", "an idle loop looks for unread data once a second", reason="READ reached a waiting loop")
class ReadsLateWhenIdle(HalfBlindWhenIdle):
    seen = WRITE


@saboteur("FD-002", "an idle loop looks for room in buffers once a second", reason="WRITE reached a waiting loop")
class WritesLateWhenIdle(HalfBlindWhenIdle):
    seen = READ


@saboteur("FD-004", "takes a partial read for a complete one", reason="READ was delivered for 1 when")
class ForgetsTheRest(Filter):
    def __init__(self):
        super().__init__()
        self.unread = weakref.WeakKeyDictionary()

    def judge(self, registration, events):
        if not events & READ or option(registration.number, socket.SO_TYPE) != socket.SOCK_STREAM:
            return events
        if option(registration.number, socket.SO_ACCEPTCONN):
            return events
        unread = struct.unpack("i", fcntl.ioctl(registration.number, termios.FIONREAD, bytes(4)))[0]
        before = self.unread.setdefault(registration, unread)
        self.unread[registration] = max(unread, before)
        return events & ~READ if 0 < unread < before else events


@saboteur("FD-005", "a writer is told once that there is room (edge-triggered)", reason="it was 1 times")
class WritesOnce(Once):
    event = WRITE

    def concerns(self, registration):
        return not registration.events & READ


@saboteur(
    "FD-014", "drops a hang-up together with the end of file before it", reason="the peer has closed, and a handler for READ"
)
class MissesTheClose(Filter):
    def judge(self, registration, events):
        hung_up = events & select.POLLHUP and registration.events & READ and at_end(registration.number)
        return 0 if hung_up else events


@saboteur(
    "FD-015", "drops errors of connections that only wait for WRITE", reason="a handler that waits for WRITE was not called"
)
class WriterMissesReset(Filter):
    def __init__(self):
        super().__init__()
        self.connected = set()

    def watch(self, number, events):
        super().watch(number, events)
        if connected(number):
            self.connected.add(number)
        else:
            self.connected.discard(number)

    def judge(self, registration, events):
        lost = events & ERROR and registration.number in self.connected and registration.events == WRITE
        return 0 if lost else events


@saboteur("FD-016", "does not look at descriptors that ask for neither READ nor WRITE", reason="that asked for ERROR only")
class HangUpNeedsInterest(Reference):
    def watch(self, number, events):
        if events & (READ | WRITE):
            super().watch(number, events)
        else:
            self.unwatch(number)


@saboteur("FD-017", "whoever asks for WRITE gets READ as well", reason="events that they had not asked for")
class WritersReadToo(Reference):
    def watch(self, number, events):
        super().watch(number, events | READ if events & WRITE else events)

    def dispatch(self, ready):
        for registration, events in ready:
            if self.registered.get(registration.number) is registration:
                extra = READ if registration.events & WRITE else 0
                if wanted := events & (registration.events | ERROR | extra):
                    self.serve(registration, wanted)


@saboteur("FD-018", "drops the error of a connect", reason="a refused connect did not reach the handler")
class RefusalIsSilent(Filter):
    def __init__(self):
        super().__init__()
        self.connecting = set()

    def watch(self, number, events):
        super().watch(number, events)
        if option(number, socket.SO_TYPE) == socket.SOCK_STREAM and not connected(number):
            self.connecting.add(number)
        else:
            self.connecting.discard(number)

    def judge(self, registration, events):
        return 0 if events & ERROR and registration.number in self.connecting else events


@saboteur("FD-019", "does not report room while there is something to read", reason="and WRITE 0 times")
class ReadHidesWrite(Filter):
    def judge(self, registration, events):
        return events & ~WRITE if events & READ else events


@saboteur("FD-020", "reports a burst of connections once", reason="READ was delivered for 1")
class AcceptsOneOfABurst(Once):
    def concerns(self, registration):
        return family(registration.number) == socket.AF_INET and option(registration.number, socket.SO_ACCEPTCONN)


@saboteur("FD-021", "reports a burst of datagrams once", reason="READ was delivered for [b'1']")
class ReceivesOneOfABurst(Once):
    def concerns(self, registration):
        return option(registration.number, socket.SO_TYPE) == socket.SOCK_DGRAM


@saboteur("FD-022", "drops the hang-up that is a pipe's end of file", reason="the reader was not told")
class PipesNeverEnd(Filter):
    def judge(self, registration, events):
        pipe = stat.S_ISFIFO(os.fstat(registration.number).st_mode)
        return 0 if pipe and events & select.POLLHUP and not events & READ else events


@saboteur("FD-023", "drops the hang-up of a terminal", reason="the other side was not told")
class TerminalsNeverEnd(Filter):
    def judge(self, registration, events):
        terminal = stat.S_ISCHR(os.fstat(registration.number).st_mode)
        return 0 if terminal and events & select.POLLHUP else events


@saboteur("FD-024", "does not watch listening Unix sockets", reason="of a listening Unix socket")
class DeafUnixListeners(Reference):
    def watch(self, number, events):
        if family(number) != socket.AF_UNIX or not option(number, socket.SO_ACCEPTCONN):
            super().watch(number, events)


@saboteur("FD-025", "reports an eventfd once, whatever its counter", reason="should be reported until it is read")
class EventfdOnce(Once):
    def concerns(self, registration):
        return "eventfd" in str(Path(f"/proc/self/fd/{registration.number}").readlink())


@saboteur("FD-027", "serves the first 64 registrations", reason="32 were served")
class ServesSixtyFour(Reference):
    def dispatch(self, ready):
        first = set(islice(self.registered.values(), 64))
        super().dispatch([(registration, events) for registration, events in ready if registration in first])


@saboteur(
    "FD-028", "serves one descriptor a turn, always the first that is ready", reason="of five sockets that are always ready"
)
class OneEventATurn(Reference):
    def dispatch(self, ready):
        super().dispatch(ready[:1])


@saboteur(
    "FD-035", "drops a connection at the peer's end of file (Twisted without half-close)", reason="no WRITE was delivered"
)
class HalfCloseIsClose(Reference):
    def serve(self, registration, events):
        ended = events & READ and not events & ERROR and at_end(registration.number)
        super().serve(registration, events)
        if ended:
            self.remove_handler(registration.fd)


@saboteur("FD-042", "reports room in full buffers", reason="a full socket is reported")
class WriteAlways(Reference):
    def wait(self, timeout):
        ready = super().wait(timeout)
        reported = {registration for registration, _events in ready}
        for registration in self.registered.values():
            full = registration.events == WRITE and registration not in reported
            if full and not registration.gone and family(registration.number) == socket.AF_UNIX:
                ready.append((registration, WRITE))
        return ready
