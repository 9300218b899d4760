"""Resolvers: addresses of names, on every loop, without standing still."""

from __future__ import annotations

import socket
import threading

import pytest

from squall._net import names
from squall.netutil import BlockingResolver, ExecutorResolver, OverrideResolver, Resolver, ThreadedResolver, is_valid_ip

LOCAL = (socket.AF_INET, ("127.0.0.1", 80))


@pytest.fixture(autouse=True)
def _configuration():
    saved = Resolver._save_configuration()
    yield
    Resolver._restore_configuration(saved)


@pytest.mark.parametrize("implementation", [BlockingResolver, ThreadedResolver, ExecutorResolver])
def test_a_name_is_resolved(io_loop, implementation):
    resolver = implementation()
    assert LOCAL in io_loop.run_sync(lambda: resolver.resolve("localhost", 80, socket.AF_INET))
    resolver.close()


@pytest.mark.parametrize("implementation", [BlockingResolver, ThreadedResolver])
def test_an_unknown_name_is_an_os_error(io_loop, implementation):
    with pytest.raises(OSError, match=r"."):
        io_loop.run_sync(lambda: implementation().resolve("an invalid name", 80))


def test_the_default_does_not_block(io_loop, monkeypatch):
    threads = []
    monkeypatch.setattr(names, "look_up", lambda *_: threads.append(threading.current_thread()) or [LOCAL])
    resolver = Resolver()
    assert isinstance(resolver, ThreadedResolver)
    assert io_loop.run_sync(lambda: resolver.resolve("x", 80)) == [LOCAL]
    assert threads[0] is not threading.current_thread()


def test_the_implementation_can_be_configured(clean_ioloop):
    Resolver.configure("squall.netutil.BlockingResolver")
    assert isinstance(Resolver(), BlockingResolver)


def test_a_callback_gets_the_addresses(io_loop):
    got = []

    def take(addresses):
        got.extend(addresses)
        io_loop.stop()

    ThreadedResolver().resolve("127.0.0.1", 80, callback=take)
    io_loop.start()
    assert LOCAL in got


def test_a_closed_resolver_is_an_error(io_loop):
    resolver = BlockingResolver()
    resolver.close()
    with pytest.raises(RuntimeError, match="closed"):
        resolver.resolve("localhost", 80)


MAPPING = {"a": "127.0.0.1", ("b", 1): ("127.0.0.1", 80), ("c", 1, socket.AF_INET): ("127.0.0.1", 80), "c": "nowhere invalid"}


@pytest.mark.parametrize("target", [("a", 80), ("b", 1), ("c", 1, socket.AF_INET), ("127.0.0.1", 80)])
def test_a_mapping_replaces_host_and_port_the_most_exact_key_first(io_loop, target):
    resolver = OverrideResolver(BlockingResolver(), MAPPING)
    assert LOCAL in io_loop.run_sync(lambda: resolver.resolve(*target))
    resolver.close()
    with pytest.raises(RuntimeError):
        resolver.resolve("a", 80)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        *(("127.0.0.1", True), ("::1", True), ("", False), ("localhost", False), ("1.2.3.4\0x", False)),
        *((" 127.0.0.1", False), ("1.2.3.4.5", False), ("a" * 300 + ".b", False)),
    ],
)
def test_ip_addresses_are_told_from_names(text, valid):
    assert is_valid_ip(text) is valid
