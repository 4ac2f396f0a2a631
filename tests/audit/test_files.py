"""Files of loaders, and databases in a file."""

from __future__ import annotations

import json
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.audit.command import TARGETS, Audit, none_missing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


@pytest.fixture
def loader(tmp_path: Path, output: Path) -> str:
    config = tmp_path / "loader.json"
    config.write_text(json.dumps({"destination_path": str(output), "do_timestamp_file": False}))
    return f"{TARGETS['target-jsonl']} --config {config}"


@pytest.fixture
def audit(tmp_path: Path, output: Path, all_settings: dict[str, Any], loader: str) -> Audit:
    audit = Audit(tmp_path, all_settings, str(output))
    audit.load(loader)
    return audit


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines(keepends=True)


def test_files_of_target_jsonl(audit: Audit, output: Path, loader: str) -> None:
    told = audit.run("--format", "json", "--content")
    assert (told.code, told.different) == (0, {})
    assert none_missing(told.days.values())

    croct, siem = output / "croct_events.jsonl", output / "happytalk_siem_events.jsonl"
    kept = [line for line in lines_of(croct) if '"timestamp": "2026-03-02' not in line]
    kept[0] = kept[0].replace('"eventType": "', '"eventType": "another-')
    croct.write_text("".join((*kept, *kept[-2:])))
    siem.unlink()
    told = audit.run("--format", "json", "--content")
    assert told.code == 1
    assert {
        day: counts for (stream, day), counts in told.different.items() if "croct" in stream
    } == {
        "2026-03-01": {"changed": 1},
        "2026-03-02": {"missing": 240},
        "2026-03-03": {"doubled": 2},
    }
    assert f"{siem.stem}: there is no table of it, so all is missing" in told.log

    croct.write_text("".join(kept[1:]))
    told = audit.run("--format", "json", "--repair", loader, "--stream", "happytalk_siem_events")
    assert (told.code, told.different) == (0, {})


def test_a_loader_that_only_appends_leaves_rows_twice_and_is_told(
    audit: Audit, output: Path, loader: str
) -> None:
    croct = output / "croct_events.jsonl"
    croct.write_text("".join(lines_of(croct)[1:]))
    told = audit.run("--format", "json", "--repair", loader, "--stream", "croct_events")
    assert (told.code, told.different) == (1, {("croct_events", "2026-03-01"): {"doubled": 239}})
    assert "read the newest row of each key, see docs/audit.md" in told.log


def test_parquet_files_in_folders_of_streams(audit: Audit, tmp_path: Path, output: Path) -> None:
    folder = tmp_path / "parquet/croct_events"
    folder.mkdir(parents=True)
    columns = "{id: 'varchar', timestamp: 'timestamptz', eventType: 'varchar', payload: 'json'}"
    source = f"from read_json('{output}/croct_events.jsonl', columns = {columns})"
    duckdb.execute(f"copy ({source} limit 500) to '{folder}/one.parquet'")
    duckdb.execute(f"copy ({source} offset 500) to '{folder}/two.parquet'")
    audit.warehouse = f"parquet:///{folder.parent}"
    told = audit.run("--format", "json", "--content", "--stream", "croct_events")
    assert (told.code, told.different) == (0, {})


def test_a_database_of_duckdb_is_repaired(audit: Audit, tmp_path: Path, output: Path) -> None:
    """A script stands for its loader: it takes the last line of each key."""
    file = tmp_path / "events.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema raw")
        connection.execute(f"create table raw.croct_events as from '{output}/croct_events.jsonl'")
        connection.execute("insert into raw.croct_events from raw.croct_events limit 5")
    audit.warehouse = f"duckdb:///{file}"
    told = audit.run("--format", "json", "--schema", "raw", "--stream", "croct_events")
    assert (told.code, told.different) == (1, {("croct_events", "2026-03-01"): {"doubled": 5}})
    told = audit.run("--schema", "raw", "--stream", "croct_events", "--repair", "tail -n 1")
    assert told.code == 0, told.log
    assert "croct_events: removed 5 rows" in told.log
    assert told.output.splitlines() == [
        "stream        day     vendor  store  missing  doubled  changed  gone",
        "croct_events  3 days     720    720        0        0        0     0",
    ]


def test_a_database_that_makes_no_digests_is_read_row_by_row(
    audit: Audit, tmp_path: Path, output: Path
) -> None:
    file = tmp_path / "events.sqlite"
    records = [json.loads(line) for line in lines_of(output / "croct_events.jsonl")]
    rows = [(each["id"], each["timestamp"], json.dumps(each["payload"])) for each in records[7:]]
    with sqlite3.connect(file) as connection:
        connection.execute("create table croct_events (id text, timestamp text, payload text)")
        connection.executemany("insert into croct_events values (?, ?, ?)", rows)
    connection.close()
    audit.warehouse = f"sqlite:///{file}"
    told = audit.run("--format", "json", "--content", "--stream", "croct_events")
    assert (told.code, told.different) == (1, {("croct_events", "2026-03-01"): {"missing": 7}})


def test_a_folder_with_files_of_both_kinds_is_refused(audit: Audit, output: Path) -> None:
    duckdb.execute(f"copy (select 1 id) to '{output}/croct_events.parquet'")
    told = audit.run("--stream", "croct_events")
    assert told.code == 2
    assert "has JSONL and Parquet files of it" in told.log


def test_a_line_that_is_no_json_is_told(audit: Audit, output: Path) -> None:
    shutil.copy(output / "croct_events.jsonl", output / "croct_events-2.jsonl")
    with (output / "croct_events-2.jsonl").open("a") as file:
        file.write('{"id": "half')
    told = audit.run("--stream", "croct_events")
    assert told.code == 2
    assert f"{output} can't be read: Invalid Input Error: Malformed JSON" in told.log
    assert "Traceback" not in told.log
