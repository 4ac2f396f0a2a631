from __future__ import annotations

import io
import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.report.columns import STREAMS, Columns
from tap_eventexport.report.errors import ReportError
from tap_eventexport.report.events import count
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


def test_events_are_counted_per_day(tmp_path: Path) -> None:
    file = file_of(
        tmp_path,
        croct("1", "2026-03-01T23:59:59.999Z", payload={"상품": "한국어 상품"}),
        croct("2", "2026-03-02T08:59:59+09:00"),
        croct("3", "2026-03-02T00:00:00Z"),
    )
    counted = count(CROCT, [file], "UTC")
    assert counted.days == {date(2026, 3, 1): 2, date(2026, 3, 2): 1}
    assert (counted.events, counted.arrivals) == (3, {})


def test_a_record_that_stands_there_twice_counts_once(tmp_path: Path) -> None:
    once = croct("1", "2026-03-01T00:00:00Z")
    first = file_of(tmp_path, once, once, croct("2", "2026-03-01T00:00:00Z"))
    second = file_of(tmp_path, once, name="croct_events-20260304T000000.jsonl")
    assert count(CROCT, [first, second], "UTC").days == {date(2026, 3, 1): 2}


@pytest.mark.parametrize(
    ("zone", "times", "days"),
    [
        (
            "Asia/Seoul",  # no clock changes; midnight is 15 o'clock UTC
            ["2026-03-01T14:59:59.999Z", "2026-03-01T15:00:00Z", "2026-03-02T00:00:00+09:00"],
            {"2026-03-01": 1, "2026-03-02": 2},
        ),
        (
            "Europe/Berlin",  # on 29 March two o'clock becomes three: the day has 23 hours
            [
                "2026-03-28T22:59:59Z",
                "2026-03-28T23:00:00Z",
                "2026-03-29T21:59:59Z",
                "2026-03-29T22:00:00Z",
            ],
            {"2026-03-28": 1, "2026-03-29": 2, "2026-03-30": 1},
        ),
        (
            "Europe/Berlin",  # on 25 October three o'clock becomes two: the day has 25 hours
            [
                "2026-10-24T22:00:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-25T22:59:59Z",
                "2026-10-25T23:00:00Z",
            ],
            {"2026-10-25": 4, "2026-10-26": 1},
        ),
        (
            "America/Sao_Paulo",  # on 4 November 2018 there was no midnight: the day began at one
            [
                "2018-11-04T02:59:59Z",
                "2018-11-04T03:00:00Z",
                "2018-11-05T01:59:59Z",
                "2018-11-05T02:00:00Z",
            ],
            {"2018-11-03": 1, "2018-11-04": 2, "2018-11-05": 1},
        ),
        (
            "America/Sao_Paulo",  # on 17 February 2018 the hour before midnight came twice
            [
                "2018-02-17T02:00:00Z",
                "2018-02-18T01:30:00Z",
                "2018-02-18T02:30:00Z",
                "2018-02-18T03:00:00Z",
            ],
            {"2018-02-17": 3, "2018-02-18": 1},
        ),
    ],
)
def test_days_are_those_of_the_time_zone(
    tmp_path: Path, zone: str, times: list[str], days: dict[str, int]
) -> None:
    file = file_of(tmp_path, *(croct(str(number), time) for number, time in enumerate(times)))
    counted = count(CROCT, [file], zone)
    assert {str(day): number for day, number in counted.days.items()} == days
    assert list(counted.days) == sorted(counted.days)


def test_a_time_without_an_offset_is_utc_in_every_zone(tmp_path: Path) -> None:
    file = file_of(tmp_path, croct("1", "2026-03-01 15:00:00"), croct("2", "2026-03-01T14:00:00Z"))
    assert count(CROCT, [file], "Asia/Seoul").days == {date(2026, 3, 1): 1, date(2026, 3, 2): 1}


def test_the_lag_does_not_depend_on_the_zone_but_its_day_does(tmp_path: Path) -> None:
    times = ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")  # the same clock time, an hour later
    file = file_of(tmp_path, dfinery("1", *times), name="dfinery_events.jsonl")
    (lag,) = count(DFINERY, [file], "Europe/Berlin").lags
    assert (lag.day, lag.longest) == (date(2026, 10, 25), 3_600)


def test_an_empty_file_has_no_days(tmp_path: Path) -> None:
    assert count(CROCT, [file_of(tmp_path)], "UTC").days == {}


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
    counted = count(DFINERY, [file], "UTC")
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
        '{"id": "2", "timestamp": "0001-01-01T00:00:00Z"}',
        '{"id": "2", "timestamp": "9999-12-31T23:59:59Z"}',
    ],
)
def test_a_line_that_is_no_record_is_an_error_that_names_the_file(
    tmp_path: Path, line: str
) -> None:
    file = file_of(tmp_path, croct("1", "2026-03-01T00:00:00Z"))
    with file.open("a") as more:
        more.write(line + "\n")
    with pytest.raises(ReportError, match=r"croct_events\.jsonl") as raised:
        count(CROCT, [file], "UTC")
    assert "\n" not in str(raised.value)


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "it's [2026] *"
    folder.mkdir()
    assert count(CROCT, [file_of(folder, croct("1", "2026-03-01T00:00:00Z"))], "UTC").events == 1


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
    assert count(CROCT, found.events["croct_events"], "UTC").days == {date(2026, 3, 1): 2}
