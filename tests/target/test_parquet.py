"""Files of Parquet, and the views that lie beside them."""

from __future__ import annotations

from contextlib import closing

import duckdb

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
