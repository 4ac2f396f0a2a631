"""BATCH files are read from disk and from S3; those of this project's tap go after the commit."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from target_eventexport.batch_files import BatchFile
from target_eventexport.errors import LoadError
from tests.target.loading import ID, SCHEMA, load, of_record, record, schema, state
from tests.target.running import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.target.loading import DuckDbPlace, Message, Place, PostgresPlace

OURS = "tap-eventexport--events-1-0.jsonl"
OTHERS = "events-1-0.jsonl"


def written(*ids: int) -> bytes:
    return b"".join(json.dumps({"id": each, "text": f"{each}"}).encode() + b"\n" for each in ids)


def batch(*urls: str, compression: str | None = "none") -> Message:
    encoding = {"format": "jsonl", "compression": compression}
    return {"type": "BATCH", "stream": "events", "encoding": encoding, "manifest": list(urls)}


def ids(place: Place) -> list[int]:
    return [row["id"] for row in place.read("events")]


@pytest.mark.parametrize("batch_rows", [1, 3, 100])
def test_files_are_read(place: Place, tmp_path: Path, batch_rows: int) -> None:
    plain, packed = tmp_path / OTHERS, tmp_path / "events 한%20.gz"
    plain.write_bytes(written(1, 2) + b"\n" + written(3).strip())
    packed.write_bytes(gzip.compress(written(4, 5)) + gzip.compress(written(6)))
    messages = [
        SCHEMA,
        record(id=0),
        batch(f"file://{plain}"),
        batch(packed.as_uri(), compression="gzip"),
        state("a"),
    ]
    assert load(place, messages, batch_rows=batch_rows).states == ["a"]
    assert ids(place) == [*range(7)]
    assert plain.exists()
    assert packed.exists()


def test_files_go_after_the_commit_if_they_are_ours(place: Place, tmp_path: Path) -> None:
    ours, others = tmp_path / f"prefix-{OURS}", tmp_path / OTHERS
    folder = tmp_path / "tap-eventexport--folder"
    folder.mkdir()
    third = folder / OTHERS
    for number, file in enumerate((ours, others, third)):
        file.write_bytes(written(number))
    files = (ours, others, third)
    load(place, [SCHEMA, batch(*(f"file://{file}" for file in files)), state("a")])
    assert ids(place) == [0, 1, 2]
    assert [file.exists() for file in files] == [False, True, True]


def test_a_file_stays_if_the_load_fails(database: DuckDbPlace, tmp_path: Path) -> None:
    file = tmp_path / OURS
    file.write_bytes(written(1))
    with pytest.raises(LoadError):
        load(database, [SCHEMA, batch(f"file://{file}"), record(id="x")])
    assert file.exists()
    file.write_bytes(written(1, 2) + b'{"id": "x"}\n')
    with pytest.raises(LoadError, match="events: a record doesn't fit its SCHEMA"):
        load(database, [SCHEMA, batch(f"file://{file}")], batch_rows=1)
    assert file.exists()


def test_what_no_database_stores_in_files(place: Place, tmp_path: Path) -> None:
    file = tmp_path / OTHERS
    file.write_bytes(rb'{"id": 1, "text": "\u0000"}' + b"\n" + rb'{"id": 2, "text": "\ud83d"}')
    load(place, [SCHEMA, batch(f"file://{file}")])
    assert [row["text"] for row in place.read("events")] == ["\ufffd", "\ufffd"]


def test_the_last_record_of_a_key_counts_also_in_files(place: Place, tmp_path: Path) -> None:
    file = tmp_path / OTHERS
    file.write_bytes(written(1, 1) + b'{"id": 1, "text": "last"}\n')
    load(place, [SCHEMA, record(id=1, text="first"), batch(f"file://{file}")])
    assert place.read("events") == [{"id": 1, "text": "last"}]


def corrupt(file: Path) -> None:
    file.write_bytes(gzip.compress(written(*range(1000)))[:-20])


def broken(file: Path) -> None:
    data = bytearray(gzip.compress(written(*range(1000))))
    data[50:60] = bytes(10)
    file.write_bytes(data)


BAD: dict[str, Callable[[Path], Any]] = {
    "missing": lambda _: None,
    "a folder": lambda file: file.mkdir(),
    "cut": corrupt,
    "broken": broken,
    "not packed": lambda file: file.write_bytes(written(1)),
    "wrong inside": lambda file: file.write_bytes(gzip.compress(written(1) + b"{half")),
    "not UTF-8": lambda file: file.write_bytes(gzip.compress(b'{"id": 1, "text": "\xff"}\n')),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_told_in_one_line(in_duckdb: DuckDbPlace, tmp_path: Path, what: str) -> None:
    file = tmp_path / OURS
    BAD[what](file)
    messages = [SCHEMA, batch(f"file://{file}", compression="gzip"), state("a")]
    done = run(in_duckdb, messages, tmp_path)
    assert (done.code, done.states) == (1, [])
    assert done.complaint
    assert file.exists() == (what != "missing")


@pytest.mark.parametrize(
    ("url", "encoding"),
    [
        ("file:///a", {"format": "parquet"}),
        ("file:///a", {"format": "jsonl", "compression": "zstd"}),
        ("file:///a", {}),
        ("https://127.0.0.1/a", {"format": "jsonl"}),
        ("ftp://127.0.0.1/a", {"format": "jsonl"}),
    ],
)
def test_forms_that_are_not_read(url: str, encoding: dict[str, Any]) -> None:
    with pytest.raises(LoadError, match=url):
        BatchFile(url, encoding)


@pytest.fixture
def s3(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store that the loader reaches by AWS's variables."""
    from target_eventexport import object_store  # noqa: PLC0415

    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", store.owner["aws_access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", store.owner["aws_secret_access_key"])
    object_store._client.cache_clear()  # noqa: SLF001
    return store


