"""Loops that break one rule about fork."""

from __future__ import annotations

import os
import weakref

from .catalogue import saboteur
from .over_epoll import OverEpoll
from .reference import Reference

LOOPS: weakref.WeakSet[Reference] = weakref.WeakSet()
"""The loops of this module that concern a child process."""


@saboteur(
    "FK-001",
    "a child empties the kernel object that it shares, if the loop runs",
    reason="a forked child has exited the parent's",
)
class EmptiesTheSharedEpoll(OverEpoll):
    def __init__(self):
        super().__init__()
        LOOPS.add(self)

    def leave_to_parent(self):
        if self.running:
            for number in self.registered:
                self.poller.unregister(number)


def leave_to_parents():
    for loop in list(LOOPS):
        if isinstance(loop, EmptiesTheSharedEpoll):
            loop.leave_to_parent()


os.register_at_fork(after_in_child=leave_to_parents)


@saboteur(
    "FK-002",
    "close unregisters everything, in a child too (CPython's asyncio)",
    reason="has closed the inherited loop the parent's",
)
class CloseUnregisters(OverEpoll):
    def drop_work(self):
        for number in self.registered:
            self.poller.unregister(number)
        super().drop_work()


@saboteur("FK-003", "refuses to be made where a parent has one", reason="could not make and run a loop of its own")
class OneLoopAFamily(Reference):
    def __init__(self):
        if any(loop.pid != os.getpid() for loop in LOOPS if isinstance(loop, OneLoopAFamily) and not loop.closed):
            raise RuntimeError("this process has a loop already")
        super().__init__()
        LOOPS.add(self)


@saboteur(
    "FK-004",
    "a child's remove_handler unregisters in the shared kernel object",
    reason="has removed the handler from the inherited",
)
class RemovalIsShared(OverEpoll):
    def unwatch(self, number):
        self.poller.unregister(number)


@saboteur("FK-005", "starts in a child", reason="should get RuntimeError from start of the inherited loop")
class StartsInheritedLoop(Reference):
    def refuse_start(self):
        self.refuse_closed()
        if os.getpid() == self.pid:
            super().refuse_start()
