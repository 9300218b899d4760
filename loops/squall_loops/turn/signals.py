"""Signals must end a wait. The interpreter's C handler only sets a flag, which nobody looks at inside the kernel's wait.

A signal that comes during the wait ends it with EINTR, and Python then runs its handlers. But one that comes between the last
look at the flag and the wait would be noticed at the next event only, perhaps never. ``signal.set_wakeup_fd`` closes that
gap: the C handler also writes a byte into a descriptor that the loop watches. There is one such descriptor in a process, so
it is borrowed while the loop runs in the main thread, and only if nobody else has set one (SG-007, SG-011): then theirs goes
on receiving, and signals are noticed by EINTR alone.
"""

from __future__ import annotations

import os
import signal
import threading

from squall_loops.wakers.waker import WAKE_BYTE, Waker

_NOBODY = -1
_ours: set[int] = set()
"""Descriptors that our loops have installed: a loop that is started by a callback of another one may take over."""


class SignalWakeup:
    """One loop's loan of the process's wake-up descriptor."""

    def __init__(self, waker: Waker) -> None:
        self._waker = waker
        self._previous = _NOBODY
        self._borrowed = _NOBODY

    def borrow(self) -> None:
        """Take the wake-up descriptor if this is the main thread and it is free."""
        if threading.current_thread() is not threading.main_thread():
            return
        mine = self._waker.signal_fd
        self._previous = previous = signal.set_wakeup_fd(mine, warn_on_full_buffer=False)
        if previous == _NOBODY or previous in _ours:
            self._borrowed = mine
            _ours.add(mine)
            return
        # Its flag warn_on_full_buffer cannot be asked for; it gets the default.
        signal.set_wakeup_fd(previous)
        self._hand_over(previous)

    def _hand_over(self, theirs: int) -> None:
        """Pass on the signals that came in the moment between the two calls."""
        numbers = self._waker.drain().replace(WAKE_BYTE, b"")
        if numbers:
            os.write(theirs, numbers)

    def give_back(self) -> None:
        """Restore what was there before ``borrow``, unless the program has set its own meanwhile: then that one stays."""
        mine, self._borrowed = self._borrowed, _NOBODY
        if mine == _NOBODY:
            return
        _ours.discard(mine)
        present = signal.set_wakeup_fd(self._previous)
        if present != mine:
            signal.set_wakeup_fd(present)

    def forget(self) -> None:
        """In a forked child: make sure that its signals never wake the parent."""
        self._previous = _NOBODY
        self.give_back()
