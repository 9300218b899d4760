"""The letters of HTTP/1.1 as regular expressions over bytes. Each is linear in its input: no two parts can match the same.

llhttp decides what a message means; these decide what may stand there at all, where it is more generous than the RFCs.
"""

from __future__ import annotations

import re
from typing import Final

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_FIELD_TEXT = rb"[\t\x20-\x7e\x80-\xff]*"

TOKEN: Final = re.compile(_TOKEN)
"""RFC 9110 section 5.6.2."""

REQUEST_LINE: Final = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])\r\n")
"""RFC 9112 section 3: one space each. A target is ASCII without blanks and controls (RFC 3986 section 2)."""

STATUS_LINE: Final = re.compile(rb"HTTP/([0-9])\.([0-9]) ([1-9][0-9][0-9])(?: (" + _FIELD_TEXT + rb"))?\r\n")
"""RFC 9112 section 4; the blank before an empty reason is often missing and tells nothing."""

FIELD: Final = re.compile(rb"(" + _TOKEN + rb"):(" + _FIELD_TEXT + rb")\r\n")
"""RFC 9112 section 5: no blank before the colon, no line folding, no controls but HTAB in the value."""

FIELDS: Final = re.compile(rb"(?:" + _TOKEN + rb":" + _FIELD_TEXT + rb"\r\n)*\r\n")
"""All fields of a head, with the empty line that ends it."""

CHUNK_LINE: Final = re.compile(
    rb"([0-9A-Fa-f]{1,16})"
    rb"((?:[ \t]*;[ \t]*"
    + _TOKEN
    + rb"(?:[ \t]*=[ \t]*(?:"
    + _TOKEN
    + rb'|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"))?)*)'
)
"""RFC 9112 section 7.1: a size of at most 16 hexadecimal digits, and extensions of names, tokens and quoted strings."""

HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*(?::[0-9]*)?|\[[0-9A-Fa-f:.]+\](?::[0-9]*)?|\[v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+\](?::[0-9]*)?"
)
"""RFC 9110 section 7.2 and RFC 3986 section 3.2.2: a name, an IPv4 or a bracketed IP literal, and perhaps a port."""

DIGITS: Final = re.compile(rb"[0-9]{1,19}")
"""A Content-Length: 1*DIGIT, and not absurdly many (RFC 9110 section 8.6)."""

FORBIDDEN_IN_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""Characters that never leave in a value: CR and LF would begin a new line, NUL and the others end up somewhere worse."""
