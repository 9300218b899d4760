"""How much a peer may send before it is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds in bytes, each for one message.

    ``line`` bounds a request or status line (414 beyond it), ``head`` the whole head (431), ``fields`` the number of its fields
    (431), ``body`` the body as it travels (413; None: no bound), ``chunk_line`` a chunk's size with its extensions,
    ``trailers`` the fields after a chunked body, ``chunk_overhead`` all extension bytes of one message together.
    """

    line: int = 16 * 1024
    head: int = 64 * 1024
    fields: int = 256
    body: int | None = 100 * 1024 * 1024
    chunk_line: int = 4 * 1024
    chunk_overhead: int = 64 * 1024
    trailers: int = 16 * 1024


DEFAULT_LIMITS = Limits()
