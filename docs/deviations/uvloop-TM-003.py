"""uvloop: timers whose deadlines have passed run in the order of the calls, not of their deadlines.

Deadlines that have passed become calls of the next turn (call_soon); asyncio's own loop sorts them with all the others.

Rule TM-003. Exit code 1 shows the defect, 0 that it is gone. Needs uvloop only.
"""

# ruff: noqa: T201 - a script, and printing what it finds is its work

import sys

import uvloop

loop = uvloop.new_event_loop()
now = loop.time()
ran = []
for seconds_ago in (1, 3, 2):
    loop.call_at(now - seconds_ago, ran.append, seconds_ago)
loop.call_later(0.1, loop.stop)
loop.run_forever()
loop.close()
print(f"uvloop {uvloop.__version__}: due 3, 2 and 1 seconds ago, they ran as {ran}")
sys.exit(ran != [3, 2, 1])
