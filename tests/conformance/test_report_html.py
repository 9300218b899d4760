from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from sample_run import NASTY, sample

from squall_conformance.report import html
from squall_loops.contract.rules import RULES

PAGE = html.page(sample())
VOID = {"meta", "input", "br", "wbr"}


class Reader(HTMLParser):
    """Collects elements and text, and minds that every element is closed in its turn."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.attributes = []
        self.tags = []
        self.words = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.words.append(data)


@pytest.fixture(scope="module")
def page():
    reader = Reader()
    reader.feed(PAGE)
    reader.close()
    assert reader.open == []
    return reader


def data():
    return json.loads(re.search(r'id="data">(.*?)</script>', PAGE, re.DOTALL)[1])


def test_nothing_is_fetched_from_anywhere(page):
    fetching = {(tag, name) for tag, name, _ in page.attributes if name in {"src", "srcset", "action", "data", "poster"}}
    assert fetching == set()
    assert not {"link", "img", "iframe", "object"} & set(page.tags)
    assert "@import" not in PAGE
    assert "url(" not in PAGE


def test_a_loops_message_cannot_become_markup(page):
    assert page.tags.count("script") == 2
    assert NASTY.split("\x00")[0] in "".join(page.words).replace("\ufffd", "")
    assert "<script>alert" not in PAGE


def test_what_the_script_reads_gives_the_messages_back_unharmed():
    assert not set("<>&") & set(re.search(r'id="data">(.*?)</script>', PAGE, re.DOTALL)[1])
    column = len(sample().targets) - 2
    (found,) = data()["cells"]["FD-010"][column]
    assert found["message"] == NASTY
    assert found["repro"] == "squall repro strange.package:make_loop FD-010/holds"


def test_every_rule_has_a_row_and_every_target_a_cell_in_it(page):
    rows = [value for tag, name, value in page.attributes if tag == "tr" and name == "data-rule"]
    assert sorted(rows) == sorted(rule.id for rule in RULES)
    buttons = [value for tag, name, value in page.attributes if tag == "button" and name == "data-column"]
    assert len(buttons) == len(RULES) * 9


def test_the_matrix_and_the_findings_are_there_without_the_script(page):
    words = " ".join(page.words)
    for expected in ("crash", "hang", "flaky 3/10", "killed by SIGSEGV", "Who breaks:", "its own poll flips the flag"):
        assert expected in words
    assert page.tags.count("details") == 10


def test_no_cell_speaks_by_colour_alone():
    cells = re.findall(r"<td class=\"\w+\">(?:<[^>]*>)*([^<]*)", PAGE)
    assert len(cells) > len(RULES) * 10
    assert all(cell.strip() for cell in cells)


def test_a_target_that_does_not_start_says_why(page):
    assert "ZeroDivisionError: division by zero" in page.words


def test_the_page_is_written_as_utf_8(tmp_path):
    html.write(sample(), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == PAGE
