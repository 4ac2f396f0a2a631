"""Stream maps: what is wrong in them is told before anything is read, or by the first record."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from typing import Any

import pytest
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.mapper import PluginMapper

from tap_eventexport.engine.errors import StreamMapError
from tap_eventexport.engine.singer.messages import encoder
from tap_eventexport.engine.singer.transform import (
    Transform,
    definitions_of,
    general_problems,
    make_maps,
    maps_of_nothing,
    unknown_removals,
)

TEXT = {"type": ["string", "null"]}
SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": ["string"]},
        "name": TEXT,
        "total": {"type": ["number", "null"]},
        "payload": {"type": ["object", "null"], "additionalProperties": True},
    },
    "required": ["id"],
}
RECORD = {
    "id": "a",
    "name": None,
    "total": Decimal("12.10"),
    "payload": {"sum": Decimal("0.12345678901234567890"), "text": "a\0b"},
}


def transforms(maps: Any, **settings: Any) -> list[Transform]:
    mapper = PluginMapper({"stream_maps": dict(maps), **settings}, logging.getLogger())
    made = make_maps("events", mapper, SCHEMA, ["id"], maps)
    return [Transform(stream_map, definitions_of("events", maps)) for stream_map in made]


def problems(maps: Any, **settings: Any) -> list[str]:
    with pytest.raises(ConfigValidationError) as raised:
        transforms(maps, **settings)
    return raised.value.errors


def mapped(definition: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A record as a loader gets it."""
    (transform,) = transforms({"events": definition}, **settings)
    record = json.loads(json.dumps(RECORD, default=float))
    value: dict[str, Any] = json.loads(encoder.encode(transform.apply({**record, **RECORD})))
    return value


def test_which_maps_are_a_streams() -> None:
    maps = {
        "events": {},
        "e*": None,
        "copy": {"__source__": "events"},
        "other": {},
        "__else__": None,
    }
    assert list(definitions_of("events", maps)) == ["events", "e*", "copy"]
    assert maps_of_nothing(["events"], maps) == ["other"]
    assert maps_of_nothing(["events", "other"], maps) == []


def test_columns_that_are_not_there_to_be_left_out() -> None:
    maps = {
        "events": {"Name": None, "name": None, "new": "name", "__else__": None},
        "e*": {"nowhere": None},
        "other": {"nowhere": None},
    }
    assert unknown_removals("events", maps, SCHEMA["properties"]) == ["Name"]


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        ({"__else__": "x"}, "__else__: expected null"),
        ({"__else__": {}}, "__else__: expected null"),
        ({"__alias__": "x"}, "__alias__: expected the name of a stream, or __else__"),
    ],
)
def test_options_of_no_stream(maps: dict[str, Any], words: str) -> None:
    (problem,) = general_problems(maps)
    assert words in problem


def test_right_options_of_no_stream() -> None:
    assert not list(general_problems({"__else__": None, "events": 5}))
    assert not list(general_problems({"__else__": "__NULL__"}))


AN_EXPRESSION = "expected an expression, such as str(timestamp), or null"


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        (5, "events: expected an object, or null, which leaves the stream out"),
        ("x", "events: expected an object"),
        ([1], "events: expected an object"),
        ({"x": "1 +"}, f"x: {AN_EXPRESSION}"),
        ({"x": ""}, f"x: {AN_EXPRESSION}"),
        ({"x": "y = 1"}, f"x: {AN_EXPRESSION}"),
        ({"x": "1; 2"}, f"x: {AN_EXPRESSION}"),
        ({"x": "a\0b"}, f"x: {AN_EXPRESSION}"),
        ({"x": "(" * 5000}, f"x: {AN_EXPRESSION}"),
        ({"x": 5}, f"x: {AN_EXPRESSION}"),
        ({"x": ["1"]}, f"x: {AN_EXPRESSION}"),
        ({"__filter__": "1 +"}, f"__filter__: {AN_EXPRESSION}"),
        ({"__filter__": 5}, f"__filter__: {AN_EXPRESSION}"),
        ({"x": "foo(name)"}, "x: there is no function foo, expected bool, datetime, fake"),
        ({"__filter__": "len(name)"}, "__filter__: there is no function len"),
        ({"__else__": "x"}, "__else__: expected null"),
        ({"__alias__": 5}, "__alias__: expected the name of a stream"),
        ({"__alias__": ""}, "__alias__: expected the name of a stream"),
        ({"__key_properties__": []}, "__key_properties__: expected a list of one property or more"),
        ({"__key_properties__": None}, "__key_properties__: expected a list of one"),
        ({"__key_properties__": "id"}, "__key_properties__: expected a list of one"),
        ({"__key_properties__": ["nope"]}, "Property 'nope' was not detected in schema"),
        ({"id": None}, "Removing key property 'id' is not permitted"),
        ({"__else__": None, "name": "name"}, "Property 'id' was not detected in schema"),
    ],
)
def test_what_is_wrong(definition: object, words: str) -> None:
    (problem,) = problems({"events": definition})
    assert problem.startswith("stream_maps: events: ")
    assert words in problem
    assert len(problem.splitlines()) == 1


