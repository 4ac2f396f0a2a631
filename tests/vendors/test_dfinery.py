"""dfinery_events, through the real command: a CSV a day, a quota, and much that looks like data."""

from __future__ import annotations

import json
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import requests

from tap_eventexport.sandbox.dfinery import Dfinery
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Fault, Response, Sandbox, json_response
from tap_eventexport.vendors.dfinery.columns import TYPES
from tests.singer import Heard, Tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAM, KEY = "dfinery_events", "df_event_detail_log_id"
TOKEN = "a-dfinery-token-of-the-tests"  # noqa: S105
DAY = timedelta(days=1)
SEOUL = ZoneInfo("Asia/Seoul")
# Dfinery keeps 30 days from today: the tap and the sandbox are given this as the time.
NOW = datetime(2026, 3, 20, 3, 4, 5, 678000, tzinfo=UTC)
SHIFT = NOW - datetime.now(UTC)
TODAY = NOW.astimezone(SEOUL).replace(hour=0, minute=0, second=0, microsecond=0)
START = TODAY - 5 * DAY
END = TODAY - 2 * DAY


@pytest.fixture
def dfinery() -> Dfinery:
    return Dfinery(History(240), token=TOKEN, now=lambda: datetime.now(UTC) + SHIFT)


@pytest.fixture
def sandbox(dfinery: Dfinery) -> Iterator[Sandbox]:
    with Sandbox([dfinery]) as sandbox:
        yield sandbox


@pytest.fixture
def tap(tmp_path: Path, sandbox: Sandbox) -> Tap:
    return Tap(
        tmp_path,
        shift=SHIFT.total_seconds(),
        dfinery_api_token=TOKEN,
        dfinery_service_id="sandbox",
        dfinery_api_url=sandbox.url,
        start_date=START.isoformat(),
        end_date=END.isoformat(),
    )


def keys(heard: Heard) -> Counter[str]:
    return Counter(heard.keys(STREAM, KEY))


def truth(dfinery: Dfinery, start: datetime = START, end: datetime = END) -> Counter[str]:
    return Counter(dfinery.truth(STREAM, start, end))


def bodies(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in sandbox.requests]


def test_the_example_of_the_vendors_documents(tap: Tap, sandbox: Sandbox) -> None:
    csv = (
        "df_event_detail_log_id,df_event_log_id,df_event_name,df_items_df_price,"
        "df_server_datetime,df_unified_id,tags\n"
        "1740787200123:u1:0,1740787200123:u1,df_purchase,12900.0,2025-03-01 09:00:00.123,A1,null\n"
        "1740787200123:u1:1,1740787200123:u1,df_purchase,3500.0,2025-03-01 09:00:00.123,A1,"
        '"[""a"",""b""]"\n'
    )
    sandbox.faults.append(Fault("answer", times=9, response=Response(200, csv.encode())))
    heard = tap.read(
        start_date=(TODAY - DAY).isoformat(),
        end_date=TODAY.isoformat(),
        dfinery_property_types={"tags": "array"},
    )
    shared = {
        "df_event_log_id": "1740787200123:u1",
        "df_event_name": "df_purchase",
        "df_server_datetime": "2025-03-01T00:00:00.123Z",
        "df_unified_id": "A1",
    }
    first, second = heard.records[STREAM]
    assert first == {
        KEY: "1740787200123:u1:0",
        "df_items_df_price": 12900.0,
        "tags": None,
        **shared,
    }
    assert second["tags"] == ["a", "b"]


def test_one_request_a_day_and_none_twice(tap: Tap, dfinery: Dfinery, sandbox: Sandbox) -> None:
    heard = tap.read()
    assert keys(heard) == truth(dfinery)
    assert sorted((body["from_date"], body["to_date"]) for body in bodies(sandbox)) == [
        (f"{day:%Y-%m-%d}", f"{day + DAY:%Y-%m-%d}")
        for day in (START, START + DAY, START + 2 * DAY)
    ]
    assert all(body["events_condition_type"] == "all" for body in bodies(sandbox))


