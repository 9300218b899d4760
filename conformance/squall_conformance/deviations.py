"""Known deviations: what a loop is known to do otherwise, why, and until when; a TOML file beside the loop or given by hand.

    schema = 1
    target = "uvloop"                      # spec, name or package; optional: otherwise the entries are about any target

    [[deviation]]
    clause  = "FD-012"                     # id of a clause or a rule, letters of an area, or a glob
    outcome = ["fail"]                     # any of fail, hang, crash, leak, flaky
    kind    = "bug"                        # bug, by-design, platform or upstream
    reason  = "leaves the descriptor non-blocking"
    issue   = "https://..."                # required for a bug
    when    = "os == 'linux' and target < '0.24'"
    until   = "2027-01-01"                 # a date, or the first version of the target that is to be without it

Deviations are strict. An entry for one clause makes a pass of that clause an unexpected one (``xpass``); an entry for several
does so when all of them pass. An entry that no longer has anything to say, or has expired, is stale.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, NoReturn

from squall_conformance import conditions
from squall_conformance.outcome import Outcome, Result
from squall_conformance.registry import matches
from squall_conformance.target import Target

KINDS: Final = ("bug", "by-design", "platform", "upstream")
_OUTCOMES: Final = ("fail", "hang", "crash", "leak", "flaky")
_REQUIRED: Final = ("clause", "outcome", "kind", "reason")
_OPTIONAL: Final = ("issue", "when", "until", "target")
_BAD: Final = frozenset(Outcome(name) for name in _OUTCOMES)
_UNKNOWN: Final = frozenset({Outcome.INVALID, Outcome.NOTRUN})  # these say nothing about the loop, so an entry is not stale


class DeviationError(ValueError):
    """A file of deviations is wrong; the message names the file, the entry and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One entry. ``origin`` says where it stands, for people."""

    clause: str
    outcomes: frozenset[Outcome]
    kind: str
    reason: str
    issue: str = ""
    when: str = ""
    until: str = ""
    target: str = ""
    origin: str = ""

    def concerns(self, target: Target) -> bool:
        """Whether the entry is about that target, on this machine and in its version."""
        names = (target.spec, target.name, target.package)
        named = not self.target or any(fnmatchcase(name, self.target) for name in names)
        return named and conditions.holds(self.when, conditions.facts(target.version))

    def expired(self, target: Target, today: dt.date) -> bool:
        """Whether the day, or the target's version, has come by which the deviation was to be gone."""
        if not self.until:
            return False
        try:
            return today >= dt.date.fromisoformat(self.until)
        except ValueError:
            return bool(target.version) and conditions.version_key(target.version) >= conditions.version_key(self.until)

    def describe(self) -> str:
        """Return kind, reason and issue in one line."""
        return f"{self.kind}: {self.reason}" + (f" ({self.issue})" if self.issue else "")


@dataclass(slots=True)
class Deviations:
    """The deviations of one target in one run. ``apply`` is called for each result, ``settle`` once after all."""

    entries: Sequence[Deviation] = ()

    def _about(self, clause_id: str) -> list[Deviation]:
        return [entry for entry in self.entries if matches(entry.clause, clause_id)]

    def expect(self, clause_id: str, outcome: Outcome) -> bool:
        """Whether that outcome of that clause is a known deviation."""
        return any(outcome in entry.outcomes for entry in self._about(clause_id))

    def apply(self, result: Result) -> None:
        """Turn a known failure into ``xfail``, and a pass that an entry for this very clause rules out into ``xpass``."""
        entries = self._about(result.clause)
        if result.outcome in _BAD:
            known = [entry for entry in entries if result.outcome in entry.outcomes]
            if known:
                result.deviation = known[0].describe()
                result.message = f"{result.outcome.value}: {result.message}"
                result.outcome = Outcome.XFAIL
            elif entries:
                expected = ", ".join(sorted(outcome.value for outcome in entries[0].outcomes))
                result.message += f" (known as {expected}: {entries[0].reason})"
        elif result.outcome is Outcome.PASS:
            strict = [entry for entry in entries if entry.clause == result.clause and Outcome.FLAKY not in entry.outcomes]
            if strict:
                _unexpected(result, strict[0])

    def settle(self, results: Iterable[Result], target: Target, today: dt.date) -> list[str]:
        """Mark passes that entries for several clauses rule out; return a sentence for each stale or expired entry."""
        results = list(results)
        notes: list[str] = []
        for entry in self.entries:
            mine = [result for result in results if matches(entry.clause, result.clause)]
            if entry.expired(target, today):
                notes.append(f"{entry.origin}: the deviation {entry.clause!r} expired with {entry.until}; fix it, or renew it")
            outcomes = {result.outcome for result in mine}
            if not mine or outcomes & (_UNKNOWN | _BAD | {Outcome.XFAIL, Outcome.XPASS}):
                continue
            passed = [result for result in mine if result.outcome is Outcome.PASS]
            if passed and Outcome.FLAKY not in entry.outcomes:
                for result in passed:
                    _unexpected(result, entry)
            elif not passed:
                notes.append(f"{entry.origin}: the deviation {entry.clause!r} matched nothing: its clauses do not apply here")
        return notes


