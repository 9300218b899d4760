"""Loops that misbehave towards whoever judges them, rather than towards their own users."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from squall_loops.pollers.choose import make_poller
from squall_loops.turn.loop import TurnLoop


class Base(TurnLoop):
    def __init__(self):
        super().__init__(make_poller("select"))


def good():
    return Base()


def factory_raises():
    raise LookupError("no such engine aboard")


def factory_returns_nothing():
    return None


def factory_returns_text():
    return "a loop"


def hangs_when_made():
    while True:
        time.sleep(60)


def hangs_in_c_when_made():
    ctypes.PyDLL(None).sleep(60)  # keeps the interpreter's lock, so that no Python code runs at all


def segfaults_when_made():
    ctypes.string_at(0)


def exits_when_made():
    os._exit(0)


def leaves_by_system_exit():
    sys.exit("enough")


class HangsOnStart(Base):
    def start(self):
        while True:
            time.sleep(60)


class Segfaults(Base):
    def start(self):
        ctypes.string_at(0)


class Aborts(Base):
    def start(self):
        os.abort()


class ExitsZero(Base):
    def start(self):
        os._exit(0)


class Prints(Base):
    def start(self):
        print(  # noqa: T201 - printing is the misbehaviour
            '{"result": {"outcome": "fail"}, "nonce": "guessed"}', flush=True
        )
        os.write(1, b"PASSED\n")
        os.write(2, b"PASSED\n")
        super().start()


class ClosesStdout(Base):
    def start(self):
        with suppress(OSError):
            os.close(1)
        super().start()


class ClosesEverything(Base):
    def start(self):
        os.closerange(3, 1024)
        os._exit(0)


class ClosesTheChannelOnly(Base):
    """Closes every socket it finds: the way on which results are sent is one of them."""

    def start(self):
        super().start()
        for fd in range(3, 256):
            with suppress(OSError):
                if str(Path(f"/proc/self/fd/{fd}").readlink()).startswith("socket:"):
                    os.close(fd)


class Forks(Base):
    """Goes on in two processes."""

    def start(self):
        os.fork()
        super().start()


class LeavesChild(Base):
    def start(self):
        subprocess.Popen(["sleep", "600"])
        super().start()


class LeavesGrandchild(Base):
    """Leaves a process that has left its group and its session, and whose parent is gone."""

    def start(self):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execvp("sleep", ["sleep", "600"])
            os._exit(0)
        os.wait()
        super().start()


class IgnoresSigterm(Base):
    def start(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
        while True:
            time.sleep(60)


class Stops(Base):
    def start(self):
        os.kill(os.getpid(), signal.SIGSTOP)


class EatsMemory(Base):
    def start(self):
        self._eaten = bytearray(3 << 30)
        super().start()


class KillsItsParent(Base):
    def start(self):
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)


class LeaksBySecondCallback(Base):
    """Leaks in what a clause does with it; making, running and closing it leaks nothing."""

    added = 0

    def add_callback(self, callback, *args):
        self.added += 1
        if self.added == 2:
            self.leak()
        super().add_callback(callback, *args)


class LeaksDescriptors(LeaksBySecondCallback):
    def leak(self):
        os.pipe()


class LeaksThreads(LeaksBySecondCallback):
    def leak(self):
        threading.Thread(target=threading.Event().wait, daemon=True, name="forgotten").start()


class LeaksWhenClosed(Base):
    """Breaks RS-001 alone: no other clause is to be held against it."""

    def close(self, all_fds=False):  # noqa: FBT002 - the contract's signature
        os.pipe()
        super().close(all_fds)


class OpensOnce(Base):
    """Takes a descriptor for the whole process, once, and keeps it: a cache, not a leak."""

    kept: ClassVar[list[int]] = []

    def start(self):
        if not self.kept:
            self.kept.append(os.open(os.devnull, os.O_RDONLY))
        super().start()


class RaisesInThread(Base):
    def start(self):
        thread = threading.Thread(target=self._work, name="helper")
        thread.start()
        thread.join()
        super().start()

    def _work(self):
        raise LookupError("lost in a thread")


class Exits(Base):
    def start(self):
        raise SystemExit(0)


class SleepsAlways(Base):
    """Slow, but within its time."""

    def start(self):
        time.sleep(0.3)
        super().start()


class FailsAtFirst(Base):
    """Runs nothing in the first process that starts it, and is as it should be in all others."""

    def start(self):
        flag = Path(os.environ["SQUALL_TEST_FLAG"])
        if not flag.exists():
            flag.write_text(str(os.getpid()))
        if flag.read_text() != str(os.getpid()):
            super().start()


class Deaf(Base):
    """Runs no callback twice in a row: ``start`` returns at once."""

    def start(self):
        return


class Lonely(Base):
    """Does not claim that several of its kind can be open at once."""

    abilities = frozenset()


class LooksAround(Base):
    """Checks where it is run."""

    def start(self):
        assert os.getpgid(0) == os.getpid()
        assert list(Path.cwd().iterdir()) == []
        assert os.environ["TMPDIR"] == str(Path.cwd())
        assert sys.stdin.read() == ""
        assert threading.active_count() == 1
        super().start()
