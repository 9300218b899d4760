#!/usr/bin/env python3
"""The one entry point: sets up a virtual environment of its own and runs the project's commands in it.

Standard library only, Python 3.11 or later, Linux, macOS and Windows. ``python3 ci/run.py --help`` lists the commands.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "ci" / "constraints.txt"
REPORT = ROOT / "report"
OLDEST = (3, 11)
EXTRAS = "check,dev"


class Failure(Exception):  # noqa: N818 - it is shown to people as "failed: ..."
    """Something that the user can mend; the message says how."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


# --- talking to people ---------------------------------------------------------------------------------------------


def _colour(text: str, code: str) -> str:
    wanted = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return f"\033[{code}m{text}\033[0m" if wanted else text


def say(text: str) -> None:
    """Print one line of progress to standard error."""
    print(text, file=sys.stderr, flush=True)


def show(command: Sequence[str | Path]) -> None:
    """Print a command so that it can be copied into a shell."""
    words = [str(word) for word in command]
    say(_colour("$ " + (subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)), "36"))


def call(command: Sequence[str | Path], *, env: dict[str, str] | None = None) -> int:
    """Show a command, run it from the repository's root, and return its exit code."""
    show(command)
    return subprocess.run([str(word) for word in command], cwd=ROOT, env=env, check=False).returncode


def must(command: Sequence[str | Path], advice: str) -> None:
    """Run a command of the set-up; when it fails, stop with advice."""
    code = call(command)
    if code != 0:
        raise Failure(f"the command above ended with exit code {code}. {advice}")


# --- the virtual environment ---------------------------------------------------------------------------------------


