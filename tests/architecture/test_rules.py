"""The rules of the contract are well-formed data."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from squall_loops.contract.abilities import ABILITIES
from squall_loops.contract.rules import AREAS, RULES, rule


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.id)
def test_a_rule_says_what_why_for_whom_and_after_which_source(one):
    assert re.fullmatch(r"[A-Z]{2}-\d{3}", one.id)
    assert one.area in AREAS
    assert one.level.value in one.sentence, f"{one.id} is a {one.level.value}, but its sentence does not say so"
    assert all(text.strip().endswith(".") for text in (one.sentence, one.intent, one.consequence))
    assert one.sources
    assert one.needs <= set(ABILITIES)


def test_no_id_is_used_twice():
    assert [name for name, count in Counter(one.id for one in RULES).items() if count > 1] == []


def test_an_unknown_id_is_answered_with_the_ids_of_its_area():
    with pytest.raises(KeyError, match="CB-001"):
        rule("CB-999")
