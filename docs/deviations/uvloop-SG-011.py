"""uvloop: while it runs in the main thread, the program's own signal.set_wakeup_fd receives no signals.

run_forever replaces it and passes nothing on. asyncio's own loop leaves it alone unless add_signal_handler is used.

Rule SG-011. Exit code 1 shows the defect, 0 that it is gone. Needs uvloop only.
"""

# ruff: noqa: T201 - a script, and printing what it finds is its work

import signal
import socket
import sys

import uvloop

left, right = socket.socketpair()
left.setblocking(False)
right.setblocking(False)
signal.signal(signal.SIGUSR1, lambda _number, _frame: None)
signal.set_wakeup_fd(right.fileno())
loop = uvloop.new_event_loop()
got = bytearray()
loop.add_reader(left, lambda: got.extend(left.recv(100)))
loop.call_soon(signal.raise_signal, signal.SIGUSR1)
loop.call_later(0.2, loop.stop)
loop.run_forever()
loop.close()
print(f"uvloop {uvloop.__version__}: signal {int(signal.SIGUSR1)} was raised; the wake-up descriptor got {list(got)}")
sys.exit(signal.SIGUSR1 not in got)
