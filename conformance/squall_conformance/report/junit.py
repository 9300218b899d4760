"""JUnit XML: one suite for each target, one case for each clause."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from squall_conformance.outcome import Outcome, Result, RunReport, TargetReport
from squall_conformance.report import view

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ERRORS: Final = frozenset({Outcome.HANG, Outcome.CRASH})
_SKIPPED: Final = view.NOT_EXECUTED | {Outcome.XFAIL, Outcome.INVALID}


def write(run: RunReport, path: Path) -> None:
    """Write the file. OSError when that fails."""
    path.write_text(text(run), encoding="utf-8")


def text(run: RunReport) -> str:
    """Return the XML. Failures are failures, hangs and crashes errors; what says nothing about the loop is skipped."""
    suites = ET.Element("testsuites", name="squall", time=f"{run.seconds:.3f}")
    for target in run.targets:
        _suite(suites, run, target)
    _total(suites, list(suites))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _suite(suites: ET.Element, run: RunReport, target: TargetReport) -> None:
    seconds = sum(result.milliseconds for result in target.results) / 1000
    suite = ET.SubElement(suites, "testsuite", name=clean(target.spec), timestamp=run.started, time=f"{seconds:.3f}")
    properties = ET.SubElement(suite, "properties")
    for name, value in {"version": target.version, **run.environment, **target.verdicts}.items():
        ET.SubElement(properties, "property", name=clean(name), value=clean(value))
    if target.start_error:
        case = ET.SubElement(suite, "testcase", classname=clean(target.spec), name="start", time="0")
        ET.SubElement(case, "error", message=clean(target.start_error), type="no start").text = clean(target.start_error)
    for result in target.results:
        _case(suite, target, result)
    suite.set("tests", str(len(suite.findall("testcase"))))
    for plural, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(plural, str(len(suite.findall(f"testcase/{kind}"))))


def _total(suites: ET.Element, parts: list[ET.Element]) -> None:
    for count in ("tests", "failures", "errors", "skipped"):
        suites.set(count, str(sum(int(part.get(count, "0")) for part in parts)))


def _case(suite: ET.Element, target: TargetReport, result: Result) -> None:
    seconds = f"{result.milliseconds / 1000:.3f}"
    case = ET.SubElement(suite, "testcase", classname=clean(f"{target.spec}.{result.rule}"), name=result.clause, time=seconds)
    if result.outcome is Outcome.PASS:
        return
    word = result.outcome.value
    message = clean(f"{word}: {result.deviation or result.message}")
    if result.outcome in _SKIPPED:
        ET.SubElement(case, "skipped", message=message)
        return
    kind = "error" if result.outcome in _ERRORS else "failure"
    rule = view.rule_of(result)
    lines = [rule.sentence, f"Who breaks: {rule.consequence}"] if rule else []
    found = ET.SubElement(case, kind, message=message, type=word)
    found.text = clean("\n".join([*lines, view.repro_command(target, result), "", result.detail]))


def clean(text: str) -> str:
    """Return the text with every character that XML cannot hold replaced by a question mark in a box."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
