"""A run made by hand: every outcome, several targets, and text that would break a careless report."""

from __future__ import annotations

from squall_conformance.outcome import Outcome, Result, RunReport, TargetReport
from squall_loops.contract.rules import RULES

NASTY = "<script>alert('x')</script> & \"quotes\" ]]> `tick` | pipe \x00\x1b[31m"
TRACEBACK = 'Traceback (most recent call last):\n  File "clause.py", line 7, in flags\n    expect(False)\nClauseFailure: no\n'

ODD = {
    "uvloop": {
        "FD-021": (Outcome.XFAIL, "the descriptor came back non-blocking"),
        "CB-003": (Outcome.FLAKY, "order was [2, 1]"),
        "FK-002": (Outcome.INVALID, "the control loop failed it here too"),
    },
    "strange.package:make_loop": {
        "TM-001": (Outcome.FAIL, "ran 3.1 ms before its deadline"),
        "TM-004": (Outcome.FAIL, "equal deadlines ran as [2, 1]"),
        "FD-010": (Outcome.FAIL, NASTY),
        "FD-020": (Outcome.CRASH, "killed by SIGSEGV"),
        "TH-001": (Outcome.HANG, "nothing for 5.0 s; 2 threads were waiting"),
        "RS-002": (Outcome.LEAK, "left 2 descriptors open"),
        "LC-003": (Outcome.XPASS, "passed although a deviation is listed"),
        "SG-001": (Outcome.UNSUPPORTED, "needs signals"),
        "SG-002": (Outcome.UNTESTABLE, "no clause can see this"),
        "CX-001": (Outcome.NOTRUN, ""),
    },
}
VERDICTS = {"uvloop": "partial", "strange.package:make_loop": "failing"}


def target(spec: str, version: str = "") -> TargetReport:
    odd = ODD.get(spec, {})
    results = []
    for rule in RULES:
        outcome, message = odd.get(rule.id, (Outcome.PASS, ""))
        flaky = outcome is Outcome.FLAKY
        results.append(
            Result(
                target=spec,
                clause=f"{rule.id}/holds",
                rule=rule.id,
                level=rule.level.value,
                outcome=outcome,
                message=message,
                detail=TRACEBACK if message else "",
                milliseconds=4.25,
                runs=10 if flaky else 1,
                bad_runs=3 if flaky else int(outcome is not Outcome.PASS),
                deviation="its own poll flips the flag (https://example.org/712)" if outcome is Outcome.XFAIL else "",
                leaks={"descriptors": 2} if outcome is Outcome.LEAK else {},
            )
        )
    return TargetReport(
        spec=spec, name=spec, version=version, results=results, verdicts={"kernel": VERDICTS.get(spec, "conformant")}
    )


def sample() -> RunReport:
    return RunReport(
        started="2026-11-22T23:30:00+00:00",
        seconds=41.25,
        kit="0.1.0",
        contract="1",
        environment={"python": "3.11.2", "implementation": "CPython", "os": "Linux", "release": "6.1.0", "cores": "2"},
        control="select",
        profiles=("kernel",),
        targets=[
            *(target(name) for name in ("epoll", "poll", "select", "asyncio")),
            target("uvloop", "0.22.1"),
            *(target(f"twisted:{name}", "25.5.0") for name in ("select", "epoll", "asyncio")),
            target("strange.package:make_loop", "0.0.1"),
            TargetReport(spec="broken:make", name="broken:make", start_error="ZeroDivisionError: division by zero"),
        ],
        exit_code=1,
        notes=["deviation FD-099 of uvloop matches no clause"],
    )
