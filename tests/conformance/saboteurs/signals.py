"""Loops that break one rule about signals."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import threading
from collections import deque

from .catalogue import saboteur
from .reference import Reference


def in_main_thread():
    return threading.current_thread() is threading.main_thread()


@saboteur("SG-001", "blocks SIGALRM while it waits, and looks at it once a second", reason="Python handler ran")
class WaitsWithSignalsBlocked(Reference):
    def wait(self, timeout):
        if timeout == 0.0:
            return super().wait(timeout)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        try:
            return super().wait(1.0 if timeout is None else min(timeout, 1.0))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@saboteur(
    "SG-002", "callbacks from signals wait for the next tick, up to 0.6 s", reason="a callback added in a signal handler ran 0."
)
class SignalsWaitForATick(Reference):
    def __init__(self):
        super().__init__()
        self.delayed = deque()

    def add_callback_from_signal(self, callback, *args):
        self.delayed.append((self.time() + 0.6, callback, args))

    def timeout(self):
        timeout = super().timeout()
        if not self.delayed:
            return timeout
        wait = max(0.0, self.delayed[0][0] - self.time())
        return wait if timeout is None else min(timeout, wait)

    def turn(self):
        super().turn()
        while self.delayed and self.delayed[0][0] <= self.time():
            _due, callback, args = self.delayed.popleft()
            self.add_callback(callback, *args)


@saboteur("SG-003", "takes an interrupted wait for one that has ended", reason="early in a wait that signals interrupted")
class EintrFiresTimers(Reference):
    interrupted = False

    def drain(self):
        with contextlib.suppress(BlockingIOError):
            self.interrupted = bool(self.wake_reader.recv(4096, socket.MSG_PEEK).replace(b"\0", b""))
        super().drain()

    def due_timers(self, now):
        interrupted, self.interrupted = self.interrupted, False
        return super().due_timers(math.inf if interrupted else now)


@saboteur("SG-004", "drops what a signal handler adds while it interrupts add_callback", reason="never ran")
class NotReentrant(Reference):
    adding = False

    def enqueue(self, call):
        if in_main_thread():
            if self.adding:
                return
            self.adding = True
            sum(range(100))
        super().enqueue(call)
        if in_main_thread():
            self.adding = False


@saboteur(
    "SG-005", "runs a signal's callback in the signal handler", reason="ran inside the callback that the signal had interrupted"
)
class RunsInsideTheSignalHandler(Reference):
    def add_callback_from_signal(self, callback, *args):
        callback(*args)


@saboteur(
    "SG-006", "handles SIGTERM itself while it runs", reason="while the loop runs the program's handlers of these signals"
)
class TakesSigterm(Reference):
    def start(self):
        if not in_main_thread():
            return super().start()
        before = signal.signal(signal.SIGTERM, lambda _number, _frame: self.add_callback_from_signal(self.stop))
        try:
            return super().start()
        finally:
            signal.signal(signal.SIGTERM, before)


@saboteur("SG-007", "clears the wake-up descriptor when it returns", reason="before start and -1 after it")
class ClearsTheWakeupDescriptor(Reference):
    def return_wakeup(self):
        super().return_wakeup()
        if in_main_thread():
            signal.set_wakeup_fd(-1)


@saboteur("SG-008", "reaps every child of the process", reason="the loop has reaped a child process")
class ReapsEverything(Reference):
    def turn(self):
        super().turn()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)


@saboteur("SG-009", "blocks SIGTERM while callbacks run", reason="in a callback the signals")
class BlocksSignalsInCallbacks(Reference):
    def run_callbacks(self):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        try:
            super().run_callbacks()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@saboteur("SG-010", "ends quietly when Ctrl-C interrupts the wait", reason="but not by KeyboardInterrupt")
class SwallowsCtrlC(Reference):
    def wait(self, timeout):
        try:
            return super().wait(timeout)
        except KeyboardInterrupt:
            self.stop()
            return []


@saboteur("SG-011", "keeps the signals' numbers to itself", reason="the program's wake-up descriptor should have received")
class KeepsSignalsToItself(Reference):
    def drain(self):
        with contextlib.suppress(BlockingIOError):
            self.wake_reader.recv(4096)
