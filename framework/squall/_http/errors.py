"""Errors of HTTP messages, by whose fault they are."""

from __future__ import annotations


class HTTPInputError(Exception):
    """The peer sent what cannot be understood; a server answers 400."""


class HTTPOutputError(Exception):
    """The program on this side tried to send what must not be sent."""
