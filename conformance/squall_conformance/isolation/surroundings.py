"""What every worker process is started with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from squall_conformance.isolation.protocol import MARKER


def environment(marker: str) -> dict[str, str]:
    """Return the environment of workers: ours, with our import path and the marker of the run."""
    path = [entry or str(Path.cwd()) for entry in sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(Path.cwd())]), MARKER: marker}