def test_today_is_asked_for_without_an_end_and_read_again(
    tap: Tap, dfinery: Dfinery, sandbox: Sandbox
) -> None:
    first = tap.read(end_date=None)
    today = [body for body in bodies(sandbox) if "to_date" not in body]
    assert [body["from_date"] for body in today] == [f"{TODAY:%Y-%m-%d}"]
    sandbox.requests.clear()
    second = tap.read(state=first.states[-1], end_date=None)
    days = {body["from_date"] for body in bodies(sandbox)}
    assert days == {f"{TODAY - DAY:%Y-%m-%d}", f"{TODAY:%Y-%m-%d}"}
    mark = datetime.fromisoformat(second.bookmark(STREAM) or "")
    assert set(truth(dfinery, START, mark)) <= set(keys(first) + keys(second))
    assert mark <= datetime.now(UTC) + SHIFT


def test_a_backfill_of_thirty_days_costs_31_requests_and_five_at_once(
    tap: Tap, dfinery: Dfinery, sandbox: Sandbox
) -> None:
    sandbox.latency = 0.05
    done = tap.run(start_date=(NOW - 30 * DAY).isoformat(), end_date=None, concurrency=16)
    assert done.code == 0, done.log
    assert len(sandbox.requests) <= 31
    assert sandbox.max_concurrency == 5
    assert set(truth(dfinery, NOW - 30 * DAY, NOW)) <= set(keys(done.heard))


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "UTC"])
def test_days_are_those_of_the_service(tap: Tap, dfinery: Dfinery, zone: str) -> None:
    dfinery.zone = zone
    start = END.astimezone(ZoneInfo(zone)).replace(hour=0) - DAY
    heard = tap.read(start_date=start.isoformat(), dfinery_timezone=zone)
    covered = keys(heard)
    assert set(truth(dfinery, start, END)) <= set(covered)
    assert max(covered.values()) == 1


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        pytest.param("2026-03-31T12:00:00", [24, 23, 24], id="clocks went forward"),
        pytest.param("2026-10-27T12:00:00", [24, 25, 24], id="clocks went back"),
    ],
)
def test_days_of_a_clock_change_are_whole(
    tmp_path: Path, dfinery: Dfinery, sandbox: Sandbox, now: str, hours: list[int]
) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    shift = datetime.fromisoformat(now).replace(tzinfo=UTC) - datetime.now(UTC)
    dfinery.zone, dfinery.now = "Europe/Berlin", lambda: datetime.now(UTC) + shift
    today = (
        (datetime.now(UTC) + shift)
        .astimezone(berlin)
        .replace(hour=0, minute=0, second=0, microsecond=0)
    )
    midnights = [(today - number * DAY).astimezone(UTC) for number in (3, 2, 1, 0)]
    lengths = [(later - earlier) / timedelta(hours=1) for earlier, later in pairwise(midnights)]
    assert lengths == hours
    tap = Tap(
        tmp_path,
        shift=shift.total_seconds(),
        dfinery_api_token=TOKEN,
        dfinery_service_id="sandbox",
        dfinery_api_url=sandbox.url,
        dfinery_timezone="Europe/Berlin",
        start_date=midnights[0].isoformat(),
        end_date=midnights[-1].isoformat(),
    )
    assert keys(tap.read()) == truth(dfinery, midnights[0], midnights[-1])
    assert len(sandbox.requests) == 3


@pytest.mark.parametrize("style", ["seconds", "milliseconds", "retry-after", "none"])
def test_a_used_up_quota_is_waited_for_and_told(tap: Tap, dfinery: Dfinery, style: Any) -> None:
    dfinery.quota, dfinery.resets_in, dfinery.header_style = 1, timedelta(seconds=2), style
    done = tap.run(concurrency=2, start_date=(END - 2 * DAY).isoformat())
    assert done.code == 0, done.log
    assert keys(done.heard) == truth(dfinery, END - 2 * DAY, END)
    assert "rate limit" in done.log


