"""Bodies of forms, queries and cookies: read right, linear, limited."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_multipart.multipart import MultipartParser

from squall.escape import parse_qs_bytes
from squall.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPServerRequest,
    ParseBodyConfig,
    ParseMultipartConfig,
    parse_body_arguments,
    parse_cookie,
    parse_multipart_form_data,
    set_parse_body_config,
)


def part(disposition, body=b"x", more=b""):
    return b"--B\r\nContent-Disposition: " + disposition + b"\r\n" + more + b"\r\n" + body + b"\r\n"


def read(data, config=None):
    arguments, files = {}, {}
    parse_multipart_form_data(b"B", data, arguments, files, config)
    return arguments, files


FIELD = part(b'form-data; name="a"', b"1")
FILE = part(b'form-data; name="f"; filename="ab.txt"', b"hello\r\nworld", b"Content-Type: text/plain\r\n")


def test_fields_and_files_are_told_apart():
    arguments, files = read(FIELD + FILE + b"--B--\r\n")
    assert arguments == {"a": [b"1"]}
    assert files == {"f": [{"filename": "ab.txt", "body": b"hello\r\nworld", "content_type": "text/plain"}]}
    assert files["f"][0].filename == "ab.txt"


@pytest.mark.parametrize("boundary", ["B", '"B"', 'B; charset="utf-8"'])
def test_the_boundary_may_be_quoted_and_is_taken_from_the_type(boundary):
    arguments, files = {}, {}
    parse_body_arguments(f"multipart/form-data; boundary={boundary}", FIELD + b"--B--", arguments, files)
    assert arguments == {"a": [b"1"]}


def test_preamble_and_epilogue_are_passed_over():
    assert read(b"before\r\n" + FIELD + b"--B--\r\nafter --B")[0] == {"a": [b"1"]}


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (b'"a;b"', "a;b"),
        (b'"a\\"b"', 'a"b'),
        (b'"C:\\\\x\\y.txt"', "C:\\x\\y.txt"),
        (b"plain.txt", "plain.txt"),
        ('"\u00e9"'.encode(), "\u00e9"),
    ],
)
def test_file_names_are_read_as_browsers_write_them(sent, name):
    assert read(part(b'form-data; name="f"; filename=' + sent) + b"--B--")[1]["f"][0]["filename"] == name


BROKEN = {
    "no boundary in it": b"nothing",
    "no last boundary": FIELD,
    "no name": part(b"form-data") + b"--B--",
    "no disposition": b"--B\r\nX: y\r\n\r\nx\r\n--B--",
    "another disposition": part(b'attachment; name="a"') + b"--B--",
    "something behind the boundary": b"--Bx\r\n\r\n\r\n--B--",
    "headers that do not end": b"--B\r\nContent-Disposition: x\r\n--B--",
    "headers too long (CVE-2026-34516)": part(b'form-data; name="a"', b"x", b"X: " + b"y" * 20000 + b"\r\n") + b"--B--",
    "bare CR in a header": part(b'form-data; name="a"', b"x", b"X: a\rb\r\n") + b"--B--",
    "headers not in UTF-8": part(b'form-data; name="\xff"') + b"--B--",
    "too many parts (CVE-2026-31958)": FIELD * 101 + b"--B--",
    "an open quote": part(b'form-data; name="a') + b"--B--",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_malformed_multipart_body_is_refused(data):
    with pytest.raises(HTTPInputError):
        read(data)


def test_limits_can_be_set_for_one_call_and_for_all():
    two = ParseBodyConfig(ParseMultipartConfig(max_parts=2))
    with pytest.raises(HTTPInputError, match="2 parts"):
        read(FIELD * 3 + b"--B--", two)
    set_parse_body_config(ParseBodyConfig(ParseMultipartConfig(enabled=False)))
    try:
        with pytest.raises(HTTPInputError, match="switched off"):
            read(FIELD + b"--B--")
    finally:
        set_parse_body_config(ParseBodyConfig())


def _quietly(data):
    try:
        read(data)
    except HTTPInputError:
        return


@pytest.mark.parametrize(
    "attack",
    [
        lambda n: part(b'form-data; name="a"', b"\r\n" * n) + b"--B--",
        lambda n: part(b'form-data; name="a"', b"\r\n--" * n) + b"--B--",
        lambda n: b"\r" * n + FIELD + b"--B--",
        lambda n: FIELD * n + b"--B--",
        lambda n: part(b"form-data; " + b";" * (n // 20)) + b"--B--",
        lambda n: part(b'form-data; name="' + b'\\"' * (n // 20)) + b"--B--",
    ],
)
def test_hostile_multipart_bodies_cost_linear_time(attack):
    """CVE-2023-46136, CVE-2025-67726, CVE-2025-47287, GHSA-8423-8fgw-73vq: at this size, quadratic work would take hours."""
    _quietly(attack(2_000_000))


def test_a_form_that_is_encoded_is_refused():
    with pytest.raises(HTTPInputError, match="gzip"):
        parse_body_arguments("application/x-www-form-urlencoded", b"a=b", {}, {}, HTTPHeaders({"Content-Encoding": "gzip"}))


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json", ";;;"])
def test_another_type_is_no_form(content_type):
    arguments = {}
    parse_body_arguments(content_type, b"a=b", arguments, {})
    assert arguments == {}


def test_urlencoded_arguments_are_bytes_and_semicolons_do_not_separate():
    """CVE-2021-23336."""
    assert parse_qs_bytes("a=%ff&b=1;c=2&d=") == {"a": [b"\xff"], "b": [b"1;c=2"]}


@pytest.mark.parametrize("count", [1000, 1001])
def test_more_than_a_thousand_arguments_are_refused_in_body_and_query(count):
    """CVE-2026-82397."""
    query = "&".join(["a=1"] * count)
    request = HTTPServerRequest("GET", f"/?{query}")
    arguments = {}
    if count > 1000:
        with pytest.raises(HTTPInputError):
            parse_body_arguments("application/x-www-form-urlencoded", query.encode(), arguments, {})
        with pytest.raises(HTTPInputError):
            request.query_arguments  # noqa: B018 - reading it is the test
    else:
        parse_body_arguments("application/x-www-form-urlencoded", query.encode(), arguments, {})
        assert len(arguments["a"]) == len(request.arguments["a"]) == count


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.binary(max_size=60), max_size=5))
def test_what_python_multipart_reads_is_read_the_same(fields):
    if any(b"--B" in value for value in fields.values()):
        return
    body = b"".join(part(b'form-data; name="%b"' % name.encode(), value) for name, value in fields.items()) + b"--B--\r\n"
    theirs = []
    parser = MultipartParser(
        b"B",
        {
            "on_part_begin": lambda: theirs.append(b""),
            "on_part_data": lambda data, begin, end: theirs.append(theirs.pop() + data[begin:end]),
        },
    )
    if not fields:
        return
    parser.write(body)
    parser.finalize()
    assert [values[0] for values in read(body)[0].values()] == theirs


@given(st.binary(max_size=200))
def test_garbage_between_boundaries_is_read_or_refused(garbage):
    _quietly(b"--B\r\n" + garbage + b"\r\n--B--")


COOKIES = {
    "a=b; c=d": {"a": "b", "c": "d"},
    'a="x\\073\\"y"; b=1': {"a": 'x;"y', "b": "1"},
    "a=b=c": {"a": "b=c"},
    "a": {"": "a"},
    "=__Host-a=b": {"": "__Host-a=b"},
    "a=b, c=d": {"a": "b, c=d"},
    " ; ;": {},
    "a=\u00e4": {"a": "\u00e4"},
}


@pytest.mark.parametrize(("text", "cookies"), COOKIES.items(), ids=COOKIES)
def test_cookies_are_split_as_browsers_write_them(text, cookies):
    """The fix of Tornado 4.4.2, and CVE-2023-23934."""
    assert parse_cookie(text) == cookies


def test_unquoting_a_cookie_costs_linear_time():
    """CVE-2024-52804: at this size, quadratic work would take hours."""
    assert len(parse_cookie('a="' + "\\" * 2_000_000 + '"')["a"]) == 1_000_000