def test_files_in_s3(s3: Store, in_postgres: PostgresPlace, tmp_path: Path) -> None:
    ours, others = f"batches/{OURS}.gz", f"batches/{OTHERS}.gz"
    s3.put(ours, gzip.compress(written(1, 2)))
    s3.put(others, gzip.compress(written(3)))
    urls = [f"s3://{s3.bucket}/{key}" for key in (ours, others)]
    done = run(in_postgres, [SCHEMA, batch(*urls, compression="gzip"), state("a")], tmp_path)
    assert (done.code, done.states) == (0, ["a"]), done.log
    assert ids(in_postgres) == [1, 2, 3]
    assert others in s3.listed()
    assert ours not in s3.listed()
    done = run(in_postgres, [SCHEMA, batch(urls[0], compression="gzip"), state("b")], tmp_path)
    assert (done.code, done.states) == (1, [])
    assert urls[0] in done.complaint
    s3.delete(others)


def test_a_bucket_as_destination(s3: Store, tmp_path: Path) -> None:
    address = f"s3://{s3.bucket}/lake"
    instant = {"type": "string", "format": "date-time"}
    begin = schema({"id": ID, "at": instant, "day": ID}, "id", order="at")
    records = [record(id=day, at=f"2026-01-0{day}T12:00:00Z", day=day) for day in (1, 2, 2, 3)]
    done = run(address, [begin, *records, state("a")], tmp_path)
    assert (done.code, done.states) == (0, ["a"]), done.log
    other = schema({"id": ID}, "id", stream="others")
    done = run(address, [other, of_record({"id": 1}, "others")], tmp_path)
    assert done.code == 0, done.log
    keys = [key for key in s3.listed() if key.startswith("lake/")]
    folders = sorted(key.rsplit("/", 1)[0] for key in keys)
    assert folders == [
        "lake",
        "lake/events/day=2026-01-01",
        "lake/events/day=2026-01-02",
        "lake/events/day=2026-01-03",
        "lake/others",
    ]
    body = s3.client("s3", s3.owner).get_object(Bucket=s3.bucket, Key="lake/views.sql")["Body"]
    views = body.read().decode()
    assert views.count("CREATE OR REPLACE VIEW") == 2
    assert f"s3://{s3.bucket}/lake/events/**/*.parquet" in views
    for key in keys:
        s3.delete(key)


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("bucket", ["missing-bucket", ""])
def test_a_bucket_that_is_not_there(tmp_path: Path, bucket: str) -> None:
    done = run(f"s3://{bucket}/lake", [SCHEMA, record(id=1), state("a")], tmp_path)
    assert (done.code, done.states) == (1, [])
    assert f"destination: the bucket {bucket} can't be used" in done.complaint


def test_a_bucket_that_may_not_be_written(s3: Store, tmp_path: Path) -> None:
    may = ["s3:ListBucket", "s3:HeadBucket", "s3:GetObject"]
    statement = {"Effect": "Allow", "Action": may, "Resource": "*"}
    keys = s3.add_user(s3.iam, "looker", [statement])
    variables = {name.upper(): value for name, value in keys.items()}
    messages = [SCHEMA, record(id=1), state("a")]
    done = run(f"s3://{s3.bucket}/lake", messages, tmp_path, variables=variables)
    assert (done.code, done.states) == (1, [])
    assert "can't be written" in done.complaint
    assert "AccessDenied" in done.complaint