def test_a_quota_that_lasts_longer_than_allowed_fails(tap: Tap, dfinery: Dfinery) -> None:
    dfinery.quota = 1
    done = tap.run(max_retry_wait=5, concurrency=1)
    assert done.code == 1
    line = done.log_line(f"{STREAM} failed")
    assert "rate limit for this service is reached" in line
    assert "100" not in line
    assert "max_retry_wait=5 s" in line


def test_the_last_request_of_a_quota_slows_down_the_next(tap: Tap, dfinery: Dfinery) -> None:
    dfinery.quota, dfinery.resets_in = 2, timedelta(seconds=3)
    done = tap.run(concurrency=1)
    assert done.code == 0
    assert "the rate limit is reached; the next request waits until" in done.log
    assert "too_many" not in done.log


@pytest.mark.parametrize("is_edge_kept", [True, False])
@pytest.mark.parametrize("on_gap", ["warn", "fail"])
def test_what_is_older_than_thirty_days_is_a_gap(
    tap: Tap, dfinery: Dfinery, on_gap: str, *, is_edge_kept: bool
) -> None:
    dfinery.is_edge_kept = is_edge_kept
    state = {"bookmarks": {STREAM: {"replication_key_value": f"{(NOW - 40 * DAY).isoformat()}"}}}
    dates = {"start_date": NOW - 60 * DAY, "end_date": TODAY - 27 * DAY}
    settings: dict[str, Any] = {name: date.isoformat() for name, date in dates.items()}
    done = tap.run(state=state, on_gap=on_gap, **settings)
    assert "no longer kept by the vendor" in done.log
    if on_gap == "fail":
        assert done.code == 1
        assert not done.heard.records
        return
    oldest = TODAY - (30 if is_edge_kept else 29) * DAY
    assert done.code == 0, done.log
    assert keys(done.heard) == truth(dfinery, oldest, TODAY - 27 * DAY)
    assert oldest.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") in done.log


@pytest.mark.parametrize(
    "style",
    [
        {"line_end": "\r\n"},
        {"has_mark": True},
        {"ends_line": False},
        {"framing": "length"},
        {"name_column": "event_name"},
        {"date_format": "%Y.%m.%d %H:%M"},
        {"date_format": "%Y-%m-%d %H:%M:%S"},
        {"date_format": None},
    ],
    ids=str,
)
def test_every_way_to_write_a_csv(tap: Tap, dfinery: Dfinery, style: dict[str, Any]) -> None:
    for name, value in style.items():
        setattr(dfinery, name, value)
    heard = tap.read()
    assert keys(heard) == truth(dfinery)
    records = heard.records[STREAM]
    assert {record["memo"] for record in records} >= {
        'says "hi", twice',
        "첫째 줄\n둘째 줄",
        "a,b\r\nc",
        "null",
        None,
    }
    assert {record["df_event_name"] for record in records} >= {"df_login", "df_purchase"}
    assert not any("event_name" in record for record in records)


def test_gzip(tap: Tap, dfinery: Dfinery, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("gzip", times=100))
    assert keys(tap.read()) == truth(dfinery)


@pytest.mark.parametrize("is_bare", [True, False], ids=["an empty body", "a header alone"])
def test_a_day_without_events(tap: Tap, dfinery: Dfinery, *, is_bare: bool) -> None:
    dfinery.history, dfinery.is_empty_bare = History(240, begin=NOW), is_bare
    heard = tap.read()
    assert not heard.records
    assert heard.bookmark(STREAM) == END.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_columns_have_their_types(tap: Tap) -> None:
    heard = tap.read(
        dfinery_property_types={"visits": "integer", "is_member": "boolean", "tags": "array"}
    )
    records = heard.records[STREAM]
    assert {type(record["visits"]) for record in records} == {int}
    assert {record["is_member"] for record in records} == {True, False, None}
    assert [] in [record["tags"] for record in records]
    assert {type(record.get("df_items_df_price")) for record in records} == {float, type(None)}
    assert {record["df_order_id"][0] for record in records if record["df_order_id"]} == {"0"}
    properties = heard.schemas[STREAM][-1]["properties"]
    assert properties["visits"]["type"] == ["integer", "null"]
    assert properties["memo"]["type"] == ["string", "null"]


