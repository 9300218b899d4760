"""Loops that break one rule on contexts each."""

from __future__ import annotations

import contextvars

from saboteurs.catalogue import saboteur
from saboteurs.homed import Homed
from saboteurs.reference import Call, Reference, Timer
from squall_loops.contract import Descriptor


@saboteur(
    "CX-001", "callbacks of its own thread run in the context of start", reason="expected callbacks in the contexts first"
)
class ContextOfStart(Homed):
    def make_call(self, call: Call) -> None:
        if not isinstance(call, Timer) and not call.foreign:
            call.context = contextvars.copy_context()
        super().make_call(call)


@saboteur("CX-002", "timers run in the context of start", reason="expected timers in the contexts first")
class TimersInTheContextOfStart(Reference):
    def make_call(self, call: Call) -> None:
        if isinstance(call, Timer):
            call.context = contextvars.copy_context()
        super().make_call(call)


@saboteur(
    "CX-003",
    "update_handler replaces the handler's context by that of its caller",
    reason="after update_handler; saw ['stranger']",
)
class ContextOfTheLastUpdate(Reference):
    def update_handler(self, fd: Descriptor, events: int) -> None:
        super().update_handler(fd, events)
        registration = self.find(fd)
        assert registration is not None
        registration.context = contextvars.copy_context()


@saboteur(
    "CX-004",
    "a context that has not changed since the last copy is shared",
    reason="expected callbacks to see the variable of those",
)
class SharedCopies(Reference):
    last: contextvars.Context | None = None

    def capture_context(self) -> contextvars.Context:
        now = contextvars.copy_context()
        last = self.last
        if last is not None and len(last) == len(now) and all(last.get(variable) is value for variable, value in now.items()):
            return last
        self.last = now
        return now


@saboteur(
    "CX-005", "what other threads add runs in the context of start", reason="expected callbacks in the contexts of the threads"
)
class OtherThreadsHaveNoContext(Homed):
    def make_call(self, call: Call) -> None:
        if call.foreign:
            call.context = contextvars.copy_context()
        super().make_call(call)
