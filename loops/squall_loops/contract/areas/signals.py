"""Signals: Python's handlers run while the loop waits, and the loop leaves them as it found them."""

from squall_loops.contract.rule import Level, Rule

MUST, SHOULD = Level.MUST, Level.SHOULD
_POSIX = frozenset({"signals"})
_PYTHON = "https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers"
_WAKEUP = "https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd"

RULES = (
    Rule(
        id="SG-001",
        level=MUST,
        sentence="A Python signal handler MUST run promptly while the loop waits in the main thread.",
        intent="The wait lets the interpreter look at its signals.",
        consequence="SIGTERM is ignored by an idle server.",
        sources=(
            "zloop 0.0.1, measured: no handler runs while it waits",
            _PYTHON,
            _WAKEUP,
            "https://github.com/gevent/gevent/issues/790",
        ),
        needs=_POSIX,
    ),
    Rule(
        id="SG-002",
        level=MUST,
        sentence="A callback added by add_callback_from_signal in a signal handler MUST wake a loop that waits, and run.",
        intent="The clean way to shut down on a signal.",
        consequence="A server shuts down at its next request, or never.",
        sources=("https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop.add_callback_from_signal",),
        needs=_POSIX,
    ),
    Rule(
        id="SG-003",
        level=MUST,
        sentence="An interrupted wait MUST be invisible: no error, no handler called, no timer early.",
        intent="EINTR is the kernel's business.",
        consequence="A profiler or a resized terminal kills the server.",
        sources=("https://peps.python.org/pep-0475/", "signal(7) EINTR"),
        needs=_POSIX,
    ),
    Rule(
        id="SG-004",
        level=MUST,
        sentence="Under a storm of signals none of the callbacks added by their handlers MUST be lost, and nothing MUST deadlock.",
        intent="A handler may interrupt the loop anywhere, inside add_callback too.",
        consequence="A non-reentrant lock freezes the server at the worst moment.",
        sources=("https://github.com/tornadoweb/tornado/issues/1874", _PYTHON),
        needs=_POSIX,
    ),
    Rule(
        id="SG-005",
        level=MUST,
        sentence="A callback added in a signal handler MUST run in a turn of the loop, never inside another callback.",
        intent="Callbacks are not re-entered.",
        consequence="A half-changed state is seen by the shutdown code.",
        sources=(_PYTHON,),
        needs=_POSIX,
    ),
    Rule(
        id="SG-006",
        level=MUST,
        sentence="Signal handlers that the program has installed MUST be the same while the loop runs and after it returns.",
        intent="The loop leaves what it does not own as it found it.",
        consequence="Ctrl-C, a debugger or a supervisor's reload stops working.",
        sources=("https://docs.twistedmatrix.com/en/stable/api/twisted.internet.interfaces.IReactorCore.html#run",),
        needs=_POSIX,
    ),
    Rule(
        id="SG-007",
        level=MUST,
        sentence="signal.set_wakeup_fd MUST be, after start returns, what it was before.",
        intent="There is one such descriptor in a process, and the loop borrows it.",
        consequence="Signals write into a closed or foreign descriptor.",
        sources=(_WAKEUP, "https://github.com/MagicStack/uvloop/pull/270", "https://github.com/MagicStack/uvloop/pull/296"),
        needs=_POSIX,
    ),
    Rule(
        id="SG-008",
        level=MUST,
        sentence="The loop MUST NOT reap child processes that are not its own.",
        intent="subprocess.Popen.wait and os.waitpid belong to their callers.",
        consequence="Exit codes of subprocesses are lost.",
        sources=("waitpid(2)", "https://github.com/joyent/libuv/issues/887", "https://github.com/MagicStack/uvloop/issues/582"),
        needs=_POSIX,
    ),
    Rule(
        id="SG-009",
        level=MUST,
        sentence="The signal mask of the thread MUST be the same while callbacks run and after start returns.",
        intent="Children inherit the mask.",
        consequence="Subprocesses cannot be terminated.",
        sources=("pthread_sigmask(3)", "https://github.com/unbit/uwsgi/issues/2599"),
        needs=_POSIX,
    ),
    Rule(
        id="SG-010",
        level=MUST,
        sentence="SIGINT with Python's default handler MUST leave start as KeyboardInterrupt, promptly, also from an idle wait.",
        intent="Ctrl-C works.",
        consequence="Developers reach for kill -9.",
        sources=(
            "https://docs.python.org/3/library/signal.html#note-on-signal-handlers-and-exceptions",
            "https://github.com/gevent/gevent/issues/790",
            "https://github.com/MagicStack/uvloop/pull/296",
        ),
        needs=_POSIX,
    ),
    Rule(
        id="SG-011",
        level=SHOULD,
        sentence="A wake-up descriptor that the program set before start SHOULD go on receiving the signals' numbers.",
        intent="Programs watch that descriptor on the loop.",
        consequence="A supervisor built on set_wakeup_fd misses its signals while the loop runs.",
        sources=(_WAKEUP, "https://github.com/python/cpython/issues/87079", "https://github.com/ros2/launch/pull/479"),
        needs=_POSIX,
    ),
)
