"""The static checks are tests: style, types, layer laws and generated files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"

CHECKS = {
    "ruff finds nothing": ["-m", "ruff", "check", "--no-cache", "--output-format", "concise"],
    "ruff would format nothing": ["-m", "ruff", "format", "--check", "--no-cache"],
    "mypy finds nothing under --strict": ["-m", "mypy"],
    "imports obey the layer laws": ["-c", LINT_IMPORTS],
    "generated files have not drifted": ["ci/generate.py", "--check"],
}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", CHECKS.values(), ids=CHECKS)
def test_the_checks_pass(arguments):
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
