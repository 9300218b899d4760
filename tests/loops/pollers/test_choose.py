"""Which poller a machine gets."""

from __future__ import annotations

import select

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
