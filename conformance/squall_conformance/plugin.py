"""The kit's second front: one pytest item for each target and clause. It does nothing in projects that do not ask for it.

Either ask on the command line, ``pytest --squall-target epoll --squall-target package.module:factory``, or in the ini file, by
``squall_targets``, one spec a line, which counts when pytest is run without paths. The items are named
``squall::TARGET::RULE/clause``. A test module can also ask for itself::

    @pytest.mark.parametrize(("target", "clause"), plugin.cells(["package.module:factory"]))
    def test_my_loop(squall_judge, target, clause):
        squall_judge(target, clause)

Under pytest-xdist each worker has templates of its own; clauses that measure time have no clause of another worker beside them.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

from squall_conformance import registry
from squall_conformance.clause import Clause
from squall_conformance.court import Court, Laws
from squall_conformance.isolation.places import Place, Places
from squall_conformance.isolation.workshop import Workshop
from squall_conformance.judge import Judge
from squall_conformance.outcome import Outcome, Result
from squall_conformance.target import target as describe_target
from squall_loops.contract.rules import BY_ID

try:
    import fcntl
except ImportError:  # Windows: workers of xdist then do not wait for each other
    fcntl = None  # type: ignore[assignment] # the module's absence is checked where it is used


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; without any of them, nothing happens."""
    group = parser.getgroup("squall", "conformance of event loops")
    add = group.addoption
    add("--squall-target", action="append", default=[], metavar="SPEC", help="judge this event loop (repeatable)")
    add("--squall-profile", action="append", default=[], metavar="NAME", help="profile to judge by (default: kernel)")
    add("--squall-rule", action="append", default=[], metavar="ID", help="only this rule, area or glob (repeatable)")
    add("--squall-deviations", action="append", default=[], metavar="FILE", help="file of known deviations (repeatable)")
    add("--squall-timeout-scale", type=float, default=1.0, metavar="X", help="multiply the clauses' time limits")
    parser.addini("squall_targets", "event loops to judge when pytest is run without paths", type="linelist", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Make the bench on which items are judged; it starts nothing before the first of them runs."""
    config.stash[_BENCH] = Bench(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End all worker processes."""
    bench = config.stash.get(_BENCH, None)
    if bench:
        bench.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add an item for each target and clause that was asked for."""
    specs = list(config.getoption("--squall-target"))
    if not specs and config.args_source is not pytest.Config.ArgsSource.ARGS:
        specs = list(config.getini("squall_targets"))
    if not specs:
        return
    try:
        clauses, _ = registry.select(config.getoption("--squall-profile") or ("kernel",), config.getoption("--squall-rule"))
    except registry.SelectionError as exc:
        raise pytest.UsageError(str(exc)) from exc
    root: Any = _Group.from_parent(session, name="squall", nodeid="squall")
    for spec in specs:
        group = _Group.from_parent(root, name=spec, nodeid=f"squall::{spec}")
        items += [ClauseItem.from_parent(group, name=clause.id, spec=spec, clause=clause) for clause in clauses]


@pytest.fixture(scope="session")
def squall_judge(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """Judge a clause (by its id) on a target (by its spec): passes, or ends the test as the outcome says."""
    bench = pytestconfig.stash[_BENCH]

    def judge(spec: str, clause: str) -> None:
        bench.check(spec, registry.load(clause))

    return judge


def cells(specs: Sequence[str], profile: str = "kernel", marks: Callable[[str], Sequence[Any]] = lambda _: ()) -> list[Any]:
    """Return parameters (target, clause) for ``pytest.mark.parametrize``, named ``TARGET::RULE/clause``.

    ``marks`` gives the marks of a target's parameters, for example a skip with a reason. SelectionError for no such profile.
    """
    return [
        pytest.param(spec, clause.id, id=f"{spec}::{clause.id}", marks=tuple(marks(spec)))
        for spec in specs
        for clause in registry.load_profile(profile)
    ]


class _Group(pytest.Collector):
    """Only a name above items; they are made where all are known."""

    def collect(self) -> list[pytest.Item]:
        return []


class ClauseItem(pytest.Item):
    """One clause on one target."""

    def __init__(self, *, spec: str, clause: Clause, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._spec = spec
        self._clause = clause

    def runtest(self) -> None:
        """Judge the clause."""
        self.config.stash[_BENCH].check(self._spec, self._clause)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the clause stands and how the item is called."""
        code = self._clause.function.__code__
        return Path(code.co_filename), code.co_firstlineno - 1, f"{self._spec}::{self._clause.id}"


class Bench:
    """Judges items of one pytest process, with workers that are made when they are first needed."""

    def __init__(self, config: pytest.Config) -> None:
        worker: dict[str, str] = getattr(config, "workerinput", {})
        self._places = _SharedPlaces(worker.get("testrunuid", ""))
        self._laws = Laws(deviations=tuple(Path(file) for file in config.getoption("--squall-deviations", [])))
        self._scale = float(config.getoption("--squall-timeout-scale", 1.0))
        self._judges: dict[str, Judge] = {}
        self._stack = ExitStack()
        self._workshop: Workshop | None = None

    def check(self, spec: str, clause: Clause) -> None:
        """End the running test as the outcome of the clause says."""
        judge = self._judge(spec)
        judge.worker.start()
        if judge.worker.error:
            pytest.fail(f"{spec} cannot be judged: {judge.worker.error}\n{judge.worker.detail}", pytrace=False)
        result = judge.judge(clause)
        _conclude(result)

    def _judge(self, spec: str) -> Judge:
        if self._workshop is None:
            self._workshop = self._stack.enter_context(Workshop(timeout_scale=self._scale))
        if spec not in self._judges:
            self._judges[spec] = Court([spec], self._laws).judge(spec, self._workshop, self._places)
        return self._judges[spec]

    def close(self) -> None:
        """End the workers."""
        self._stack.close()
        self._places.close()


_BENCH: Final = pytest.StashKey[Bench]()


def _conclude(result: Result) -> None:
    """Pass, skip, xfail or fail as the result says."""
    if result.outcome is Outcome.PASS:
        return
    if result.outcome in {Outcome.UNSUPPORTED, Outcome.INVALID}:
        pytest.skip(f"{result.outcome.value}: {result.message}")
    if result.outcome is Outcome.XFAIL:
        pytest.xfail(f"{result.message} ({result.deviation})")
    _fail(result)


def _fail(result: Result) -> NoReturn:
    rule = BY_ID.get(result.rule)
    name = describe_target(result.target).name
    lines = [
        f"{result.outcome.value.upper()}: {name} {result.clause}",
        f"rule:  {result.rule} ({result.level})" + (f" {rule.sentence}" if rule else ""),
        f"got:   {result.message}",
        f"again: squall repro {shlex.quote(result.target)} {shlex.quote(result.clause)}",
        "",
        result.detail,
    ]
    pytest.fail("\n".join(lines), pytrace=False)


class _SharedPlaces(Places):
    """One place in this process, and locks on files against the other workers of the same xdist run.

    Whoever shares holds a shared lock, whoever is alone an exclusive one. Both pass a gate first, and who waits to be alone
    keeps it shut, so that a stream of others cannot hold it up for ever.
    """

    def __init__(self, run: str) -> None:
        super().__init__(1)
        self._files: list[Any] = []
        self._run = run

    @contextmanager
    def take(self, *, exclusive: bool = False) -> Iterator[Place]:
        """Wait for a place among all workers."""
        with super().take(exclusive=exclusive) as place:
            if fcntl is None or not self._run:
                yield place
                return
            gate, room = self._open()
            fcntl.flock(gate, fcntl.LOCK_EX)
            try:
                fcntl.flock(room, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            finally:
                fcntl.flock(gate, fcntl.LOCK_UN)
            try:
                yield place
            finally:
                fcntl.flock(room, fcntl.LOCK_UN)

    def _open(self) -> list[Any]:
        if not self._files:
            folder = Path(tempfile.gettempdir())
            self._files = [(folder / f"squall-{self._run}-{name}").open("w") for name in ("gate", "room")]
        return self._files

    def close(self) -> None:
        """Close the files and remove them; another worker that still runs keeps its own hold of them."""
        for file in self._files:
            file.close()
            Path(file.name).unlink(missing_ok=True)
