"""The reference loop, and the knowledge of who added what: for defects that only other threads, or only the own one, meet."""

from __future__ import annotations

import threading

from saboteurs.reference import Call, Reference


class Homed(Reference):
    """Knows the thread that made it, and keeps a note of the calls that came from another one."""

    def __init__(self) -> None:
        self.home = threading.get_ident()
        self.foreign: set[int] = set()
        super().__init__()

    def from_elsewhere(self) -> bool:
        return threading.get_ident() != self.home

    def enqueue(self, call: Call) -> None:
        if self.from_elsewhere():
            self.foreign.add(id(call))
        super().enqueue(call)

    def came_from_elsewhere(self, call: Call) -> bool:
        """Tell, once, whether another thread added that call."""
        known = id(call) in self.foreign
        self.foreign.discard(id(call))
        return known
