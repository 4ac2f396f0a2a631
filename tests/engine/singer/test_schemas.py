"""Schemas that loaders and flattening understand."""

from __future__ import annotations

from typing import Any

import pytest
from singer_sdk.helpers._flattening import flatten_schema

from tap_eventexport.engine.bodies.values import SCHEMAS
from tap_eventexport.engine.singer.schemas import is_open_object, open_objects, with_types_of
from tap_eventexport.tap import STREAMS

OPEN = {"type": ["object", "null"], "additionalProperties": True}
TEXT = {"type": ["string", "null"]}


def test_an_object_without_known_properties_lists_none() -> None:
    schema = {
        "type": "object",
        "properties": {
            "properties": {**OPEN, "properties": {}},
            "cart": {"type": "object", "properties": {"items": {**OPEN, "properties": {}}}},
        },
    }
    assert open_objects(schema) == {
        "type": "object",
        "properties": {
            "properties": OPEN,
            "cart": {"type": "object", "properties": {"items": OPEN}},
        },
    }
    assert flatten_schema(open_objects(schema), 5)["properties"] == {
        "properties": TEXT,
        "cart__items": TEXT,
    }


@pytest.mark.parametrize(
    ("given", "merged"),
    [
        (TEXT, OPEN),
        ({**OPEN, "properties": {}}, OPEN),
        ({}, OPEN),
        ({"properties": {"total": TEXT}}, {**OPEN, "properties": {"total": TEXT}}),
        ({"additionalProperties": False}, {**OPEN, "additionalProperties": False}),
        ({"description": "mine", "format": "date"}, {**OPEN, "description": "mine"}),
    ],
)
def test_a_column_keeps_the_type_that_the_tap_makes(
    given: dict[str, Any], merged: dict[str, Any]
) -> None:
    own = {"type": "object", "properties": {"payload": OPEN, "id": TEXT}, "required": ["id"]}
    catalog = {"properties": {"payload": given, "other": {**OPEN, "properties": {}}}}
    assert with_types_of(own, catalog) == {
        "type": "object",
        "properties": {"payload": merged, "other": OPEN},
        "required": [],
    }


def columns() -> dict[str, dict[str, Any]]:
    """Every column that a stream may have."""
    declared = {
        f"{stream.__name__}.{name}": column
        for stream in STREAMS
        for name, column in open_objects(stream.columns.to_dict())["properties"].items()
    }
    return {**declared, **SCHEMAS}


@pytest.mark.parametrize("column", columns().values(), ids=columns())
def test_a_column_has_one_type_that_loaders_know(column: dict[str, Any]) -> None:
    (kind,) = set(column["type"]) - {"null"}
    assert "anyOf" not in column
    assert column.get("properties") != {}
    assert "null" in column["type"] or kind == "string"  # what a key is
    if kind == "array":
        items = column["items"]["type"]
        assert items == "object" or "string" in items
        assert column["items"].get("properties") != {}


def test_which_columns_are_open_objects() -> None:
    assert is_open_object(OPEN)
    assert not is_open_object({**OPEN, "properties": {"total": TEXT}})
    assert not is_open_object(TEXT)
    assert not is_open_object({})
