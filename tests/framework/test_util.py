"""squall.util: configurable classes, imports by name, gzip with a bound, arguments of decorated functions."""

from __future__ import annotations

import datetime as dt
import gzip
import os.path
import re
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall import util


class Shape(util.Configurable):
    sides = 0

    @classmethod
    def configurable_base(cls):
        return Shape

    @classmethod
    def configurable_default(cls):
        return Square

    def initialize(self, size=1, name="shape"):
        self.size, self.name = size, name


class Square(Shape):
    sides = 4


class Triangle(Shape):
    sides = 3


class Hexagons(Shape):
    """A family of its own, inside the family of shapes."""

    @classmethod
    def configurable_base(cls):
        return Hexagons

    @classmethod
    def configurable_default(cls):
        return Flat


class Flat(Hexagons):
    sides = 6


@pytest.fixture(autouse=True)
def _shapes_as_before():
    saved = Shape._save_configuration()
    yield
    Shape._restore_configuration(saved)


def test_the_base_makes_the_default_implementation():
    assert type(Shape()) is Square


def test_the_base_makes_what_was_configured_by_class_or_by_name(monkeypatch):
    Shape.configure(Triangle)
    assert type(Shape()) is Triangle
    module = type(sys)("shapes_of_a_stranger")
    module.Mine = type("Mine", (Shape,), {})
    monkeypatch.setitem(sys.modules, "shapes_of_a_stranger", module)
    Shape.configure("shapes_of_a_stranger.Mine")
    assert Shape.configured_class() is module.Mine


def test_configuring_none_returns_to_the_default():
    Shape.configure(Triangle)
    Shape.configure(None)
    assert type(Shape()) is Square


def test_a_class_that_is_no_subclass_is_refused():
    with pytest.raises(ValueError, match="not a subclass of Shape"):
        Shape.configure(dict)


def test_configured_arguments_go_to_what_the_base_makes_and_given_ones_win():
    Shape.configure(Triangle, size=7, name="configured")
    made = Shape(name="given")
    assert (made.size, made.name) == (7, "given")
    assert Triangle().size == 1, "an implementation called by its own name is not configured"


def test_a_family_inside_a_family_has_a_configuration_of_its_own():
    Shape.configure(Hexagons, size=5)
    made = Shape()
    assert type(made) is Flat
    assert made.size == 5
    assert Hexagons().size == 1


def test_saved_configuration_is_restored():
    Shape.configure(Triangle, size=2)
    saved = Shape._save_configuration()
    Shape.configure(Square)
    Shape._restore_configuration(saved)
    assert (type(Shape()), Shape().size) == (Triangle, 2)


def test_a_base_that_does_not_say_so_cannot_be_made():
    with pytest.raises(NotImplementedError, match="configurable_base"):
        util.Configurable()


def test_import_object_finds_modules_submodules_and_attributes():
    assert util.import_object("os") is os
    assert util.import_object("os.path.join") is os.path.join
    assert util.import_object("xml.dom.minidom").__name__ == "xml.dom.minidom"


def test_import_object_names_what_is_missing():
    with pytest.raises(ImportError, match=r"os has no attribute and no submodule 'nothing_here'"):
        util.import_object("os.nothing_here")
    with pytest.raises(ImportError, match="no_such_module"):
        util.import_object("no_such_module.thing")


def test_import_object_does_not_hide_the_failure_of_a_module_that_exists(tmp_path, monkeypatch):
    (tmp_path / "half_there").mkdir()
    (tmp_path / "half_there" / "__init__.py").touch()
    (tmp_path / "half_there" / "sub.py").write_text("import a_missing_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="a_missing_dependency"):
        util.import_object("half_there.sub")


def test_an_object_dict_has_its_keys_as_attributes():
    thing = util.ObjectDict(a=1)
    thing.b = 2
    assert (thing.a, thing["b"]) == (1, 2)
    with pytest.raises(AttributeError, match="c"):
        _ = thing.c


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=4), st.integers(1, 700), st.integers(0, 500))
def test_gzip_of_any_members_in_any_pieces_under_any_bound_comes_out_whole(members, piece, bound):
    data = b"".join(gzip.compress(member) for member in members)
    inflater = util.GzipDecompressor()
    out = []
    for start in range(0, len(data), piece):
        rest = data[start : start + piece]
        while rest:
            out.append(inflater.decompress(rest, bound))
            assert not bound or len(out[-1]) <= bound
            rest = inflater.unconsumed_tail
    out.append(inflater.flush())
    assert b"".join(out) == b"".join(members)


