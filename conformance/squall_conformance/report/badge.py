"""A badge for each target and profile: SVG, and the JSON that shields.io reads from an endpoint."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Final

from squall_conformance.outcome import RunReport, TargetReport
from squall_conformance.report import view

_COLOURS: Final = {"conformant": "#1a7f37", "partial": "#9a6700", "failing": "#c0232c"}
_NAMES: Final = {"conformant": "brightgreen", "partial": "yellow", "failing": "red"}
_WIDTH: Final = 6.6  # pixels of an average character at 11 px in the usual fonts


def write(run: RunReport, path: Path) -> None:
    """Write ``LOOP-PROFILE.svg`` and ``.json`` into the directory, which is made if need be. OSError when that fails."""
    path.mkdir(parents=True, exist_ok=True)
    for target in run.targets:
        for profile in target.verdicts or dict.fromkeys(run.profiles, ""):
            stem = path / f"{file_name(target.name or target.spec)}-{file_name(profile)}"
            stem.with_name(stem.name + ".json").write_text(endpoint(target, profile), encoding="utf-8")
            stem.with_name(stem.name + ".svg").write_text(svg(target, profile), encoding="utf-8")


def file_name(text: str) -> str:
    """Return the text as a part of a file's name: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.") or "loop"


def message(target: TargetReport, profile: str) -> str:
    """Return the right half of the badge: the verdict, and how many MUST clauses passed where that is not all of them."""
    verdict = "not judged" if target.start_error else target.verdicts.get(profile, "not run")
    must = view.tally(view.of_level(target, "MUST"))
    whole = must.passed == must.total
    return verdict if whole or target.start_error else f"{verdict} {must.passed}/{must.total}"


def endpoint(target: TargetReport, profile: str) -> str:
    """Return the JSON for https://shields.io/badges/endpoint-badge."""
    verdict = "failing" if target.start_error else target.verdicts.get(profile, "")
    document = {
        "schemaVersion": 1,
        "label": f"squall {profile}",
        "message": message(target, profile),
        "color": _NAMES.get(verdict, "lightgrey"),
    }
    return json.dumps(document) + "\n"


def svg(target: TargetReport, profile: str) -> str:
    """Return the badge as a picture of its own."""
    verdict = "failing" if target.start_error else target.verdicts.get(profile, "")
    left, right = f"squall {profile}", message(target, profile)
    first, second = (round(len(text) * _WIDTH + 14) for text in (left, right))
    label = escape(f"{left}: {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{first + second}" height="20" role="img" aria-label="{label}">'
        f'<title>{label}</title><clipPath id="r"><rect width="{first + second}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{first}" height="20" fill="#3d444d"/>'
        f'<rect x="{first}" width="{second}" height="20" fill="{_COLOURS.get(verdict, "#6e7781")}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">'
        f'<text x="{first / 2}" y="14" textLength="{first - 12}">{escape(left)}</text>'
        f'<text x="{first + second / 2}" y="14" textLength="{second - 12}">{escape(right)}</text></g></svg>\n'
    )
