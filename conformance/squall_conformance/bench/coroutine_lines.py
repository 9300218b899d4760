"""What a coroutine costs that waits: giving way to the others, and awaiting a future that a callback completes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from time import process_time
from typing import Any, Final

from squall_conformance.bench.drive import make_asyncio_loop
from squall_conformance.bench.line import Line, Once, Rate

WIDTH: Final = 100
"""How many coroutines run at the same time."""


@contextlib.contextmanager
def switches(subject: str) -> Iterator[Once]:
    """Each coroutine gives way and is resumed in the next turn of the loop."""
    with _running(subject, _SWITCH[_kind(subject)]) as once:
        yield once


@contextlib.contextmanager
def futures_awaited(subject: str) -> Iterator[Once]:
    """Each coroutine makes a future, has a callback complete it, and awaits it."""
    with _running(subject, _AWAIT[_kind(subject)]) as once:
        yield once


def _kind(subject: str) -> str:
    return subject.partition(":")[0]


@contextlib.contextmanager
def _running(subject: str, make_worker: Callable[[Any], Callable[[int], Any]]) -> Iterator[Once]:
    """``subject`` is the kind of coroutine and, after a colon, the loop that runs it."""
    kind, _, name = subject.partition(":")
    run, close = (
        _run_on_squall(name, make_worker) if kind in {"generator", "native"} else _run_on_asyncio(kind, name, make_worker)
    )
    try:
        yield run
    finally:
        close()


def _run_on_squall(spec: str, make_worker: Callable[[Any], Callable[[int], Any]]) -> tuple[Once, Callable[[], object]]:
    os.environ["SQUALL_LOOP"] = spec
    from squall import gen  # noqa: PLC0415 - the loop is chosen first
    from squall.ioloop import IOLoop  # noqa: PLC0415 - the same

    loop = IOLoop.current()
    worker = make_worker(loop)

    def once(times: int) -> float:
        begin = process_time()
        loop.run_sync(lambda: gen.multi([worker(times // WIDTH) for _ in range(WIDTH)]))
        return process_time() - begin

    return once, loop.close


def _run_on_asyncio(
    kind: str, name: str, make_worker: Callable[[Any], Callable[[int], Any]]
) -> tuple[Once, Callable[[], object]]:
    import asyncio  # noqa: PLC0415 - squall's coroutines are measured without it

    loop = make_asyncio_loop(name)
    if kind == "pytask":
        loop.set_task_factory(lambda loop, coroutine, **options: asyncio.tasks._PyTask(coroutine, loop=loop, **options))  # type: ignore[attr-defined] # noqa: SLF001 - the pure Python twin of the task has no public name
    worker = make_worker(loop)

    async def all_workers(times: int) -> None:
        await asyncio.gather(*(worker(times // WIDTH) for _ in range(WIDTH)))

    def once(times: int) -> float:
        begin = process_time()
        loop.run_until_complete(all_workers(times))
        return process_time() - begin

    return once, loop.close


def _generator_switch(_loop: Any) -> Callable[[int], Any]:
    from squall import gen  # noqa: PLC0415 - the loop is chosen first

    moment = gen.moment

    @gen.coroutine
    def worker(times: int) -> Iterator[Any]:
        for _ in range(times):
            yield moment

    return worker


def _native_switch(_loop: Any) -> Callable[[int], Any]:
    from squall import gen  # noqa: PLC0415 - the loop is chosen first

    moment = gen.moment

    async def worker(times: int) -> None:
        for _ in range(times):
            await moment

    return worker


def _task_switch(_loop: Any) -> Callable[[int], Any]:
    from asyncio import sleep  # noqa: PLC0415 - squall's coroutines are measured without it

    async def worker(times: int) -> None:
        for _ in range(times):
            await sleep(0)

    return worker


def _generator_await(loop: Any) -> Callable[[int], Any]:
    from squall import gen  # noqa: PLC0415 - the loop is chosen first
    from squall.concurrent import Future  # noqa: PLC0415 - the same

    soon = loop.add_callback

    @gen.coroutine
    def worker(times: int) -> Iterator[Any]:
        for _ in range(times):
            future: Future[None] = Future()
            soon(future.set_result, None)
            yield future

    return worker


def _native_await(loop: Any) -> Callable[[int], Any]:
    from squall.concurrent import Future  # noqa: PLC0415 - the loop is chosen first

    soon = loop.add_callback

    async def worker(times: int) -> None:
        for _ in range(times):
            future: Future[None] = Future()
            soon(future.set_result, None)
            await future

    return worker


def _task_await(loop: Any) -> Callable[[int], Any]:
    make, soon = loop.create_future, loop.call_soon

    async def worker(times: int) -> None:
        for _ in range(times):
            future = make()
            soon(future.set_result, None)
            await future

    return worker


def _pytask_await(loop: Any) -> Callable[[int], Any]:
    from asyncio.futures import _PyFuture  # type: ignore[attr-defined] # noqa: PLC0415 - the pure Python twin has no public name

    soon = loop.call_soon

    async def worker(times: int) -> None:
        for _ in range(times):
            future = _PyFuture(loop=loop)
            soon(future.set_result, None)
            await future

    return worker


_SWITCH: Final = {
    "generator": _generator_switch,
    "native": _native_switch,
    "task": _task_switch,
    "pytask": _task_switch,
}
_AWAIT: Final = {
    "generator": _generator_await,
    "native": _native_await,
    "task": _task_await,
    "pytask": _pytask_await,
}

LINES: Final[tuple[Line, ...]] = (
    Rate("switches", "coroutine switches", switches, 10 * WIDTH, WIDTH),
    Rate("futures-awaited", "futures awaited", futures_awaited, 10 * WIDTH, WIDTH),
)