def test_a_value_that_does_not_fit_is_named_and_not_quoted(tap: Tap) -> None:
    done = tap.run(dfinery_property_types={"df_unified_id": "integer"})
    assert done.code == 1
    line = done.log_line(f"{STREAM} failed")
    assert "column df_unified_id, row 1: a value that is not of type integer" in line
    assert "dfinery_property_types" in line
    assert not done.heard.states


def test_a_column_that_appears_overnight_is_not_lost(tap: Tap, dfinery: Dfinery) -> None:
    dfinery.new_column = ("colour", (START + DAY).date())
    done = tap.run(concurrency=1)
    heard = done.heard
    before, last = heard.schemas[STREAM]
    assert "visits" in before["properties"]
    assert "colour" not in before["properties"]
    assert last["properties"]["colour"]["type"] == ["string", "null"]
    assert {record.get("colour") for record in heard.records[STREAM]} == {None, "new"}
    assert done.log_line("new columns: colour")


@pytest.mark.parametrize("read_before", [0, 1, 2])
def test_the_first_schema_has_the_columns_of_the_first_day(tap: Tap, read_before: int) -> None:
    """Some loaders take no second one. So it is, too, where a run goes on."""
    state = None
    if read_before:
        first = tap.read(end_date=(START + read_before * DAY).isoformat(), lookback_minutes=0)
        state = first.states[-1]
    heard = tap.read(state=state, lookback_minutes=0)
    assert heard.records[STREAM]
    (schema,) = heard.schemas[STREAM]
    assert schema["properties"].keys() == heard.records[STREAM][0].keys() | TYPES.keys()


def test_the_first_schema_has_the_columns_of_a_day_that_is_not_sent_again(tap: Tap) -> None:
    first = tap.read()
    again = tap.read(state=first.states[-1])
    assert not again.records
    assert again.schemas == first.schemas


@pytest.mark.parametrize("is_bare", [True, False])
def test_without_events_there_is_one_schema(tap: Tap, dfinery: Dfinery, *, is_bare: bool) -> None:
    dfinery.history, dfinery.is_empty_bare = History(240, begin=START + 2 * DAY), is_bare
    (schema,) = tap.read(concurrency=1).schemas[STREAM]
    assert "visits" in schema["properties"]
    dfinery.history = History(240, begin=NOW)
    (schema,) = tap.read().schemas[STREAM]
    assert ("visits" in schema["properties"]) is not is_bare
    assert schema["properties"].keys() >= TYPES.keys()


def test_a_catalog_of_yesterday_takes_new_columns(tap: Tap, dfinery: Dfinery) -> None:
    catalog = json.loads("\n".join(tap.run("--discover").lines))
    dfinery.new_column = ("colour", START.date())
    heard = tap.read(catalog=catalog)
    assert keys(heard) == truth(dfinery)
    assert {record["colour"] for record in heard.records[STREAM]} == {"new"}


def test_a_catalog_that_leaves_a_column_out_takes_no_new_one(tap: Tap, dfinery: Dfinery) -> None:
    catalog = json.loads("\n".join(tap.run("--discover").lines))
    for entry in catalog["streams"][0]["metadata"]:
        if entry["breadcrumb"] == ["properties", "memo"]:
            entry["metadata"]["selected"] = False
    dfinery.new_column = ("colour", START.date())
    done = tap.run(catalog=catalog)
    assert keys(done.heard) == truth(dfinery)
    for name in ("colour", "memo"):
        assert not any(name in record for record in done.heard.records[STREAM])
        assert name not in done.heard.schemas[STREAM][-1]["properties"]
    assert done.log_line("doesn't know them: colour;")