def venv_python(venv: Path) -> Path:
    """Return the interpreter inside a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint(extras: str) -> str:
    """Return a digest of everything that decides what the environment holds."""
    parts = [sys.version.encode(), extras.encode(), (ROOT / "pyproject.toml").read_bytes()]
    if CONSTRAINTS.exists():
        parts.append(CONSTRAINTS.read_bytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def ensure(venv: Path, extras: str = EXTRAS) -> Path:
    """Make or renew the environment if anything it depends on has changed; return its interpreter."""
    stamp = venv / "squall-stamp"
    python = venv_python(venv)
    wanted = fingerprint(extras)
    if python.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return python
    began = time.monotonic()
    say(_colour(f"Setting up {venv} (Python {sys.version.split()[0]}; once, and again when pyproject.toml changes)", "1"))
    make_venv(venv)
    must(
        [*installer(venv), *pinned(), "--editable", f".[{extras}]"],
        "Is the network there, and the package index reachable? `pip config list` shows which index is asked. "
        "Newer releases than the pinned ones: `python3 ci/run.py pin`.",
    )
    stamp.write_text(wanted, encoding="ascii")
    say(f"Ready after {time.monotonic() - began:.0f} s.")
    return python


def pinned() -> list[str | Path]:
    """Return the options that hold an installation to the pinned releases."""
    return ["--constraint", CONSTRAINTS] if CONSTRAINTS.exists() else []


def make_venv(venv: Path) -> None:
    """Create the environment afresh: by uv where it is, by venv elsewhere, without pip where Debian took ensurepip out."""
    if shutil.which("uv"):
        must(["uv", "venv", "--quiet", "--clear", "--python", sys.executable, venv], "uv could not make the environment.")
        return
    command: list[str | Path] = [sys.executable, "-m", "venv", "--clear", venv]
    if importlib.util.find_spec("ensurepip") is None:
        say("This Python has no ensurepip (Debian's python3-venv is missing): making the environment without pip.")
        command.insert(3, "--without-pip")
    must(command, "Is the folder writable, and does this Python have the venv module?")


def installer(venv: Path) -> list[str | Path]:
    """Return the beginning of an install command that puts packages into ``venv``."""
    python = venv_python(venv)
    if shutil.which("uv"):
        return ["uv", "pip", "install", "--python", python]
    quiet: list[str | Path] = ["--disable-pip-version-check", "install", "--quiet"]
    if _has_pip(python):
        return [python, "-m", "pip", *quiet]
    if _has_pip(Path(sys.executable)):
        return [sys.executable, "-m", "pip", "--python", python, *quiet]
    return [sys.executable, fetch_pip(venv), "--python", python, *quiet]


def _has_pip(python: Path) -> bool:
    command = [str(python), "-m", "pip", "--version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def fetch_pip(folder: Path, index: str | None = None) -> Path:
    """Download pip's wheel into the folder, check it against the index's SHA-256, and return what Python can run of it.

    ``index`` is a simple index (PEP 691); without it PIP_INDEX_URL or PyPI.
    """
    index = (index or os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple").rstrip("/")
    request = urllib.request.Request(f"{index}/pip/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})  # noqa: S310 - the index the user configured
    say(f"This Python has no pip either: fetching it from {index}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the same
            files = json.load(answer)["files"]
        wheel = max(files, key=_release)
        url = urllib.parse.urljoin(f"{index}/pip/", wheel["url"])
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - the same
            body = answer.read()
    except (OSError, ValueError, LookupError) as exc:
        raise Failure(
            f"pip could not be fetched ({exc}). Install it: `apt install python3-venv` or `python3 -m ensurepip`."
        ) from exc
    if hashlib.sha256(body).hexdigest() != wheel["hashes"]["sha256"]:
        raise Failure(f"{url} is not what the index promised (SHA-256 differs); nothing was run.")
    path = folder / wheel["filename"]
    path.write_bytes(body)
    return path / "pip"


def _release(file: dict[str, Any]) -> tuple[int, ...]:
    """Return what orders wheels by their release, as numbers; what is no final wheel for every machine comes first."""
    name = re.fullmatch(r"pip-([0-9]+(?:\.[0-9]+)*)-py3-none-any\.whl", file["filename"])
    return tuple(int(part) for part in name[1].split(".")) if name and not file.get("yanked") else ()


# --- the commands --------------------------------------------------------------------------------------------------


def check(python: Path, rest: list[str]) -> int:
    """Run the conformance matrix over every loop available, print it, and write the report."""
    REPORT.mkdir(exist_ok=True)
    page = REPORT / "matrix.html"
    code = call([python, "-m", "squall_conformance", "check", "--html", page, "--json", REPORT / "report.json", *rest])
    if page.exists():
        say(f"Report: {page}")
    return code


def test(python: Path, rest: list[str]) -> int:
    """Run the test suite in parallel, the static checks among it."""
    workers = [] if any(word.startswith("-n") or word == "-p" for word in rest) else ["-n", "auto", "--dist", "worksteal"]
    code = call([python, "-m", "pytest", *workers, *rest])
    if code == 5:
        say(_colour("No test ran: the selection above matches nothing.", "31"))
    return code


def lint(python: Path, rest: list[str]) -> int:
    """Run ruff, mypy and the layer laws; with --fix, mend what can be mended first."""
    bin_dir = python.parent
    if "--fix" in rest:
        call([python, "-m", "ruff", "check", "--fix", "--quiet"])
        call([python, "-m", "ruff", "format", "--quiet"])
    commands: list[list[str | Path]] = [
        [python, "-m", "ruff", "check"],
        [python, "-m", "ruff", "format", "--check", "--quiet"],
        [python, "-m", "mypy"],
        [bin_dir / "lint-imports", "--no-cache"],
        [python, "ci/generate.py", "--check"],
    ]
    return max([call(command) for command in commands])


def generate(python: Path, rest: list[str]) -> int:
    """Write the generated files anew: docs/contract.md and the workflow; with --check only compare."""
    return call([python, "ci/generate.py", *rest])


def docs(python: Path, rest: list[str]) -> int:
    """Build the documentation into docs/_build."""
    must([*installer(python.parent.parent), *pinned(), "--editable", f".[{EXTRAS},docs]"], "Is the package index reachable?")
    return call([python, "-m", "sphinx", "-W", "--keep-going", "-b", "html", "docs", "docs/_build", *rest])


def bench(python: Path, rest: list[str]) -> int:
    """Run a benchmark, by default of the loops: ``bench loop --quick``."""
    return call([python, "-m", "squall_conformance", "bench", *(rest or ["loop"])])


def pin(python: Path, rest: list[str]) -> int:
    """Renew ci/constraints.txt: the newest releases that fit together today."""
    if rest:
        raise Failure(f"`pin` takes no arguments, but was given {shlex.join(rest)}")
    if not _has_pip(python):
        must([*installer(python.parent.parent), "pip"], "pip is needed to resolve the constraints.")
    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "plan.json"
        resolve = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", plan]
        must([*resolve, f".[{EXTRAS},docs]"], "The extras of pyproject.toml could not be resolved together.")
        packages = [item["metadata"] for item in json.loads(plan.read_text(encoding="utf-8"))["install"]]
    pins = sorted(f"{package['name'].lower()}=={package['version']}" for package in packages if package["name"] != "squall")
    head = "# Written by `python3 ci/run.py pin`. What CI and a fresh checkout install.\n"
    CONSTRAINTS.write_text(head + "\n".join(pins) + "\n", encoding="utf-8")
    say(f"{len(pins)} releases pinned in {CONSTRAINTS.relative_to(ROOT)}")
    return 0


COMMANDS: dict[str, Callable[[Path, list[str]], int]] = {
    "check": check,
    "test": test,
    "lint": lint,
    "generate": generate,
    "docs": docs,
    "bench": bench,
    "pin": pin,
}


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    lines = "\n".join(f"  {name:9} {(function.__doc__ or '').strip()}" for name, function in COMMANDS.items())
    top = argparse.ArgumentParser(
        prog="ci/run.py",
        description="Set up a virtual environment of the project's own and run one of its commands in it.",
        epilog=f"commands:\n{lines}\n\nWhat follows the command is passed on to it:\n"
        "  python3 ci/run.py check epoll uvloop\n  python3 ci/run.py test tests/loops -k timers\n\n"
        "exit codes: those of the command; 2 when the environment could not be set up.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--venv", type=Path, default=ROOT / ".venv", help="where the environment is (default: .venv)")
    top.add_argument("command", choices=COMMANDS, metavar="command", help=", ".join(COMMANDS))
    top.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="arguments for the command")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    if sys.version_info < OLDEST:
        say(f"Squall needs Python {OLDEST[0]}.{OLDEST[1]} or later; this is {sys.version.split()[0]} ({sys.executable}).")
        return 2
    options = parser().parse_args(arguments)
    try:
        return COMMANDS[options.command](ensure(options.venv.resolve()), options.rest)
    except Failure as failure:
        say(_colour(f"failed: {failure}", "31"))
        return failure.code
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
