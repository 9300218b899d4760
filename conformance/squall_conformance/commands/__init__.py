"""The verbs of ``squall``, one module each: ``configure`` states the arguments, ``run`` does it and returns the exit code."""

from __future__ import annotations

import argparse
from typing import Final, Protocol

VERBS: Final[dict[str, str]] = {
    "check": "judge loops by the contract, rule by rule",
    "loops": "list the loops that are known, and why some are not available",
    "explain": "say what a rule demands, why, and who breaks without it",
    "repro": "run one clause alone with all its detail, or write it as a stand-alone script",
    "doctor": "say which loop is chosen, what is here and what is missing",
    "list": "list profiles, rules and clauses",
    "selftest": "prove that the clauses catch loops broken on purpose",
    "bench": "measure the loops beside each other",
}

EXIT_CODES: Final = """\
exit codes:
  0  everything came out as expected
  1  something came out otherwise than expected
  2  the command line was wrong
  3  a target could not be started
  4  a listed deviation is stale or has expired
  5  nothing ran, or fewer clauses than the baseline
"""


class UsageError(ValueError):
    """The command line asks for something that cannot be; the message says what was wrong and what would be right."""


class Verb(Protocol):
    """What each module of this package is to the command line. Its docstring is the text of its ``--help``."""

    __doc__: str | None

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it, and return the exit code. UsageError becomes exit code 2."""
