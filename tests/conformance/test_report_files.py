"""JUnit, Markdown, badges and the picture."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from sample_run import NASTY, sample

from squall_conformance.outcome import Outcome
from squall_conformance.report import badge, junit, markdown, picture
from squall_loops.contract.rules import RULES

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def suites():
    return ET.fromstring(junit.text(sample()))


def test_junit_has_a_suite_for_each_target_and_a_case_for_each_clause(suites):
    assert [suite.get("name") for suite in suites] == [target.spec for target in sample().targets]
    assert len(suites.findall("testsuite[@name='epoll']/testcase")) == len(RULES)


def test_junit_counts_are_those_of_its_elements(suites):
    for element in (suites, *suites):
        for count, kind in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.get(count)) == len(list(element.iter(kind))), (element.get("name"), count)


def test_junit_tells_failures_errors_and_skips_apart(suites):
    def kind(target, rule):
        case = suites.find(f"testsuite[@name='{target}']/testcase[@name='{rule}/holds']")
        return [child.tag for child in case]

    strange = "strange.package:make_loop"
    assert kind(strange, "TM-001") == ["failure"]
    assert kind(strange, "RS-002") == ["failure"]
    assert kind(strange, "LC-003") == ["failure"]
    assert kind(strange, "FD-020") == ["error"]
    assert kind(strange, "TH-001") == ["error"]
    assert kind(strange, "SG-001") == ["skipped"]
    assert kind("uvloop", "FD-021") == ["skipped"]
    assert kind("uvloop", "FK-002") == ["skipped"]
    assert kind("uvloop", "CB-001") == []
    assert suites.find("testsuite[@name='broken:make']/testcase/error") is not None


def test_junit_holds_what_xml_cannot(suites):
    failure = suites.find("testsuite[@name='strange.package:make_loop']/testcase[@name='FD-010/holds']/failure")
    assert failure.get("message").startswith("fail: <script>alert('x')</script>")
    assert "squall repro strange.package:make_loop FD-010/holds" in failure.text
    assert junit.clean("\x00a\x1b\ud800\n") == "\ufffda\ufffd\ufffd\n"


def test_a_markdown_row_has_as_many_cells_as_its_head():
    lines = [line for line in markdown.text(sample()).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(sample().targets)
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


def test_markdown_escapes_what_a_loop_says():
    text = markdown.text(sample())
    assert "<script>" not in text
    assert "\\`tick\\` \\| pipe" in text
    assert markdown.escape("*a*\n# b <i> & @team") == "\\*a\\* # b &lt;i&gt; &amp; \\@team"


def test_a_markdown_summary_is_appended(tmp_path):
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    markdown.write(sample(), file)
    assert file.read_text(encoding="utf-8") == "before\n" + markdown.text(sample())


def test_there_is_a_badge_for_each_target_and_profile(tmp_path):
    badge.write(sample(), tmp_path / "made" / "here")
    names = {file.name for file in (tmp_path / "made" / "here").iterdir()}
    assert {"epoll-kernel.svg", "epoll-kernel.json", "strange.package-make-loop-kernel.svg", "broken-make-kernel.json"} <= names
    assert len(names) == 2 * len(sample().targets)


@pytest.mark.parametrize(
    ("place", "message", "color"),
    [
        (0, "conformant", "brightgreen"),
        (4, "partial 131/134", "yellow"),
        (8, "failing 125/134", "red"),
        (9, "not judged", "red"),
    ],
)
def test_a_badge_says_the_verdict_and_what_is_missing(place, message, color):
    target = sample().targets[place]
    document = json.loads(badge.endpoint(target, "kernel"))
    assert document == {"schemaVersion": 1, "label": "squall kernel", "message": message, "color": color}
    picture_of_it = ET.fromstring(badge.svg(target, "kernel"))
    assert [text.text for text in picture_of_it.iter(f"{SVG}text")] == ["squall kernel", message]


def test_the_picture_shows_every_target_and_area_with_words():
    root = ET.fromstring(picture.svg(sample()))
    words = [text.text for text in root.iter(f"{SVG}text")]
    for expected in ("epoll", "twisted:asyncio", "strange.package:make_loop", "Callbacks", "Resources", "37/38", "not judged"):
        assert expected in words
    assert "http" not in picture.svg(sample()).replace("http://www.w3.org/2000/svg", "")


def test_the_picture_is_well_formed_whatever_a_target_is_called():
    run = sample()
    run.targets[0].name = NASTY.split("\x00")[0]
    run.targets[0].results[0].outcome = Outcome.FAIL
    assert ET.fromstring(picture.svg(run)) is not None
