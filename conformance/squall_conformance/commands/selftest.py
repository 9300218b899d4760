"""Prove that the kit can convict: each loop that was broken on purpose is caught by a clause of its own rule.

Three parts: every saboteur is caught, in the right words; the golden matrix of saboteurs and clauses holds, so that nothing is
convicted that was not before; and a clean loop trips nothing, again and again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from squall_conformance.commands import UsageError
from squall_conformance.commands.arguments import factor, from_zero
from squall_conformance.report.style import Paint, clip, is_terminal, wants_colour, width_of
from squall_conformance.report.terminal import plain

if TYPE_CHECKING:
    from squall_conformance.selftest import Report, Step

EPILOG: Final = """\
The saboteurs are not installed with squall; they are in its repository, in tests/conformance/saboteurs.

examples:
  squall selftest                          all of it
  squall selftest --only LifoCallbacks     one saboteur
  squall selftest --update                 accept what was seen as the golden matrix
"""

_PLACE: Final = Path("tests", "conformance", "saboteurs")


def configure(parser: argparse.ArgumentParser) -> None:
    """State the arguments."""
    parser.add_argument("--saboteurs", type=Path, metavar="DIR", help="where they are (default: those of the repository)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only this saboteur")
    parser.add_argument("--update", action="store_true", help="write the golden matrix anew from what is seen")
    parser.add_argument("--no-matrix", action="store_true", help="leave out the golden matrix")
    parser.add_argument("--repeats", type=from_zero, default=20, metavar="N", help="runs of the clean loop (default: 20)")
    parser.add_argument("-n", "--jobs", type=from_zero, default=0, metavar="N", help="processes at once (default: one a core)")
    parser.add_argument("--timeout-scale", type=factor, default=1.0, metavar="X", help="multiply every time limit")
    parser.add_argument("--no-color", action="store_true", help="no colours, also on a terminal")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the summary and the problems")


def run(arguments: argparse.Namespace) -> int:
    """Prove it; 0 when all is well, 1 when a saboteur escaped or something else is wrong, 5 when nothing ran."""
    folder = folder_of(arguments.saboteurs)
    from squall_conformance import selftest  # noqa: PLC0415 - so that --help is instant
    from squall_conformance.golden import GoldenError  # noqa: PLC0415 - the same
    from squall_conformance.registry import SelectionError  # noqa: PLC0415 - the same

    options = selftest.Options(
        saboteurs=tuple(arguments.only),
        matrix=not arguments.no_matrix,
        update=arguments.update,
        repeats=arguments.repeats,
        jobs=arguments.jobs,
        timeout_scale=arguments.timeout_scale,
    )
    shown = (lambda _step: None) if arguments.quiet else _teller(no_color=arguments.no_color)
    try:
        report = selftest.run(folder, options, shown)
    except (SelectionError, GoldenError) as exc:
        raise UsageError(str(exc)) from exc
    paint = Paint(enabled=wants_colour(sys.stdout, forbidden=arguments.no_color))
    print("\n".join(summary(report, paint)))  # noqa: T201 - a command talks
    return report.exit_code


def folder_of(given: Path | None) -> Path:
    """Return the folder of saboteurs: the given one, that of a repository around the working directory, or that of ours."""
    if given is not None:
        if (given / "catalogue.py").is_file():
            return given
        raise UsageError(f"--saboteurs {given}: there is no catalogue.py in it")
    here = Path.cwd()
    for root in (here, *here.parents, *Path(__file__).resolve().parents):
        if (root / _PLACE / "catalogue.py").is_file():
            return root / _PLACE
    raise UsageError(
        "the saboteurs are not here: squall was installed without its tests. Get the repository and run this in it, "
        f"or name its {_PLACE.as_posix()} with --saboteurs"
    )


def _teller(*, no_color: bool) -> Callable[[Step], None]:
    """Return what shows the steps on stderr: one living line on a terminal, else what went wrong and each hundredth step."""
    paint = Paint(enabled=wants_colour(sys.stderr, forbidden=no_color))
    living = is_terminal(sys.stderr)

    def tell(step: Step) -> None:
        line = clip(f"{step.part} {step.done} of {step.total}  {plain(step.text)}", width_of(sys.stderr) - 1)
        if not step.ok:
            line = paint(line, "red")
        if living:
            sys.stderr.write(f"\r\x1b[K{line}" + ("" if step.ok else "\n"))
        elif not step.ok or step.done % 100 == 0 or step.done == step.total:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()

    return tell


def summary(report: Report, paint: Paint) -> Iterator[str]:
    """Yield what was shown, and what is wrong."""
    yield paint(f"{len(report.caught)} of {report.saboteurs} saboteurs caught", "bold") + (
        f" by {report.clauses} clauses; {report.cells} runs, {report.clean_runs} of clean loops, {report.seconds:.1f} s"
    )
    for problem in report.problems:
        yield paint("problem: ", "red") + plain(problem)
    yield paint("all is well", "green") if not report.problems else paint(f"problems: {len(report.problems)}", "red", "bold")
