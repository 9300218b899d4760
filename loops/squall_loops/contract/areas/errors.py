"""Errors: one broken callback never takes the others down."""

from squall_loops.contract.rule import Level, Rule

MUST, SHOULD = Level.MUST, Level.SHOULD
_HOOK = "https://www.tornadoweb.org/en/branch4.0/ioloop.html#tornado.ioloop.IOLoop.handle_callback_exception"
_HANDLE = "https://docs.python.org/3/library/asyncio-eventloop.html#error-handling-api"

RULES = (
    Rule(
        id="EX-001",
        level=MUST,
        sentence="After a callback raised, the loop MUST go on, and the other callbacks of the turn MUST run.",
        intent="Errors stay where they were made.",
        consequence="One bad request ends the server.",
        sources=(_HOOK, _HANDLE, "https://github.com/MagicStack/uvloop/issues/360"),
    ),
    Rule(
        id="EX-002",
        level=MUST,
        sentence="After a handler raised, its descriptor MUST stay registered, and the others MUST be served.",
        intent="Errors stay where they were made.",
        consequence="One bad connection makes all others deaf.",
        sources=(_HOOK, _HANDLE, "https://github.com/twisted/twisted/issues/10984"),
    ),
    Rule(
        id="EX-003",
        level=MUST,
        sentence="After a timer's callback raised, the loop MUST go on, and the other timers MUST run.",
        intent="Errors stay where they were made.",
        consequence="One bad timeout disables all timeouts.",
        sources=(_HOOK, _HANDLE),
    ),
    Rule(
        id="EX-004",
        level=MUST,
        sentence="Each error MUST be reported once through handle_callback_exception, with the callback and the exception itself.",
        intent="Programs send errors to their own reporting, with the traceback.",
        consequence="Errors vanish, or come without a clue where from.",
        sources=(_HOOK,),
    ),
    Rule(
        id="EX-005",
        level=MUST,
        sentence="KeyboardInterrupt raised by a callback MUST leave start; the loop MUST start again and lose no other callback.",
        intent="Ctrl-C reaches the program, and its clean-up may still use the loop.",
        consequence="Ctrl-C is logged and ignored, or clean-up is impossible.",
        sources=(
            "rloop 0.5.0, measured: start returns as if nothing had happened",
            _HANDLE,
            "https://github.com/python/cpython/issues/83803",
            "https://github.com/MagicStack/uvloop/issues/295",
            "https://github.com/MagicStack/uvloop/issues/335",
        ),
    ),
    Rule(
        id="EX-006",
        level=MUST,
        sentence="SystemExit raised by a callback, a handler or a timer MUST leave start, and the loop MUST be closable then.",
        intent="sys.exit works everywhere.",
        consequence="sys.exit is logged and ignored.",
        sources=(
            _HANDLE,
            "https://github.com/python/asyncio/pull/305",
            "https://github.com/python-trio/trio-asyncio/pull/149",
            "https://github.com/MagicStack/uvloop/issues/336",
        ),
    ),
    Rule(
        id="EX-007",
        level=SHOULD,
        sentence="The default handle_callback_exception SHOULD log the exception with its traceback at level ERROR.",
        intent="Nothing is lost where nobody configured anything.",
        consequence="A server answers nothing and says nothing.",
        sources=(_HOOK, "https://docs.python.org/3/library/logging.html#logging.Logger.exception"),
    ),
    Rule(
        id="EX-008",
        level=MUST,
        sentence="When handle_callback_exception itself raises, the loop MUST go on.",
        intent="The fire brigade does not burn the house.",
        consequence="A failing error tracker takes the server down.",
        sources=(_HOOK,),
    ),
    Rule(
        id="EX-009",
        level=MUST,
        sentence="Other BaseExceptions, such as GeneratorExit or a cancellation, MUST be reported like errors; the loop goes on.",
        intent="Only the two that end a program end the loop.",
        consequence="A cancelled task stops the whole server.",
        sources=(
            _HANDLE,
            "https://docs.python.org/3/library/exceptions.html#GeneratorExit",
            "https://github.com/python/asyncio/pull/305",
        ),
    ),
)
