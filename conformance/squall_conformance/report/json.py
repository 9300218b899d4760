"""``squall/report/1``: the run as a document; its schema lies beside this file as ``report.v1.schema.json``."""

from __future__ import annotations

import json
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any, Final

from squall_conformance.outcome import Outcome, Result, RunReport, TargetReport
from squall_conformance.report import view

SCHEMA_NAME: Final = "squall/report/1"
"""The value of ``schema`` in every document of this form."""


def document(run: RunReport) -> dict[str, Any]:
    """Return the run as plain dicts, lists, strings and numbers."""
    return {
        "schema": SCHEMA_NAME,
        "kit": run.kit,
        "contract": run.contract,
        "started": run.started,
        "seconds": round(run.seconds, 3),
        "environment": dict(run.environment),
        "control": {"spec": run.control, "failed": _failed_by_control(run)},
        "profiles": list(run.profiles),
        "exit_code": run.exit_code,
        "notes": list(run.notes),
        "targets": [_target(target) for target in run.targets],
    }


def write(run: RunReport, path: Path) -> None:
    """Write the document, indented, in UTF-8. OSError when the file cannot be written."""
    path.write_text(json.dumps(document(run), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the document."""
    text = resources.files("squall_conformance.report").joinpath("report.v1.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _failed_by_control(run: RunReport) -> list[str]:
    return sorted({result.clause for _, result in view.with_outcome(run, Outcome.INVALID)})


def _target(target: TargetReport) -> dict[str, Any]:
    return {
        "spec": target.spec,
        "name": target.name,
        "version": target.version,
        "start_error": target.start_error,
        "abilities": sorted(target.abilities),
        "profiles": [_profile(target, profile, verdict) for profile, verdict in target.verdicts.items()],
        "results": [_result(target, result) for result in target.results],
    }


def _profile(target: TargetReport, profile: str, verdict: str) -> dict[str, Any]:
    of_it = [result for result in target.results if _profile_of(result) == profile]
    return {
        "name": profile,
        "verdict": verdict,
        "clauses": len(of_it),
        "executed": view.tally(of_it).executed,
        **{
            level.lower(): _counts([result for result in of_it if result.level == level]) for level in ("MUST", "SHOULD", "MAY")
        },
    }


def _profile_of(result: Result) -> str:
    rule = view.rule_of(result)
    return rule.profile if rule else "kernel"


def _counts(results: list[Result]) -> dict[str, int]:
    return {"total": len(results), **Counter(result.outcome.value for result in results)}


def _result(target: TargetReport, result: Result) -> dict[str, Any]:
    return {
        "clause": result.clause,
        "rule": result.rule,
        "level": result.level,
        "outcome": result.outcome.value,
        "runs": result.runs,
        "bad_runs": result.bad_runs,
        "ms": round(result.milliseconds, 3),
        "deviation": result.deviation,
        "message": result.message,
        "detail": result.detail,
        "leaks": dict(result.leaks),
        "repro": view.repro_command(target, result),
    }