def test_discovery_asks_once_for_the_columns_and_does_without(tap: Tap, sandbox: Sandbox) -> None:
    catalog = json.loads("\n".join(tap.run("--discover").lines))
    assert "visits" in catalog["streams"][0]["schema"]["properties"]
    assert len(sandbox.requests) == 1
    done = tap.run("--discover", dfinery_api_url="http://127.0.0.1:1")
    assert done.code == 0
    assert "documented columns only" in done.log
    properties = json.loads("\n".join(done.lines))["streams"][0]["schema"]["properties"]
    assert "df_event_name" in properties
    assert "visits" not in properties


def test_filters_are_sent(tap: Tap, sandbox: Sandbox) -> None:
    heard = tap.read(dfinery_event_names=["df_purchase"], dfinery_properties=["df_items_df_price"])
    assert {record["df_event_name"] for record in heard.records[STREAM]} == {"df_purchase"}
    assert "memo" not in heard.records[STREAM][0]
    tap.read(dfinery_event_names=["df_purchase"], dfinery_event_names_condition_type="exclude")
    conditions = [body["events_condition_type"] for body in bodies(sandbox)]
    assert set(conditions) == {"include", "exclude"}


def test_a_settle_time_reads_only_days_that_are_over(tap: Tap, dfinery: Dfinery) -> None:
    heard = tap.read(end_date=None, settle_minutes=1, lookback_minutes=0)
    over = (
        (NOW - timedelta(minutes=1))
        .astimezone(SEOUL)
        .replace(hour=0, minute=0, second=0, microsecond=0)
    )
    assert keys(heard) == truth(dfinery, START, over)


HEADER = b"df_event_detail_log_id,df_server_datetime,memo\n"
ROW = b"1:a,2026-03-01 00:00:00.000,x\n"
ERROR = b'{"result":"fail","message":"client_connection_closed"}'
NO_DATA = {
    "an error under 200": Response(200, ERROR),
    "an error behind half a CSV": Response(200, HEADER + ROW * 50 + ERROR),
    "an error that has as many fields": Response(200, HEADER + b"1:a," + ERROR + b"\n"),
    "an error in place of a last field": Response(
        200, HEADER + b'1:a,2026-03-01 00:00:00.000,{"result": "fail"}'
    ),
    "an HTML page": Response(200, b"<!DOCTYPE html><title>Log in</title>"),
    "a row of too few fields": Response(200, HEADER + ROW + b"2:b,2026-03-01"),
    "a row of too many fields": Response(200, HEADER + b"1:a,2026-03-01 00:00:00,x,y\n"),
    "an open quote": Response(200, HEADER + b'1:a,2026-03-01 00:00:00,"open\n'),
    "another header": Response(200, b"a,b,c\n1,2,3\n"),
    "another encoding": Response(200, HEADER + b"1:a,2026-03-01 00:00:00,\xb0\xa1\n"),
    "no announced end": Response(200, HEADER + ROW, framing="none"),
    "503": Response(503, b"<html>"),
    "query_error": json_response(500, {"result": "fail", "message": "query_error"}),
}


@pytest.mark.parametrize("response", NO_DATA.values(), ids=NO_DATA.keys())
def test_what_looks_like_data_is_none(
    tap: Tap, dfinery: Dfinery, sandbox: Sandbox, response: Response
) -> None:
    sandbox.faults.append(Fault("answer", after=1, times=2, response=response))
    assert keys(tap.read(concurrency=1)) == truth(dfinery)


