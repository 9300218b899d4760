"""From a spec to the factory behind it, or to a SpecError that says what was wrong and what would work here."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterable
from functools import partial

from squall_loops.availability import ALIASES, POLLERS, REACTORS, entry_points, known_loops, reason_against
from squall_loops.spec import LoopSpec, SpecError


def factory_of(spec: LoopSpec) -> Callable[[], object]:
    """Return what makes the loop that was asked for. SpecError when there is none, or not here."""
    text = spec.text
    if reason := reason_against(text):
        raise _refusal(spec, f"is not available here: {reason}")
    if text in _SHORT:
        return _SHORT[text]
    if text in POLLERS:
        return partial(_turn_loop, text)
    if text.startswith("twisted:"):
        return _reactor_factory(spec, text.removeprefix("twisted:"))
    if point := entry_points().get(text):
        return _load(spec, point.value)
    if ":" in text:
        return _load(spec, text)
    raise _refusal(spec, f"is not the name of a loop, nor of the form package.module:factory{_near(text, _names())}")


def _turn_loop(poller: str | None = None) -> object:
    from squall_loops.pollers.choose import make_poller  # noqa: PLC0415 - only what is chosen is imported
    from squall_loops.turn.loop import TurnLoop  # noqa: PLC0415 - as above

    return TurnLoop(make_poller(poller))


def _asyncio_loop() -> object:
    import asyncio  # noqa: PLC0415 - as above

    return asyncio.SelectorEventLoop()


def _uvloop_loop() -> object:
    import uvloop  # noqa: PLC0415 - as above

    return uvloop.new_event_loop()


def _twisted_loop(name: str = "default") -> object:
    from squall_loops.hosts.twisted import make_twisted  # noqa: PLC0415 - as above

    return make_twisted(name)


_SHORT: dict[str, Callable[[], object]] = {
    "auto": _turn_loop,
    "asyncio": _asyncio_loop,
    "uvloop": _uvloop_loop,
    "twisted": _twisted_loop,
}


def _reactor_factory(spec: LoopSpec, name: str) -> Callable[[], object]:
    from squall_loops.hosts.reactors import reactor_module  # noqa: PLC0415 - needs Twisted

    if reactor_module(name) is None:
        raise _refusal(spec, f"names no reactor of Twisted's{_near(name, REACTORS)}; Twisted knows {', '.join(REACTORS)}")
    return partial(_twisted_loop, name)


def _load(spec: LoopSpec, text: str) -> Callable[[], object]:
    module, _, path = text.partition(":")
    if not module or not path or module.startswith("."):
        raise _refusal(spec, "lacks a part: package.module:factory is wanted")
    try:
        found: object = importlib.import_module(module)
    except ModuleNotFoundError as exc:
        raise _refusal(spec, f"cannot be imported: {exc}") from exc
    except Exception as exc:
        raise _refusal(spec, f"cannot be imported: {module} raised {type(exc).__name__}: {exc}") from exc
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as exc:
            raise _refusal(spec, f"cannot be found: {exc}{_near(name, dir(found))}") from exc
    if not callable(found):
        raise _refusal(spec, f"cannot be called: {path} is an object of type {type(found).__qualname__}")
    return found


def _names() -> list[str]:
    return [*ALIASES, *(loop.name for loop in known_loops())]


def _near(name: str, candidates: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(candidates), n=3)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def _refusal(spec: LoopSpec, what: str) -> SpecError:
    loops = known_loops()
    here = ", ".join(
        [*(name for name in ALIASES if not reason_against(name)), *(loop.name for loop in loops if loop.available)]
    )
    lines = [f"the loop {spec} {what}", f"available here: {here}"]
    lines += [f"not available: {loop.name}: {loop.reason}" for loop in loops if not loop.available]
    return SpecError("\n  ".join(lines))
