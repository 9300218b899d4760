"""The reference loop, and the knowledge of who added what: for defects that only other threads, or only the own one, meet."""

from __future__ import annotations

import threading

from saboteurs.reference import Call, Reference, Timer


class Homed(Reference):
    """Knows the thread that made it, and which calls came from another one."""

    def __init__(self) -> None:
        self.home = threading.get_ident()
        self.own = 0
        """How many callbacks of the own thread wait."""
        super().__init__()

    def from_elsewhere(self) -> bool:
        return threading.get_ident() != self.home

    def enqueue(self, call: Call) -> None:
        call.foreign = self.from_elsewhere()
        self.own += not call.foreign
        super().enqueue(call)

    def make_call(self, call: Call) -> None:
        if not isinstance(call, Timer):
            self.own -= not call.foreign
        super().make_call(call)
