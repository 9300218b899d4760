"""uvloop: add_reader makes the descriptor non-blocking and leaves it so (MagicStack/uvloop #712, #761).

The flag belongs to the open file description, which other processes may share: a shell's terminal, a child's pipe.

Rule RS-004. Exit code 1 shows the defect, 0 that it is gone. Needs uvloop only.
"""

# ruff: noqa: T201 - a script, and printing what it finds is its work

import os
import sys

import uvloop

loop = uvloop.new_event_loop()
reader, writer = os.pipe()
before = os.get_blocking(reader)
loop.add_reader(reader, print)
during = os.get_blocking(reader)
loop.remove_reader(reader)
after = os.get_blocking(reader)
loop.close()
print(f"uvloop {uvloop.__version__}: blocking before {before}, while registered {during}, afterwards {after}")
sys.exit((before, during, after) != (True, True, True))
