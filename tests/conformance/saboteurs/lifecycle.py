"""Loops that break one rule about start, stop and close."""

from __future__ import annotations

import os

from squall_loops.contract import LoopRunningError

from .catalogue import saboteur
from .reference import Reference


@saboteur("LC-001", "stops only when no timer of the next second is left", reason="after stop was called by a")
class WaitsForTimers(Reference):
    asked = False

    def stop(self):
        if self.near_timers():
            self.asked = True
        else:
            super().stop()

    def near_timers(self):
        return any(timer.callback and timer.deadline < self.time() + 1 for timer in self.timers)

    def turn(self):
        super().turn()
        if self.asked and not self.near_timers():
            self.asked = False
            super().stop()


@saboteur("LC-002", "forgets a stop that comes before start", reason="stop before start should allow one turn")
class LosesAnEarlyStop(Reference):
    def refuse_start(self):
        super().refuse_start()
        self.stopping = False


@saboteur("LC-003", "can be started eleven times", reason="start number 12 should work, but raised")
class WearsOut(Reference):
    starts = 0

    def refuse_start(self):
        super().refuse_start()
        self.starts += 1
        if self.starts > 11:
            raise LoopRunningError("the loop cannot be restarted")


@saboteur("LC-004", "a nested start returns as if it had run", reason="expected RuntimeError from start of a running loop")
class NestedStartReturns(Reference):
    def start(self):
        if not self.running:
            super().start()


@saboteur("LC-005", "counts the calls of stop and ends as many starts", reason="ended two starts")
class CountsStops(Reference):
    owed = 0

    def stop(self):
        self.owed += 1
        super().stop()

    def start(self):
        try:
            super().start()
        finally:
            self.owed = max(0, self.owed - 1)
            self.stopping = self.owed > 0


@saboteur(
    "LC-006", "ends when nothing is registered (libuv's default)", reason="a loop with nothing registered returned from start"
)
class EndsWhenIdle(Reference):
    def timeout(self):
        timeout = super().timeout()
        if timeout is None and not self.registered:
            self.stop()
            return 0.0
        return timeout


@saboteur(
    "LC-007", "closes its numbers again at a second close (uvloop #763)", reason="a second close has closed the descriptors"
)
class ClosesNumbersTwice(Reference):
    def close(self, all_fds=False):  # noqa: FBT002 - the contract's signature
        if not self.closed:
            self.numbers = (self.wake_reader.fileno(), self.wake_writer.fileno())
        elif all_fds:
            for number in self.numbers:
                os.close(number)
        super().close(all_fds)


@saboteur("LC-008", "a close of the running loop does nothing, without a word", reason="expected RuntimeError from close")
class IgnoresCloseWhileRunning(Reference):
    def close(self, all_fds=False):  # noqa: FBT002 - the contract's signature
        if not self.running or os.getpid() != self.pid:
            super().close(all_fds)


@saboteur("LC-009", "start of a closed loop returns at once", reason="expected RuntimeError from start of a closed loop")
class StartsClosed(Reference):
    def start(self):
        if not self.closed:
            super().start()


@saboteur(
    "LC-010",
    "close(all_fds) closes by number, behind the objects' backs",
    reason="called a registered object's close() 0 times",
)
class ClosesByNumber(Reference):
    def close_one(self, registration):
        os.close(registration.number)


@saboteur("LC-011", "close closes the registered objects in any case", reason="has closed what was registered as")
class ClosesWhatItDoesNotOwn(Reference):
    def close(self, all_fds=False):  # noqa: FBT002 - the contract's signature
        registrations = [] if self.running else [entry for entry in self.registered.values() if hasattr(entry.fd, "close")]
        super().close(all_fds)
        if not all_fds:
            self.close_registered(registrations)


@saboteur("LC-012", "the third loop of a process is deaf", reason="loop 3 of 3 in one process served its descriptor 0 times")
class TwoLoopsAProcess(Reference):
    finished = 0

    def close(self, all_fds=False):  # noqa: FBT002 - the contract's signature
        if not self.closed and not self.running:
            TwoLoopsAProcess.finished += 1
        super().close(all_fds)

    def watch(self, number, events):
        if self.finished < 2:
            super().watch(number, events)


@saboteur("LC-013", "a closed loop takes handlers", reason="expected RuntimeError from add_handler on a closed loop")
class AddsToClosed(Reference):
    def add_handler(self, fd, handler, events):
        if not self.closed:
            super().add_handler(fd, handler, events)


@saboteur("LC-014", "close runs the callbacks that wait", reason="close has run the waiting callback")
class RunsOnClose(Reference):
    def drop_work(self):
        if os.getpid() == self.pid:
            self.run_callbacks()
        super().drop_work()


@saboteur("LC-015", "stop ends the turn in the middle", reason="of 4 callbacks that waited behind stop")
class StopsInMidTurn(Reference):
    def run_callbacks(self):
        before = self.stopping
        for _ in range(len(self.callbacks)):
            self.make_call(self.callbacks.popleft())
            if self.stopping and not before:
                return
