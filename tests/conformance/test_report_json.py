from __future__ import annotations

import copy
import json
import re

import pytest
from sample_run import sample

from squall_conformance.outcome import Outcome, RunReport
from squall_conformance.report import json as report

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float)}
KNOWN = {
    "$schema",
    "$id",
    "$defs",
    "$ref",
    "title",
    "description",
    "type",
    "required",
    "additionalProperties",
    "properties",
    "items",
    "enum",
    "const",
    "pattern",
    "minimum",
}


def complaints(value, schema, root, where="$"):  # noqa: C901 - a keyword of JSON Schema is a branch
    """The part of JSON Schema that our schema uses, and no more: an unknown keyword is an error of the test."""
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if "const" in schema and value != schema["const"]:
        yield f"{where} is {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {value!r}"
    if "type" in schema and (not isinstance(value, TYPES[schema["type"]]) or isinstance(value, bool)):
        yield f"{where} is no {schema['type']}"
        return
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where} is {value!r}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{where} is below {schema['minimum']}"
    if isinstance(value, dict):
        yield from (f"{where} has no {name}" for name in schema.get("required", ()) if name not in value)
        for name, item in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
            if inner is False:
                yield f"{where} has an unknown {name}"
            else:
                yield from complaints(item, inner, root, f"{where}.{name}")
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from complaints(item, schema["items"], root, f"{where}[{place}]")


def document():
    return report.document(sample())


def test_the_document_follows_its_published_schema():
    schema = report.schema()
    assert list(complaints(document(), schema, schema)) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda doc: doc.pop("targets"),
        lambda doc: doc.update(schema="squall/report/2"),
        lambda doc: doc.update(exit_code=7),
        lambda doc: doc["targets"][0].update(surprise=1),
        lambda doc: doc["targets"][0]["results"][0].update(outcome="good"),
        lambda doc: doc["targets"][0]["results"][0].update(clause="first"),
        lambda doc: doc["targets"][0]["profiles"][0].update(executed=-1),
    ],
)
def test_the_schema_refuses_what_is_wrong(spoil):
    schema = report.schema()
    wrong = copy.deepcopy(document())
    spoil(wrong)
    assert list(complaints(wrong, schema, schema))


def test_the_schema_knows_every_outcome():
    listed = report.schema()["$defs"]["result"]["properties"]["outcome"]["enum"]
    assert set(listed) == {outcome.value for outcome in Outcome}


def test_counts_add_up():
    for target in document()["targets"]:
        for profile in target["profiles"]:
            for level in ("must", "should", "may"):
                counts = dict(profile[level])
                assert counts.pop("total") == sum(counts.values())
            assert profile["clauses"] == sum(profile[level]["total"] for level in ("must", "should", "may"))


def test_a_file_reads_back_as_it_was_written(tmp_path):
    file = tmp_path / "report.json"
    report.write(sample(), file)
    assert json.loads(file.read_text(encoding="utf-8")) == document()


def test_what_the_control_loop_failed_is_named():
    assert document()["control"] == {"spec": "select", "failed": ["FK-002/holds"]}


def test_a_run_that_judged_nothing_is_a_document_too():
    nothing = RunReport(
        started="2026-01-01T00:00:00+00:00",
        seconds=0.0,
        kit="0",
        contract="1",
        environment={},
        control="",
        profiles=(),
        targets=[],
        exit_code=5,
    )
    schema = report.schema()
    assert list(complaints(report.document(nothing), schema, schema)) == []
