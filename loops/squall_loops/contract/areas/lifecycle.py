"""Lifecycle: start, stop, close, and again."""

from squall_loops.contract.rule import Level, Rule

MUST = Level.MUST
_STOP = "https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop.stop"
_CLOSE = "https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop.close"
_RUN = "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.run_forever"

RULES = (
    Rule(
        id="LC-001",
        level=MUST,
        sentence="start MUST return when stop was called by a callback, a handler or a timer, whatever else is pending.",
        intent="Open connections and far timers do not keep a stopped loop.",
        consequence="Servers hang at shutdown until the last timer fires.",
        sources=(_STOP, _RUN),
    ),
    Rule(
        id="LC-002",
        level=MUST,
        sentence="stop before start MUST make the next start return after one turn, in which waiting callbacks run.",
        intent="A program may decide to stop before it has begun.",
        consequence="A race between start-up and shutdown hangs the program.",
        sources=(_STOP,),
    ),
    Rule(
        id="LC-003",
        level=MUST,
        sentence="A stopped loop MUST start again, any number of times, with all that was registered.",
        intent="run_sync is called many times in a script.",
        consequence="The second run_sync hangs or fails.",
        sources=(_STOP, "https://github.com/twisted/twisted/issues/2066", "https://github.com/twisted/twisted/issues/3960"),
    ),
    Rule(
        id="LC-004",
        level=MUST,
        sentence="Starting a running loop MUST raise RuntimeError and leave the running one as it is.",
        intent="Loops do not nest.",
        consequence="A nested start steals or ends the outer one.",
        sources=("https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop.start",),
    ),
    Rule(
        id="LC-005",
        level=MUST,
        sentence="A stop that was asked for once MUST end one start only; asking twice MUST be the same as once.",
        intent="A stop does not outlive the start that it ended.",
        consequence="The next run_sync returns before its work is done.",
        sources=(_STOP,),
    ),
    Rule(
        id="LC-006",
        level=MUST,
        sentence="A loop with nothing registered MUST wait in start; it MUST NOT return or fail.",
        intent="Work may come from another thread.",
        consequence="A program that waits for its workers ends at once.",
        sources=(_RUN, "https://docs.libuv.org/en/v1.x/loop.html#c.uv_run"),
    ),
    Rule(
        id="LC-007",
        level=MUST,
        sentence="close MUST be idempotent.",
        intent="Clean-up code need not know who cleaned up first.",
        consequence="Errors in finally blocks hide the error that mattered, or a foreign descriptor is closed.",
        sources=(_CLOSE,),
    ),
    Rule(
        id="LC-008",
        level=MUST,
        sentence="Closing a running loop MUST raise RuntimeError and leave it running.",
        intent="The ground is not removed from under a callback.",
        consequence="A crash in the loop's own code.",
        sources=(_CLOSE, "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.close"),
    ),
    Rule(
        id="LC-009",
        level=MUST,
        sentence="Starting a closed loop MUST raise RuntimeError.",
        intent="A use after the end is an error, not a hang.",
        consequence="A program waits on a loop that can never wake.",
        sources=(_CLOSE,),
    ),
    Rule(
        id="LC-010",
        level=MUST,
        sentence="close(all_fds=True) MUST close every registered object by its own close(), and every registered number.",
        intent="An object knows more than its number: buffers, a TLS session, a record of being closed.",
        consequence="Sockets are closed twice, the second time under another owner's number.",
        sources=(_CLOSE, "https://github.com/MagicStack/uvloop/issues/763", "https://github.com/tornadoweb/tornado/pull/1927"),
    ),
    Rule(
        id="LC-011",
        level=MUST,
        sentence="close without all_fds MUST leave the registered descriptors open.",
        intent="They belong to the program.",
        consequence="A listening socket that was to be handed on is gone.",
        sources=(_CLOSE,),
    ),
    Rule(
        id="LC-012",
        level=MUST,
        sentence="After a loop was closed, a new one of the same kind MUST work in the same process.",
        intent="Test suites make one loop for each test.",
        consequence="The second test of a suite fails.",
        sources=(_CLOSE,),
    ),
    Rule(
        id="LC-013",
        level=MUST,
        sentence="add_handler on a closed loop MUST raise RuntimeError; remove_handler and remove_timeout MUST be harmless.",
        intent="Adding is an error; cleaning up late is not.",
        consequence="Connections that are closed after the loop raise in their clean-up.",
        sources=(_CLOSE,),
    ),
    Rule(
        id="LC-014",
        level=MUST,
        sentence="close MUST drop waiting callbacks and timers without running them, and release what they hold.",
        intent="Closing is the end.",
        consequence="Code runs on a loop that is half gone, or memory leaks with each test.",
        sources=(_CLOSE,),
    ),
    Rule(
        id="LC-015",
        level=MUST,
        sentence="Callbacks that waited when the turn began MUST still run in that turn although an earlier one of them calls stop.",
        intent="stop ends the loop after the turn, not in the middle of it.",
        consequence="The work beside a shutdown request is delayed to the next start, which never comes.",
        sources=(_STOP, "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.stop"),
    ),
)
