"""Fork: the child must not disturb the parent's loop."""

from squall_loops.contract.rule import Level, Rule

MUST, SHOULD, MAY = Level.MUST, Level.SHOULD, Level.MAY
_FORK = frozenset({"fork"})
_EPOLL = "epoll(7) Q&A: an epoll instance is shared after fork"

RULES = (
    Rule(
        id="FK-001",
        level=MUST,
        sentence="A child that is forked while the loop runs and exits at once MUST leave the parent's loop undisturbed.",
        intent="Forking a helper is ordinary.",
        consequence="Every subprocess started with preexec_fn disturbs the server.",
        sources=(_EPOLL, "fork(2)", "https://github.com/python/cpython/issues/130442"),
        needs=_FORK,
    ),
    Rule(
        id="FK-002",
        level=MUST,
        sentence="A child that closes the inherited loop MUST leave the parent's descriptors, timers and wake-ups working.",
        intent="The kernel object is shared; closing must not unregister.",
        consequence="After a worker was forked, the parent goes deaf.",
        sources=(_EPOLL, "https://github.com/python/asyncio/issues/347"),
        needs=_FORK,
    ),
    Rule(
        id="FK-003",
        level=MUST,
        sentence="A child MUST be able to make and run a new loop of its own while the parent goes on.",
        intent="Pre-forking servers work so.",
        consequence="No multi-process server on this loop.",
        sources=(
            "https://www.tornadoweb.org/en/stable/process.html#tornado.process.fork_processes",
            "https://github.com/eventlet/eventlet/pull/68",
        ),
        needs=_FORK,
    ),
    Rule(
        id="FK-004",
        level=MUST,
        sentence="A child that removes a handler from the inherited loop MUST NOT unregister it in the parent.",
        intent="Destructors of connections run in the child too.",
        consequence="Connections of the parent stop being served.",
        sources=(_EPOLL,),
        needs=_FORK,
    ),
    Rule(
        id="FK-005",
        level=SHOULD,
        sentence="Starting an inherited loop in the child SHOULD raise RuntimeError.",
        intent="Two processes that poll one kernel object steal each other's events.",
        consequence="Requests vanish at random.",
        sources=(_EPOLL, "https://github.com/python/asyncio/issues/347", "https://github.com/eventlet/eventlet/pull/68"),
        needs=_FORK,
    ),
)
