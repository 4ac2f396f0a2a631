"""Tables that others have made, and names that mean something to a database."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from target_eventexport.errors import LoadError
from target_eventexport.names import quoted
from tests.target.loading import (
    ID,
    INSTANT,
    PROPERTIES,
    SCHEMA,
    TEXT,
    PostgresPlace,
    load,
    of_record,
    record,
    schema,
)

if TYPE_CHECKING:
    from tests.target.loading import DuckDbPlace

DECIMAL = {"type": "number", "multipleOf": 0.1}


def test_a_changed_key_is_another_table_s(in_postgres: PostgresPlace) -> None:
    load(in_postgres, [SCHEMA, record(id=1, text="a")])
    with pytest.raises(LoadError, match=r"has no unique index of its key \(text\): make one"):
        load(in_postgres, [schema(PROPERTIES, "text"), record(id=1, text="a")])


@pytest.mark.parametrize(
    ("index", "is_enough"),
    [
        ("unique (id)", True),
        ("primary key (id) include (text)", True),
        ("unique (id, text)", False),
        ("unique (id) deferrable", False),
    ],
)
def test_tables_of_others(in_postgres: PostgresPlace, index: str, is_enough: bool) -> None:  # noqa: FBT001
    table = in_postgres.table("events")
    in_postgres.ask(f"create schema {quoted(in_postgres.schema or '')}")
    in_postgres.ask(f"create table {table} (id integer not null, text varchar(3), {index})")
    in_postgres.ask(f"insert into {table} values (1, 'a')")
    messages = [SCHEMA, record(id=1, text="long text"), record(id=2, text="b")]
    if not is_enough:
        with pytest.raises(LoadError, match=r"has no unique index of its key \(id\)"):
            load(in_postgres, messages)
        return
    load(in_postgres, messages)
    assert [row["text"] for row in in_postgres.read("events")] == ["long text", "b"]


@pytest.mark.parametrize(
    "index", ["(lower(text))", "(id, lower(text))", "(id) where id > 1", "(text)"]
)
def test_an_index_that_is_no_key(in_postgres: PostgresPlace, index: str) -> None:
    table = in_postgres.table("events")
    in_postgres.ask(f"create schema {quoted(in_postgres.schema or '')}")
    in_postgres.ask(f"create table {table} (id bigint, text text)")
    in_postgres.ask(f"create unique index on {table} {index}")
    with pytest.raises(LoadError, match="has no unique index of its key"):
        load(in_postgres, [SCHEMA, record(id=1)])


def test_a_column_that_would_round_becomes_wide(in_postgres: PostgresPlace) -> None:
    table = in_postgres.table("events")
    in_postgres.ask(f"create schema {quoted(in_postgres.schema or '')}")
    in_postgres.ask(f"create table {table} (id bigint primary key, a numeric(10,2))")
    load(in_postgres, [schema({"id": ID, "a": DECIMAL}, "id"), record(id=1, a=0.125)])
    assert in_postgres.read("events") == [{"id": 1, "a": Decimal("0.125")}]


@pytest.mark.parametrize(
    "type_", ["timestamp", "timestamptz(0)", "real", "uuid", "json", "text[]", "date"]
)
def test_a_column_of_a_type_that_can_not_hold_the_values(
    in_postgres: PostgresPlace, type_: str
) -> None:
    table = in_postgres.table("events")
    in_postgres.ask(f"create schema {quoted(in_postgres.schema or '')}")
    in_postgres.ask(f"create table {table} (id bigint primary key, a {type_})")
    begin = schema({"id": ID, "a": INSTANT}, "id")
    at = "2026-01-01T00:00:00.123Z"
    if type_ == "date":
        load(in_postgres, [begin, record(id=1, a=at)])
        assert in_postgres.read("events")[0]["a"] == datetime.fromisoformat(at)
        return
    with pytest.raises(LoadError, match="change it, or load into another schema"):
        load(in_postgres, [begin, record(id=1, a=at)])


@pytest.mark.parametrize("type_", ["DECIMAL(10,2)", "TIMESTAMP", "FLOAT", "UUID", "INTEGER[]"])
def test_a_column_of_a_type_that_can_not_hold_the_values_in_duckdb(
    in_duckdb: DuckDbPlace, type_: str
) -> None:
    in_duckdb.ask(f"create table events (id bigint, a {type_})")
    begin = schema({"id": ID, "a": DECIMAL}, "id")
    with pytest.raises(LoadError, match="change it, or load into another schema"):
        load(in_duckdb, [begin, record(id=1, a=0.125)])


def test_a_view_of_a_column_that_would_change(in_postgres: PostgresPlace) -> None:
    load(in_postgres, [SCHEMA, record(id=1, text="a")])
    table = in_postgres.table("events")
    in_postgres.ask(f"create view {in_postgres.table('seen')} as select text from {table}")
    load(in_postgres, [schema({**PROPERTIES, "more": TEXT}, "id"), record(id=2, more="b")])
    with pytest.raises(LoadError, match=r"used by a view or rule .*seen"):
        load(in_postgres, [schema({"id": ID, "text": {}}, "id"), record(id=3, text={})])
    assert len(in_postgres.read("events")) == 2


def test_without_a_schema_temporary_tables_are_in_no_way(address: str) -> None:
    place = PostgresPlace(address)
    streams = ["stage_0", "stage_1", "pg_class", "events"]
    messages = []
    for stream in streams:
        messages += [schema({"id": ID}, "id", stream=stream), of_record({"id": 1}, stream)]
    for _ in range(2):
        load(place, messages)
    for stream in streams:
        assert place.read(stream) == [{"id": 1}]
        place.ask(f"drop table {place.table(stream)}")


@pytest.mark.parametrize("name", ["events", "main", "temp", "a b", 'q"'])
def test_a_schema_of_any_name(database: PostgresPlace, name: str) -> None:
    database.schema = name
    for _ in range(2):
        load(database, [schema(PROPERTIES, "id", stream="stage"), of_record({"id": 1}, "stage")])
        assert database.read("stage") == [{"id": 1, "text": None}]
