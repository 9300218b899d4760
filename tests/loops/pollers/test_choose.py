"""Which poller a machine gets."""

from __future__ import annotations

import select
import subprocess
import sys
import textwrap

import pytest

from squall_loops.contract import Poller
from squall_loops.pollers import choose


def test_without_a_name_the_best_one_here_is_made():
    poller = choose.make_poller()
    best = next(name for name in choose.POLLERS if hasattr(select, name))
    assert type(poller).__name__ == f"{best.capitalize()}Poller"
    poller.close()


@pytest.mark.parametrize("name", choose.POLLERS)
def test_a_name_gives_that_poller_or_says_why_not(name):
    if choose.missing(name):
        with pytest.raises(ValueError, match=rf"{name}.*no select\.{name}.*available here: .*select"):
            choose.make_poller(name)
    else:
        poller = choose.make_poller(name)
        assert isinstance(poller, Poller)
        poller.close()


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'uring'.*epoll, kqueue, poll, select"):
        choose.make_poller("uring")


@pytest.mark.parametrize(
    ("has", "best"), [({"kqueue", "poll", "select"}, "kqueue"), ({"poll", "select"}, "poll"), ({"select"}, "select")]
)
def test_each_platform_gets_its_best(monkeypatch, has, best):
    for name in choose.POLLERS:
        if name in has:
            monkeypatch.setattr(select, name, None, raising=False)
        else:
            monkeypatch.delattr(select, name, raising=False)
    made = []
    monkeypatch.setattr(choose, "POLLERS", {name: lambda name=name: made.append(name) for name in choose.POLLERS})
    choose.make_poller()
    assert made == [best]


def test_a_machine_with_nothing_but_select_and_sockets_runs_a_loop():
    poorer = """
        import os, select, signal, socket, sys, threading
        for module, names in (
            (select, ("epoll", "kqueue", "poll")),
            (os, ("eventfd", "eventfd_read", "eventfd_write", "register_at_fork", "set_blocking", "pipe")),
        ):
            for name in names:
                if hasattr(module, name):
                    delattr(module, name)
        sys.platform = "win32"
        from squall_loops.contract import READ
        from squall_loops.turn.loop import TurnLoop

        loop = TurnLoop()
        left, right = socket.socketpair()
        loop.add_handler(left, lambda end, events: (print(end.recv(10), loop), loop.stop()), READ)
        threading.Timer(0.01, loop.add_callback, (right.send, b"hello")).start()
        loop.start()
        loop.close(all_fds=True)
        right.close()
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(poorer)], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stderr == ""
    assert done.stdout == "b'hello' <TurnLoop over SelectPoller running handlers=1 callbacks=0 timers=0>\n"
