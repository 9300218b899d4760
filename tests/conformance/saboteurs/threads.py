"""Loops that break one rule on threads each."""

from __future__ import annotations

import ctypes
import errno
import signal
import threading
import time
from typing import ClassVar

from saboteurs.catalogue import saboteur
from saboteurs.homed import Homed
from saboteurs.reference import Call, Reference, Registration, Timer


@saboteur("TH-001", "every third wake-up of an idle wait gets lost", outcomes=("hang",))
class LosesWakeUps(Homed):
    """Idle means: no timer either."""

    wakes = 0

    def send_wake(self) -> None:
        if self.from_elsewhere() and not self.timers:
            self.wakes += 1
        if self.wakes < 3:
            super().send_wake()
        else:
            self.wakes = 0


@saboteur(
    "TH-002",
    "two threads that add at once write to the same place",
    reason="expected the 1200 callbacks that six threads added",
)
class SamePlace(Homed):
    def __init__(self) -> None:
        self.slots: dict[int, Call] = {}
        self.filled = 0
        super().__init__()

    def enqueue(self, call: Call) -> None:
        if not self.from_elsewhere():
            super().enqueue(call)
            return
        place = self.filled
        if place % 8 == 0:
            time.sleep(0)  # the other thread's turn, where the lock is missing
        self.slots[place] = call
        self.filled = place + 1

    def has_work(self) -> bool:
        return bool(self.slots) or super().has_work()

    def run_callbacks(self) -> None:
        slots, self.slots = self.slots, {}
        self.callbacks.extend(slots[place] for place in sorted(slots))
        super().run_callbacks()


@saboteur(
    "TH-003",
    "runs what other threads added in a thread of its own",
    reason="expected every callback to run in the thread that runs",
)
class RunsElsewhere(Homed):
    """Not under load: the last ones of a burst show it as well."""

    def make_call(self, call: Call) -> None:
        if call.foreign and len(self.callbacks) < 50:
            worker = threading.Thread(target=super().make_call, args=(call,))
            worker.start()
            worker.join()
        else:
            super().make_call(call)


@saboteur("TH-004", "a full wake-up pipe is the caller's problem", reason="BlockingIOError")
class FullPipeRaises(Homed):
    unread = 0

    def wake(self) -> None:
        if self.from_elsewhere():
            self.unread += 1
            if self.unread > 4096:
                raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        super().wake()

    def drain(self) -> None:
        self.unread = 0
        super().drain()


@saboteur("TH-005", "a stop that another thread adds is ignored", outcomes=("hang",))
class OwnStopsOnly(Homed):
    def make_call(self, call: Call) -> None:
        if call.foreign and call.callback == self.stop:
            call.empty()
        super().make_call(call)


@saboteur(
    "TH-006",
    "takes for granted that it runs in the main thread",
    reason="expected a loop to run in a thread other than the main",
)
class MainThreadOnly(Reference):
    def borrow_wakeup(self) -> None:
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1))
        super().borrow_wakeup()


@saboteur("TH-007", "one table of timers for all loops", reason="expected two loops to keep to themselves")
class SharedTimers(Reference):
    table: ClassVar[list[Timer]] = []

    def __init__(self) -> None:
        super().__init__()
        self.timers = self.table


class PollFd(ctypes.Structure):
    """``struct pollfd``."""

    _fields_: ClassVar = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]


@saboteur("TH-008", "keeps the interpreter's lock while it waits for descriptors", outcomes=("hang",))
class KeepsTheLock(Reference):
    """Only in a wait without a deadline that descriptors may end."""

    def wait(self, timeout: float | None) -> list[tuple[Registration, int]]:
        if timeout is None and self.registered:
            watched = [(number, registration.events) for number, registration in self.registered.items()]
            watched.append((self.wake_reader.fileno(), 1))
            table = (PollFd * len(watched))(*(PollFd(number, events, 0) for number, events in watched))
            ctypes.PyDLL(None).poll(table, len(watched), -1)
        return super().wait(timeout)


@saboteur("TH-009", "closes its waker first and says so later", reason="expected nothing but RuntimeError from add_callback")
class ClosesInTheWrongOrder(Reference):
    def wake(self) -> None:
        self.send_wake()

    def close(self, all_fds: bool = False) -> None:  # noqa: FBT001, FBT002 - the contract's signature
        if not self.closed and not self.running:
            self.close_waker()
            time.sleep(0.01)  # the adding thread's turn, where the lock is missing
        super().close(all_fds)


@saboteur("TH-010", "runs callbacks of other threads until no more come", reason="beside a stream of wake-ups")
class WaitsForSilence(Homed):
    def __init__(self) -> None:
        self.arrived = threading.Event()
        super().__init__()

    def enqueue(self, call: Call) -> None:
        super().enqueue(call)
        if self.from_elsewhere():
            self.arrived.set()

    def run_callbacks(self) -> None:
        super().run_callbacks()
        while self.arrived.is_set():
            self.arrived.clear()
            super().run_callbacks()
            self.arrived.wait(0.01)
