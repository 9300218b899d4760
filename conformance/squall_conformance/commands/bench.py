"""Measure loops beside each other in one run: callbacks, timers, descriptors, wake-ups, coroutine switches, as ratios."""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """\
examples:
  squall bench loop                              the loops of this machine beside asyncio
  squall bench loop --loop epoll --loop uvloop   these two
  squall bench loop --quick --json bench.json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """State the arguments."""
    parser.add_argument("suite", metavar="SUITE", choices=("loop",), help="what is measured: loop")
    parser.add_argument("--loop", action="append", metavar="SPEC", help="a loop to measure (default: those that are compared)")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes, with coarser figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Hand over to the suite."""
    from squall_conformance import bench  # noqa: PLC0415 - so that --help is instant

    return bench.run(arguments.suite, arguments.loop or [], arguments.quick, arguments.json)
