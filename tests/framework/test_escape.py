"""Escaping: HTML, URLs, JSON, links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall import escape


@given(st.text())
def test_html_and_urls_are_unescaped_to_what_was_escaped(text):
    assert escape.xhtml_unescape(escape.xhtml_escape(text)) == text or "&" in text
    encoded = text.encode("utf-8", "surrogatepass").decode("utf-8", "ignore")
    for plus in (True, False):
        assert escape.url_unescape(escape.url_escape(encoded, plus), plus=plus) == encoded
        assert escape.url_unescape(escape.url_escape(encoded, plus), None, plus) == encoded.encode()


def test_the_five_characters_of_html_are_escaped():
    assert escape.xhtml_escape(b"<a href='x'>&\"") == "&lt;a href=&#x27;x&#x27;&gt;&amp;&quot;"
    assert escape.xhtml_escape(None) == ""


def test_json_may_stand_inside_a_script():
    text = escape.json_encode({"a": "</script>"})
    assert "</" not in text
    assert escape.json_decode(text.encode()) == {"a": "</script>"}


@pytest.mark.parametrize("function", [escape.utf8, escape.to_unicode])
def test_what_is_neither_text_nor_bytes_is_refused(function):
    assert function(None) is None
    with pytest.raises(TypeError):
        function(3)


def test_bytes_inside_collections_become_text():
    assert escape.recursive_unicode({b"a": [b"b", (b"c", 1)]}) == {"a": ["b", ("c", 1)]}


def test_blanks_are_squeezed():
    assert escape.squeeze(" a\n\t b ") == "a b"


LINKS = [
    ("see http://a.com/b.", {}, 'see <a href="http://a.com/b">http://a.com/b</a>.'),
    ("http://a.com/?b=c&d=e", {}, '<a href="http://a.com/?b=c&amp;d=e">http://a.com/?b=c&amp;d=e</a>'),
    ("www.a.com", {}, '<a href="http://www.a.com">www.a.com</a>'),
    ("www.a.com", {"require_protocol": True}, "www.a.com"),
    ("javascript:alert(1)", {}, "javascript:alert(1)"),
    ("ftp://a", {"permitted_protocols": ["ftp"]}, '<a href="ftp://a">ftp://a</a>'),
    ("http://a.com/<script>", {}, '<a href="http://a.com/">http://a.com/</a>&lt;script&gt;'),
    ("http://a.com", {"extra_params": 'rel="x"'}, '<a href="http://a.com" rel="x">http://a.com</a>'),
    ("http://a.com", {"extra_params": lambda url: f'class="{len(url)}"'}, '<a href="http://a.com" class="12">http://a.com</a>'),
]


@pytest.mark.parametrize(("text", "options", "html"), LINKS)
def test_urls_in_a_text_become_links(text, options, html):
    assert escape.linkify(text, **options) == html


def test_long_urls_are_shown_shortened_with_their_full_text_as_title():
    html = escape.linkify("http://a.com/" + "b" * 50, shorten=True)
    assert "...</a>" in html
    assert f'title="http://a.com/{"b" * 50}"' in html