def test_all_problems_are_told_at_once() -> None:
    assert (
        len(problems({"events": {"x": "1 +", "y": 5}, "copy": {"__source__": "events", "z": ""}}))
        == 3
    )


def test_two_maps_of_one_name() -> None:
    maps = {"events": {"__alias__": "copy"}, "copy": {"__source__": "events"}}
    assert problems(maps) == [
        "stream_maps: events: two maps have the name copy: expected different names"
    ]


def test_a_key_that_flattening_shortens() -> None:
    keys = {"identifier_of_the_event": TEXT}
    settings: dict[str, Any] = {
        "flattening_enabled": True,
        "flattening_max_depth": 1,
        "flattening_max_key_length": 10,
    }
    mapper = PluginMapper(settings, logging.getLogger())
    schema = {"type": "object", "properties": keys}
    with pytest.raises(ConfigValidationError) as raised:
        make_maps("events", mapper, schema, list(keys), {})
    (problem,) = raised.value.errors
    assert (
        "identifier_of_the_event: no column has this name any more; expected a greater" in problem
    )


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("5", "5"),
        ("name is None", "true"),
        ("[1, 'a']", '[1,"a"]'),
        ("{'a': total}", '{"a":12.10}'),
        ("total", 12.1),
        ("payload", {"sum": 0.12345678901234568, "text": "a\0b"}),
        ("name", None),
        ("float('1.5')", 1.5),
        ("int('7')", 7),
        ("datetime.datetime(2026, 3, 1)", "2026-03-01T00:00:00Z"),
        ("datetime.date(2026, 3, 1)", "2026-03-01"),
        ("datetime.timedelta(1)", "P1D"),
        ("json.dumps(payload)", '{"sum": 0.12345678901234567890, "text": "a\\u0000b"}'),
        ("json.loads(json.dumps(payload).replace('\\\\u0000', ''))['text']", "ab"),
    ],
)
def test_a_computed_value_fits_its_column(expression: str, value: object) -> None:
    assert mapped({"x": expression})["x"] == value


def test_a_value_that_does_not_fit() -> None:
    with pytest.raises(StreamMapError, match=r"total was computed as dict .* expected number"):
        mapped({"total": "payload"})
    assert mapped({"total": "record.get('nope')"})["total"] is None


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({"x": "1/0"}, r"x can't be computed for a record \(ZeroDivisionError\); expected"),
        ({"y": "1", "x": "md5(name)"}, r"x can't be computed for a record \(AttributeError\)"),
        ({"x": "nope"}, r"x can't be computed for a record \(it has no nope\)"),
        ({"x": "id.nope()"}, r"x can't be computed for a record \(there is no nope\)"),
        ({"x": "payload['nope']"}, r"x can't be computed for a record \(KeyError\)"),
        ({"x": "int(id)"}, r"x can't be computed for a record \(ValueError\)"),
        ({"__filter__": "nope == 1"}, r"__filter__ can't be computed for a record \(it has no"),
        ({"id": "None"}, "id is a key, but it is empty for a record"),
        ({"id": "''"}, "id is a key, but it is empty for a record"),
        ({"__key_properties__": ["name"]}, "name is a key, but it is empty for a record"),
    ],
)
def test_what_a_record_cannot_be_mapped_to(definition: dict[str, Any], words: str) -> None:
    with pytest.raises(StreamMapError, match=words):
        mapped(definition)


def test_a_failure_that_no_expression_explains(monkeypatch: pytest.MonkeyPatch) -> None:
    (transform,) = transforms({"events": {"x": "1", "y": None}})
    monkeypatch.setattr(transform._map, "transform", lambda _: 1 / 0)  # noqa: SLF001
    with pytest.raises(StreamMapError, match=r"events can't be computed .*ZeroDivisionError"):
        transform.apply({"id": "a"})


def test_records_that_are_filtered_out() -> None:
    (transform,) = transforms({"events": {"__filter__": "total > 100"}})
    assert transform.apply({**RECORD}) is None


def test_flattened_records_fit_their_schema() -> None:
    settings: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 2}
    record = mapped({"x": "payload", "y": "[1]", "name": "payload['text']"}, **settings)
    assert record["payload"] == record["x"] == '{"sum":0.12345678901234567890,"text":"a\\u0000b"}'
    assert (record["y"], record["name"]) == ("[1]", "a\0b")
