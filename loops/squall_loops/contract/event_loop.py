"""What a loop must supply, and nothing else: the interface, in words that can be checked.

Each promise is a rule with an id in :mod:`squall_loops.contract.rules`; the conformance kit tests them one by one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Final, Protocol, TypeAlias, runtime_checkable

READ: Final = 0x001
"""The descriptor can be read, or its end of file can be seen, without waiting. The value is ``EPOLLIN``."""
WRITE: Final = 0x004
"""The descriptor can be written without waiting. The value is ``EPOLLOUT``."""
ERROR: Final = 0x018
"""An error or a hang-up. The value is ``EPOLLERR | EPOLLHUP``; test with ``events & ERROR``."""
ALL_EVENTS: Final = READ | WRITE | ERROR


@runtime_checkable
class HasFileno(Protocol):
    """An object that owns a descriptor: a socket, a file, a ``Popen`` pipe."""

    def fileno(self) -> int:
        """Return the descriptor's number."""


Descriptor: TypeAlias = int | HasFileno
Handler: TypeAlias = Callable[[Any, int], object]
Callback: TypeAlias = Callable[..., object]
TimerHandle: TypeAlias = object


class EventLoop(ABC):
    """One thread's loop: waits for descriptors, deadlines and other threads, and calls back.

    Only ``add_callback`` and ``add_callback_from_signal`` may be called from another thread; all else belongs to the
    thread that runs the loop (or, while it does not run, to the one that will).

    Not promised: fairness between threads, the number of turns anything takes, or which of several ready descriptors
    is served first.
    """

    abilities: ClassVar[frozenset[str]] = frozenset()
    """What this loop can do beyond the contract (names in :mod:`squall_loops.contract.abilities`)."""

    resolution: float = 1e-9
    """Seconds by which a timer may run before its deadline: the stated resolution of the loop's clock (TM-001)."""

    @abstractmethod
    def add_handler(self, fd: Descriptor, handler: Handler, events: int) -> None:
        """Call ``handler(fd, events)`` whenever the descriptor is ready; level-triggered (FD-001 to FD-005).

        ``fd`` is a number or an object with ``fileno()``; the handler is given the very thing passed here. ``events``
        is a union of READ, WRITE and ERROR; an error or hang-up is delivered whatever was asked for, as ERROR or as
        the readiness whose next ``recv`` or ``send`` reveals it. The handler runs in the caller's context (CX-003).

        Raises ValueError when the descriptor has a handler already, when the loop cannot watch it, or when ``events``
        has unknown bits; OSError when the kernel refuses it; RuntimeError after ``close``. Then nothing has changed.

        Not promised: that READ and WRITE arrive in one call, nor that a readiness is still true when it arrives.
        """

    @abstractmethod
    def update_handler(self, fd: Descriptor, events: int) -> None:
        """Watch for ``events`` instead; KeyError when the descriptor has no handler (FD-007, FD-008).

        ``fd`` may be the number or the object, whichever was registered.

        Not promised: that an event polled before the update and no longer asked for is held back in this turn.
        """

    @abstractmethod
    def remove_handler(self, fd: Descriptor) -> None:
        """Stop watching; once this returns nothing more is delivered, not even what was polled already (FD-010).

        A no-op where nothing is registered. ``fd`` may be the number or the object, whichever was registered, also when
        the object has been closed meanwhile. The descriptor itself is left open and as it was.
        """

    @abstractmethod
    def add_callback(self, callback: Callback, *args: object) -> None:
        """Call ``callback(*args)`` in the loop's thread, in a later turn than the present one; safe from any thread.

        Wakes a waiting loop. What one thread adds runs in its order (CB-002); it runs in the caller's context
        (CX-001). RuntimeError after ``close``; TypeError when the callback cannot be called.

        Not promised: an order between callbacks of different threads, or between callbacks and timers.
        """

    @abstractmethod
    def add_callback_from_signal(self, callback: Callback, *args: object) -> None:
        """Do what ``add_callback`` does, also where a Python signal handler has interrupted it (SG-002, SG-004).

        Not promised: a context; the one of the code that was interrupted by the signal is used.
        """

    @abstractmethod
    def call_at(self, deadline: float, callback: Callback, *args: object) -> TimerHandle:
        """Call ``callback(*args)`` once ``time()`` has reached ``deadline`` (seconds); return a handle to cancel it.

        Never before the deadline by more than ``resolution`` (TM-001); a deadline in the past runs in the next turn
        (TM-005). ValueError when the deadline is not a number (NaN); RuntimeError after ``close``.

        Not promised: the order of equal deadlines (most loops keep the order of scheduling: TM-004, a SHOULD).
        """

    @abstractmethod
    def remove_timeout(self, handle: TimerHandle) -> None:
        """Cancel a timer; idempotent, and harmless once it has run or while it runs (TM-006 to TM-010)."""

    @abstractmethod
    def start(self) -> None:
        """Run until ``stop``. RuntimeError when the loop runs already, was closed, or belongs to a parent process.

        KeyboardInterrupt and SystemExit raised by a callback leave from here; the loop can be started again (EX-005).
        """

    @abstractmethod
    def stop(self) -> None:
        """End ``start`` after the present turn; before ``start`` it makes the next one return after one turn (LC-002).

        What is waiting stays and runs at the next ``start``. From another thread: ``add_callback(loop.stop)``.
        """

    @abstractmethod
    def close(self, all_fds: bool = False) -> None:  # noqa: FBT001, FBT002 - Tornado's signature
        """Free every resource; idempotent. RuntimeError while the loop runs.

        With ``all_fds`` each registered object is closed through its own ``close()``, and each registered number by
        ``os.close`` (LC-010). Waiting callbacks and timers are dropped, not run.
        """

    @abstractmethod
    def time(self) -> float:
        """Return the loop's clock in seconds: monotonic, of no particular origin (TM-016)."""

    @abstractmethod
    def handle_callback_exception(self, callback: Callback, exc: BaseException) -> None:
        """Report what a callback, handler or timer raised; the loop goes on whatever this does (EX-001 to EX-009).

        The loop looks it up on itself for each error, so a subclass may override it and an embedding program may assign it.
        The default logs the traceback to the logger ``squall.loops`` at level ERROR.
        """


@runtime_checkable
class NativeTasks(Protocol):
    """The ability ``native-tasks``: the host runs native coroutines as tasks of its own."""

    def create_task(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Start the coroutine as the host's own task and return that task (on asyncio an ``asyncio.Task``)."""
