"""Files of Parquet, and the views that lie beside them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import duckdb

from target_eventexport.columns import Kind
from target_eventexport.destinations.csv_file import DESCRIPTORS, connect, rows_as_query
from target_eventexport.table import Rows, Table
from tests.target.loading import (
    ID,
    INSTANT,
    PROPERTIES,
    SCHEMA,
    ParquetPlace,
    load,
    of_record,
    record,
    schema,
)

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_views_of_an_earlier_load_stay(in_parquet: ParquetPlace) -> None:
    load(in_parquet, [SCHEMA, record(id=1, text="a")])
    load(in_parquet, [schema(PROPERTIES, "id", stream="others"), of_record({"id": 2}, "others")])
    assert in_parquet.read("events") == [{"id": 1, "text": "a"}]
    assert in_parquet.read("others") == [{"id": 2, "text": None}]


def test_what_a_crash_left_in_a_folder_is_removed(in_parquet: ParquetPlace) -> None:
    left = in_parquet.folder / "events/.20260101T000000Z-000000.parquet.tmp"
    left.parent.mkdir(parents=True)
    left.touch()
    load(in_parquet, [SCHEMA, record(id=1, text="a")])
    assert not left.exists()
    assert len(in_parquet.read("events")) == 1


def test_files_are_sorted_by_the_replication_key(in_parquet: ParquetPlace) -> None:
    begin = schema({"id": ID, "at": INSTANT}, "id", order="at")
    days = [3, 1, 2]
    load(in_parquet, [begin, *(record(id=day, at=f"2026-01-0{day}T00:00:00Z") for day in days)])
    (file,) = in_parquet.folder.glob("events/*.parquet")
    with closing(duckdb.connect()) as connection:
        read = connection.execute(f"select id from read_parquet('{file}')").fetchall()
        query = f"select distinct compression from parquet_metadata('{file}')"
        assert connection.execute(query).fetchall() == [("ZSTD",)]
    assert [id_ for (id_,) in read] == [1, 2, 3]


def test_rows_lie_in_no_file_that_a_kill_would_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rows = Rows(Table("events", ("id",), (Kind.INTEGER,), ()))
    rows.add([b"1\n", b"2\n"], None)
    with closing(connect(":memory:")) as connection, rows_as_query(rows) as query:
        assert connection.execute(f"SELECT * FROM {query}").fetchall() == [(1,), (2,)]
        assert bool([*tmp_path.iterdir()]) == (not DESCRIPTORS.is_dir())
