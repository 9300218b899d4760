"""The loop: waits for sockets and timers, and calls back.

::

    IOLoop.current().run_sync(main)

runs a coroutine; ``start`` runs until ``stop``. What does the waiting can be chosen (``SQUALL_LOOP=uvloop``, or
``IOLoop.configure``), and inside an asyncio program that runs already ``IOLoop.current()`` finds that program's loop.
"""

import signal

from squall._ioloop.loop import IOLoop
from squall._ioloop.periodic import PeriodicCallback
from squall._ioloop.poll import PollIOLoop
from squall.util import TimeoutError  # noqa: A004 - Tornado's public name

__all__ = ["IOLoop", "PeriodicCallback", "PollIOLoop", "TimeoutError", "signal"]