@pytest.mark.parametrize("kind", ["half", "short", "reset", "broken_gzip"])
@pytest.mark.parametrize("framing", ["chunks", "length"])
def test_a_part_of_a_body_is_none(
    tap: Tap, dfinery: Dfinery, sandbox: Sandbox, kind: str, framing: Any
) -> None:
    dfinery.framing = framing
    sandbox.faults.append(Fault(kind, after=1, times=2))
    assert keys(tap.read(concurrency=1)) == truth(dfinery)


CUT = HEADER + ROW * 9 + b"2:b,2026-03-01 00:00:00.000,a val"  # that no header announces as cut
EARLY_CUT = HEADER[:-2]  # inside the name of the last column


@pytest.mark.parametrize("cut", [CUT, EARLY_CUT])
def test_a_cut_in_the_last_column_shows_when_it_is_asked_for_again(
    tap: Tap, dfinery: Dfinery, sandbox: Sandbox, cut: bytes
) -> None:
    sandbox.faults.append(Fault("answer", response=Response(200, cut)))
    assert keys(tap.read()) == truth(dfinery)


def test_a_lasting_cut_fails_if_other_days_end_with_a_line_end(
    tap: Tap, dfinery: Dfinery, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("answer", after=1, times=1000, response=Response(200, CUT)))
    done = tap.hurried().run(concurrency=1)
    assert "no line end, unlike that of other CSVs" in done.log_line(f"{STREAM} failed")
    assert keys(done.heard) == truth(dfinery, START, START + DAY)


def test_a_service_that_never_ends_the_last_line_costs_one_request_more(
    tap: Tap, dfinery: Dfinery, sandbox: Sandbox
) -> None:
    dfinery.ends_line = False
    done = tap.run(concurrency=1)
    assert keys(done.heard) == truth(dfinery)
    assert len(bodies(sandbox)) == 4  # for three days
    assert done.log.count("has no line end. It came twice, so it is taken as whole") == 1


def test_a_lasting_error_under_200_fails_and_promises_nothing(tap: Tap, sandbox: Sandbox) -> None:
    sandbox.faults.append(
        Fault("answer", times=1000, response=NO_DATA["an error behind half a CSV"])
    )
    done = tap.hurried().run()
    assert done.code == 1
    assert "an error message replaces the rest of it" in done.log_line(f"{STREAM} failed")
    assert not done.heard.records
    assert not done.heard.states


FILTERED: dict[str, Any] = {
    "dfinery_event_names": ["df_login"],
    "dfinery_event_names_condition_type": "exclude",
    "dfinery_properties": ["memo"],
}
MANY = [*FILTERED, "dfinery_properties_condition_type", "dfinery_timezone", "dfinery_api_url"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"dfinery_api_token": "wrong"}, {"dfinery_api_token"}),
        ({"dfinery_service_id": "wrong"}, {"dfinery_service_id"}),
        ({"dfinery_service_id": "wrong", **FILTERED}, {"dfinery_service_id", *FILTERED}),
    ],
)
def test_wrong_settings_are_named_and_no_others(
    tap: Tap, change: dict[str, Any], named: set[str]
) -> None:
    done = tap.run(**change)
    assert done.code == 1
    tested = tap.run("--test", **change)
    assert tested.code == 1
    for line in (done.log_line(f"{STREAM} failed"), tested.log_line("refused")):
        assert {
            name for name in (*MANY, "dfinery_api_token", "dfinery_service_id") if name in line
        } == named


def test_the_connection_is_tried_as_a_run_would_and_no_more_than_needed(
    tap: Tap, sandbox: Sandbox
) -> None:
    csv = HEADER + b"what comes behind the header is not looked at" * 500_000
    sandbox.faults.append(Fault("answer", times=2, response=Response(200, csv)))
    tested = tap.run("--test")
    assert "Dfinery: connection OK" in tested.log
    catalog = json.loads("\n".join(tap.run("--discover").lines))
    assert "memo" in catalog["streams"][0]["schema"]["properties"]
    (body, _) = bodies(sandbox)
    assert body == {
        "events_condition_type": "all",
        "properties_condition_type": "all",
        "from_date": f"{TODAY:%Y-%m-%d}",
    }
    assert tap.run("--test", **FILTERED).code == 0
    assert bodies(sandbox)[-1]["events"] == ["df_login"]
    assert bodies(sandbox)[-1]["events_condition_type"] == "exclude"


