"""Judge loops by the contract: every clause on every loop, each in a process of its own, and the matrix of what came of it.

Without a target every loop available here is judged. A target is a short name (see 'squall loops'), twisted:NAME, or
package.module:factory, the factory of anyone's loop, called without arguments.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from squall_conformance.commands import EXIT_CODES, UsageError
from squall_conformance.commands.arguments import factor, from_one, from_zero

if TYPE_CHECKING:
    from squall_conformance.outcome import RunReport

EPILOG: Final = f"""\
examples:
  squall check                                   every loop here
  squall check epoll uvloop                      two of them
  squall check mypackage.loops:make --rule FD    a loop of your own, the rules on descriptors only
  squall check uvloop --rule TM-001 --repeat 50  does it always keep that rule?
  squall check --html report.html --json report.json --junit junit.xml

{EXIT_CODES}"""

_FILES: Final = {
    "json": ("FILE", "the whole run as squall/report/1 (the schema lies in squall_conformance/report)"),
    "html": ("FILE", "one page with everything, to look around in"),
    "junit": ("FILE", "JUnit XML, for continuous integration"),
    "markdown": ("FILE", "a summary, for example for $GITHUB_STEP_SUMMARY (appended to a file that is there)"),
    "picture": ("FILE", "the matrix as SVG"),
    "badge": ("DIR", "a badge for each loop and profile: SVG, and JSON for shields.io"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """State the arguments."""
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="loops to judge (default: all that are available)")
    what = parser.add_argument_group("what is run")
    what.add_argument("--profile", action="append", metavar="NAME", help="profile to judge by (default: kernel)")
    what.add_argument("--rule", action="append", metavar="ID", help="only this rule, clause, area or glob: FD-010, FD, 'TM-*'")
    what.add_argument("--repeat", type=from_one, default=1, metavar="K", help="run each clause K times; what differs is flaky")
    what.add_argument("--control", default="", metavar="SPEC", help="loop that failures are compared with (default: select)")
    what.add_argument("--deviations", action="append", type=Path, metavar="FILE", help="known deviations, as TOML")
    what.add_argument("--strict", action="store_true", help="use no deviations but those of --deviations")
    what.add_argument("--baseline", type=from_zero, default=0, metavar="N", help="exit with 5 when fewer clauses ran on a loop")
    how = parser.add_argument_group("how")
    how.add_argument(
        "-n", "--jobs", type=from_zero, default=0, metavar="N", help="processes at once (default: one for each core)"
    )
    how.add_argument(
        "--timeout-scale", type=factor, default=1.0, metavar="X", help="multiply every time limit, on a slow machine"
    )
    how.add_argument("--no-color", action="store_true", help="no colours; NO_COLOR and FORCE_COLOR are obeyed too")
    how.add_argument("-q", "--quiet", action="store_true", help="no progress, and no report but the files")
    files = parser.add_argument_group("reports beside the one in the terminal")
    for name, (metavar, text) in _FILES.items():
        files.add_argument(f"--{name}", type=Path, metavar=metavar, help=text)


def run(arguments: argparse.Namespace) -> int:
    """Judge, report and return the exit code of the run."""
    from squall_conformance import engine  # noqa: PLC0415 - so that --help is instant
    from squall_conformance.deviations import DeviationError  # noqa: PLC0415 - the same
    from squall_conformance.registry import SelectionError  # noqa: PLC0415 - the same
    from squall_conformance.report.progress import watcher  # noqa: PLC0415 - the same

    targets = arguments.targets or available()
    options = engine.Options(
        profiles=tuple(arguments.profile or ("kernel",)),
        rules=tuple(area_or_id(rule) for rule in arguments.rule or ()),
        jobs=arguments.jobs,
        timeout_scale=arguments.timeout_scale,
        repeat=arguments.repeat,
        control=arguments.control,
        deviations=tuple(arguments.deviations or ()),
        known_deviations=not arguments.strict,
        baseline=arguments.baseline,
    )
    _refuse_unwritable(arguments)
    try:
        with watcher(quiet=arguments.quiet, no_color=arguments.no_color) as show:
            report = engine.run(targets, options, show)
    except (SelectionError, DeviationError) as exc:
        raise UsageError(str(exc)) from exc
    if arguments.rule:
        report.notes.append("only some rules were asked for, so no profile can be called conformant")
    write_files(arguments, report)
    if not arguments.quiet:
        _print(report, no_color=arguments.no_color)
    return report.exit_code


def available() -> list[str]:
    """Return the specs of every loop that can be had here."""
    from squall_loops.availability import known_loops  # noqa: PLC0415 - as above

    return [loop.spec for loop in known_loops() if loop.available]


def area_or_id(text: str) -> str:
    """Return what was given for a rule with its letters as the contract has them: ``fd-010`` is ``FD-010``."""
    rule, slash, name = text.partition("/")
    return rule.upper() + slash + name


def _refuse_unwritable(arguments: argparse.Namespace) -> None:
    """Say before the run, not after it, that a report cannot be written."""
    for name, (metavar, _) in _FILES.items():
        path: Path | None = getattr(arguments, name)
        if path is None:
            continue
        if metavar == "FILE" and path.is_dir():
            raise UsageError(f"--{name} {path}: that is a directory; name a file in it")
        if metavar == "DIR" and path.exists() and not path.is_dir():
            raise UsageError(f"--{name} {path}: that is a file; name a directory")
        if not path.parent.is_dir() and metavar == "FILE":
            raise UsageError(f"--{name} {path}: there is no directory {path.parent}")


def write_files(arguments: argparse.Namespace, report: RunReport) -> None:
    """Write the reports that were asked for. UsageError when the system refuses a file."""
    import importlib  # noqa: PLC0415 - only the reports that are wanted are imported

    for name in _FILES:
        path: Path | None = getattr(arguments, name)
        if path is not None:
            try:
                importlib.import_module(f"squall_conformance.report.{name}").write(report, path)
            except OSError as exc:
                raise UsageError(f"--{name} {path}: {exc.strerror or exc}") from exc


def _print(report: RunReport, *, no_color: bool) -> None:
    from squall_conformance.report import style, terminal  # noqa: PLC0415 - as above

    paint = style.Paint(enabled=style.wants_colour(sys.stdout, forbidden=no_color))
    text = terminal.render(report, paint, style.width_of(sys.stdout))
    if not style.speaks_unicode(sys.stdout):
        text = text.replace("·", "-").replace("…", "~").encode("ascii", "replace").decode("ascii")
    sys.stdout.write(text)
