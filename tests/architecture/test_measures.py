"""The measures of the house: small modules, small functions, and no marks of unfinished work."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = sorted(path for root in ("loops", "framework", "conformance") for path in (ROOT / root).rglob("*.py"))


def _functions(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc = ast.get_docstring(node, clean=False)
            yield node.name, node.end_lineno - node.lineno + 1 - (doc.count("\n") + 1 if doc else 0)


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_has_at_most_600_lines_and_its_functions_at_most_60(path):
    assert path.read_text(encoding="utf-8").count("\n") <= 600
    assert not [(name, lines) for name, lines in _functions(path) if lines > 60]


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_swallows_no_error_whole_and_leaves_no_mark_of_unfinished_work(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text)
    assert not re.search(r"except(?: \(?(?:Base)?Exception\)?)?:\s*(?:#.*)?\n\s+pass\b", text)


def test_the_median_module_has_fewer_than_200_lines():
    assert statistics.median(path.read_text(encoding="utf-8").count("\n") for path in PRODUCT) < 200


def test_nine_in_ten_functions_have_fewer_than_25_lines():
    sizes = sorted(lines for path in PRODUCT for _, lines in _functions(path))
    assert sizes[int(len(sizes) * 0.9)] < 25
