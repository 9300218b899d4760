"""Dates as HTTP writes them (RFC 9110 section 5.6.7)."""

from __future__ import annotations

import calendar
import datetime as dt
import time
from email.utils import formatdate


def format_timestamp(ts: float | tuple[int, ...] | time.struct_time | dt.datetime) -> str:
    """Return an HTTP date of seconds since the epoch, a UTC time tuple, or a datetime (naive ones are UTC).

    TypeError for anything else.
    """
    if isinstance(ts, int | float):
        seconds: float = ts
    elif isinstance(ts, time.struct_time | tuple):
        seconds = calendar.timegm(ts)
    elif isinstance(ts, dt.datetime):
        seconds = calendar.timegm(ts.utctimetuple())
    else:
        raise TypeError(f"a number, a time tuple or a datetime is wanted, not {ts!r}")
    return formatdate(seconds, usegmt=True)


_second = 0
_line = ""


def http_now() -> str:
    """Return the Date of this moment; written once a second."""
    global _second, _line
    now = int(time.time())
    if now != _second:
        _second, _line = now, formatdate(now, usegmt=True)
    return _line
