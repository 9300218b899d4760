"""The law: what an event loop and a poller promise, without any implementation."""

from squall_loops.contract.errors import (
    AlreadyRegisteredError,
    LoopClosedError,
    LoopError,
    LoopForkedError,
    LoopRunningError,
    NotRegisteredError,
    UnwatchableError,
)
from squall_loops.contract.event_loop import (
    ALL_EVENTS,
    ERROR,
    READ,
    WRITE,
    Callback,
    Descriptor,
    EventLoop,
    Handler,
    HasFileno,
    NativeTasks,
    TimerHandle,
)
from squall_loops.contract.poller import Poller

__all__ = [
    "ALL_EVENTS",
    "ERROR",
    "READ",
    "WRITE",
    "AlreadyRegisteredError",
    "Callback",
    "Descriptor",
    "EventLoop",
    "Handler",
    "HasFileno",
    "LoopClosedError",
    "LoopError",
    "LoopForkedError",
    "LoopRunningError",
    "NativeTasks",
    "NotRegisteredError",
    "Poller",
    "TimerHandle",
    "UnwatchableError",
]
