"""``python -m squall_conformance.bench.measure NAME SUBJECT``: one measurement in a process of its own.

Prints one line of JSON after ``line.MARK``: ``{"value": ...}``, ``{"unavailable": reason}``
or ``{"failure": how}``.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Sequence

from squall_conformance.bench import coroutine_lines, loop_lines
from squall_conformance.bench.drive import UnavailableError, make_drive
from squall_conformance.bench.line import MARK, Line, Once, Rate
from squall_loops.contract.errors import UnwatchableError


def measure(name: str, subject: str, seconds: float, share: float = 1.0) -> float:
    """Return the figure of one line for one subject: times per second, or bytes.

    A rate is taken from a run of about ``seconds``; memory from ``share`` of the usual number of things. Raises KeyError
    for an unknown name, UnavailableError when it cannot be measured here.
    """
    loop_line = {line.name: line for line in loop_lines.LINES}.get(name)
    if loop_line is None:
        return _figure({line.name: line for line in coroutine_lines.LINES}[name], subject, seconds, share)
    drive = make_drive(subject)
    try:
        return _figure(loop_line, drive, seconds, share)
    finally:
        drive.close()


def _figure(line: Line, subject: object, seconds: float, share: float) -> float:
    if isinstance(line, Rate):
        with line.repeated(subject) as once:
            return _rate(once, line.first, line.step, seconds)
    return line.counted(subject, max(int(line.count * share) // 2 * 2, 2))


def _rate(once: Once, times: int, step: int, seconds: float) -> float:
    """Do the thing ever more often until one run lasts long enough; what comes before warms up."""
    while True:
        taken = once(times)
        if taken >= seconds:
            return times / taken
        times = int(times * min(10, 1.2 * seconds / max(taken, 1e-9)))
        times += step - times % step


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the arguments name and print the figure."""
    parser = argparse.ArgumentParser(prog="python -m squall_conformance.bench.measure", description="One measurement.")
    parser.add_argument("name", help="the line: " + ", ".join(line.name for line in loop_lines.LINES + coroutine_lines.LINES))
    parser.add_argument("subject", help="a loop spec, raw:asyncio or raw:uvloop; for coroutines KIND:LOOP")
    parser.add_argument("--seconds", type=float, default=0.2, help="how long the run lasts that counts")
    parser.add_argument("--share", type=float, default=1.0, help="share of the usual number of things, for memory")
    given = parser.parse_args(arguments)
    try:
        result: dict[str, object] = {"value": measure(given.name, given.subject, given.seconds, given.share)}
    except (UnavailableError, UnwatchableError) as error:
        result = {"unavailable": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever the loop raises is the result, and the traceback goes to stderr
        traceback.print_exc()
        text = str(error).partition("\n")[0]
        result = {"failure": f"crash: {type(error).__name__}: {text}"}
    sys.stdout.write(f"\n{MARK}{json.dumps(result)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
