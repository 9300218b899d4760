"""What waits to be called in the next turn.

``deque.append`` and ``popleft`` are single steps of the interpreter: other threads and signal handlers add without a lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeAlias

from squall_loops.contract.event_loop import Callback

Report: TypeAlias = Callable[[Callback, BaseException], None]
Waiting: TypeAlias = tuple[Context, Callback, tuple[Any, ...]]


class CallbackQueue(deque[Waiting]):
    """Callbacks in the order in which they were added."""

    def run_present(self, report: Report) -> None:
        """Run what is waiting now; what these callbacks add waits for the next turn (CB-003).

        KeyboardInterrupt and SystemExit leave at once and the rest stays in its order (EX-005); all else is reported.
        """
        for _ in range(len(self)):
            context, callback, args = self.popleft()
            try:
                if args:
                    context.run(callback, *args)
                else:
                    context.run(callback)  # unpacking nothing would take a quarter of the whole turn
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as exc:  # noqa: BLE001 - reported; only the two above end a loop (EX-009)
                report(callback, exc)
