from __future__ import annotations

import io
import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.report.columns import STREAMS, Columns
from tap_eventexport.report.errors import ReportError
from tap_eventexport.report.events import Gap, count
from tap_eventexport.report.sources import find
from target_eventexport.target import TargetEventExport

if TYPE_CHECKING:
    from pathlib import Path

CROCT = Columns("croct_events", "id", "timestamp")
DFINERY = STREAMS[0]


def file_of(folder: Path, *records: dict[str, Any], name: str = "croct_events.jsonl") -> Path:
    file = folder / name
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
    file.write_text("".join(lines), encoding="utf-8")
    return file


def croct(key: str, timestamp: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "timestamp": timestamp, **more}


def dfinery(key: str, happened: str | None, arrived: str) -> dict[str, Any]:
    return dict(
        zip(
            ("df_event_detail_log_id", "df_event_datetime", "df_server_datetime"),
            (key, happened, arrived),
            strict=True,
        )
    )


def test_events_are_counted_per_day_in_utc(tmp_path: Path) -> None:
    file = file_of(
        tmp_path,
        croct("1", "2026-03-01T23:59:59.999Z", payload={"상품": "한국어 상품"}),
        croct("2", "2026-03-02T08:59:59+09:00"),
        croct("3", "2026-03-02T00:00:00Z"),
    )
    counted = count(CROCT, [file])
    assert counted.days == {date(2026, 3, 1): 2, date(2026, 3, 2): 1}
    assert (counted.events, counted.gaps, counted.arrivals) == (3, [], {})


def test_a_record_that_stands_there_twice_counts_once(tmp_path: Path) -> None:
    once = croct("1", "2026-03-01T00:00:00Z")
    first = file_of(tmp_path, once, once, croct("2", "2026-03-01T00:00:00Z"))
    second = file_of(tmp_path, once, name="croct_events-20260304T000000.jsonl")
    assert count(CROCT, [first, second]).days == {date(2026, 3, 1): 2}


def test_days_without_events_are_gaps(tmp_path: Path) -> None:
    days = ("2026-02-27", "2026-03-01", "2026-03-02", "2026-03-06")
    file = file_of(tmp_path, *(croct(day, f"{day}T12:00:00Z") for day in days))
    counted = count(CROCT, [file])
    assert counted.gaps == [
        Gap(date(2026, 2, 28), date(2026, 2, 28)),
        Gap(date(2026, 3, 3), date(2026, 3, 5)),
    ]
    assert counted.missing == 4


def test_an_empty_file_has_no_days(tmp_path: Path) -> None:
    assert count(CROCT, [file_of(tmp_path)]).days == {}


def test_the_lag_of_arrival_is_told_where_the_vendor_tells_it(tmp_path: Path) -> None:
    file = file_of(
        tmp_path,
        dfinery("1", "2026-03-01T00:00:00Z", "2026-03-01T00:00:02Z"),
        dfinery("2", "2026-03-01T00:00:00Z", "2026-03-01T00:01:00Z"),
        dfinery("3", "2026-03-01T00:00:00Z", "2026-03-01T00:10:00Z"),
        dfinery("4", "2026-02-26T00:00:00Z", "2026-03-02T00:00:00Z"),
        dfinery("5", "2026-03-02T00:00:01Z", "2026-03-02T00:00:00Z"),
        dfinery("6", None, "2026-03-02T00:00:00Z"),
        name="dfinery_events.jsonl",
    )
    counted = count(DFINERY, [file])
    assert counted.events == 6
    assert counted.arrivals == {
        "within 1 minute": 2,
        "within 1 hour": 1,
        "later": 1,
        "before it happened": 1,
    }
    first, second = counted.lags
    assert (first.day, first.median, first.longest) == (date(2026, 3, 1), 60, 600)
    assert second.longest == 4 * 86_400


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "1", "timest',
        "<html>",
        "[1]",
        '{"id": "1", "timestamp": "yesterday"}',
        '{"id": "2"}',
        '{"timestamp": "2026-03-01T00:00:00Z"}',
        '{"id": "2", "timestamp": "infinity"}',
        '{"id": "2", "timestamp": "0044-03-15 (BC)"}',
    ],
)
def test_a_line_that_is_no_record_is_an_error_that_names_the_file(
    tmp_path: Path, line: str
) -> None:
    file = file_of(tmp_path, croct("1", "2026-03-01T00:00:00Z"))
    with file.open("a") as more:
        more.write(line + "\n")
    with pytest.raises(ReportError, match=r"croct_events\.jsonl") as raised:
        count(CROCT, [file])
    assert "\n" not in str(raised.value)


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "it's [2026] *"
    folder.mkdir()
    assert count(CROCT, [file_of(folder, croct("1", "2026-03-01T00:00:00Z"))]).events == 1


@pytest.mark.parametrize("scheme", ["duckdb", "parquet"])
def test_events_are_counted_where_the_loader_of_this_project_writes_them(
    tmp_path: Path, scheme: str
) -> None:
    names = {"duckdb": "a file's name.duckdb", "parquet": "events"}
    schema = {
        "properties": {
            "id": {"type": "string"},
            "timestamp": {"type": "string", "format": "date-time"},
        }
    }
    head = {"type": "SCHEMA", "stream": "croct_events", "key_properties": ["id"], "schema": schema}
    records = [croct("1", "2026-03-01T23:59:59.999Z"), croct("2", "2026-03-02T08:59:59+09:00")]
    lines = [head, *({"type": "RECORD", "stream": "croct_events", "record": r} for r in records)]
    destination = f"{scheme}:///{tmp_path}/{names[scheme]}"
    for _ in range(2):
        TargetEventExport(config={"destination": destination}).listen(
            io.StringIO("\n".join(map(json.dumps, lines)))
        )
    found = find([tmp_path], ["croct_events", "dfinery_events"])
    assert list(found.events) == ["croct_events"]
    assert count(CROCT, found.events["croct_events"]).days == {date(2026, 3, 1): 2}