def test_a_small_bomb_does_not_get_past_the_bound():
    inflater = util.GzipDecompressor()
    assert len(inflater.decompress(gzip.compress(bytes(10_000_000)), 1000)) == 1000
    assert inflater.unconsumed_tail


def test_gzip_followed_by_anything_else_is_an_error():
    with pytest.raises(zlib.error):
        util.GzipDecompressor().decompress(gzip.compress(b"whole") + b"garbage")


@pytest.mark.parametrize("missing", [1, 8, 15])
def test_gzip_that_is_cut_off_is_an_error(missing):
    inflater = util.GzipDecompressor()
    inflater.decompress(gzip.compress(b"a whole message")[:-missing])
    with pytest.raises(zlib.error, match="ends inside a member"):
        inflater.flush()


def test_no_gzip_at_all_is_an_empty_stream():
    assert util.GzipDecompressor().flush() == b""


def test_raise_exc_info_keeps_the_traceback():
    def fail():
        raise KeyError("original")

    try:
        fail()
    except KeyError:
        info = sys.exc_info()
    with pytest.raises(KeyError, match="original") as caught:
        util.raise_exc_info(info)
    assert caught.traceback[-1].name == "fail"
    with pytest.raises(TypeError, match="no exception"):
        util.raise_exc_info((None, None, None))


def test_errno_is_found_in_the_attribute_or_the_first_argument():
    assert util.errno_from_exception(OSError(32, "broken")) == 32
    assert util.errno_from_exception(ValueError(7)) == 7
    assert util.errno_from_exception(ValueError()) is None


def greet(greeting, *, name="world", **others):
    """Take an argument by position, one by name, and any others."""


def test_an_argument_is_found_and_replaced_wherever_it_was_given():
    by_position = util.ArgReplacer(greet, "greeting")
    assert by_position.get_old_value(("hi",), {}) == "hi"
    assert by_position.replace("ho", ("hi", 1), {}) == ("hi", ["ho", 1], {})
    assert by_position.replace("ho", (), {"greeting": "hi"}) == ("hi", (), {"greeting": "ho"})
    by_name = util.ArgReplacer(greet, "name")
    assert by_name.get_old_value(("hi",), {}, "nobody") == "nobody"
    assert by_name.replace("you", ("hi",), {}) == (None, ("hi",), {"name": "you"})


def test_a_function_that_hides_its_signature_is_refused_with_the_reason():
    with pytest.raises(TypeError, match="signature"):
        util.ArgReplacer(type, "name")


@given(st.text())
def test_re_unescape_undoes_re_escape(text):
    assert util.re_unescape(re.escape(text)) == text


@pytest.mark.parametrize("text", [r"\d", r"a\Z", "end\\"])
def test_re_unescape_refuses_what_re_escape_never_wrote(text):
    with pytest.raises(ValueError, match="cannot unescape"):
        util.re_unescape(text)


def test_the_trivial_names_are_trivial():
    assert util.u("é") == "é"
    assert (util.unicode_type, util.basestring_type, util.bytes_type, util.xrange) == (str, str, bytes, range)
    assert util.timedelta_to_seconds(dt.timedelta(minutes=1, milliseconds=500)) == 60.5
    assert util.TimeoutError is TimeoutError
    assert not util.is_finalizing()
    assert util.doctests().countTestCases() == 0


def test_exec_in_runs_code_in_the_given_places():
    here: dict[str, object] = {}
    util.exec_in("x = 1 + 1", here)
    assert here["x"] == 2
    local: dict[str, object] = {}
    util.exec_in(compile("y = x", "<test>", "exec"), here, local)
    assert local == {"y": 2}
