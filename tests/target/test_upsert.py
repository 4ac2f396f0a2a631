"""The last record of a key counts, and what is there already is not written again."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from target_eventexport.errors import LoadError
from target_eventexport.table import METADATA
from tests.target.loading import (
    ID,
    INSTANT,
    NUMBER,
    PROPERTIES,
    SCHEMA,
    TEXT,
    ParquetPlace,
    PostgresPlace,
    load,
    of_record,
    record,
    schema,
)

if TYPE_CHECKING:
    from tests.target.loading import DuckDbPlace, Place


@pytest.mark.parametrize("batch_rows", [1, 2, 100])
def test_the_last_record_of_a_key_counts(place: Place, batch_rows: int) -> None:
    texts = ["a", "b", None, "c"]
    load(
        place,
        [SCHEMA, *(record(id=number % 2, text=texts[number]) for number in range(4))],
        batch_rows=batch_rows,
    )
    assert place.read("events") == [{"id": 0, "text": None}, {"id": 1, "text": "c"}]


def test_the_last_load_counts(place: Place) -> None:
    load(place, [SCHEMA, record(id=1, text="a"), record(id=2, text="b")])
    load(place, [SCHEMA, record(id=2, text="c"), record(id=3, text="d")])
    assert [row["text"] for row in place.read("events")] == ["a", "c", "d"]


@pytest.mark.parametrize(
    ("definition", "first", "second"),
    [
        (INSTANT, "2026-01-01T00:00:00Z", "2026-01-01T09:00:00+09:00"),
        (INSTANT, "2026-01-01T00:00:00Z", "2026-01-01 00:00"),
        ({"type": "number"}, 1, 1.0),
        ({"type": "number"}, 0.0, -0.0),
        ({"type": "number", "multipleOf": 0.1}, b"1.5", b"1.50"),
        ({"type": "number", "multipleOf": 0.1}, b"1500", b"1.5e3"),
        ({"type": "integer"}, 0, b"-0"),
    ],
)
@pytest.mark.parametrize("batch_rows", [1, 100])
def test_a_key_that_is_written_in_two_ways_is_one(
    place: Place, definition: Any, first: Any, second: Any, batch_rows: int
) -> None:
    def message(key: Any, number: int) -> Any:
        if not isinstance(key, bytes):
            return record(id=key, text=f"{number}")
        return b'{"type":"RECORD","stream":"events","record":{"id":%s,"text":"%d"}}' % (key, number)

    messages = [message(key, number) for number, key in enumerate((first, second, first, second))]
    begin = schema({"id": definition, "text": TEXT}, "id")
    for _ in range(2):
        load(place, [begin, *messages], batch_rows=batch_rows)
        assert [row["text"] for row in place.read("events")] == ["3"]


def test_a_key_of_several_columns(place: Place) -> None:
    begin = schema({"a": TEXT, "at": INSTANT, "b": TEXT, "text": TEXT}, "at", "b", "a")
    at = "2026-01-01T00:00:00Z"
    same = "2026-01-01T01:00:00+01:00"
    records = [
        record(a="1", b="23", at=at, text="a"),
        record(a="12", b="3", at=at, text="b"),
        record(a='1","2', b="3", at=at, text="c"),
        record(a="", b="3", at=at, text="d"),
        record(a="1", b="23", at=same, text="e"),
    ]
    for _ in range(2):
        load(place, [begin, *records], batch_rows=3)
        assert sorted(row["text"] for row in place.read("events")) == ["b", "c", "d", "e"]


def test_keys_that_are_named_twice(place: Place) -> None:
    load(place, [schema(PROPERTIES, "id", "id"), record(id=1), record(id=1)])
    assert len(place.read("events")) == 1


def test_keys_are_compared_exactly(place: Place) -> None:
    keys = ["a", "A", "a ", " a", "á", "a\u0301", "", "a\n"]
    load(place, [schema({"id": TEXT}, "id"), *(record(id=key) for key in keys)], batch_rows=3)
    assert sorted(row["id"] for row in place.read("events")) == sorted(keys)


def test_a_table_that_is_all_key(place: Place) -> None:
    for _ in range(2):
        load(place, [schema({"id": ID}, "id"), record(id=1), record(id=2), record(id=1)])
        assert place.read("events") == [{"id": 1}, {"id": 2}]


def test_a_stream_without_keys_is_appended_to(place: Place) -> None:
    for times in (1, 2):
        load(place, [schema(PROPERTIES), record(id=1), record(id=1)], batch_rows=1)
        assert len(place.read("events")) == 2 * times


def test_rows_that_are_there_are_not_written_again(in_postgres: PostgresPlace) -> None:
    properties = {"id": ID, "text": TEXT, "number": NUMBER, "value": {}, "at": INSTANT}
    more: dict[str, Any] = {
        "number": 1.5,
        "value": {"a": 1, "b": [None]},
        "at": "2026-01-01T00:00:00Z",
    }
    begin = schema(properties, "id")
    where = f"select id, xmin, ctid from {in_postgres.table('events')} order by id"
    load(in_postgres, [begin, record(id=1, text="a", **more), record(id=2, text=None)])
    before = in_postgres.ask(where)
    same: dict[str, Any] = {
        "value": {"b": [None], "a": 1},
        "at": "2026-01-01T09:00:00+0900",
        "number": 1.50,
    }
    load(in_postgres, [begin, record(id=1, text="a", **same), record(id=2, text=None)])
    assert in_postgres.ask(where) == before
    load(in_postgres, [begin, record(id=1, text="a", **same), record(id=2, text="")])
    after = in_postgres.ask(where)
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_rows_that_are_there_keep_their_place_in_duckdb(in_duckdb: DuckDbPlace) -> None:
    load(in_duckdb, [SCHEMA, record(id=1, text="a"), record(id=2, text=None)])
    before = in_duckdb.ask("select rowid, id from events order by id")
    load(in_duckdb, [SCHEMA, record(id=1, text="a"), record(id=2, text=None)])
    assert in_duckdb.ask("select rowid, id from events order by id") == before


def test_columns_of_metadata(place: Place) -> None:
    at = "2026-01-01T00:00:00Z"
    messages = [
        SCHEMA,
        of_record({"id": 1, "text": "a"}, time_extracted=at, version=5),
        of_record({"id": 2, "text": None}),
    ]
    load(place, messages, metadata=METADATA)
    first, second = place.read("events")
    assert [*first] == ["id", "text", *METADATA]
    assert first["_sdc_extracted_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert first["_sdc_table_version"] == 5
    assert first["_sdc_deleted_at"] is None
    assert first["_sdc_received_at"].tzinfo
    assert second["_sdc_extracted_at"] is None
    assert second["_sdc_table_version"] is None
    assert second["_sdc_sequence"] > first["_sdc_sequence"]


def test_a_later_load_with_the_same_values_keeps_the_metadata(database: PostgresPlace) -> None:
    load(database, [SCHEMA, record(id=1, text="a")], metadata=METADATA)
    before = database.read("events")
    load(database, [SCHEMA, record(id=1, text="a")], metadata=METADATA)
    assert database.read("events") == before


@pytest.mark.parametrize("time_extracted", ['a","b', "2026-01-01\n1", "now"])
def test_a_time_that_is_none(place: Place, time_extracted: str) -> None:
    with pytest.raises(LoadError, match="time_extracted of a record is not an instant"):
        load(
            place,
            [SCHEMA, of_record({"id": 1}, time_extracted=time_extracted)],
            metadata=METADATA,
        )


def activate(version: int) -> dict[str, Any]:
    return {"type": "ACTIVATE_VERSION", "stream": "events", "version": version}


def test_activate_version_deletes_what_was_not_sent_again(database: PostgresPlace) -> None:
    options: dict[str, Any] = {"metadata": ["_sdc_table_version"], "hard_delete": True}
    first = [of_record({"id": number}, version=1) for number in (1, 2, 3)]
    load(database, [SCHEMA, activate(1), *first, activate(1)], **options)
    assert [row["id"] for row in database.read("events")] == [1, 2, 3]
    second = [of_record({"id": number}, version=2) for number in (2, 4)]
    load(database, [SCHEMA, *second, activate(2)], **options)
    assert [row["id"] for row in database.read("events")] == [2, 4]


def test_activate_version_deletes_nothing_unless_wanted(database: PostgresPlace) -> None:
    load(database, [SCHEMA, of_record({"id": 1}, version=1), activate(2)])
    assert [row["id"] for row in database.read("events")] == [1]


def test_parquet_can_delete_nothing(in_parquet: ParquetPlace) -> None:
    with pytest.raises(LoadError, match="hard_delete isn't possible in Parquet files"):
        load(
            in_parquet,
            [SCHEMA, of_record({"id": 1}, version=1), activate(2)],
            metadata=["_sdc_table_version"],
            hard_delete=True,
        )


def test_two_streams_between_each_other(place: Place) -> None:
    messages = [SCHEMA, schema(PROPERTIES, "id", stream="others")]
    streams = itertools.cycle(["events", "others"])
    messages += [of_record({"id": number}, next(streams)) for number in range(6)]
    load(place, messages, batch_rows=4)
    assert [row["id"] for row in place.read("events")] == [0, 2, 4]
    assert [row["id"] for row in place.read("others")] == [1, 3, 5]
