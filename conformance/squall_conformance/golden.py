"""The golden matrix: which clauses each saboteur does not pass, and how. Compact JSON; a cell that is not there is a pass.

    {"schema": 1, "rows": {"Lifo": {"fail": ["CB-002/the_order_of_adding_is_kept"], "may": {"CB-009/x": ["fail", "pass"]}}}}

``may`` holds cells that were seen both ways: defects that only sometimes disturb a clause which is not about them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

Cell = tuple[str, str]
"""Names a saboteur and a clause."""

PASS: Final = frozenset({"pass"})
_SCHEMA: Final = 1


class GoldenError(ValueError):
    """The golden file cannot be used; the message says why."""


def read(file: Path) -> dict[Cell, frozenset[str]]:
    """Return the outcomes that each cell may have; empty when there is no file yet. GoldenError when it is not one of ours."""
    if not file.exists():
        return {}
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["schema"] != _SCHEMA:
            message = f"{file}: schema {document['schema']!r} instead of {_SCHEMA}"
            raise GoldenError(message)
        return {
            (saboteur, clause): outcomes for saboteur, row in document["rows"].items() for clause, outcomes in _row(row).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        message = f"{file}: no golden matrix: {exc}"
        raise GoldenError(message) from exc


def _row(row: Mapping[str, object]) -> dict[str, frozenset[str]]:
    cells: dict[str, frozenset[str]] = {}
    for outcome, clauses in row.items():
        if isinstance(clauses, dict):
            cells.update({clause: frozenset(outcomes) for clause, outcomes in clauses.items()})
        elif isinstance(clauses, list):
            cells.update({clause: frozenset({outcome}) for clause in clauses})
    return cells


def write(file: Path, cells: Mapping[Cell, frozenset[str]]) -> None:
    """Write the matrix, one line for each list, so that a change is a readable difference."""
    rows: dict[str, dict[str, object]] = {}
    for (saboteur, clause), outcomes in sorted(cells.items()):
        row = rows.setdefault(saboteur, {})
        if outcomes == PASS:
            continue
        if len(outcomes) > 1:
            may = row.setdefault("may", {})
            assert isinstance(may, dict)  # noqa: S101 - put there by the line above
            may[clause] = sorted(outcomes)
        else:
            listed = row.setdefault(next(iter(outcomes)), [])
            assert isinstance(listed, list)  # noqa: S101 - put there by the line above
            listed.append(clause)
    file.write_text(json.dumps({"schema": _SCHEMA, "rows": rows}, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def differences(golden: Mapping[Cell, frozenset[str]], seen: Mapping[Cell, str]) -> Iterable[tuple[Cell, str, frozenset[str]]]:
    """Return the cells that came out as the golden matrix does not allow: the cell, what was seen, what is allowed."""
    for cell, outcome in seen.items():
        allowed = golden.get(cell, PASS)
        if outcome not in allowed:
            yield cell, outcome, allowed
