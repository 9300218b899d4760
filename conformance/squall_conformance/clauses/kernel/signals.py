"""Clauses on signals. They run in the main thread, and what they install is taken back when they are over."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import threading
import time
from functools import partial

from squall_conformance.clause import clause
from squall_conformance.stage import Stage, expect, expect_works, unsupported
from squall_loops.contract import READ

PROMPT = 0.5
"""Seconds within which a signal has to be noticed. Loops that notice take a millisecond, others wait for ever or for a tick."""


def alarm(stage: Stage, delay: float, interval: float = 0.0) -> None:
    """Send SIGALRM after ``delay`` seconds, and again every ``interval``, until the clause is over."""
    stage.later(partial(signal.setitimer, signal.ITIMER_REAL, 0))
    signal.setitimer(signal.ITIMER_REAL, delay, interval)


@clause("SG-001", timeout=3)
def runs_python_handlers_while_it_waits(stage: Stage) -> None:
    """Let an alarm's Python handler send a byte to a socket that the waiting loop watches."""
    left, right = stage.pair()
    loop = stage.loop()
    at: list[float] = []

    def handler(_number: int, _frame: object) -> None:
        at.append(time.monotonic())
        right.send(b"x")

    stage.on_signal(signal.SIGALRM, handler)
    loop.add_handler(left, lambda _fd, _events: loop.stop(), READ)
    due = time.monotonic() + 0.02
    alarm(stage, 0.02)
    loop.start()
    expect(at, "start returned, but the signal's Python handler has not run")
    expect(
        at[0] - due < PROMPT,
        f"the signal's Python handler ran {at[0] - due:.3f} s after the signal; it should within {PROMPT} s",
    )


@clause("SG-002", timeout=3)
def a_callback_from_a_signal_wakes_the_loop(stage: Stage) -> None:
    """Send a signal from another thread to an idle loop, and stop it by add_callback_from_signal in the signal's handler."""
    left, _right = stage.pair()
    loop = stage.loop()
    loop.add_handler(left, lambda _fd, _events: None, READ)
    stage.on_signal(signal.SIGUSR1, lambda _number, _frame: loop.add_callback_from_signal(loop.stop))
    due = time.monotonic() + 0.02
    sender = threading.Timer(0.02, os.kill, [os.getpid(), signal.SIGUSR1])
    sender.start()
    loop.start()
    late = time.monotonic() - due
    sender.join()
    expect(late > -0.01, f"start returned {-late:.3f} s before the signal that was to end it")
    expect(
        late < PROMPT, f"a callback added in a signal handler ran {late:.3f} s after the signal; it should within {PROMPT} s"
    )


@clause("SG-003", timeout=3)
def an_interrupted_wait_is_invisible(stage: Stage) -> None:
    """Interrupt a wait of 60 ms every 3 ms and look at what the loop makes of it."""
    left, _right = stage.pair()
    loop = stage.loop()
    signals: list[int] = []
    calls: list[int] = []
    fired: list[float] = []
    stage.on_signal(signal.SIGALRM, lambda number, _frame: signals.append(number))
    loop.add_handler(left, lambda _fd, events: calls.append(events), READ)
    deadline = loop.time() + 0.06

    def fire() -> None:
        fired.append(loop.time())
        loop.stop()

    loop.call_at(deadline, fire)
    alarm(stage, 0.003, 0.003)
    expect_works("start, while signals interrupt its wait,", loop.start)
    signal.setitimer(signal.ITIMER_REAL, 0)
    expect(fired, "a signal during the wait made start return before its timer had run")
    early = deadline - fired[0]
    expect(early <= loop.resolution + 1e-6, f"a timer ran {early * 1000:.3f} ms early in a wait that signals interrupted")
    expect(not calls, f"an idle socket was reported with {calls} because of a signal")
    if not signals:
        unsupported("no signal arrived in 60 ms")


@clause("SG-004", timeout=4)
def a_storm_loses_nothing(stage: Stage) -> None:
    """Add callbacks all the time while a signal's handler adds others, two hundred times, wherever it interrupts."""
    loop = stage.loop()
    serials = itertools.count()
    ran: list[int] = []

    def handler(_number: int, _frame: object) -> None:
        serial = next(serials)  # one step: a handler may be interrupted by itself
        if serial < 200:
            loop.add_callback_from_signal(ran.append, serial)

    def hammer() -> None:
        if len(ran) >= 200 or time.monotonic() > give_up:
            loop.stop()
        else:
            for _ in range(20):
                loop.add_callback(int)
            loop.add_callback(hammer)

    stage.on_signal(signal.SIGALRM, handler)
    loop.add_callback(hammer)
    give_up = time.monotonic() + 1.5
    alarm(stage, 0.0002, 0.0002)
    loop.start()
    signal.setitimer(signal.ITIMER_REAL, 0)
    stage.turns(loop)
    added = min(200, next(serials))
    lost = set(range(added)) - set(ran)
    expect(not lost, f"of {added} callbacks added in a signal handler {len(lost)} never ran")
    expect(len(ran) == added, f"{added} callbacks added in a signal handler ran {len(ran)} times")


@clause("SG-005", timeout=3)
def a_callback_from_a_signal_is_not_nested(stage: Stage) -> None:
    """Raise a signal inside a callback and look whether what its handler adds runs before that callback ends."""
    loop = stage.loop()
    inside = [False]
    seen: list[bool] = []
    stage.on_signal(signal.SIGUSR1, lambda _number, _frame: loop.add_callback_from_signal(lambda: seen.append(inside[0])))

    def callback() -> None:
        inside[0] = True
        signal.raise_signal(signal.SIGUSR1)
        sum(range(1000))
        inside[0] = False

    loop.add_callback(callback)
    expect(stage.until(loop, lambda: seen), "a callback added in a signal handler, inside another callback, never ran")
    expect(seen == [False], "a callback added in a signal handler ran inside the callback that the signal had interrupted")


