"""Messages may be written in any way that JSON allows, and be changed by stream maps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_eventexport.target import TargetEventExport
from tests.target.loading import (
    ID,
    PROPERTIES,
    SCHEMA,
    TEXT,
    load,
    of_record,
    record,
    schema,
    state,
)
from tests.target.running import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.target.loading import DuckDbPlace, Message


ROW = b'"record":{"id":1,"text":"a"}'
FORMS = {
    "compact": b'{"type":"RECORD","stream":"events",%s}' % ROW,
    "with spaces": b'{"type": "RECORD", "stream": "events", "record": {"id": 1, "text": "a"}}',
    "with more spaces": b' { "type" : "RECORD" ,  "stream" : "events", %s } ' % ROW,
    "in another order": b'{%s,"stream":"events","type":"RECORD"}' % ROW,
    "with a version": b'{"type":"RECORD","stream":"events","version":5,%s}' % ROW,
    "with more": b'{"type":"RECORD","stream":"events",%s,"more":{"a":[1]}}' % ROW,
    "escaped": rb'{"t\u0079pe":"R\u0045CORD","stream":"\u0065vents",'
    rb'"record":{"\u0069d":1,"text":"\u0061"}}',
    "with CR": b'{"type":"RECORD","stream":"events",\r%s}\r' % ROW,
    "with nulls": b'{"type":"RECORD","stream":"events","version":null,%s,"time_extracted":null}'
    % ROW,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_record_in_any_form(in_duckdb: DuckDbPlace, form: str) -> None:
    first, last = record(id=0), record(id=2)
    load(in_duckdb, [SCHEMA, first, FORMS[form], last, FORMS[form]])
    assert in_duckdb.read("events") == [
        {"id": 0, "text": None},
        {"id": 1, "text": "a"},
        {"id": 2, "text": None},
    ]


def test_streams_whose_names_begin_alike(in_duckdb: DuckDbPlace) -> None:
    names = ["a", 'a"', 'a","record":{"id":5},"x":"', "a\\", "ab"]
    messages: list[Message] = [schema({"id": ID}, "id", stream=name) for name in names]
    for _ in range(2):
        messages += [of_record({"id": number}, name) for number, name in enumerate(names)]
    load(in_duckdb, messages)
    assert [in_duckdb.read(name) for name in names] == [[{"id": each}] for each in range(5)]


ROWS = [
    of_record({"id": 1, "text": "a", "nested": {"b": 12345678901234567890, "c": {"d": None}}}),
    of_record({"id": 2, "text": "한", "nested": None}),
]
NESTED = {
    "type": ["object", "null"],
    "properties": {"b": {"type": "integer"}, "c": {"type": "object", "properties": {"d": TEXT}}},
}
BEGIN = schema({**PROPERTIES, "nested": NESTED}, "id")


def mapped(
    place: DuckDbPlace, folder: Path, messages: list[Any], **settings: Any
) -> list[dict[str, Any]]:
    done = run(place, [*messages, state("a")], folder, **settings)
    assert (done.code, done.states) == (0, ["a"]), done.log
    return place.read("events")


def test_stream_maps(in_duckdb: DuckDbPlace, tmp_path: Path) -> None:
    maps = {"events": {"long": "text * 2", "nested": None, "__filter__": "id != 2"}}
    found = mapped(in_duckdb, tmp_path, [BEGIN, *ROWS], stream_maps=maps)
    assert found == [{"id": 1, "text": "a", "long": "aa"}]


def test_a_stream_with_another_name(in_duckdb: DuckDbPlace, tmp_path: Path) -> None:
    maps = {"other": {"__alias__": "events"}}
    messages = [schema(PROPERTIES, "id", stream="other"), of_record({"id": 1}, "other")]
    assert mapped(in_duckdb, tmp_path, messages, stream_maps=maps) == [{"id": 1, "text": None}]


def test_flattening(in_duckdb: DuckDbPlace, tmp_path: Path) -> None:
    found = mapped(
        in_duckdb, tmp_path, [BEGIN, *ROWS], flattening_enabled=True, flattening_max_depth=3
    )
    assert [row["nested__b"] for row in found] == [12345678901234567890, None]
    assert found[0].keys() == {"id", "text", "nested__b", "nested__c__d"}


def test_what_no_database_stores_with_stream_maps(in_duckdb: DuckDbPlace, tmp_path: Path) -> None:
    row = rb'{"type":"RECORD","stream":"events","record":{"id":1,"text":"\u0000\ud83d"}}'
    maps = {"events": {"more": "'x'"}}
    found = mapped(in_duckdb, tmp_path, [SCHEMA, row], stream_maps=maps)
    assert found == [{"id": 1, "text": "\ufffd\ufffd", "more": "x"}]


def test_files_with_stream_maps(in_duckdb: DuckDbPlace, tmp_path: Path) -> None:
    file = tmp_path / "tap-eventexport--events.jsonl"
    file.write_text('{"id": 1, "text": "a"}\n')
    batch = {
        "type": "BATCH",
        "stream": "events",
        "encoding": {"format": "jsonl", "compression": "none"},
        "manifest": [f"file://{file}"],
    }
    maps = {"events": {"text": "text * 2"}}
    found = mapped(in_duckdb, tmp_path, [SCHEMA, record(id=0, text="b"), batch], stream_maps=maps)
    assert found == [{"id": 0, "text": "bb"}, {"id": 1, "text": "aa"}]
    assert not file.exists()


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b"5",
        b"[]",
        record(id="x"),
        of_record({"id": 1}, "unknown"),
        {"type": "RECORD", "stream": "events"},
        {"type": "RECORD", "stream": ["events"], "record": {}},
        {"type": "RECORD", "stream": "events", "record": [1]},
        {"type": "SCHEMA", "stream": "events", "schema": 5, "key_properties": []},
        {"type": "BATCH", "stream": "events"},
        {"type": "BATCH", "stream": "events", "manifest": 5, "encoding": {}},
        {"type": "NEWS"},
        {},
    ],
    ids=str,
)
def test_a_bad_message_with_stream_maps(in_duckdb: DuckDbPlace, tmp_path: Path, bad: Any) -> None:
    maps = {"events": {"more": "'x'"}}
    done = run(in_duckdb, [SCHEMA, record(id=1), bad, state("a")], tmp_path, stream_maps=maps)
    assert (done.code, done.states) == (1, [])
    assert done.complaint


@pytest.mark.parametrize("expression", ["1 / 0", "nowhere", "text +", "int(text)"])
def test_an_expression_that_fails(in_duckdb: DuckDbPlace, tmp_path: Path, expression: str) -> None:
    maps = {"events": {"more": expression}}
    messages = [SCHEMA, record(id=1, text="a"), state("a")]
    done = run(in_duckdb, messages, tmp_path, stream_maps=maps)
    assert (done.code, done.states) == (1, [])
    assert done.complaint


def test_about_names_the_settings() -> None:
    about = json.dumps(TargetEventExport.config_jsonschema)
    for name in ("destination", "schema", "batch_rows", "batch_seconds", "hard_delete"):
        assert f'"{name}"' in about
