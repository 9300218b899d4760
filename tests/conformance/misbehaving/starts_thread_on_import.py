"""Starts a thread while it is imported, so that no process may be forked from one that has imported it."""

import threading

from misbehaving.loops import good as make

threading.Thread(target=threading.Event().wait, daemon=True, name="engine").start()
__all__ = ["make"]
