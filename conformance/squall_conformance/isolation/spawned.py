"""A fresh interpreter for each clause, where nothing can be forked (Windows) or nothing may (a target that starts threads)."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from squall_conformance.isolation import processes
from squall_conformance.isolation.attempt import Ended, read_text
from squall_conformance.isolation.protocol import DUMP_SIGNAL, Message, decode
from squall_conformance.isolation.surroundings import environment
from squall_conformance.isolation.watch import DUMP_SECONDS, Tick


def run_once(directory: Path, marker: str, request: Message, timeout: float, tick: Tick | None = None) -> Ended:
    """Run the request in an interpreter of its own and return how that ended."""
    directory.mkdir()
    nonce = secrets.token_hex(16)
    full = json.dumps({**request, "nonce": nonce, "directory": str(directory)})
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", "squall_conformance.worker", "once", full],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(marker),
        start_new_session=True,
    )
    timed_out = 0.0
    while process.poll() is None:
        seconds = time.monotonic() - began
        if seconds > timeout:
            timed_out = timeout
            if DUMP_SIGNAL is not None:
                process.send_signal(DUMP_SIGNAL)
                time.sleep(DUMP_SECONDS)
            process.kill()
        elif tick:
            tick(process.pid, seconds)
        with suppress(subprocess.TimeoutExpired):
            process.wait(min(0.25, max(timeout - seconds, 0.0) + 0.01))
    processes.kill_group(process.pid)
    return _read_answers(directory, nonce, process.returncode, time.monotonic() - began, timed_out)


def _read_answers(directory: Path, nonce: str, exit_code: int, seconds: float, timed_out: float) -> Ended:
    ended = Ended(result=None, exit_code=exit_code, seconds=seconds, timed_out=timed_out)
    for line in read_text(directory / "answers").splitlines():
        message = decode(line.encode())
        if message.get("nonce") == nonce:
            ended.result = message.get("result", ended.result)
            ended.at = message.get("at", ended.at)
            ended.passed += [message["passed"]] if "passed" in message else []
    ended.output = read_text(directory / "output")
    ended.stacks = read_text(directory / "stacks")
    shutil.rmtree(directory, ignore_errors=True)
    return ended
