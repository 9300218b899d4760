"""Contexts: contextvars follow the work."""

from squall_loops.contract.rule import Level, Rule

MUST, SHOULD = Level.MUST, Level.SHOULD
_PEP = "https://peps.python.org/pep-0567/"

RULES = (
    Rule(
        id="CX-001",
        level=MUST,
        sentence="A callback MUST run in a copy of the context in which it was added.",
        intent="Request ids and tracing follow the request.",
        consequence="Log lines and traces name the wrong request.",
        sources=(_PEP, "https://github.com/MagicStack/uvloop/issues/305"),
    ),
    Rule(
        id="CX-002",
        level=MUST,
        sentence="A timer's callback MUST run in a copy of the context in which it was scheduled.",
        intent="A timeout belongs to the request that set it.",
        consequence="Timeouts are logged under a foreign request.",
        sources=(_PEP,),
    ),
    Rule(
        id="CX-003",
        level=MUST,
        sentence="A handler MUST run in a copy of the context in which it was added, also after update_handler.",
        intent="A connection keeps its own context, whoever changes what it waits for.",
        consequence="One connection sees another's variables.",
        sources=(_PEP, "https://github.com/MagicStack/uvloop/issues/305", "https://github.com/python/cpython/issues/140947"),
    ),
    Rule(
        id="CX-004",
        level=MUST,
        sentence="What a callback changes in its context MUST NOT be seen by other callbacks or by the caller of start.",
        intent="Contexts are copies.",
        consequence="A user of one request is taken for the user of the next.",
        sources=(_PEP, "https://github.com/MagicStack/contextvars/issues/13"),
    ),
    Rule(
        id="CX-005",
        level=MUST,
        sentence="A callback added by another thread MUST run in that thread's context at the time of adding.",
        intent="Contexts are taken where the work comes from.",
        consequence="Results of worker threads lose their request.",
        sources=(
            "rloop 0.5.0, measured: callbacks of other threads run in a context of nobody",
            _PEP,
        ),
    ),
)