def test_a_clock_that_is_a_year_behind_is_suspected(
    tap: Tap, sandbox: Sandbox, dfinery: Dfinery
) -> None:
    dfinery.now = lambda: datetime.now(UTC) + SHIFT + 365 * DAY
    tested = tap.run("--test")
    assert tested.code == 1
    line = tested.log_line("exceed_date_range_limit")
    assert f"Dfinery says that {TODAY:%Y-%m-%d} is too old" in line
    assert "check this machine's clock" in line
    assert "dfinery_timezone" not in line
    assert len(sandbox.requests) == 1


def test_an_empty_day_is_no_fault_of_the_connection(
    tap: Tap, sandbox: Sandbox, dfinery: Dfinery
) -> None:
    dfinery.is_empty_bare, dfinery.history = True, History(240, begin=NOW + DAY)
    assert tap.run("--test").code == 0
    assert len(sandbox.requests) == 1
    catalog = json.loads("\n".join(tap.run("--discover").lines))
    assert len(sandbox.requests) == 3  # today's header, then yesterday's
    assert "df_event_name" in catalog["streams"][0]["schema"]["properties"]


def test_what_the_vendor_refuses_is_refused(sandbox: Sandbox) -> None:
    days = {"from_date": f"{TODAY - DAY:%Y-%m-%d}", "to_date": f"{TODAY:%Y-%m-%d}"}
    good = {"events_condition_type": "all", **days}
    old = f"{TODAY - 31 * DAY:%Y-%m-%d}"
    tries: list[tuple[dict[str, Any], int, str]] = [
        (good, 200, ""),
        (days, 400, "invalid_parameter"),
        ({**good, "events_condition_type": "some"}, 400, "invalid_parameter"),
        ({**good, "to_date": days["from_date"]}, 400, "invalid_parameter"),
        ({**good, "from_date": f"{TODAY:%Y%m%d}"}, 400, "invalid_parameter"),
        ({**good, "events": "df_login"}, 400, "invalid_parameter"),
        ({**good, "page": 1}, 400, "invalid_parameter"),
        ({**good, "from_date": old}, 400, "exceed_date_range_limit"),
    ]
    url = f"{sandbox.url}/api/v1/export/event"
    for body, status, message in tries:
        answer = requests.post(
            url,
            params={"service_id": "sandbox"},
            json=body,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=60,
        )
        said = "" if status == 200 else answer.json()["message"]
        assert (answer.status_code, said) == (status, message), body
    refused = requests.post(url, json=good, headers={"Authorization": "Bearer x"}, timeout=60)
    assert (refused.status_code, refused.json()["message"]) == (401, "unauthorized_token")


def test_a_wrong_time_zone_is_suspected(tap: Tap) -> None:
    done = tap.run(dfinery_timezone="UTC")
    assert "is dfinery_timezone=UTC the service's?" in done.log


def test_the_token_is_in_no_output(tap: Tap, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("half", after=1, times=2))
    done = tap.run(environment={"LOGLEVEL": "DEBUG"})
    assert TOKEN not in done.log
    assert not any(TOKEN in line for line in done.lines)


def test_a_signal_ends_discovery_while_it_waits(tap: Tap, sandbox: Sandbox) -> None:
    busy = Response(503, b"", {"Retry-After": "4"})
    sandbox.faults.append(Fault("answer", times=99, response=busy))
    process = tap.start("--discover")
    while "trying again in" not in tap.log:
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 143
    assert "Traceback" not in tap.log
    assert process.stdout
    assert not process.stdout.read()
    process.stdout.close()
