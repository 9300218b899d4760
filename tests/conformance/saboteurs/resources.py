"""Loops that break one rule about what they take and what they leave."""

from __future__ import annotations

import os
import resource
import sys
import threading
from collections import deque

from .catalogue import saboteur
from .reference import Reference

KEPT: list[object] = []
"""What has leaked, kept from the garbage collector."""


@saboteur(
    "RS-001", "close leaves one end of the waker open", reason="4 loops were made, used and closed, and 4 descriptors more"
)
class LeaksTheWaker(Reference):
    def close_waker(self):
        KEPT.append(self.wake_reader)
        self.wake_writer.close()


@saboteur("RS-002", "close leaves a thread behind", reason="after close these threads of the loop are still there")
class LeavesAThread(Reference):
    def close_waker(self):
        super().close_waker()
        threading.Thread(target=threading.Event().wait, daemon=True).start()


@saboteur("RS-003", "wakes every five milliseconds to look around", reason="the process woke")
class Ticks(Reference):
    def timeout(self):
        timeout = super().timeout()
        return 0.005 if timeout is None else min(timeout, 0.005)


@saboteur("RS-004", "makes what is registered non-blocking (uvloop #712)", reason="whose blocking flag was True has it False")
class MakesNonBlocking(Reference):
    def watch(self, number, events):
        os.set_blocking(number, False)
        super().watch(number, events)


@saboteur("RS-005", "makes what is registered close-on-exec", reason="that was inheritable=True is inheritable=False")
class MakesCloseOnExec(Reference):
    def watch(self, number, events):
        os.set_inheritable(number, False)
        super().watch(number, events)


@saboteur(
    "RS-006", "closes removed objects at the end of the turn (uvloop #763)", reason="a socket that was registered and removed"
)
class ClosesWhatWasRemoved(Reference):
    def __init__(self):
        super().__init__()
        self.doomed = []

    def remove_handler(self, fd):
        registration = self.find(fd)
        super().remove_handler(fd)
        if registration and not self.closed and not isinstance(registration.fd, int) and os.getpid() == self.pid:
            self.doomed.append(registration.fd)

    def add_handler(self, fd, handler, events):
        self.doomed = [other for other in self.doomed if other is not fd]
        super().add_handler(fd, handler, events)

    def turn(self):
        super().turn()
        while self.doomed:
            getattr(self.doomed.pop(), "close", int)()


@saboteur("RS-007", "its waker is inherited by programs", reason="descriptors that programs started by this process inherit")
class InheritedWaker(Reference):
    def open_waker(self):
        super().open_waker()
        self.wake_reader.set_inheritable(True)


@saboteur("RS-008", "helps itself to more descriptors", reason="RLIMIT_NOFILE was")
class RaisesTheLimit(Reference):
    def __init__(self):
        super().__init__()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if soft != hard else hard - 1, hard))


@saboteur("RS-009", "remembers the last call that it made", reason="while the loop waits, these still exist")
class RemembersTheLastCall(Reference):
    def run(self, context, callback, args):
        self.last = (callback, args)
        super().run(context, callback, args)


@saboteur("RS-010", "remembers the last handler that was removed", reason="two turns after remove_handler these still exist")
class RemembersTheLastHandler(Reference):
    def remove_handler(self, fd):
        self.last = self.find(fd)
        super().remove_handler(fd)


@saboteur("RS-011", "needs a descriptor for each look at the descriptors", reason="the loop no longer served: descriptor")
class NeedsASpareDescriptor(Reference):
    def dispatch(self, ready):
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return
        super().dispatch(ready)


@saboteur("RS-012", "leaves its first descriptor open when the others cannot be had", reason="of them open")
class HalfMade(Reference):
    def __init__(self):
        self.spare = os.open(os.devnull, os.O_RDONLY)
        super().__init__()

    def close_waker(self):
        super().close_waker()
        os.close(self.spare)


@saboteur("RS-013", "keeps a note of every cancelled timer", reason="memory blocks in use")
class NeverForgets(Reference):
    def __init__(self):
        super().__init__()
        self.notes = deque()

    def remove_timeout(self, handle):
        self.notes.append((handle.deadline, handle.serial))
        super().remove_timeout(handle)


@saboteur("RS-014", "leaves its hook for async generators behind", reason="the hooks for async generators were")
class LeavesItsHook(Reference):
    def start(self):
        sys.set_asyncgen_hooks(firstiter=self.note_generator)
        super().start()

    def note_generator(self, _generator):
        pass
