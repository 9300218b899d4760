"""The grammar of ``when``: small, safe, and clear about what it does not understand."""

from __future__ import annotations

import pytest

from squall_conformance.conditions import ConditionError, facts, holds, version_key

FACTS = {"os": "linux", "machine": "x86_64", "implementation": "cpython", "python": "3.11.7", "target": "0.23.0"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("", True),
        ("os == 'linux'", True),
        ("os == 'Linux'", True),
        ('os != "linux"', False),
        ("target < '0.24'", True),
        ("target < '0.9'", False),
        ("target >= '0.23'", True),
        ("target == '0.23'", True),
        ("target > '0.23.0rc1'", True),
        ("python >= '3.9' and python < '3.12'", True),
        ("os == 'darwin' or machine == 'x86_64'", True),
        ("os == 'darwin' and machine == 'x86_64' or target > '0.1'", True),
        ("os == 'darwin' and (machine == 'x86_64' or target > '0.1')", False),
        ("(os == 'linux')", True),
    ],
)
def test_conditions_are_true_or_false_of_the_facts(condition, expected):
    assert holds(condition, FACTS) is expected


@pytest.mark.parametrize(
    "condition",
    [
        "os",
        "os ==",
        "os == linux",
        "os = 'linux'",
        "'linux' == os",
        "os < 'linux'",
        "(os == 'linux'",
        "os == 'linux')",
        "os == 'linux' os == 'linux'",
        "os == 'linux' and",
        "target < 'new'",
        "__import__('os')",
        "os == 'linux' if 1",
        "user == 'me'",
    ],
)
def test_what_is_no_condition_is_refused_with_its_text(condition):
    with pytest.raises(ConditionError) as caught:
        holds(condition, FACTS)
    assert repr(condition) in str(caught.value)


def test_nothing_is_known_to_be_older_than_a_version_when_the_targets_version_is_unknown():
    assert holds("target < '9'", {**FACTS, "target": ""}) is False


def test_the_facts_of_this_machine_have_every_name():
    assert facts("1.0").keys() == FACTS.keys()


def test_versions_sort_by_value_and_before_their_releases():
    shuffled = ["1.0.1", "0.10", "0.9", "1", "0.10.1", "0.10a1"]
    assert sorted(shuffled, key=version_key) == ["0.9", "0.10a1", "0.10", "0.10.1", "1", "1.0.1"]
    assert version_key("1.0.0") == version_key("1") > version_key("1.0.dev3")
