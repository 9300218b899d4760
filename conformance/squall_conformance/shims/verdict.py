"""How a stand-alone script comes to its one word."""

from __future__ import annotations

import faulthandler
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from squall_conformance.stage import Stage, Unsupported


def judge(clause: Callable[[Stage], None], make: Callable[[], Any], seconds: float) -> int:
    """Run the clause and print OK (0), FAIL (1) or UNSUPPORTED (0). After ``seconds`` print all stacks and exit with 1."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        play(clause, make)
        held = descriptors()
        play(clause, make)  # again, since what a process opens only once is no leak
        left = descriptors() - held
    except Unsupported as exc:
        print(f"UNSUPPORTED: {exc}")  # noqa: T201 - a script's answer
        return 0
    except BaseException as exc:  # noqa: BLE001 - whatever comes out is the loop's doing
        traceback.print_exc()
        print(f"FAIL: {exc}")  # noqa: T201 - a script's answer
        return 1
    print(f"FAIL: {left} descriptors were left open" if left > 0 else "OK")  # noqa: T201 - a script's answer
    return int(left > 0)


def play(clause: Callable[[Stage], None], make: Callable[[], Any]) -> None:
    """Run the clause once and close what it opened."""
    stage = Stage(make)
    try:
        clause(stage)
        stage.fail_on_reports()
    finally:
        stage.tear_down()


def descriptors() -> int:
    """Return how many descriptors the process holds, where the system tells."""
    with suppress(OSError):
        return len(list(Path("/dev/fd").iterdir()))
    return 0
