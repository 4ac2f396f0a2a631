"""Tables that others have made, and names that mean something to a database."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from target_eventexport.errors import LoadError
from target_eventexport.names import quoted
from tests.meltano import ROOT
from tests.target.loading import (
    ID,
    INSTANT,
    PROPERTIES,
    SCHEMA,
    TEXT,
    PostgresPlace,
    line,
    load,
    of_record,
    record,
    schema,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Postgres
    from tests.target.loading import DuckDbPlace, Place

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


def test_a_table_of_very_many_columns(place: Place) -> None:
    names = [f"column_{number}" for number in range(1000)]
    begin = schema({"id": ID, **dict.fromkeys(names, TEXT)}, "id")
    values = {"id": 1, **dict.fromkeys(names, "text")}
    load(place, [begin, of_record(values)])
    assert place.read("events") == [values]


def test_a_table_that_target_postgres_has_made(
    in_postgres: PostgresPlace, server: Postgres, tmp_path: Path
) -> None:
    """Its instants have no zone, which nobody can guess; with that mended, loads go on."""
    begin = schema({**PROPERTIES, "at": INSTANT, "value": {"type": "object"}}, "id")
    values: dict[str, Any] = {"text": "a", "at": "2026-01-01T00:00:00+00:00", "value": {"a": [1]}}
    settings = {**server.settings, "default_target_schema": in_postgres.schema}
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings))
    subprocess.run(
        [ROOT / ".venv-target-postgres/bin/target-postgres", "--config", config],
        input=b"\n".join(map(line, [begin, record(id=1, **values), record(id=2, **values)])),
        check=True,
        capture_output=True,
    )
    more = [begin, record(id=2, **{**values, "text": "b"}), record(id=3, **values)]
    with pytest.raises(LoadError, match=r"at of table .* has the type timestamp without time zone"):
        load(in_postgres, more)
    table = in_postgres.table("events")
    in_postgres.ask(f"alter table {table} alter at type timestamptz using at at time zone 'UTC'")
    load(in_postgres, more)
    found = in_postgres.read("events")
    assert [(row["id"], row["text"]) for row in found] == [(1, "a"), (2, "b"), (3, "a")]
    assert {row["at"] for row in found} == {datetime(2026, 1, 1, tzinfo=UTC)}
    assert [row["value"] for row in found] == [{"a": [1]}] * 3