@clause("SG-006", timeout=3)
def leaves_the_programs_handlers(stage: Stage) -> None:
    """Install handlers for six signals and compare them while the loop runs and after it."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGCHLD", "SIGPIPE")
    numbers = [signal.Signals[name] for name in names]
    handlers = [lambda _number, _frame, name=name: name for name in names]
    for number, handler in zip(numbers, handlers, strict=True):
        stage.on_signal(number, handler)
    loop = stage.loop()

    def compare(when: str) -> None:
        changed = [
            number.name for number, handler in zip(numbers, handlers, strict=True) if signal.getsignal(number) is not handler
        ]
        expect(not changed, f"{when} the program's handlers of these signals are no longer the program's: {', '.join(changed)}")

    compare("before start")
    loop.add_callback(compare, "while the loop runs")
    stage.turns(loop, 2)
    stage.fail_on_reports()
    compare("after start has returned")
    loop.close()
    compare("after close")


@clause("SG-007", timeout=3)
def gives_the_wakeup_descriptor_back(stage: Stage) -> None:
    """Run the loop with and without a wake-up descriptor of the program and look which one is set afterwards."""
    _left, right = stage.pair()
    loop = stage.loop()
    stage.later(partial(signal.set_wakeup_fd, -1))
    for own in (-1, right.fileno()):
        signal.set_wakeup_fd(own, warn_on_full_buffer=False)
        stage.turns(loop, 2)
        found = signal.set_wakeup_fd(-1)
        expect(found == own, f"the signals' wake-up descriptor was {own} before start and {found} after it")


@clause("SG-008", timeout=3, needs=["fork"])
def leaves_foreign_children(stage: Stage) -> None:
    """Fork a child that exits with 7 while the loop runs, give the loop some turns, and wait for the child."""
    loop = stage.loop()
    children: list[int] = []

    def spawn() -> None:
        child = os.fork()
        if not child:
            os._exit(7)
        children.append(child)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)

    loop.add_callback(spawn)
    stage.turns(loop, 5)
    stage.run_for(loop, 0.01)
    loop.close()
    try:
        status = os.waitpid(children[0], 0)[1]
    except ChildProcessError:
        status = -1
    expect(status != -1, "the loop has reaped a child process that is not its own: waitpid finds none")
    code = os.waitstatus_to_exitcode(status)
    expect(code == 7, f"the child exited with 7, but waitpid says {code}")


@clause("SG-009", timeout=3)
def leaves_the_signal_mask(stage: Stage) -> None:
    """Block one signal, and compare the mask in a callback, a timer, a handler and after start."""
    left, right = stage.pair()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    stage.later(partial(signal.pthread_sigmask, signal.SIG_SETMASK, before))
    own = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    loop = stage.loop()
    masks: dict[str, set[int]] = {}

    def look(where: str) -> None:
        masks[where] = set(signal.pthread_sigmask(signal.SIG_BLOCK, []))

    def handler(_fd: socket.socket, _events: int) -> None:
        look("a handler")

    loop.add_callback(look, "a callback")
    loop.call_at(loop.time(), look, "a timer")
    loop.add_handler(left, handler, READ)
    right.send(b"x")
    stage.until(loop, lambda: len(masks) == 3)
    look("the code after start")
    for where, mask in masks.items():
        expect(mask == own, f"in {where} the signals {sorted(mask ^ own)} are blocked or free unlike before start")


@clause("SG-010", timeout=3)
def ctrl_c_leaves_an_idle_loop(stage: Stage) -> None:
    """Send SIGINT to the process from another thread while the loop waits."""
    idle, _peer = stage.pair()
    stage.on_signal(signal.SIGINT, signal.default_int_handler)
    loop = stage.loop()
    loop.add_handler(idle, lambda _fd, _events: None, READ)
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Timer(0.02, interrupt)
    loop.add_callback(sender.start)  # not before start: on a slow machine the signal would come too early
    try:
        loop.start()
        left = False
    except KeyboardInterrupt:
        left = True
    late = time.monotonic() - sent[0] if sent else 0.0
    sender.join()
    expect(left, "SIGINT ended start, but not by KeyboardInterrupt")
    expect(late < PROMPT, f"KeyboardInterrupt left start {late:.3f} s after SIGINT; it should within {PROMPT} s")


@clause("SG-011", timeout=3)
def passes_signals_on_to_the_programs_descriptor(stage: Stage) -> None:
    """Set a wake-up descriptor of the program, watch it on the loop, and raise a signal in a callback."""
    left, right = stage.pair()
    stage.on_signal(signal.SIGUSR1, lambda _number, _frame: None)
    signal.set_wakeup_fd(right.fileno(), warn_on_full_buffer=False)
    stage.later(partial(signal.set_wakeup_fd, -1))
    loop = stage.loop()
    got = bytearray()
    loop.add_handler(left, lambda fd, _events: got.extend(fd.recv(100)), READ)
    loop.add_callback(signal.raise_signal, signal.SIGUSR1)
    stage.until(loop, lambda: got)
    expect(
        signal.SIGUSR1 in got,
        f"the program's wake-up descriptor should have received {int(signal.SIGUSR1)}, but got {list(got)}",
    )
