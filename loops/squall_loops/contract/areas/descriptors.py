"""Descriptors, part one: what registering, updating and removing mean."""

from squall_loops.contract.rule import Level, Rule

MUST, SHOULD = Level.MUST, Level.SHOULD
_ADD = "https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop.add_handler"
_REMOVE = "https://www.tornadoweb.org/en/stable/ioloop.html#tornado.ioloop.IOLoop.remove_handler"
_ISSUE = "https://github.com/MagicStack/uvloop/issues/"

RULES = (
    Rule(
        id="FD-003",
        level=MUST,
        sentence="The handler MUST be given the very object or number that was registered.",
        intent="A program that registers sockets gets sockets back, without a table of its own.",
        consequence="Tornado's bind_sockets accepts on a number instead of its socket.",
        sources=(_ADD, _ISSUE + "97", "https://github.com/MagicStack/uvloop/pull/101"),
    ),
    Rule(
        id="FD-006",
        level=MUST,
        sentence="A second add for a registered descriptor MUST raise ValueError and leave the first registration working.",
        intent="Replacing a handler by accident is a bug of the program; the number and its object are one descriptor.",
        consequence="Two parts of a program silently steal each other's events.",
        sources=(_ADD, "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.add_reader"),
    ),
    Rule(
        id="FD-007",
        level=MUST,
        sentence="update_handler MUST replace the set of events that is watched, in both directions.",
        intent="Streams turn READ and WRITE on and off all the time.",
        consequence="A stream with nothing to write spins, or one with something to write stalls.",
        sources=(_ADD, "https://github.com/CabbageDevelopment/qasync/pull/40"),
    ),
    Rule(
        id="FD-008",
        level=MUST,
        sentence="Updating a descriptor that is not registered MUST raise KeyError.",
        intent="An update that does nothing hides a lost registration.",
        consequence="A connection waits for events nobody watches.",
        sources=(_ADD,),
    ),
    Rule(
        id="FD-009",
        level=MUST,
        sentence="Removing a descriptor that is not registered MUST be a no-op.",
        intent="Clean-up code need not know who cleaned up first.",
        consequence="Errors in finally blocks hide the error that mattered.",
        sources=(_REMOVE, "https://github.com/tornadoweb/tornado/issues/57"),
    ),
    Rule(
        id="FD-010",
        level=MUST,
        sentence="After remove_handler returns, no event for it MUST be delivered, not even one polled already in this turn.",
        intent="Who removed a handler may free all that it uses.",
        consequence="A handler runs on a closed connection.",
        sources=(_REMOVE, "https://github.com/python/cpython/issues/74250", "https://github.com/tornadoweb/tornado/pull/2080"),
    ),
    Rule(
        id="FD-011",
        level=MUST,
        sentence="update_handler and remove_handler MUST accept the number and the object, whichever was registered.",
        intent="The number and the object name one descriptor.",
        consequence="Libraries that mix both leave stale registrations.",
        sources=(_ADD, _REMOVE, _ISSUE + "97", "https://github.com/CabbageDevelopment/qasync/issues/37"),
    ),
    Rule(
        id="FD-013",
        level=MUST,
        sentence="When a descriptor is removed and closed and its number is registered anew in the same turn, "
        "an event polled for the old one MUST NOT reach the new handler.",
        intent="Numbers are reused at once by the kernel; events belong to registrations.",
        consequence="A response reaches the wrong request.",
        sources=(_ISSUE + "645", "epoll(7) Q&A"),
    ),
    Rule(
        id="FD-026",
        level=MUST,
        sentence="A descriptor of 1024 or more MUST be watched like any other, or be refused with ValueError when it is added.",
        intent="select(2) cannot see beyond FD_SETSIZE; finding out in the middle of a wait would stop the whole loop.",
        consequence="The 1025th connection takes the server down.",
        sources=(
            "select(2)",
            "https://github.com/twisted/twisted/issues/11553",
            "https://github.com/twisted/twisted/issues/10620",
        ),
        needs=frozenset({"rlimits"}),
    ),
    Rule(
        id="FD-029",
        level=MUST,
        sentence="A handler MUST be free to add, update and remove any descriptor, its own too, while events are served.",
        intent="Serving one event changes what is watched.",
        consequence="The loop fails in the middle of a turn and drops the other connections' events.",
        sources=(_REMOVE, "https://github.com/CabbageDevelopment/qasync/pull/133"),
    ),
    Rule(
        id="FD-031",
        level=MUST,
        sentence="A descriptor and its duplicate MUST be independent: removing one leaves the other working and causes no spin.",
        intent="epoll watches open file descriptions, users think in descriptors.",
        consequence="100 % CPU after a dup'd descriptor was removed and closed.",
        sources=(
            _ISSUE + "61",
            "epoll(7) Q&A",
            "https://github.com/libuv/libuv/issues/1148",
            "https://github.com/aio-libs/aiohttp/issues/1412",
        ),
    ),
    Rule(
        id="FD-032",
        level=MUST,
        sentence="A descriptor that is closed while registered MUST NOT stop or spin the loop, "
        "and after remove_handler its number MUST be usable anew.",
        intent="A bug in one connection stays in that connection.",
        consequence="One stray close takes every connection down, or burns a core.",
        sources=(
            "https://github.com/gevent/gevent/issues/1504",
            "https://github.com/gevent/gevent/issues/191",
            "epoll(7) Q&A",
            "select(2) EBADF",
        ),
    ),
    Rule(
        id="FD-033",
        level=MUST,
        sentence="A number that is not an open descriptor MUST be refused with ValueError or OSError when it is added.",
        intent="The mistake is reported where it was made.",
        consequence="A handler that never runs, without a word.",
        sources=("epoll_ctl(2) EBADF", "poll(2) POLLNVAL", "https://github.com/gevent/gevent/issues/2100"),
    ),
    Rule(
        id="FD-034",
        level=MUST,
        sentence="A descriptor of a kind that the kernel cannot watch, such as a regular file, MUST be refused when it is added "
        "with ValueError or OSError, or be reported ready; the others MUST go on.",
        intent="epoll refuses regular files, select and poll call them always ready; both can be built upon.",
        consequence="A redirected standard input stops the server.",
        sources=(
            "epoll_ctl(2) EPERM",
            "poll(2)",
            "https://github.com/python/cpython/issues/73903",
            "https://github.com/twisted/twisted/issues/8367",
        ),
    ),
    Rule(
        id="FD-036",
        level=MUST,
        sentence="A removed descriptor MUST be accepted again, with another handler and other events.",
        intent="Connections pass from one owner to the next, as in start_tls or an upgrade.",
        consequence="Upgrades to TLS or WebSocket hang.",
        sources=(_ADD,),
    ),
    Rule(
        id="FD-037",
        level=MUST,
        sentence="remove_handler MUST find the registration of an object that was closed meanwhile.",
        intent="Closing first and removing then is common; a closed socket no longer knows its number.",
        consequence="A registration leaks, and its number cannot be used again.",
        sources=(_REMOVE, "https://github.com/gevent/gevent/issues/1504"),
    ),
    Rule(
        id="FD-038",
        level=MUST,
        sentence="Event bits other than READ, WRITE and ERROR MUST be refused with ValueError, and nothing be registered.",
        intent="A poller's own flags (edge-triggered, one-shot) would break every other promise.",
        consequence="A program works on one loop and stalls on another.",
        sources=("epoll_ctl(2)",),
    ),
    Rule(
        id="FD-039",
        level=MUST,
        sentence="Updating to no events MUST pause delivery, and updating back MUST deliver what waited meanwhile.",
        intent="This is how a reader applies back-pressure.",
        consequence="Paused connections lose data or burn CPU.",
        sources=(_ADD,),
    ),
)
