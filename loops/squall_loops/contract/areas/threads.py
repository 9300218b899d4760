"""Threads: one thread runs the loop, any thread may add callbacks."""

from squall_loops.contract.rule import Level, Rule

MUST, SHOULD, MAY = Level.MUST, Level.SHOULD, Level.MAY
_SAFE = "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.call_soon_threadsafe"

RULES = (
    Rule(
        id="TH-001",
        level=MUST,
        sentence="A callback added by another thread MUST wake a loop that waits.",
        intent="Results of worker threads arrive when they are ready.",
        consequence="run_in_executor answers with the next request, or never.",
        sources=(
            _SAFE,
            "https://github.com/twisted/twisted/issues/2080",
            "https://github.com/gevent/gevent/issues/347",
            "https://github.com/python/cpython/issues/156054",
        ),
    ),
    Rule(
        id="TH-002",
        level=MUST,
        sentence="Of callbacks added by many threads at once none MUST be lost, and each thread's MUST keep their order.",
        intent="Thread safety is not best effort.",
        consequence="Jobs of a thread pool never finish.",
        sources=(_SAFE, "https://github.com/MagicStack/uvloop/issues/408", "https://github.com/twisted/twisted/issues/10973"),
    ),
    Rule(
        id="TH-003",
        level=MUST,
        sentence="Every callback MUST run in the thread that runs the loop, whoever added it.",
        intent="Code on the loop needs no locks.",
        consequence="Data races in programs that were correct.",
        sources=(_SAFE,),
    ),
    Rule(
        id="TH-004",
        level=MUST,
        sentence="However many callbacks are added before the loop comes round, add_callback MUST NOT block, fail or lose a wake-up.",
        intent="A full wake-up pipe means that a wake-up is under way, nothing else.",
        consequence="A burst of results blocks the worker threads, or freezes the server.",
        sources=(
            "pipe(7) PIPE_BUF",
            "https://github.com/twisted/twisted/issues/11289",
            "https://github.com/python/cpython/pull/11577",
        ),
    ),
    Rule(
        id="TH-005",
        level=MUST,
        sentence="add_callback(loop.stop) from another thread MUST end a loop that waits.",
        intent="The one safe way to stop a loop from outside.",
        consequence="Test suites and servers hang at shutdown.",
        sources=("https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop.stop",),
    ),
    Rule(
        id="TH-006",
        level=MUST,
        sentence="A loop MUST run in a thread other than the main one.",
        intent="Applications keep their main thread for a user interface.",
        consequence="The loop cannot be embedded.",
        sources=("https://docs.python.org/3/library/asyncio-dev.html#concurrency-and-multithreading",),
    ),
    Rule(
        id="TH-007",
        level=SHOULD,
        sentence="Two loops SHOULD run in two threads at once, each with its own callbacks, timers and descriptors.",
        intent="A loop keeps its state to itself.",
        consequence="A synchronous client in a worker thread disturbs the server.",
        sources=(
            "https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop",
            "https://github.com/urllib3/urllib3/pull/171",
        ),
        needs=frozenset({"several-loops"}),
    ),
    Rule(
        id="TH-008",
        level=MUST,
        sentence="While the loop waits, other threads MUST be able to run.",
        intent="The wait releases the interpreter's lock.",
        consequence="Worker threads stand still whenever the server is idle.",
        sources=("https://docs.python.org/3/c-api/init.html#releasing-the-gil-from-extension-code",),
    ),
    Rule(
        id="TH-009",
        level=MUST,
        sentence="Adding a callback while another thread closes the loop MUST succeed or raise RuntimeError, never crash or hang.",
        intent="Worker threads outlive loops.",
        consequence="Segmentation faults at interpreter exit.",
        sources=("https://github.com/tornadoweb/tornado/issues/635", "https://github.com/python/cpython/pull/27688"),
    ),
    Rule(
        id="TH-010",
        level=MUST,
        sentence="A stream of wake-ups from another thread MUST NOT keep descriptors and timers from being served.",
        intent="Draining the wake-ups is bounded.",
        consequence="A chatty worker thread freezes the server.",
        sources=(_SAFE,),
    ),
)
