"""A file that is no catalog is told of in lines that say what is expected."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from tap_eventexport.engine.singer.catalog import catalog_problems, with_methods

STREAM: dict[str, Any] = {
    "tap_stream_id": "croct_events",
    "schema": {"type": "object", "properties": {"id": {"type": "string"}}},
    "metadata": [
        {"breadcrumb": [], "metadata": {"selected": True}},
        {"breadcrumb": ["properties", "id"], "metadata": {"inclusion": "automatic"}},
    ],
}


def with_metadata(entry: object) -> dict[str, Any]:
    stream = deepcopy(STREAM)
    stream["metadata"].append(entry)
    return stream


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"metadata": []},
        {"key_properties": ["id"], "replication_key": None, "replication_method": ""},
        {"replication_method": "FULL_TABLE", "selected": True, "is_view": False},
        {"schema": {"properties": {"id": {}, "tags": {"items": {"type": "string"}}}}},
        with_metadata(
            {"breadcrumb": ["properties", "a", "items", "properties", "b"], "metadata": {}}
        ),
        with_metadata({"breadcrumb": ["properties", "items"], "metadata": {"selected": None}}),
        with_metadata({"breadcrumb": ["properties", "properties"], "metadata": {"any": 1}}),
    ],
)
def test_a_catalog(change: dict[str, Any]) -> None:
    assert catalog_problems({"streams": [{**STREAM, **change}]}) == []


def test_metadata_may_be_missing() -> None:
    assert catalog_problems({"streams": [{**STREAM, "metadata": []}]}) == []
    bare = {name: value for name, value in STREAM.items() if name != "metadata"}
    assert catalog_problems({"streams": [bare]}) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"bookmarks": {}}, ["isn't a catalog; this is a state; expected what --discover prints"]),
        ({}, ["isn't a catalog; expected what --discover prints"]),
        ([], ["isn't a catalog"]),
        ({"streams": None}, ["streams: got null, expected a list of streams"]),
        ({"streams": {"a": 1}}, ['streams: got {"a": 1}, expected a list of streams']),
        ({"streams": [1]}, ["streams[0]: got 1, expected an object"]),
        ({"streams": [{}]}, ["streams[0]: has no tap_stream_id, schema"]),
        ({"streams": [STREAM, STREAM]}, ["croct_events appears 2 times; expected once"]),
    ],
)
def test_what_is_no_catalog(value: object, words: list[str]) -> None:
    (problem,) = catalog_problems(value)
    assert all(word in problem for word in words), problem


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metadata": None}, 'metadata: got null, expected a list of {"breadcrumb"'),
        ({"metadata": {"a": 1}}, 'metadata: got {"a": 1}, expected a list'),
        ({"metadata": [None]}, "metadata.0: got null, expected an object such as"),
        ({"metadata": [{"metadata": {}}]}, "metadata.0: has no breadcrumb"),
        ({"schema": None}, "schema: got null, expected a JSON schema, an object"),
        ({"schema": {}}, "schema: has no properties"),
        ({"schema": {"properties": []}}, "schema.properties: got [], expected an object of"),
        ({"schema": {"properties": {"id": True}}}, "schema.properties.id: got true, expected"),
        ({"schema": {"properties": {"a\nb": 1}}}, "schema.properties.'a\\nb': got 1, expected"),
        ({"schema": {"properties": {}, "required": "id"}}, 'schema.required: got "id", expected'),
        ({"schema": {"properties": {"a": {"type": 5}}}}, "a.type: got 5, expected a type of JSON"),
        ({"schema": {"properties": {"a": {"type": ["text"]}}}}, "expected a type of JSON, or a"),
        ({"key_properties": "id"}, 'key_properties: got "id", expected a list of columns'),
        ({"replication_key": 5}, "replication_key: got 5, expected a text"),
        ({"replication_method": "LOG_BASED"}, "expected INCREMENTAL or FULL_TABLE"),
        (with_metadata({"breadcrumb": "id", "metadata": {}}), 'got "id", expected a list such as'),
        (with_metadata({"breadcrumb": ["id"], "metadata": {}}), 'got ["id"], expected a list'),
        (with_metadata({"breadcrumb": ["properties"], "metadata": {}}), "expected a list such as"),
        (with_metadata({"breadcrumb": ["items"], "metadata": {}}), "expected a list such as"),
        (with_metadata({"breadcrumb": [], "metadata": None}), "got null, expected an object"),
        (
            with_metadata({"breadcrumb": ["properties", "id"], "metadata": {"selected": "false"}}),
            'metadata.selected: got "false", expected true or false',
        ),
        (
            with_metadata({"breadcrumb": ["properties", "id"], "metadata": {"inclusion": "no"}}),
            'got "no", expected available, automatic or unsupported',
        ),
        (
            with_metadata({"breadcrumb": [], "metadata": {"replication-method": "LOG_BASED"}}),
            'got "LOG_BASED", expected INCREMENTAL or FULL_TABLE',
        ),
        (
            with_metadata({"breadcrumb": [], "metadata": {"forced-replication-method": "X"}}),
            'got "X", expected INCREMENTAL or FULL_TABLE',
        ),
        ({"metadata": ["x" * 100]}, f'metadata.0: got "{"x" * 58}…, expected an object'),
    ],
)
def test_what_is_wrong_in_a_stream(change: dict[str, Any], words: str) -> None:
    (problem,) = catalog_problems({"streams": [{**STREAM, **change}]})
    assert problem.startswith("croct_events: "), problem
    assert words in problem
    assert len(problem.splitlines()) == 1


@pytest.mark.parametrize(
    ("metadata", "method"),
    [
        ({"replication-method": "FULL_TABLE"}, "FULL_TABLE"),
        ({"replication-method": None}, "INCREMENTAL"),
        ({}, "INCREMENTAL"),
    ],
)
def test_the_method_that_metadata_names(metadata: dict[str, Any], method: str) -> None:
    entries = [{"breadcrumb": [], "metadata": metadata}]
    stream = {**STREAM, "replication_method": "INCREMENTAL", "metadata": entries}
    (found,) = with_methods({"streams": [stream]})["streams"]
    assert found == {**stream, "replication_method": method}
    assert with_methods({"streams": []}) == {"streams": []}


def test_all_problems_are_told_at_once() -> None:
    other = {**STREAM, "tap_stream_id": "a\nb", "metadata": 5}
    problems = catalog_problems({"streams": [{**STREAM, "metadata": None}, other]})
    assert [problem.partition(": ")[0] for problem in problems] == ["croct_events", "'a\\nb'"]


def test_nesting_without_end() -> None:
    text = '{"properties":{"a":' * 300 + "{}" + "}}" * 300
    (problem,) = catalog_problems({"streams": [{**STREAM, "schema": json.loads(text)}]})
    assert "nested too deeply" in problem
