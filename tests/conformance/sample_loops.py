"""Factories for the tests of stand-alone scripts: good ones, broken ones, and some that give no loop."""

from __future__ import annotations

import asyncio
import os
import time

from saboteurs.reference import Reference

from squall_loops.pollers.choose import make_poller


def new_asyncio_loop():
    return asyncio.new_event_loop()


def new_poller():
    return make_poller("select")


class _Lifo(asyncio.SelectorEventLoop):
    def call_soon_threadsafe(self, callback, *args, context=None):
        handle = super().call_soon_threadsafe(callback, *args, context=context)
        self._ready.rotate(1)
        return handle


def new_lifo_loop():
    return _Lifo()


class LifoCallbacks(Reference):
    """What is added runs before what was added earlier."""

    def add_callback(self, callback, *args):
        super().add_callback(callback, *args)
        self.callbacks.rotate(1)


class Hangs(Reference):
    """Does not come back from start."""

    def start(self):
        time.sleep(3600)


def raises():
    return 1 // 0


def exits():
    os._exit(0)


def gives_nothing():
    return None


def hangs():
    time.sleep(3600)
