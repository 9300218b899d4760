"""Inside a clause's own process: sets the scene, runs the clause or the probe, and sends what came of it."""

from __future__ import annotations

import faulthandler
import importlib
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from squall_conformance import registry as clauses
from squall_conformance.clause import Clause
from squall_conformance.isolation import leaks
from squall_conformance.isolation.protocol import DUMP_SIGNAL, Channel, Message
from squall_conformance.stage import ClauseFailure, Stage, Unsupported
from squall_loops import registry as loops
from squall_loops.contract import EventLoop

_CHANCES: Final = 3  # runs to see whether a suspected leak grows
_MEMORY: Final = 2 << 30  # bytes of private memory; a loop that eats more gets a MemoryError instead of the machine


def main(channel: Channel, request: Message) -> NoReturn:
    """Do what the request says in this process, and end it."""
    channel.send({"pid": os.getpid()})
    try:
        _set_the_scene(Path(request["directory"]))
        result = {"probe": _probe, "clause": _clause, "sweep": _sweep}[request["op"]](channel, request)
    except BaseException as exc:  # noqa: BLE001 - an error of ours must arrive as such, not as a silent exit
        result = {"outcome": "crash", "message": f"the kit's worker failed: {exc!r}", "detail": traceback.format_exc()}
    channel.send({"result": result})
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(0)


def _set_the_scene(directory: Path) -> None:
    """Private working directory, nothing on stdin, output and stacks into files, bounded memory."""
    work = directory / "work"
    work.mkdir()
    os.chdir(work)
    os.environ["TMPDIR"] = tempfile.tempdir = str(work)
    _redirect(os.devnull, os.O_RDONLY, 0)
    _redirect(str(directory / "output"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 1)
    os.dup2(1, 2)
    stacks = (directory / "stacks").open("wb")
    _keep.append(stacks)
    faulthandler.enable(stacks)
    if DUMP_SIGNAL is not None and hasattr(faulthandler, "register"):
        faulthandler.register(DUMP_SIGNAL, stacks, all_threads=True)
    with suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))


_keep: list[object] = []  # what must stay open as long as the process lives


def _redirect(path: str, flags: int, fd: int) -> None:
    opened = os.open(path, flags, 0o600)
    if opened != fd:
        os.dup2(opened, fd)
        os.close(opened)


def _probe(channel: Channel, request: Message) -> Message:
    """Import the target, make it once and close it; tell what it is, and what had to be imported for it."""
    before = set(sys.modules)
    spec = str(request["spec"])
    at = "import"
    try:
        module = module_of(spec)
        if module:
            channel.send({"at": at})
            importlib.import_module(module)
        at = "make"
        channel.send({"at": at})
        loop = loops.make_loop(spec)
        at = "close"
        channel.send({"at": at})
        abilities = sorted(loop.abilities)
        loop.close()
    except loops.SpecError as exc:
        return {"error": str(exc), "detail": traceback.format_exc()}
    except BaseException as exc:  # noqa: BLE001 - whatever a stranger's code raises is the answer
        verb = {"import": "cannot be imported", "make": "cannot be made", "close": "cannot be closed"}[at]
        return {"error": f"{verb}: {describe(exc)}", "detail": traceback.format_exc()}
    return {"abilities": abilities, "modules": [name for name in sys.modules if name not in before and _plain(name)]}


def module_of(spec: str) -> str:
    """Return the module that ``package.module:factory`` names; empty for a spec that is a name of the registry's own."""
    known = {info.spec for info in loops.known_loops()}
    return spec.partition(":")[0] if ":" in spec and spec not in known and not spec.startswith("twisted:") else ""


def _plain(name: str) -> bool:
    """Whether that is a module as the import system made it: a Twisted reactor, for one, is an object posing as a module."""
    module = sys.modules[name]
    return getattr(module, "__spec__", None) is not None and name != "__main__"


class _Lost:
    """Collects exceptions that had nobody to go to, as text: their tracebacks would keep alive what the target let go."""

    def __init__(self) -> None:
        self._verdict = ""
        self._texts: list[str] = []
        threading.excepthook = self._in_thread
        sys.unraisablehook = self._unraisable

    def _in_thread(self, args: Any) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:
            where = f"thread {args.thread.name if args.thread else '?'} ended with"
            self._note(where, args.exc_value, f"{where} {describe(args.exc_value)}")

    def _unraisable(self, args: Any) -> None:
        if args.exc_value is not None:
            self._note(f"{args.err_msg or 'ignored'} in {args.object!r}:", args.exc_value, "")

    def _note(self, where: str, exc: BaseException, verdict: str) -> None:
        self._texts.append(f"{where} {''.join(traceback.format_exception(exc))}")
        self._verdict = self._verdict or (str(exc) if isinstance(exc, ClauseFailure) else verdict)

    def verdict(self) -> str:
        """Return the message with which the clause fails: a thread's end, or a clause's own words wherever they got lost."""
        return self._verdict

    def describe(self) -> str:
        """Return all that was lost, with tracebacks."""
        return "\n".join(self._texts)


