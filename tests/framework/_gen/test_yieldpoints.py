"""The style of Tornado before futures: keys and callbacks."""

from __future__ import annotations

import pytest

from squall import gen
from squall.concurrent import Future


def _run(io_loop, generator):
    return io_loop.run_sync(gen.coroutine(generator))


def test_a_callback_is_waited_for_by_its_key(io_loop):
    def main():
        io_loop.add_callback((yield gen.Callback("key")), "value")
        return (yield gen.Wait("key"))

    assert _run(io_loop, main) == "value"


def test_a_callback_that_came_before_the_wait_is_kept():
    @gen.coroutine
    def main():
        (yield gen.Callback("key"))(1, 2, name=3)
        return (yield gen.Wait("key"))

    assert main().result() == gen.Arguments((1, 2), {"name": 3})


def test_several_keys_are_waited_for_together(io_loop):
    def main():
        for key in ("b", "a"):
            io_loop.add_callback((yield gen.Callback(key)), key)
        return (yield gen.WaitAll(["a", "b"]))

    assert _run(io_loop, main) == ["a", "b"]


def test_lists_and_dicts_may_mix_points_and_futures(io_loop):
    def main():
        io_loop.add_callback((yield gen.Callback("k")), 1)
        future = Future()
        io_loop.add_callback(future.set_result, 2)
        several = yield [gen.Wait("k"), future]
        io_loop.add_callback((yield gen.Callback("k")), 3)
        named = yield {"w": gen.Wait("k"), "s": gen.sleep(0)}
        return several, named

    assert _run(io_loop, main) == ([1, 2], {"w": 3, "s": None})


def test_multi_as_a_point_waits_and_logs_further_exceptions(io_loop, caplog):
    def main():
        futures = [Future(), Future(), Future()]
        io_loop.add_callback(futures[0].set_exception, ValueError("first"))
        io_loop.add_callback(futures[1].set_exception, KeyError("second"))
        io_loop.add_callback(futures[2].set_exception, OSError("quiet"))
        with pytest.raises(ValueError, match="first"):
            yield gen.Multi(futures, quiet_exceptions=OSError)

    _run(io_loop, main)
    assert [record.exc_info[0] for record in caplog.records] == [KeyError]


def test_a_future_as_a_point_gives_its_result(io_loop):
    def main():
        future = Future()
        io_loop.add_callback(future.set_result, 1)
        first = yield gen.YieldFuture(future)
        second = yield gen.YieldFuture(future, io_loop)
        return first, second

    assert _run(io_loop, main) == (1, 1)


@pytest.mark.parametrize(
    ("points", "error"),
    [
        ([gen.Callback("k"), gen.Callback("k")], gen.KeyReuseError),
        ([gen.Wait("k")], gen.UnknownKeyError),
        ([gen.Callback("k")], gen.LeakedCallbackError),
    ],
    ids=["reused", "unknown", "leaked"],
)
def test_misused_keys_are_errors(points, error):
    @gen.coroutine
    def main():
        for point in points:  # noqa: UP028 - a list's iterator takes no sent values
            yield point

    assert isinstance(main().exception(), error)


def test_a_point_of_ones_own_works():
    class Answer(gen.YieldPoint):
        def start(self, runner):
            self.runner = runner
            runner.register_callback(self)
            runner.set_result(self, 42)

        def is_ready(self):
            return self.runner.is_ready(self)

        def get_result(self):
            return self.runner.pop_result(self)

    @gen.coroutine
    def main():
        return (yield Answer())

    assert main().result() == 42


def test_the_base_class_promises_nothing():
    point = gen.YieldPoint()
    for call in (lambda: point.start(None), point.is_ready, point.get_result):
        with pytest.raises(NotImplementedError):
            call()


def test_a_point_cannot_be_waited_for_without_a_runner():
    with pytest.raises(gen.BadYieldError, match="runner only"):
        gen.multi_future([gen.Callback("k")])
