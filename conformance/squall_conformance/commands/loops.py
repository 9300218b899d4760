"""List every event loop that is known here: its spec, whether it can be had, and if not, why."""

from __future__ import annotations

import argparse
import sys

from squall_conformance.report.style import Paint, clip, wants_colour, width_of
from squall_loops.availability import ALIASES, LoopInfo, known_loops

EPILOG = """\
The spec is what SQUALL_LOOP, 'squall check' and IOLoop.configure take. Any other loop is named by its factory:
package.module:factory, called without arguments, returns an asyncio loop, a Twisted reactor, an EventLoop or a Poller.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """State the arguments."""
    parser.add_argument("--specs", action="store_true", help="only the specs of those available, one a line, for scripts")
    parser.add_argument("--no-color", action="store_true", help="no colours, also on a terminal")


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    found = known_loops()
    if arguments.specs:
        lines = [loop.spec for loop in found if loop.available]
    else:
        lines = table(found, Paint(enabled=wants_colour(sys.stdout, forbidden=arguments.no_color)), width_of(sys.stdout))
    print("\n".join(lines))  # noqa: T201 - a command talks
    return 0


def table(found: tuple[LoopInfo, ...], paint: Paint, width: int) -> list[str]:
    """Return the lines of the table, each at most ``width`` columns wide."""
    heads = ("NAME", "SPEC", "VERSION")
    rows = [(loop.name, loop.spec, loop.version) for loop in found]
    sizes = [max(len(row[column]) for row in (heads, *rows)) for column in range(3)]
    lines = [paint("  ".join(head.ljust(size) for head, size in zip(heads, sizes, strict=True)) + "  AVAILABLE", "bold")]
    for loop, row in zip(found, rows, strict=True):
        cells = "  ".join(cell.ljust(size) for cell, size in zip(row, sizes, strict=True))
        state = "yes" if loop.available else clip(f"no: {loop.reason}", max(20, width - len(cells) - 2))
        lines.append(cells + "  " + paint(state, "green" if loop.available else "yellow"))
    lines.append("")
    lines += [paint(f"{name} is {meaning}", "dim") for name, meaning in ALIASES.items()]
    return lines
