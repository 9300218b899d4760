"""HTTPHeaders: a mapping without case, with several values of a name."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.httputil import HTTPHeaders, HTTPInputError

FIELDS = [("content-type", "text/html"), ("SET-COOKIE", "a=b"), ("Set-Cookie", "c=d")]


@pytest.fixture(params=["of_fields", "add", "parse"])
def headers(request):
    if request.param == "of_fields":
        return HTTPHeaders.of_fields(iter(FIELDS))
    if request.param == "parse":
        return HTTPHeaders.parse("".join(f"{name}: {value}\r\n" for name, value in FIELDS))
    made = HTTPHeaders()
    for name, value in FIELDS:
        made.add(name, value)
    return made


def test_names_have_no_case_and_come_out_as_usually_written(headers):
    assert headers["CONTENT-TYPE"] == "text/html"
    assert "set-cookie" in headers
    assert list(headers) == ["Content-Type", "Set-Cookie"]


def test_several_values_are_joined_in_reading_and_apart_in_get_list_and_get_all(headers):
    assert headers["Set-Cookie"] == "a=b,c=d"
    assert headers.get_list("set-cookie") == ["a=b", "c=d"]
    assert list(headers.get_all())[1:] == [("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")]
    assert headers.get_list("x") == []
    assert headers.get("x") is None


def test_setting_replaces_and_deleting_removes_all(headers):
    headers["set-cookie"] = "e=f"
    assert headers.get_list("Set-Cookie") == ["e=f"]
    del headers["SET-COOKIE"]
    assert "Set-Cookie" not in headers


def test_a_copy_is_independent(headers):
    for other in (headers.copy(), copy.copy(headers), HTTPHeaders(headers)):
        other.add("Set-Cookie", "x=y")
        assert headers.get_list("Set-Cookie") == ["a=b", "c=d"]


def test_text_and_repr_show_every_field(headers):
    assert str(headers) == "Content-Type: text/html\nSet-Cookie: a=b\nSet-Cookie: c=d\n"
    assert "text/html" in repr(headers)


def test_it_is_made_of_mappings_pairs_and_keywords():
    assert dict(HTTPHeaders({"a": "1"}, b="2")) == {"A": "1", "B": "2"}
    assert dict(HTTPHeaders([("a", "1")])) == {"A": "1"}


@pytest.mark.parametrize("bad", ["a\r\nb", "a\nb", "a\rb", "a\0b", "\x7f"])
def test_control_characters_in_a_value_are_refused(bad):
    """CVE-2012-2374."""
    with pytest.raises(ValueError, match="control characters"):
        HTTPHeaders()["X"] = bad
    with pytest.raises(HTTPInputError):
        HTTPHeaders().parse_line(f"X: a\x00{bad}")


@pytest.mark.parametrize("bad", ["", "a b", "a:", "ä", "a\r"])
def test_a_name_that_is_no_token_is_refused(bad):
    with pytest.raises(ValueError, match="no name"):
        HTTPHeaders().add(bad, "x")


@pytest.mark.parametrize("line", ["no colon", " folded: x", "name : x"])
def test_a_line_that_is_no_field_is_refused(line):
    with pytest.raises(HTTPInputError):
        HTTPHeaders().parse_line(line)


def test_many_fields_of_one_name_cost_linear_time():
    """CVE-2025-67725: at this size, quadratic work would take hours."""
    headers = HTTPHeaders()
    for _ in range(200_000):
        headers.add("A", "x" * 50)
    assert headers["A"].count("x") == 10_000_000


NAMES = st.from_regex(r"[A-Za-z][A-Za-z-]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f\x85\xa0"), max_size=10)


@given(st.lists(st.tuples(NAMES, VALUES)))
def test_what_is_written_as_text_is_read_back(fields):
    headers = HTTPHeaders.of_fields(fields)
    assert list(HTTPHeaders.parse(str(headers)).get_all()) == list(headers.get_all())
