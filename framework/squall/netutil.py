"""Sockets that listen, names that are looked up, and TLS settings."""

from __future__ import annotations

import ssl

from squall._net.listening import add_accept_handler, bind_sockets, bind_unix_socket
from squall._net.names import (
    BlockingResolver,
    ExecutorResolver,
    OverrideResolver,
    Resolver,
    ThreadedResolver,
    is_valid_ip,
)
from squall._net.tls import SSLCertificateError, ssl_match_hostname, ssl_options_to_context, ssl_wrap_socket

DefaultExecutorResolver = DefaultLoopResolver = ThreadedResolver
"""What later releases call the resolver that does not block."""

__all__ = [
    "BlockingResolver",
    "DefaultExecutorResolver",
    "DefaultLoopResolver",
    "ExecutorResolver",
    "OverrideResolver",
    "Resolver",
    "SSLCertificateError",
    "ThreadedResolver",
    "add_accept_handler",
    "bind_sockets",
    "bind_unix_socket",
    "is_valid_ip",
    "ssl",
    "ssl_match_hostname",
    "ssl_options_to_context",
    "ssl_wrap_socket",
]