def _unexpected(result: Result, entry: Deviation) -> None:
    result.outcome = Outcome.XPASS
    result.deviation = entry.describe()
    expected = " or ".join(sorted(outcome.value for outcome in entry.outcomes))
    result.message = f"passes, although {entry.origin} expects {expected}; remove the entry if the loop was fixed"


def load(file: Path) -> list[Deviation]:
    """Read a file of deviations. DeviationError when it cannot be read, is no TOML, or does not say what it has to."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        message = f"{file}: cannot be read: {exc}"
        raise DeviationError(message) from exc
    except tomllib.TOMLDecodeError as exc:
        message = f"{file}: is no TOML: {exc}"
        raise DeviationError(message) from exc
    if document.get("schema") != 1:
        message = f"{file}: schema is {document.get('schema')!r}; this kit reads files that begin with: schema = 1"
        raise DeviationError(message)
    unknown = sorted(document.keys() - {"schema", "target", "deviation"})
    tables = document.get("deviation", [])
    if unknown or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        wrong = f"unknown key {unknown[0]!r}" if unknown else "deviation is no list of tables"
        message = f"{file}: {wrong}; a file has schema, perhaps target, and entries that begin with [[deviation]]"
        raise DeviationError(message)
    return [_entry(table, f"{file}, entry {number}", document.get("target", "")) for number, table in enumerate(tables, 1)]


def _entry(table: Mapping[str, Any], origin: str, target: object) -> Deviation:
    """Check one table and return it as an entry."""
    _check_keys(table, origin)
    outcomes = [table["outcome"]] if isinstance(table["outcome"], str) else table["outcome"]
    if not isinstance(outcomes, list) or not outcomes or any(name not in _OUTCOMES for name in outcomes):
        _refuse(origin, f"outcome is {table['outcome']!r}; it has to be a list of: {', '.join(_OUTCOMES)}")
    texts = {key: table.get(key, "") for key in (*_REQUIRED, *_OPTIONAL) if key != "outcome"}
    texts["target"] = table.get("target", target)
    for key, text in texts.items():
        if isinstance(text, dt.date) and key == "until":
            texts[key] = text.isoformat()
        elif not isinstance(text, str):
            _refuse(origin, f"{key} is {text!r}; it has to be a text in quotes")
    if texts["kind"] not in KINDS:
        _refuse(origin, f"kind is {texts['kind']!r}; it has to be one of: {', '.join(KINDS)}")
    for key in ("clause", "reason"):
        if not texts[key].strip():
            _refuse(origin, f"{key} is empty")
    if texts["kind"] == "bug" and not texts["issue"].strip():
        _refuse(origin, "a deviation of kind 'bug' needs an issue: the address where the loop's authors are told of it")
    _check_conditions(texts, origin)
    return Deviation(outcomes=frozenset(Outcome(name) for name in outcomes), origin=origin, **texts)


def _check_keys(table: Mapping[str, Any], origin: str) -> None:
    missing = [key for key in _REQUIRED if key not in table]
    if missing:
        _refuse(origin, f"{missing[0]!r} is missing; an entry needs {', '.join(_REQUIRED)}")
    unknown = sorted(table.keys() - {*_REQUIRED, *_OPTIONAL})
    if unknown:
        _refuse(origin, f"unknown key {unknown[0]!r}; an entry may have {', '.join((*_REQUIRED, *_OPTIONAL))}")


def _check_conditions(texts: Mapping[str, str], origin: str) -> None:
    try:
        conditions.holds(texts["when"], conditions.facts("1"))
    except conditions.ConditionError as exc:
        _refuse(origin, f"when: {exc}")
    if texts["until"]:
        try:
            dt.date.fromisoformat(texts["until"])
        except ValueError:
            try:
                conditions.version_key(texts["until"])
            except ValueError:
                _refuse(origin, f"until is {texts['until']!r}; it has to be a date such as '2027-01-31' or a version")


def _refuse(origin: str, what: str) -> NoReturn:
    message = f"{origin}: {what}"
    raise DeviationError(message)
