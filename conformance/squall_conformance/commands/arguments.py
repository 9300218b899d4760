"""Types of arguments that say what would be right."""

from __future__ import annotations

import argparse
import math


def from_one(text: str) -> int:
    """Return a whole number of at least 1."""
    return _whole(text, 1)


def from_zero(text: str) -> int:
    """Return a whole number of at least 0."""
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
    return int(text)


def factor(text: str) -> float:
    """Return a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value < math.inf):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, such as 2 or 0.5")
    return value
