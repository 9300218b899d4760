"""IOLoops of every kind for tests of what stands on them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from squall.ioloop import IOLoop


@pytest.fixture
def clean_ioloop() -> Iterator[None]:
    """Leave no configuration, no current loop and no program's loop behind, and begin without them."""
    saved = IOLoop._save_configuration()
    IOLoop.clear_current()
    IOLoop.clear_instance()
    yield
    IOLoop._restore_configuration(saved)
    IOLoop.clear_current()
    IOLoop.clear_instance()


@pytest.fixture
def io_loop(loop_spec: str, clean_ioloop: None) -> Iterator[IOLoop]:
    """An IOLoop, current in this thread, over each kind of event loop in turn."""
    loop = IOLoop(event_loop=loop_spec)
    yield loop
    loop.close()
