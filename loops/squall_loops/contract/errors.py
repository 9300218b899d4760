"""Errors of the loop contract.

Each is also the built-in error that a caller would guess, so nobody has to import this module to catch one.
"""


class LoopError(Exception):
    """Root of every error that a loop raises on its own account."""


class LoopClosedError(LoopError, RuntimeError):
    """The loop was closed; nothing can be added to it or started on it any more (rules LC-009, LC-017, CB-011)."""


class LoopRunningError(LoopError, RuntimeError):
    """The call is not allowed while the loop runs: a nested ``start`` or a ``close`` (rules LC-004, LC-008)."""


class LoopForkedError(LoopError, RuntimeError):
    """The loop was inherited through ``fork``; the child has to make one of its own (rule FK-005)."""


class AlreadyRegisteredError(LoopError, ValueError):
    """The descriptor has a handler already; use ``update_handler`` or remove it first (rule FD-006)."""


class NotRegisteredError(LoopError, KeyError):
    """The descriptor has no handler, so there is nothing to update (rule FD-008)."""

    def __str__(self) -> str:
        """Return the message as written: ``KeyError`` alone would show its ``repr``."""
        return str(self.args[0]) if self.args else ""


class UnwatchableError(LoopError, ValueError):
    """This loop cannot watch that descriptor: too high, closed, or of a kind its kernel call refuses (FD-026, FD-033)."""
