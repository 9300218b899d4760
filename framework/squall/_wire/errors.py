"""Errors of a protocol, by whose fault they are."""

from __future__ import annotations


class ProtocolError(Exception):
    """Root of the errors that a wire protocol raises."""


class LocalProtocolError(ProtocolError):
    """We were about to send what the protocol forbids: a bug of the program on this side. Nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what the protocol forbids.

    ``status`` is the HTTP status to answer with, where there is anybody to answer; the connection is to be closed then.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
