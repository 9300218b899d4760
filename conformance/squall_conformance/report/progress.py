"""What is seen while a run goes on: bars with rich, one living line on a terminal without it, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, TextIO

from squall_conformance import engine
from squall_conformance.outcome import Outcome, Result
from squall_conformance.report.style import STYLES, Paint, clip, is_terminal, wants_colour, width_of
from squall_conformance.report.terminal import plain
from squall_conformance.report.view import UNEXPECTED

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_STEPS: Final = 10
"""How many lines of plain progress there are, besides those about single results."""

Shown = Callable[[engine.Event], None]


def watcher(*, quiet: bool, no_color: bool) -> AbstractContextManager[Shown]:
    """Return a context that shows the events it is called with on stderr, as well as stderr can show them."""
    if quiet:
        return nullcontext(lambda _event: None)
    paint = Paint(enabled=wants_colour(sys.stderr, forbidden=no_color))
    if not is_terminal(sys.stderr):
        return nullcontext(Lines(sys.stderr, paint))
    if find_spec("rich") is None:
        return LivingLine(sys.stderr, paint)
    return Bars(no_color=not paint.enabled)


def finding(result: Result, paint: Paint, width: int) -> str:
    """Return one line on a result that is not as expected."""
    word = result.outcome.value
    text = clip(f"{result.target}  {result.clause}  {plain(result.message)}", width - len(word) - 2)
    return paint(word, STYLES[result.outcome]) + "  " + text


class Lines:
    """For files and pipes: the first result, every finding, and a line for each tenth of the way."""

    def __init__(self, stream: TextIO, paint: Paint) -> None:
        self._stream = stream
        self._paint = paint
        self._next = 0

    def __call__(self, event: engine.Event) -> None:
        """Print what is worth a line."""
        if isinstance(event, engine.RunStarted):
            self._say(f"{event.total} results to come from {len(event.targets)} loops")
        elif isinstance(event, engine.TargetFailed):
            self._say(self._paint(f"{event.name} cannot be judged: {plain(event.error)}", "red"))
        elif isinstance(event, engine.ClauseFinished):
            self._clause(event)

    def _clause(self, event: engine.ClauseFinished) -> None:
        if event.result.outcome in UNEXPECTED:
            self._say(finding(event.result, self._paint, 240))
        elif event.done == 1:
            self._say(f"first: {event.result.target} {event.result.clause} {event.result.outcome.value}")
        if event.done >= self._next:
            self._say(f"{event.done} of {event.total}")
            self._next = min(event.total, event.done - event.done % -(-event.total // _STEPS) + -(-event.total // _STEPS))

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class LivingLine:
    """For a terminal without rich: findings scroll, and one line below them is written over and over."""

    def __init__(self, stream: TextIO, paint: Paint) -> None:
        self._stream = stream
        self._paint = paint

    def __enter__(self) -> Shown:
        """Return what is to be called with each event."""
        return self.show

    def __exit__(self, *_: object) -> None:
        """Leave an empty line where the living one was."""
        self._write("")

    def show(self, event: engine.Event) -> None:
        """Write the line anew, below what is to stay."""
        width = width_of(self._stream)
        if isinstance(event, engine.TargetFailed):
            self._write(clip(f"{event.name} cannot be judged: {plain(event.error)}", width) + "\n")
        elif isinstance(event, engine.ClauseFinished):
            if event.result.outcome in UNEXPECTED:
                self._write(finding(event.result, self._paint, width) + "\n")
            self._write(clip(f"{event.done} of {event.total}  {event.result.target} {event.result.clause}", width - 1))

    def _write(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}")
        self._stream.flush()


class Bars:
    """For a terminal with rich: a bar for each loop."""

    def __init__(self, *, no_color: bool) -> None:
        from rich.console import Console  # noqa: PLC0415 - imported only when a terminal is to be drawn
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        console = Console(stderr=True, no_color=no_color, highlight=False)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24, complete_style="cyan", finished_style="green"),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeElapsedColumn(),
        )
        self._progress: Progress = Progress(*columns, console=console, transient=True)
        self._paint = Paint(enabled=not no_color)
        self._tasks: dict[str, TaskID] = {}
        self._bad: dict[str, int] = {}

    def __enter__(self) -> Shown:
        """Start to draw, and return what is to be called with each event."""
        self._progress.start()
        return self.show

    def __exit__(self, *_: object) -> None:
        """Take the bars away."""
        self._progress.stop()

    def show(self, event: engine.Event) -> None:
        """Move the bars."""
        if isinstance(event, engine.RunStarted):
            for spec in event.targets:
                total = event.total // max(1, len(event.targets))
                self._tasks[spec] = self._progress.add_task(clip(spec, 28), total=total, state="")
        elif isinstance(event, engine.TargetFailed):
            self._say(clip(f"{event.name} cannot be judged: {plain(event.error)}", self._progress.console.width))
            self._progress.update(self._tasks[event.spec], state="cannot be judged")
        elif isinstance(event, engine.ClauseFinished):
            self._clause(event.result)

    def _clause(self, result: Result) -> None:
        if result.outcome in UNEXPECTED:
            self._bad[result.target] = self._bad.get(result.target, 0) + 1
            self._say(finding(result, self._paint, self._progress.console.width))
        bad = self._bad.get(result.target, 0)
        if result.outcome is not Outcome.NOTRUN:
            self._progress.update(self._tasks[result.target], state=f"{bad} bad" if bad else "")
        self._progress.advance(self._tasks[result.target])

    def _say(self, line: str) -> None:
        from rich.text import Text  # noqa: PLC0415 - as above

        self._progress.console.print(Text.from_ansi(line))
