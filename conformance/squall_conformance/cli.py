"""The command ``squall``: finds the verb, imports that one and hands over. Fast, because nothing else is imported."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from squall_conformance.commands import EXIT_CODES, VERBS, UsageError, Verb

_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it
_CLOSED_PIPE: Final = 141  # 128 + SIGPIPE

_EXAMPLES: Final = """\
examples:
  squall loops                             the event loops of this machine
  squall check                             judge every one of them
  squall check uvloop --rule FD            one loop, the rules on descriptors
  squall check mypackage.loops:make        anyone's loop, named by its factory
  squall check --html report.html          a page to look around in
  squall explain FD-010                    what a rule says, why, and who breaks without it
  squall repro uvloop RS-004 --script      a stand-alone script for that loop's tracker
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (by default that of the process) and return its exit code."""
    try:
        code = _dispatch(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has had enough. What is still buffered must not fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CLOSED_PIPE
    except KeyboardInterrupt:
        print("squall: interrupted", file=sys.stderr)  # noqa: T201 - a command talks
        return _INTERRUPTED
    return code


def _dispatch(arguments: list[str]) -> int:
    top = _top_parser()
    if not arguments:
        top.print_help()
        return 0
    if arguments[0] == "--version":
        return _print_version()
    if arguments[0] not in VERBS:
        top.parse_args(arguments[:1])  # prints the help, or refuses an option
        return _unknown(arguments[0])
    verb: Verb = importlib.import_module(f"squall_conformance.commands.{arguments[0]}")
    parser = Parser(
        prog=f"squall {arguments[0]}",
        description=verb.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=getattr(verb, "EPILOG", None),
        allow_abbrev=False,
    )
    verb.configure(parser)
    try:
        return verb.run(parser.parse_args(arguments[1:]))
    except UsageError as exc:
        parser.error(str(exc))


class Parser(argparse.ArgumentParser):
    """argparse's parser, which says where to read on when something is wrong."""

    def error(self, message: str) -> NoReturn:
        """Print what was wrong and exit with 2."""
        self.exit(2, f"{self.prog}: {message}\n(try '{self.prog} --help')\n")


def _top_parser() -> argparse.ArgumentParser:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {name:<{width}}  {summary}" for name, summary in VERBS.items())
    parser = Parser(
        prog="squall",
        usage="squall VERB ...",
        description="Judge event loops: does a real program stand on them? And look at the ones that are here.",
        epilog=f"verbs (each has its own --help):\n{verbs}\n\n{_EXAMPLES}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("verb", metavar="VERB", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--version", action="store_true", help="print the versions of squall and of the contract")
    return parser


def _print_version() -> int:
    from squall_conformance.registry import CONTRACT  # noqa: PLC0415 - only wanted here
    from squall_conformance.target import version_of  # noqa: PLC0415 - only wanted here

    print(f"squall {version_of('squall')}, loop contract {CONTRACT}")  # noqa: T201 - a command talks
    return 0


def _unknown(verb: str) -> int:
    near = difflib.get_close_matches(verb, VERBS, n=1)
    hint = f"did you mean 'squall {near[0]}'?" if near else f"there are: {', '.join(VERBS)}"
    print(f"squall: there is no verb {verb!r}; {hint}", file=sys.stderr)  # noqa: T201 - a command talks
    return 2
