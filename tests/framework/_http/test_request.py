"""Requests, start lines, URLs and dates."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from squall.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPServerRequest,
    encode_username_password,
    format_timestamp,
    parse_request_start_line,
    parse_response_start_line,
    qs_to_qsl,
    split_host_and_port,
    url_concat,
)


def test_a_request_knows_its_parts():
    request = HTTPServerRequest("GET", "/a/b?c=1&c=2&d=", "HTTP/1.1", HTTPHeaders({"Host": "Example.com:80"}))
    assert (request.path, request.query, request.host, request.host_name) == (
        "/a/b",
        "c=1&c=2&d=",
        "Example.com:80",
        "example.com",
    )
    assert request.arguments == {"c": [b"1", b"2"], "d": [b""]}
    assert request.full_url() == "http://Example.com:80/a/b?c=1&c=2&d="
    assert request.supports_http_1_1()
    assert "GET" in repr(request)


def test_query_and_body_arguments_are_apart_and_together():
    headers = HTTPHeaders({"Content-Type": "application/x-www-form-urlencoded"})
    request = HTTPServerRequest("POST", "/?a=1", headers=headers, body=b"a=2&b=3")
    assert request.query_arguments == {"a": [b"1"]}
    assert request.body_arguments == {"a": [b"2"], "b": [b"3"]}
    assert request.arguments == {"a": [b"1", b"2"], "b": [b"3"]}
    assert request.files == {}


def test_the_authority_of_an_absolute_target_is_the_host():
    request = HTTPServerRequest("GET", "http://real.example/p?q", headers=HTTPHeaders({"Host": "other"}))
    assert (request.host, request.path, request.query) == ("real.example", "/p", "q")
    assert HTTPServerRequest("GET", "http://real.example").path == "/"


def test_cookies_that_make_no_sense_are_left_out():
    request = HTTPServerRequest("GET", "/", headers=HTTPHeaders({"Cookie": "a=b; bad name=x; c=d"}))
    assert {name: morsel.value for name, morsel in request.cookies.items()} == {"a": "b", "c": "d"}


def test_the_time_of_a_request_grows_until_it_is_finished():
    request = HTTPServerRequest("GET", "/")
    assert request.request_time() >= 0
    with pytest.raises(RuntimeError, match="no connection"):
        request.finish()


def test_without_tls_there_is_no_certificate():
    assert HTTPServerRequest("GET", "/").get_ssl_certificate() is None


@pytest.mark.parametrize(
    "line", ["GET /", "GET  / HTTP/1.1", "GET / HTTP/2.0", "G@T / HTTP/1.1", "GET /\r HTTP/1.1", "GET / HTTP/1.\u0661"]
)
def test_a_malformed_request_line_is_refused(line):
    with pytest.raises(HTTPInputError):
        parse_request_start_line(line)


@pytest.mark.parametrize("line", ["HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 200 a\nb", "FTP/1.1 200 OK"])
def test_a_malformed_status_line_is_refused(line):
    with pytest.raises(HTTPInputError):
        parse_response_start_line(line)


def test_start_lines_are_tuples():
    assert parse_request_start_line("GET /x HTTP/1.0") == ("GET", "/x", "HTTP/1.0")
    assert parse_response_start_line("HTTP/1.1 404 Not Found") == ("HTTP/1.1", 404, "Not Found")
    assert parse_response_start_line("HTTP/1.1 200").reason == ""


@pytest.mark.parametrize(
    ("url", "args", "joined"),
    [
        ("http://a/b", {"c": "d"}, "http://a/b?c=d"),
        ("http://a/b?c=d", [("c", "e f")], "http://a/b?c=d&c=e+f"),
        ("http://a/b?c=&d#f", (("x", "y"),), "http://a/b?c=&d=&x=y#f"),
        ("http://a/b", None, "http://a/b"),
    ],
)
def test_arguments_are_added_to_a_url(url, args, joined):
    assert url_concat(url, args) == joined


def test_arguments_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="mapping"):
        url_concat("http://a", "b=c")


@pytest.mark.parametrize(
    ("netloc", "parts"),
    [
        ("a:80", ("a", 80)),
        ("a", ("a", None)),
        ("[::1]:8080", ("[::1]", 8080)),
        ("a:x", ("a:x", None)),
        ("a:\u0661", ("a:\u0661", None)),
    ],
)
def test_host_and_port_are_split(netloc, parts):
    assert split_host_and_port(netloc) == parts


def test_pairs_and_credentials():
    assert qs_to_qsl({"a": ["1", "2"]}) == [("a", "1"), ("a", "2")]
    assert encode_username_password("Aladdin", "open sesame") == b"QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    with pytest.raises(ValueError, match="colon"):
        encode_username_password("a:b", "c")


@pytest.mark.parametrize(
    "moment",
    [784111777, (1994, 11, 6, 8, 49, 37), time.gmtime(784111777), dt.datetime(1994, 11, 6, 8, 49, 37, tzinfo=dt.UTC)],
)
def test_dates_are_written_as_http_wants_them(moment):
    assert format_timestamp(moment) == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_what_is_no_moment_is_refused():
    with pytest.raises(TypeError):
        format_timestamp("now")
