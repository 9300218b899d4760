"""Tornado 4.0's yield points: callbacks with keys, for programs from before futures.

A runner that meets a yield point gets a :class:`Mailbox`, where the results of such callbacks wait until they are asked for.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from squall._concurrent.current import current_loop
from squall._concurrent.future import Future
from squall._gen.convert import convert_yielded
from squall.log import app_log

Arguments = namedtuple("Arguments", ["args", "kwargs"])  # noqa: PYI024 - Tornado's public name, a plain namedtuple
"""What ``Wait`` and ``Task`` return when a callback was called with more than one argument, or with keywords."""


class KeyReuseError(Exception):
    """A key was given to ``Callback`` again before the first use was waited for."""


class UnknownKeyError(Exception):
    """``Wait`` was given a key that no ``Callback`` has."""


class LeakedCallbackError(Exception):
    """A coroutine ended although some of its ``Callback`` keys were never waited for."""


class YieldPoint:
    """Base of the objects that a generator may yield to a runner; superseded by futures."""

    def start(self, runner: Any) -> None:
        """Begin; called once, when the object has been yielded."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Say whether ``get_result`` may be called."""
        raise NotImplementedError

    def get_result(self) -> Any:
        """Return what the ``yield`` returns, or raise; called once, when it is ready."""
        raise NotImplementedError


@convert_yielded.register(YieldPoint)
def _keep_point(yielded: YieldPoint) -> YieldPoint:
    return yielded


class Callback(YieldPoint):
    """Yields a callable; its arguments wait under ``key`` for a later ``Wait(key)``."""

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.runner: Any = None

    def start(self, runner: Any) -> None:
        """Reserve the key; KeyReuseError when it is in use."""
        self.runner = runner
        runner.register_callback(self.key)

    def is_ready(self) -> bool:
        """Say yes: the callable is there at once."""
        return True

    def get_result(self) -> Any:
        """Return the callable."""
        return self.runner.result_callback(self.key)


class Wait(YieldPoint):
    """Yields what the callable of ``Callback(key)`` was called with."""

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.runner: Any = None

    def start(self, runner: Any) -> None:
        """Begin to wait."""
        self.runner = runner

    def is_ready(self) -> bool:
        """Say whether the callable was called; UnknownKeyError when there is none."""
        return bool(self.runner.is_ready(self.key))

    def get_result(self) -> Any:
        """Return the argument, or :class:`Arguments`."""
        return self.runner.pop_result(self.key)


class WaitAll(YieldPoint):
    """Yields a list of what several ``Wait`` would."""

    def __init__(self, keys: Sequence[Hashable]) -> None:
        self.keys = keys
        self.runner: Any = None

    def start(self, runner: Any) -> None:
        """Begin to wait."""
        self.runner = runner

    def is_ready(self) -> bool:
        """Say whether all were called."""
        return all(self.runner.is_ready(key) for key in self.keys)

    def get_result(self) -> list[Any]:
        """Return the results in the order of the keys."""
        return [self.runner.pop_result(key) for key in self.keys]


class YieldFuture(YieldPoint):
    """A future as a yield point, for lists that mix both."""

    def __init__(self, future: Any, io_loop: Any = None) -> None:
        self.future = future
        self.io_loop = io_loop
        self.runner: Any = None

    def start(self, runner: Any) -> None:
        """Have the runner look again when the future is complete."""
        if not self.future.done():
            self.runner = runner
            self._key = object()
            runner.register_callback(self._key)
            (self.io_loop or current_loop()).add_future(self.future, runner.result_callback(self._key))

    def is_ready(self) -> bool:
        """Say whether the future is complete, and the runner has heard of it."""
        return self.runner is None or bool(self.runner.is_ready(self._key))

    def get_result(self) -> Any:
        """Return the future's result or raise its exception."""
        if self.runner is not None:
            self.runner.pop_result(self._key)
        return self.future.result()


class Multi(YieldPoint):
    """Several yield points or futures, in a list or a dict, at once; yields a list or a dict of their results.

    Of several exceptions the first (in the order of the children) is raised and the others are logged, unless they are
    of a class in ``quiet_exceptions``. In native coroutines it can be awaited if all children are futures: use ``multi``.
    """

    def __init__(self, children: Any, quiet_exceptions: Any = ()) -> None:
        self.keys = list(children) if isinstance(children, Mapping) else None
        given = children.values() if isinstance(children, Mapping) else children
        self.children = [self._as_point(child) for child in given]
        self.quiet_exceptions = quiet_exceptions

    @staticmethod
    def _as_point(child: Any) -> YieldPoint:
        converted = convert_yielded(child)
        return converted if isinstance(converted, YieldPoint) else YieldFuture(converted)

    def start(self, runner: Any) -> None:
        """Start all children."""
        for child in self.children:
            child.start(runner)

    def is_ready(self) -> bool:
        """Say whether all children are ready."""
        return all(child.is_ready() for child in self.children)

    def get_result(self) -> Any:
        """Return the results, or raise the first exception and log the others."""
        results: list[Any] = []
        first: BaseException | None = None
        for child in self.children:
            try:
                results.append(child.get_result())
            except Exception as error:  # noqa: BLE001 - raised below, or logged
                if first is None:
                    first = error
                elif not isinstance(error, self.quiet_exceptions):
                    app_log.error("Multiple exceptions in yield list", exc_info=error)
        if first is not None:
            raise first
        return results if self.keys is None else dict(zip(self.keys, results, strict=True))


class Mailbox:
    """The results of one runner's callbacks, and the yield point that it waits for."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self._pending: set[Hashable] = set()
        self._results: dict[Hashable, Any] = {}
        self._point: YieldPoint | None = None
        self._future: Future[Any] | None = None

    def start(self, point: YieldPoint) -> Future[Any]:
        """Start a yield point; return a Future that is complete when it is ready."""
        future: Future[Any] = Future()
        point.start(self._runner)
        self._point, self._future = point, future
        self._look()
        return future

    def register_callback(self, key: Hashable) -> None:
        if key in self._pending:
            raise KeyReuseError(f"key {key!r} is already pending")
        self._pending.add(key)

    def is_ready(self, key: Hashable) -> bool:
        if key not in self._pending:
            raise UnknownKeyError(f"key {key!r} is not pending")
        return key in self._results

    def set_result(self, key: Hashable, result: Any) -> None:
        self._results[key] = result
        self._look()

    def pop_result(self, key: Hashable) -> Any:
        self._pending.discard(key)
        return self._results.pop(key)

    def check_for_leaks(self) -> None:
        if self._pending:
            raise LeakedCallbackError(f"the coroutine ended without waiting for callbacks {self._pending!r}")

    def _look(self) -> None:
        point, future = self._point, self._future
        if point is None or future is None:
            return
        try:
            if not point.is_ready():
                return
            self._point = self._future = None
            result = point.get_result()
        except Exception as error:  # noqa: BLE001 - belongs to the coroutine that waits
            self._point = self._future = None
            future.set_exception(error)
        else:
            future.set_result(result)


def adapt_arguments(callback: Callable[[Any], None]) -> Callable[..., None]:
    """Return a function that packs whatever it is called with into one value, and calls ``callback`` with that."""

    def adapted(*args: Any, **kwargs: Any) -> None:
        if kwargs or len(args) > 1:
            callback(Arguments(args, kwargs))
        else:
            callback(args[0] if args else None)

    return adapted
