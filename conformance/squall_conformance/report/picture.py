"""The matrix as one SVG, for a README: rows are loops, columns are areas, light and dark like the page it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

from squall_conformance.outcome import Result, RunReport, TargetReport
from squall_conformance.report import terminal, view
from squall_conformance.report.html import KINDS
from squall_conformance.report.style import clip

_ROW: Final = 30
_COLUMN: Final = 76
_VERDICT: Final = 110
_TOP: Final = 96
_FOOT: Final = 44
_LONGEST: Final = 36  # characters of a name
_VERDICT_KINDS: Final = {"conformant": "good", "partial": "known", "failing": "bad"}

_STYLE: Final = """
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:13px;fill:#16202c}
.title{font-size:18px;font-weight:700}.soft{fill:#5b6776;font-size:12px}.head{font-size:12px;font-weight:600}
.mid{text-anchor:middle}.strong{font-weight:650}.ground{fill:#ffffff;stroke:#dfe4ea}
rect.good{fill:#dff3e6}rect.bad{fill:#fbd5d7}rect.known{fill:#fcecc5}rect.odd{fill:#ecdcf7}rect.grey{fill:#edf0f3}
text.good{fill:#146c3a}text.bad{fill:#a51420;font-weight:700}text.known{fill:#7a4b00;font-weight:700}
text.odd{fill:#6a2c91;font-weight:700}text.grey{fill:#66717f}
@media(prefers-color-scheme:dark){text{fill:#e6ebf1}.soft{fill:#9aa7b6}.ground{fill:#18202a;stroke:#2b3643}
rect.good{fill:#143323}rect.bad{fill:#4a181d}rect.known{fill:#3d2f10}rect.odd{fill:#36204a}rect.grey{fill:#222b36}
text.good{fill:#7fd8a0}text.bad{fill:#ff9aa0}text.known{fill:#f3c76b}text.odd{fill:#d9a8f5}text.grey{fill:#93a0af}}
"""


def write(run: RunReport, path: Path) -> None:
    """Write the picture. OSError when that fails."""
    path.write_text(svg(run), encoding="utf-8")


def svg(run: RunReport) -> str:
    """Return the picture's source."""
    areas = view.area_ids(run)
    left = 40 + 8 * min(_LONGEST, max((len(_name(target)) for target in run.targets), default=0))
    width = left + _VERDICT + _COLUMN * max(1, len(areas)) + 20
    height = _TOP + _ROW * len(run.targets) + _FOOT
    title = f"Conformance of {len(run.targets)} event loops, by area of the contract"
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" aria-label="{escape(title)}"><title>{escape(title)}</title><style>{_STYLE}</style>'
        ),
        f'<rect class="ground" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="12"/>',
        f'<text class="title" x="20" y="34">Loop conformance: {escape(", ".join(run.profiles))}</text>',
        f'<text class="soft" x="20" y="54">{escape(_facts(run))}</text>',
        *(
            f'<text class="head mid" x="{left + _VERDICT + _COLUMN * (place + 0.5)}" y="{_TOP - 12}">'
            f"{escape(view.area_name(area))}</text>"
            for place, area in enumerate(areas)
        ),
        *(line for place, target in enumerate(run.targets) for line in _row(target, areas, left, _TOP + _ROW * place)),
        (
            f'<text class="soft" x="20" y="{height - 18}">Each cell: clauses passed of those that ran.'
            f" {escape(_date(run))}, squall check</text></svg>\n"
        ),
    ]
    return "\n".join(lines)


def _facts(run: RunReport) -> str:
    count = max((view.tally(target.results).total for target in run.targets), default=0)
    return f"{count} clauses on each loop, {terminal.environment_line(run)}, {run.seconds:.0f} s"


def _date(run: RunReport) -> str:
    return f"Measured {run.started[:10]}"


def _name(target: TargetReport) -> str:
    return clip(target.name or target.spec, _LONGEST)


def _row(target: TargetReport, areas: list[str], left: int, top: int) -> Iterator[str]:
    middle = top + _ROW / 2 + 4.5
    yield f'<text class="strong" x="20" y="{middle}">{escape(_name(target))}</text>'
    verdict = terminal.worst_verdict(target)
    kind = "bad" if target.start_error else _VERDICT_KINDS.get(verdict, "grey")
    yield f'<text class="{kind}" x="{left}" y="{middle}">{escape("not judged" if target.start_error else verdict)}</text>'
    grid = view.by_area(target)
    for place, area in enumerate(areas):
        yield from _cell(grid.get(area, []), left + _VERDICT + _COLUMN * place, top, middle)


def _cell(results: list[Result], left: int, top: int, middle: float) -> Iterator[str]:
    count = view.tally(results)
    kind = KINDS[view.worst(results)]
    text = f"{count.passed}/{count.executed}" if count.executed else "-"
    yield f'<rect class="{kind}" x="{left + 2}" y="{top + 2}" width="{_COLUMN - 4}" height="{_ROW - 4}" rx="5"/>'
    yield f'<text class="{kind} mid" x="{left + _COLUMN / 2}" y="{middle}">{text}</text>'
