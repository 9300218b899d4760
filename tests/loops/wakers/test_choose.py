"""Which waker a loop gets."""

from __future__ import annotations

import os
import sys

import pytest

from squall_loops.wakers import choose
from squall_loops.wakers.socketpair import SocketpairWaker


def made(name=None):
    waker = choose.make_waker(name)
    waker.close()
    return type(waker)


def test_without_a_name_it_is_the_first_that_this_machine_has(monkeypatch):
    monkeypatch.delenv("SQUALL_WAKER", raising=False)
    best = next(name for name in choose.WAKERS if not choose.missing(name))
    assert made() is choose.WAKERS[best]


def test_the_environment_variable_chooses_and_an_argument_overrules_it(monkeypatch):
    monkeypatch.setenv("SQUALL_WAKER", "socketpair")
    assert made() is SocketpairWaker
    monkeypatch.setenv("SQUALL_WAKER", "nonsense")
    assert made("socketpair") is SocketpairWaker


def test_an_unknown_name_is_answered_with_the_known_ones(monkeypatch):
    monkeypatch.setenv("SQUALL_WAKER", "nonsense")
    with pytest.raises(ValueError, match=r"'nonsense'.*eventfd, pipe, socketpair"):
        choose.make_waker()


def test_windows_gets_sockets_and_says_why_not_the_others(monkeypatch):
    monkeypatch.delenv("SQUALL_WAKER", raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(os, "eventfd", raising=False)
    assert made() is SocketpairWaker
    with pytest.raises(ValueError, match=r"'pipe' is not available: .*sockets.*available here: socketpair"):
        choose.make_waker("pipe")
