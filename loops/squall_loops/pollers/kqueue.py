"""Wait by kqueue."""

from __future__ import annotations

from squall_loops.pollers.poll import PollPoller as KqueuePoller

__all__ = ["KqueuePoller"]