def _clause(channel: Channel, request: Message) -> Message:
    """Run the clause; on suspicion of a leak run it again, since what a process takes only once is a cache and no leak.

    Nor is it this clause's leak if every loop leaves as much behind that is made, run and closed: RS-001 and RS-002 tell.
    """
    clause = clauses.load(request["clause"])
    spec = str(request["spec"])
    made = 0

    def make() -> EventLoop:
        nonlocal made
        made += 1
        return loops.make_loop(spec)

    before = leaks.holdings()
    result = _run(make, clause)
    loops_made = made
    after = leaks.settled(before)
    leaked = after.beyond(before)
    result["leaks"] = leaked
    if leaked:
        result["detail"] += "\nleft behind:\n" + after.describe_beyond(before)
    if leaked and result["outcome"] == "pass":
        suspect = {**result, "outcome": "leak", "message": "left behind: " + _counts(leaked)}
        channel.send({"result": suspect})
        guilty = _leaks_more(make, clause, after) and not _loops_leak_as_much(make, loops_made, leaked)
        result = suspect if guilty else {**result, "leaks": {}}
    return result


def _loops_leak_as_much(make: Callable[[], EventLoop], loops_made: int, leaked: dict[str, int]) -> bool:
    """Whether so many loops leave that much behind when nothing is done with them but a turn."""
    before = leaks.holdings()
    loop = make()
    loop.add_callback(loop.stop)
    loop.start()
    loop.close()
    del loop
    each = leaks.settled(before).beyond(before)
    return all(count <= loops_made * each.get(kind, 0) for kind, count in leaked.items())


def _leaks_more(make: Callable[[], EventLoop], clause: Clause, before: leaks.Holdings) -> bool:
    """Whether the clause leaves still more behind when it is run again; only a run that passes can clear the loop."""
    for _ in range(_CHANCES):
        if _run(make, clause)["outcome"] == "pass":
            return bool(leaks.settled(before).beyond(before))
    return True


def _sweep(channel: Channel, request: Message) -> Message:
    """Run one clause after the other in this process, up to the first that does not pass; tell of each that did."""
    for clause in request["clauses"]:
        if _clause(channel, {**request, "clause": clause})["outcome"] != "pass":
            break
        channel.send({"passed": clause})
    return {"outcome": "pass"}


def _counts(leaked: dict[str, int]) -> str:
    singular = {"children": "child process", "descriptors": "descriptor", "threads": "thread"}
    plural = {"children": "child processes", "descriptors": "descriptors", "threads": "threads"}
    return ", ".join(f"{count} {(singular if count == 1 else plural)[kind]}" for kind, count in leaked.items())


def _run(make: Callable[[], EventLoop], clause: Clause) -> Message:
    """Run the clause once and close what it opened; return outcome, message, detail and time."""
    stage = Stage(make)
    lost = _Lost()
    started = time.perf_counter()
    outcome, message, detail = _judge(lambda: _play(clause, stage))
    milliseconds = (time.perf_counter() - started) * 1000
    closed, closing_message, closing_detail = _judge(stage.tear_down)
    if outcome == "pass" and closed != "pass":
        outcome, message, detail = "fail", f"closing what the clause opened: {closing_message}", closing_detail
    if outcome == "fail":
        message, detail = _first_cause(stage, message, detail)
    if outcome == "pass" and lost.verdict():
        outcome, message = "fail", lost.verdict()
    return {"outcome": outcome, "message": message, "detail": detail + lost.describe(), "milliseconds": milliseconds}


def _play(clause: Clause, stage: Stage) -> None:
    clause.function(stage)
    stage.fail_on_reports()


def _judge(act: Callable[[], None]) -> tuple[str, str, str]:
    try:
        act()
    except Unsupported as exc:
        return "unsupported", str(exc), ""
    except ClauseFailure as exc:
        return "fail", str(exc), traceback.format_exc()
    except BaseException as exc:  # noqa: BLE001 - also SystemExit and KeyboardInterrupt: whatever comes out is the loop's doing
        return "fail", describe(exc), traceback.format_exc()
    return "pass", "", ""


def _first_cause(stage: Stage, message: str, detail: str) -> tuple[str, str]:
    """Prefer an expectation that failed inside a callback to what the clause missed later because of it."""
    reported = "".join(
        f"\nthe error hook was given {callback!r} with {''.join(traceback.format_exception(exc))}"
        for callback, exc in stage.reports
    )
    causes = [str(exc) for _, exc in stage.reports if isinstance(exc, ClauseFailure)]
    return (causes[0] if causes and not stage.expects_reports else message), detail + reported


def describe(exc: BaseException) -> str:
    """Return ``ValueError: text``, or the name alone when there is no text."""
    text = str(exc)
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__
