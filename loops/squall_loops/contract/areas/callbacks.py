"""Callbacks: what is added runs, once, in order, and never before its turn."""

from squall_loops.contract.rule import Level, Rule

MUST = Level.MUST

RULES = (
    Rule(
        id="CB-001",
        level=MUST,
        sentence="A callback that was added MUST run exactly once.",
        intent="Adding is a promise of one call: neither none nor two.",
        consequence="A request handler waits for ever, or answers twice.",
        sources=("https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.call_soon",),
    ),
    Rule(
        id="CB-002",
        level=MUST,
        sentence="Callbacks that one thread adds MUST run in the order in which it added them.",
        intent="Code that splits its work over several callbacks relies on their order.",
        consequence="Chunks of a response leave in the wrong order.",
        sources=(
            "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.call_soon",
            "https://github.com/twisted/twisted/issues/6718",
        ),
    ),
    Rule(
        id="CB-003",
        level=MUST,
        sentence="A callback added by a running callback MUST run in a later turn, after ready descriptors were served.",
        intent="A chain of callbacks gives way to I/O between its links.",
        consequence="One busy coroutine starves every connection.",
        sources=(
            "https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop.add_callback",
            "https://github.com/dabeaz/curio/pull/115",
        ),
    ),
    Rule(
        id="CB-004",
        level=MUST,
        sentence="A callback that adds itself again MUST NOT keep due timers from running.",
        intent="Callbacks and timers share the loop.",
        consequence="Timeouts of requests never fire while a busy coroutine runs.",
        sources=(
            "https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop.add_callback",
            "https://github.com/tornadoweb/tornado/issues/1623",
        ),
    ),
    Rule(
        id="CB-005",
        level=MUST,
        sentence="A callback MUST be called with the very arguments that were added, and what it returns MUST NOT matter.",
        intent="Arguments are neither copied nor interpreted; a truthy or failing return value means nothing.",
        consequence="Handlers see objects other than those they were promised.",
        sources=(
            "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.call_soon",
            "https://docs.gtk.org/glib/callback.SourceFunc.html",
        ),
    ),
    Rule(
        id="CB-006",
        level=MUST,
        sentence="A callback added before the loop starts MUST run once it has started.",
        intent="Programs set everything up first and start the loop last.",
        consequence="A server's first job never runs.",
        sources=("https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop.add_callback",),
    ),
    Rule(
        id="CB-007",
        level=MUST,
        sentence="A callback added by a handler or by a timer MUST run without any further event.",
        intent="The loop does not go to sleep on work that arrived while it served the last event.",
        consequence="A connection stalls until another one is busy.",
        sources=(
            "https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop.add_callback",
            "https://github.com/gevent/gevent/issues/347",
        ),
    ),
    Rule(
        id="CB-008",
        level=MUST,
        sentence="Callbacks that have not run when the loop stops MUST run when it starts again, in their order.",
        intent="Stopping loses nothing.",
        consequence="run_sync called twice loses the clean-up of the first call.",
        sources=(
            "https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop.stop",
            "https://github.com/MagicStack/uvloop/issues/517",
        ),
    ),
    Rule(
        id="CB-009",
        level=MUST,
        sentence="The same callable added several times MUST run as many times, each with its own arguments.",
        intent="Callbacks are not merged or looked up by identity.",
        consequence="Wake-ups of a queue's consumers get lost.",
        sources=(
            "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.call_soon",
            "https://github.com/gevent/gevent/issues/1590",
        ),
    ),
    Rule(
        id="CB-010",
        level=MUST,
        sentence="Any callable MUST be accepted, and what cannot be called MUST be refused with TypeError when it is added.",
        intent="The mistake is reported where it was made, not a turn later without a caller.",
        consequence="A forgotten pair of parentheses is found in production.",
        sources=("https://docs.python.org/3/library/asyncio-dev.html#debug-mode",),
    ),
    Rule(
        id="CB-011",
        level=MUST,
        sentence="Adding a callback to a closed loop MUST raise RuntimeError, and the callback MUST NOT run.",
        intent="Nothing is lost in silence.",
        consequence="A worker thread believes that its result was delivered.",
        sources=(
            "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.close",
            "https://github.com/python/cpython/pull/27688",
        ),
    ),
    Rule(
        id="CB-012",
        level=MUST,
        sentence="A callback MUST NOT run inside the call that adds it.",
        intent="The caller finishes what it is doing first; its state is consistent when the callback looks at it.",
        consequence="Re-entrant handlers corrupt a connection's state.",
        sources=("https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.call_soon",),
    ),
)
