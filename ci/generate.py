"""Writes the files that are made from others, or with --check says which of them have drifted.

docs/contract.md comes from the rules, .github/workflows/ci.yml from ci/matrix.toml. Run it by ``python3 ci/run.py generate``.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from squall_loops.contract.abilities import ABILITIES
from squall_loops.contract.rules import AREAS, RULES, Rule

ROOT = Path(__file__).resolve().parent.parent


def contract() -> str:
    """Return docs/contract.md."""
    return "\n".join([*_contract_head(), *(line for area in AREAS for line in _area(area))]) + "\n"


def _contract_head() -> Iterator[str]:
    yield "# The loop contract"
    yield ""
    yield "<!-- Written by `python3 ci/run.py generate` from squall_loops.contract.rules. Change the rules, not this page. -->"
    yield ""
    yield "What an event loop must do to carry Squall, and so any program with sockets, HTTP and WebSocket traffic."
    yield "MUST, SHOULD and MAY are those of RFC 2119. `squall check` tests every rule; `squall explain ID` shows one."
    yield ""
    levels = ", ".join(f"{sum(rule.level.value == level for rule in RULES)} {level}" for level in ("MUST", "SHOULD", "MAY"))
    yield f"{len(RULES)} rules: {levels}."
    yield ""
    yield "| area | rules | about |"
    yield "| --- | --- | --- |"
    for area, title in AREAS.items():
        yield f"| {area} | {sum(rule.area == area for rule in RULES)} | [{title}](#{title.lower()}) |"
    yield ""
    yield "Some rules need an ability, which a platform or a loop may lack; without it they do not apply:"
    yield ""
    for name, meaning in ABILITIES.items():
        yield f"- `{name}`: {meaning}"


def _area(area: str) -> Iterator[str]:
    yield f"\n## {AREAS[area]}"
    for rule in sorted((rule for rule in RULES if rule.area == area), key=lambda rule: rule.id):
        yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    yield f"\n### {rule.id}\n"
    yield f"**{rule.sentence}**\n"
    yield f"- Why: {rule.intent}"
    yield f"- Who breaks otherwise: {rule.consequence}"
    yield f"- Sources: {'; '.join(f'<{source}>' if source.startswith('http') else source for source in rule.sources)}"
    if rule.needs:
        yield f"- Needs: {', '.join(f'`{need}`' for need in sorted(rule.needs))}"
    if rule.untestable:
        yield f"- Not tested: {rule.untestable}"


WORKFLOW_HEAD = """\
# Written by `python3 ci/run.py generate` from ci/matrix.toml. Change that file, not this one.
name: ci
on:
  push:
    branches: [main]
  pull_request:
  schedule:
    - cron: "17 4 * * 1"
permissions:
  contents: read
concurrency:
  group: ci-${{ github.ref }}
  cancel-in-progress: true
jobs:
  loops:
    name: ${{ matrix.os }} Python ${{ matrix.python }}
    runs-on: ${{ matrix.os }}
    timeout-minutes: 30
    strategy:
      fail-fast: false
      matrix:
        include:
"""

WORKFLOW_STEPS = """\
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: ${{ matrix.python }}
          allow-prereleases: true
      - name: Conformance matrix
        run: python ci/run.py check ${{ matrix.loops }} --markdown report/summary.md --junit report/junit.xml
      - name: Tests
        if: matrix.test
        run: python ci/run.py test
      - name: Summary
        if: always()
        shell: bash
        run: if [ -f report/summary.md ]; then cat report/summary.md >> "$GITHUB_STEP_SUMMARY"; fi
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: report-${{ matrix.os }}-${{ matrix.python }}
          path: report
          if-no-files-found: ignore
"""


def workflow() -> str:
    """Return .github/workflows/ci.yml; ValueError when a row of ci/matrix.toml is not as it should be."""
    jobs = tomllib.loads((ROOT / "ci" / "matrix.toml").read_text(encoding="utf-8")).get("job", [])
    if not jobs:
        raise ValueError("ci/matrix.toml has no [[job]] row, so CI would run nothing")
    rows = []
    for number, job in enumerate(jobs, 1):
        if set(job) != {"os", "python", "loops", "test"}:
            raise ValueError(
                f"ci/matrix.toml, row {number}: needs exactly os, python, loops and test, but has {', '.join(job)}"
            )
        for python in job["python"]:
            rows.append(f'          - os: {job["os"]}\n            python: "{python}"')
            rows.append(f"            loops: {' '.join(job['loops'])}\n            test: {str(job['test']).lower()}")
    return WORKFLOW_HEAD + "\n".join(rows) + "\n" + WORKFLOW_STEPS


GENERATED = {"docs/contract.md": contract, ".github/workflows/ci.yml": workflow}


def main(arguments: list[str]) -> int:
    """Write or compare every generated file; 1 when one has drifted, 2 for unknown arguments."""
    if arguments not in ([], ["--check"]):
        print(f"generate takes nothing or --check, but was given: {' '.join(arguments)}", file=sys.stderr)
        return 2
    drifted = 0
    for name, make in GENERATED.items():
        path, text = ROOT / name, make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if arguments:
            drifted = 1
            print(f"{name} is not what its source says: run `python3 ci/run.py generate` and commit it", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"wrote {name}")
    return drifted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
