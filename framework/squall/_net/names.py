"""From a host's name to its addresses, without blocking the loop."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from concurrent import futures
from typing import Any, ClassVar

from squall.concurrent import Future, dummy_executor, future_add_done_callback
from squall.ioloop import IOLoop
from squall.util import Configurable

Addresses = list[tuple[int, Any]]
"""Pairs of address family and address, in the order in which they should be tried."""


def is_valid_ip(ip: str) -> bool:
    """Say whether the text is an IPv4 or IPv6 address, a scope (``%eth0``) allowed; names and empty texts are not."""
    if not ip or "\0" in ip:
        return False  # getaddrinfo would take the one for every address and cut the other short
    try:
        return bool(socket.getaddrinfo(ip, 0, socket.AF_UNSPEC, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST))
    except (socket.gaierror, UnicodeError):
        return False


def look_up(host: str, port: int, family: int = socket.AF_UNSPEC) -> Addresses:
    """Ask the system, and block meanwhile. OSError (``socket.gaierror``) for a name that nobody knows."""
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    return [(int(kind), address) for kind, _, _, _, address in found]


class Resolver(Configurable):
    """Finds addresses. Which implementation is made is decided by ``Resolver.configure``; by default one with threads."""

    @classmethod
    def configurable_base(cls) -> type[Resolver]:
        """Return the class whose choice ``configure`` makes."""
        return Resolver

    @classmethod
    def configurable_default(cls) -> type[Resolver]:
        """Return the threaded resolver: the loop goes on while the system looks a name up."""
        return ThreadedResolver

    def resolve(self, host: str, port: int, family: int = socket.AF_UNSPEC, callback: Any = None) -> Future[Addresses]:
        """Return a Future of ``(family, address)`` pairs; it fails with OSError for a name that nobody knows.

        ``callback``, if given, is called with the pairs.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Free what the resolver holds."""


class ExecutorResolver(Resolver):
    """Looks names up by getaddrinfo in a ``concurrent.futures.Executor``; without one in the caller's thread, blocking."""

    executor: futures.Executor | None

    def initialize(
        self,
        io_loop: IOLoop | None = None,
        executor: futures.Executor | None = None,
        close_executor: bool = True,  # noqa: FBT001, FBT002 - Tornado's signature
    ) -> None:
        """Set the resolver up; ``close`` shuts ``executor`` down if ``close_executor`` says so."""
        self.io_loop = io_loop
        self.executor = executor or dummy_executor
        self.close_executor = close_executor and executor is not None

    def resolve(self, host: str, port: int, family: int = socket.AF_UNSPEC, callback: Any = None) -> Future[Addresses]:
        """Look up; see ``Resolver``. RuntimeError when the resolver is closed."""
        if self.executor is None:
            raise RuntimeError("the resolver is closed")
        loop = self.io_loop or IOLoop.current()
        found: Future[Addresses] = loop.run_in_executor(self.executor, look_up, host, port, family)
        if callback is not None:
            future_add_done_callback(found, lambda done: loop.add_callback(callback, done.result()))
        return found

    def close(self) -> None:
        """Shut the executor down if it is ours."""
        if self.close_executor and self.executor is not None:
            self.executor.shutdown(wait=False)
        self.executor = None


class BlockingResolver(ExecutorResolver):
    """Looks names up in the loop's thread; everything stands still meanwhile."""

    def initialize(self, io_loop: IOLoop | None = None) -> None:  # type: ignore[override] # Tornado's signature
        """Set the resolver up."""
        super().initialize(io_loop=io_loop)


class ThreadedResolver(ExecutorResolver):
    """Looks names up in a pool of threads that all threaded resolvers of the process share."""

    _pool: ClassVar[futures.ThreadPoolExecutor | None] = None
    _lock: ClassVar[Any] = threading.Lock()

    def initialize(  # type: ignore[override] # Tornado's signature
        self, io_loop: IOLoop | None = None, num_threads: int = 10
    ) -> None:
        """Set the resolver up; the first of a process decides the number of threads."""
        super().initialize(io_loop=io_loop, executor=self._shared_pool(num_threads), close_executor=False)

    @classmethod
    def _shared_pool(cls, num_threads: int) -> futures.Executor:
        with cls._lock:
            if ThreadedResolver._pool is None:
                ThreadedResolver._pool = futures.ThreadPoolExecutor(num_threads, thread_name_prefix="squall-resolver")
            return ThreadedResolver._pool


class OverrideResolver(Resolver):
    """Asks another resolver, after replacing what a mapping names: for tests, and for hosts that are elsewhere today.

    Keys are ``host``, ``(host, port)`` or ``(host, port, family)``, the most exact one wins; values are ``host`` or
    ``(host, port)``.
    """

    def initialize(self, resolver: Resolver, mapping: Mapping[Any, Any]) -> None:
        """Set the resolver up over another one, which ``close`` closes as well."""
        self.resolver = resolver
        self.mapping = mapping

    def resolve(self, host: str, port: int, *args: Any, **kwargs: Any) -> Future[Addresses]:
        """Look up what the mapping makes of host and port; see ``Resolver``."""
        family = args[0] if args else kwargs.get("family", socket.AF_UNSPEC)
        for key in ((host, port, family), (host, port), host):
            if key in self.mapping:
                other = self.mapping[key]
                host, port = (other, port) if isinstance(other, str) else other
                break
        return self.resolver.resolve(host, port, *args, **kwargs)

    def close(self) -> None:
        """Close the other resolver."""
        self.resolver.close()


def _forget_pool() -> None:
    """In a forked child: its parent's threads are not there."""
    ThreadedResolver._pool = None  # noqa: SLF001 - the same module
    ThreadedResolver._lock = threading.Lock()  # noqa: SLF001 - as above


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
