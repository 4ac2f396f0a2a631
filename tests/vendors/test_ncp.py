"""ncp_apigateway_events, through the real command, against all that the vendor leaves open."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import count, cycle
from typing import TYPE_CHECKING, Any, Literal

import pytest
import requests_mock

from tap_eventexport.engine.errors import FatalVendorError, RetriableVendorError
from tap_eventexport.engine.http.response import Response as VendorResponse
from tap_eventexport.engine.windows import Window
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.ncp import Ncp, error
from tap_eventexport.sandbox.server import Fault, Response, Sandbox, json_response
from tap_eventexport.tap import TapEventExport
from tap_eventexport.vendors.ncp.events import (
    NcpApiGatewayEvents,
    fixed_zone,
    instant,
    signature,
    string_to_sign,
)
from tap_eventexport.vendors.ncp.responses import Event, Found, read
from tests.conftest import END, NCP_KEYS, START

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_eventexport.engine.page import Page
    from tests.singer import Heard, Tap

STREAM = "ncp_apigateway_events"
DAY = date(2026, 3, 1)


@pytest.fixture
def settings(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "ncp_access_key": NCP_KEYS[0],
        "ncp_secret_key": NCP_KEYS[1],
        "ncp_api_url": sandbox.url,
        "ncp_page_size": 50,
        "start_date": START.isoformat(),
        "end_date": END.isoformat(),
    }


@pytest.fixture
def truth(ncp: Ncp) -> list[str]:
    return ncp.truth(STREAM, START, END) or []


def event(text: str) -> Event:
    return Event(text, "ALERT", "EU410", "exceeded", {})


def contents(heard: Heard) -> list[str]:
    fields = ("time", "level", "type", "message")
    return ["|".join(record[name] for name in fields) for record in heard.records.get(STREAM, [])]


def keyed(heard: Heard) -> dict[str, str]:
    """Contents by key; a key that stands for two contents fails."""
    pairs = set(zip(heard.keys(STREAM, "event_key"), contents(heard), strict=True))
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        (
            "POST",
            "/api/v1/dashboards/events/search",
            "8Bl3PsLJhptOwgJVJ0nOJShbvZmfPk/xuEYx1dQkANI=",
        ),
        (
            "GET",
            "/photos/puppy.jpg?query1=&query2",
            "8rw9nf6fOmKU2ljEeIqYlyTLNDbJI7y7YwsgkjXlwoc=",
        ),
        (
            "POST",
            "/api/v1/dashboards/events/search?x=1",
            "vfhpClNiflJKFqEDAQX1JHLIQypnP0NHfS/eA7ZHqsU=",
        ),
    ],
)
def test_signature_v2(method: str, path: str, expected: str) -> None:
    url = f"https://apigateway.apigw.ntruss.com{path}"
    text = string_to_sign(method, url, "1700000000000", "testAccessKey")
    assert signature(text, "testSecretKey") == expected


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-03-01 08:00:00", "+09:00", "2026-02-28T23:00:00+00:00"),
        ("2026-03-01 08:00:00", "-03:30", "2026-03-01T11:30:00+00:00"),
        ("2026-03-01 08:00:00", "+00:00", "2026-03-01T08:00:00+00:00"),
    ],
)
def test_times_are_in_the_zone_that_was_asked_for(text: str, zone: str, expected: str) -> None:
    assert instant(event(text), fixed_zone(zone), 1, DAY).isoformat() == expected


OTHER_TIMES = {
    "with T": "2026-03-01T08:00:00",
    "with decimals": "2026-03-01 08:00:00.000",
    "with a zone": "2026-03-01 08:00:00+09:00",
    "short": "2026-3-1 8:00:00",
    "milliseconds": "1772323200000",
    "nothing": "",
    "Arabic digits": "\u0662\u0660\u0662\u0666-03-01 08:00:00",
    "no such day": "2026-02-29 08:00:00",
    "the hour 24": "2026-03-01 24:00:00",
    "before all calendars": "0001-01-01 00:00:00",
}


@pytest.mark.parametrize("text", OTHER_TIMES.values(), ids=OTHER_TIMES)
def test_a_time_of_another_form_is_told_with_its_place(text: str) -> None:
    with pytest.raises(FatalVendorError, match="event 7 of 2026-03-01 has an invalid time"):
        instant(event(text), fixed_zone("+09:00"), 7, DAY)


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
@pytest.mark.parametrize("is_to_inclusive", [True, False])
@pytest.mark.parametrize("zone", ["+09:00", "-03:30"])
def test_every_event_once_in_any_order_and_however_bounds_are_meant(  # noqa: PLR0913
    tap: Tap,
    ncp: Ncp,
    truth: list[str],
    order: Literal["ascending", "descending", "shuffled"],
    zone: str,
    *,
    is_to_inclusive: bool,
) -> None:
    ncp.order, ncp.is_to_inclusive = order, is_to_inclusive
    heard = tap.read(ncp_time_zone=zone)
    assert Counter(contents(heard)) == Counter(truth)
    assert len(keyed(heard)) == len(truth)  # twins have keys of their own
    assert heard.bookmark(STREAM) == "2026-03-04T00:00:00.000Z"


def test_keys_depend_neither_on_pages_nor_on_order(tap: Tap, ncp: Ncp) -> None:
    first = keyed(tap.read())
    ncp.order, ncp.most_rows = "ascending", 7
    assert keyed(tap.read(ncp_page_size=33)) == first
    ncp.order = "shuffled"
    assert keyed(tap.read(ncp_page_size=1000)) == first


def test_fewer_rows_than_the_limit_are_not_the_end(tap: Tap, ncp: Ncp, truth: list[str]) -> None:
    ncp.most_rows = 20
    assert Counter(contents(tap.read())) == Counter(truth)


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("page_size", [10, 50])
def test_events_that_arrive_while_pages_are_read(
    tap: Tap,
    ncp: Ncp,
    truth: list[str],
    order: Literal["ascending", "descending"],
    page_size: int,
) -> None:
    ncp.order, ncp.grows_by = order, 1
    heard = tap.read(ncp_page_size=page_size, concurrency=1)
    old = [content for content in contents(heard) if "|new" not in content]
    assert Counter(old) == Counter(truth)
    assert len(keyed(heard)) == len(contents(heard))


def alike(row: dict[str, str]) -> dict[str, str]:
    """An event like all others of its day: a burst of alarms that fills pages."""
    burst = {"level": "ALERT", "type": "EU410", "message": "exceeded"}
    return {**row, **burst, "time": f"{row['time'][:10]} 10:00:00"}


WAYS_OF_PAGING: dict[str, dict[str, Any]] = {
    "an offset that is ignored, and all on one page": {"offset": "ignored", "size": 1000},
    "pages by number, and all on one page": {"offset": "page", "size": 1000},
    "whole pages only, of less than is asked for": {"offset": "rounded", "most_rows": 20},
    "the total of the answer": {"total": lambda _, answer: answer, "most_rows": 20},
    "no total": {"total": lambda *_: None},
    "a negative total, and no order": {"total": lambda *_: -1, "order": "shuffled"},
    "a total of 0 with events": {"total": lambda *_: 0},
    "a total as text": {"total": lambda found, _: f"{found}"},
    "events that are alike": {"change": alike},
    "alike, and the total of the answer": {"change": alike, "total": lambda _, answer: answer},
}


def page(ncp: Ncp, ways: dict[str, Any]) -> int:
    """Let the vendor page in some way; the page size to ask for."""
    for name, value in ways.items():
        if name != "size":
            setattr(ncp, name, value)
    return int(ways.get("size", 50))


@pytest.mark.parametrize("ways", WAYS_OF_PAGING.values(), ids=WAYS_OF_PAGING)
def test_whatever_paging_means_to_the_vendor_every_event_comes_once(
    tap: Tap, ncp: Ncp, truth: list[str], ways: dict[str, Any]
) -> None:
    done = tap.run(ncp_page_size=page(ncp, ways))
    assert done.code == 0, done.log
    keys = done.heard.keys(STREAM, "event_key")
    assert len(set(keys)) == len(keys) == len(truth)
    if "change" not in ways:
        assert Counter(contents(done.heard)) == Counter(truth)
    is_wrong = "total" in ways and ways["total"](500, 20) in {20, 0}
    assert ("total is not the number of events" in done.log) == is_wrong


UNREADABLE_PAGES: dict[str, dict[str, Any]] = {
    "an offset that is ignored": {"offset": "ignored"},
    "and the total of the answer": {"offset": "ignored", "total": lambda _, answer: answer},
    "and events that are alike": {"offset": "ignored", "change": alike},
    "and events that arrive": {"offset": "ignored", "grows_by": 1},
    "pages by number": {"offset": "page"},
    "pages by number, of less than is asked for": {
        "offset": "page",
        "most_rows": 7,
        "total": lambda _, answer: answer,
        "size": 1000,
    },
}


@pytest.mark.parametrize("ways", UNREADABLE_PAGES.values(), ids=UNREADABLE_PAGES)
def test_pages_that_lose_or_repeat_events_are_told_and_make_none_up(
    tap: Tap, ncp: Ncp, ways: dict[str, Any]
) -> None:
    done = tap.run(ncp_page_size=page(ncp, ways), concurrency=1)
    assert done.code == 1
    line = done.log_line(f"{STREAM} failed")
    assert "not pages of a list" in line
    assert "set ncp_page_size" in line
    keys = done.heard.keys(STREAM, "event_key")
    assert len(set(keys)) == len(keys) <= 50  # the first page may have been sent
    assert done.heard.bookmark(STREAM) in {None, "2026-03-01T00:00:00.000Z"}


def test_more_events_announced_than_come_are_told(tap: Tap, ncp: Ncp) -> None:
    ncp.total = lambda *_: 2**63 - 1
    done = tap.run()
    assert done.code == 1
    assert "of 9223372036854775807 announced events" in done.log_line(f"{STREAM} failed")


def test_the_part_of_a_day_that_is_wanted(tap: Tap, ncp: Ncp) -> None:
    start, end = START + timedelta(hours=5, seconds=7), START + timedelta(hours=31, seconds=9)
    heard = tap.read(start_date=start.isoformat(), end_date=end.isoformat())
    assert Counter(contents(heard)) == Counter(ncp.truth(STREAM, start, end) or [])


def interrupted(tap: Tap, sandbox: Sandbox) -> Heard:
    """A run that stopped after two pages of the first day."""
    refused = error(403, "230", "Forbidden")
    sandbox.faults.append(Fault("answer", after=2, times=1000, response=refused))
    done = tap.run(concurrency=1, start_date=(START + timedelta(hours=15)).isoformat())
    assert done.code == 1
    sandbox.faults.clear()
    sandbox.requests.clear()
    return done.heard


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_a_stop_in_the_middle_of_a_day_goes_on_from_the_offset(
    tap: Tap, sandbox: Sandbox, ncp: Ncp, order: Literal["ascending", "descending"]
) -> None:
    ncp.order = order
    start = START + timedelta(hours=15)
    whole = keyed(tap.read(start_date=start.isoformat()))
    first = interrupted(tap, sandbox)
    place = first.states[-1]["bookmarks"][STREAM]["position"]
    assert place["offset"] == 100
    rest = tap.read(state=first.states[-1], start_date=start.isoformat())
    bodies = [request.body for request in sandbox.requests]  # the run that ended may send a last
    offsets = [json.loads(body)["offset"] for body in bodies if body]
    assert 99 in offsets  # the last row is asked for again, to see that the list is the same
    assert {**keyed(first), **keyed(rest)} == whole
    together = Counter(contents(first) + contents(rest))
    assert together == Counter(ncp.truth(STREAM, start, END) or [])


def stream_of(**settings: Any) -> NcpApiGatewayEvents:
    config = {
        "ncp_access_key": NCP_KEYS[0],
        "ncp_secret_key": NCP_KEYS[1],
        "start_date": "2026-03-01",
        "end_date": "2026-03-04",
        **settings,
    }
    stream = TapEventExport(config=config).streams[STREAM]
    assert isinstance(stream, NcpApiGatewayEvents)
    return stream


def test_twins_keep_their_keys_however_often_their_second_is_resumed() -> None:
    rows = [
        {"time": "2026-03-01 10:00:00", "level": "ALERT", "type": "EU410", "message": text}
        for text in "aababba"
    ]

    def answer(request: Any, _context: Any) -> dict[str, Any]:
        offset = request.json()["offset"]
        return {"events": {"content": rows[offset : offset + 2], "total": len(rows)}}

    stream = stream_of(end_date="2026-03-02")
    window = Window(START, START + timedelta(hours=15))

    def keys_of(page: Page) -> list[str]:
        return [record.event_key for block in page.batches for record in block]  # type: ignore[union-attr]

    with requests_mock.Mocker() as mocker:
        mocker.post(
            "https://apigateway.apigw.ntruss.com/api/v1/dashboards/events/search", json=answer
        )
        whole = [key for page in stream.pages(window, None) for key in keys_of(page)]
        page = next(stream.pages(window, None))
        resumed = keys_of(page)
        while page.cursor:
            page = next(stream.pages(window, page.cursor))
            resumed += keys_of(page)
    assert len(set(whole)) == len(rows)
    assert resumed == whole


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"total": 1}, id="another total"),
        pytest.param({"last": "0" * 64}, id="another row"),
        pytest.param({"offset": "x"}, id="garbage"),
        pytest.param({"twins": None}, id="no counts"),
        pytest.param({"to": "2026-02-01"}, id="another day"),
        pytest.param({"to": ["2026-03-02"]}, id="no day"),
    ],
)
def test_an_offset_is_checked_before_it_is_trusted(
    tap: Tap, sandbox: Sandbox, ncp: Ncp, change: dict[str, Any]
) -> None:
    start = START + timedelta(hours=15)
    first = interrupted(tap, sandbox)
    state = first.states[-1]
    state["bookmarks"][STREAM]["position"].update(change)
    done = tap.run(state=state, start_date=start.isoformat())
    assert done.code == 0
    assert "from its start" in done.log
    assert set(keyed(done.heard).values()) == set(ncp.truth(STREAM, start, END) or [])


def test_today_is_read_where_a_day_in_the_future_is_refused(tap: Tap, ncp: Ncp) -> None:
    ncp.accepts_future = False
    now = datetime.now(UTC)
    start = (now - timedelta(days=1)).replace(microsecond=0)
    heard = tap.read(start_date=start.isoformat(), end_date=None)
    mark = datetime.fromisoformat(heard.bookmark(STREAM) or "")
    assert Counter(contents(heard)) == Counter(ncp.truth(STREAM, start, mark) or [])
    assert timedelta(0) <= mark - now < timedelta(minutes=1) or mark <= now


def days_asked(sandbox: Sandbox) -> list[tuple[str, str]]:
    bodies = [json.loads(request.body) for request in sandbox.requests if request.body]
    return [(body["from"][5:], body["to"][5:]) for body in bodies]


@pytest.mark.parametrize("is_to_inclusive", [True, False])
def test_a_day_is_asked_for_alone_where_that_is_seen_to_be_enough(
    tap: Tap, sandbox: Sandbox, ncp: Ncp, truth: list[str], *, is_to_inclusive: bool
) -> None:
    ncp.is_to_inclusive = is_to_inclusive
    heard = tap.read(concurrency=1, ncp_page_size=1000)
    assert Counter(contents(heard)) == Counter(truth)
    days = days_asked(sandbox)
    assert days[0] == ("03-01", "03-02")
    alone = [first for first, last in days if first == last]
    assert sorted(set(alone)) == (
        ["03-01", "03-02", "03-03", "03-04"] if is_to_inclusive else []
    )  # the first of them to see whether it has as many events


@pytest.mark.parametrize(("is_to_inclusive", "last"), [(True, "2026-03-01"), (None, "2026-03-02")])
def test_a_search_goes_on_to_the_day_that_it_was_made_with(
    monkeypatch: pytest.MonkeyPatch, last: str, *, is_to_inclusive: bool | None
) -> None:
    """The next run has not learned yet what the one before had."""
    rows = [event(f"2026-03-01 10:00:{second:02}") for second in range(5)]
    asked: list[tuple[str, int]] = []

    def search(_first: date, last: date, offset: int, limit: int) -> Found:
        asked.append((f"{last}", offset))
        return Found(rows[offset : offset + limit], len(rows), (), 0)

    window = Window(START, START + timedelta(hours=15))
    earlier, later = stream_of(ncp_page_size=2), stream_of(ncp_page_size=2)
    earlier.is_to_inclusive = is_to_inclusive
    for stream in (earlier, later):
        monkeypatch.setattr(stream, "search", search)
    place = next(earlier.pages(window, None)).cursor
    asked.clear()
    list(later.pages(window, place))
    assert {day for day, _ in asked} == {last}
    assert 0 not in [offset for _, offset in asked]


@pytest.mark.parametrize(
    ("of_the_next_day", "alone", "is_enough"),
    [
        pytest.param("10:00:00", 2, True, id="all of the day"),
        pytest.param("10:00:00", 1, False, id="a part of the day"),
        pytest.param("10:00:00", 0, False, id="nothing"),
        pytest.param("00:00:00", 2, None, id="only the next day's first instant was seen"),
    ],
)
def test_a_day_alone_must_have_all_of_its_events(
    monkeypatch: pytest.MonkeyPatch, of_the_next_day: str, alone: int, *, is_enough: bool | None
) -> None:
    stream = stream_of()
    times = ["2026-03-01 10:00:00", "2026-03-01 11:00:00", f"2026-03-02 {of_the_next_day}"]
    rows = [event(text) for text in times]

    def search(first: date, last: date, offset: int, limit: int) -> Found:
        total = alone if first == last else len(rows)
        return Found(rows[offset : offset + limit], total, (), 0)

    monkeypatch.setattr(stream, "search", search)
    list(stream.pages(Window(START, START + timedelta(hours=15)), None))
    assert stream.is_to_inclusive is is_enough


def test_filters_are_sent_and_empty_ones_are_not(tap: Tap, sandbox: Sandbox) -> None:
    heard = tap.read(ncp_event_types=["EU410"])
    assert {record["type"] for record in heard.records[STREAM]} == {"EU410"}
    body = json.loads(sandbox.requests[0].body)
    assert body["type"] == ["EU410"]
    assert "level" not in body


@pytest.mark.parametrize("suffix", ["", "/", "/api/v1", "/api/v1/"])
def test_the_address_may_hold_the_base_path(tap: Tap, sandbox: Sandbox, suffix: str) -> None:
    tap.read(ncp_api_url=sandbox.url + suffix)
    assert {request.path for request in sandbox.requests} == {"/api/v1/dashboards/events/search"}


def test_each_attempt_is_signed_anew(tap: Tap, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("answer", times=1, response=Response(500)))
    tap.read(concurrency=1)
    first, second = (request.headers for request in sandbox.requests[:2])
    assert first["x-ncp-apigw-timestamp"] != second["x-ncp-apigw-timestamp"]
    assert first["x-ncp-apigw-signature-v2"] != second["x-ncp-apigw-signature-v2"]


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_wrong_is_said_so(tap: Tap, ncp: Ncp, minutes: int) -> None:
    ncp.now = lambda: datetime.now(UTC) + timedelta(minutes=minutes)
    done = tap.run()
    assert done.code == 1
    way = "behind" if minutes > 0 else "ahead of"
    assert f"clock is 10 minutes {way} Naver Cloud's" in done.log_line(f"{STREAM} failed")


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (error(401, "200", "Authentication Failed"), ["ncp_secret_key", "error code 200"]),
        (error(401, 210, "Permission Denied"), ["NCP_API_GATEWAY_VIEWER", "x-ncp-trace-id 3f2a"]),
        (error(403, "230", "Forbidden"), ["NCP_API_GATEWAY_VIEWER"]),
        (error(404, "300", "Not Found Exception"), ["ncp_api_url"]),
        (error(413, "430", "Request Entity Too Large"), ["ncp_page_size"]),
        (
            json_response(400, {"errorCode": 100, "message": "Bad"}),
            ["error code 100, Bad", "ncp_time_zone"],
        ),
        (json_response(400, {"returnCode": "7", "returnMessage": "No"}), ["error code 7, No"]),
        (json_response(400, {"code": 8, "msg": "Nope"}), ["error code 8, Nope"]),
        (Response(401), ["HTTP 401", "ncp_access_key"]),
        (error(404, 10008, "tenantId [abc] not found."), ["has not activated API Gateway"]),
        (
            error(404, "10008", "tenantId [abc] not found.", "responseError"),
            ["not activated API Gateway", "error code 10008, tenantId [abc]"],
        ),
        (
            error(404, "", "tenantId [abc] not found.", "status"),
            ["not activated API Gateway", "x-ncp-apigw-request-id c1b7"],
        ),
        (error(404, 300, "Not Found", "flat"), ["error code 300, Not Found", "check ncp_api_url"]),
        (error(400, 100, "Bad", "status"), ["error code 100, Bad", "ncp_time_zone"]),
    ],
    ids=range(14),
)
def test_every_form_of_error_says_what_to_do(
    tap: Tap, sandbox: Sandbox, response: Response, words: list[str]
) -> None:
    sandbox.faults.append(Fault("answer", times=1000, response=response))
    done = tap.run()
    assert done.code == 1
    line = done.log_line(f"{STREAM} failed")
    assert all(word in line for word in words), line
    assert not done.heard.records


@pytest.mark.parametrize("code", ["400", 400, "410", 420], ids=repr)
def test_quotas_and_rates_are_waited_for(
    tap: Tap, sandbox: Sandbox, truth: list[str], code: str | int
) -> None:
    limited = error(429, code, "Exceeded")
    sandbox.faults.append(Fault("answer", after=1, times=2, response=limited))
    done = tap.run(concurrency=1)
    assert done.code == 0
    assert Counter(contents(done.heard)) == Counter(truth)
    assert "Naver Cloud's " + ("quota" if "400" in str(code) else "rate") in done.log


@pytest.mark.parametrize(
    "later",
    [
        error(400, 80031, "Unexpected"),
        error(400, "80031", "Unexpected", "responseError"),
        error(400, 1, "Please try again in a few minutes.", "status"),
    ],
    ids=["code", "code as text", "words"],
)
def test_a_refusal_that_asks_to_try_again_is_tried_again(
    tap: Tap, sandbox: Sandbox, truth: list[str], later: Response
) -> None:
    sandbox.faults.append(Fault("answer", after=1, times=2, response=later))
    done = tap.hurried().run(concurrency=1)
    assert done.code == 0, done.log
    assert Counter(contents(done.heard)) == Counter(truth)
    assert "Naver Cloud asks to try again later" in done.log


def test_a_quota_that_stays_used_up_fails_after_max_retry_wait(tap: Tap, sandbox: Sandbox) -> None:
    limited = error(429, "400", "Quota Exceeded")
    sandbox.faults.append(Fault("answer", times=1000, response=limited))
    done = tap.run(max_retry_wait=2)
    assert done.code == 1
    assert "max_retry_wait=2 s" in done.log_line(f"{STREAM} failed")


EMPTY_ANSWERS: dict[str, Any] = {
    "a list": {"events": {"content": [], "total": 0}},
    "a list and no total": {"events": {"content": []}},
    "null": {"events": {"content": None, "total": 0}},
    "null, and a total as text": {"events": {"content": None, "total": "0"}},
    "nothing": {"events": {"total": 0}},
    "an object": {"events": {"content": {}, "total": 0.0}},
    "no object": {"events": []},
    "no events": {"events": None, "total": 0},
}


def answered(value: Any, status: int = 200) -> VendorResponse:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return VendorResponse(status, {}, body, "POST it")


@pytest.mark.parametrize("value", EMPTY_ANSWERS.values(), ids=EMPTY_ANSWERS)
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_nothing_is_an_answer_in_any_spelling(value: Any, status: int) -> None:
    found = read(answered(value, status))
    assert not found.events
    assert not found.total


NO_ANSWERS: dict[str, Any] = {
    "no body": b"",
    "nothing": {},
    "null": None,
    "events that are null": {"events": None},
    "events that are empty": {"events": {}},
    "content that is null": {"events": {"content": None}},
    "the same, and a total": {"events": {"content": None, "total": 3}},
    "an object with something in it": {"events": {"content": {"a": 1}, "total": 0}},
    "a text": {"events": {"content": "", "total": 0}},
    "events without content": {"events": [{"time": "2026-03-01 10:00:00"}], "total": 0},
    "an event that is null": {"events": {"content": [{}, None], "total": 2}},
    "an error": {"code": 500, "message": "Internal error"},
}


@pytest.mark.parametrize("value", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_holds_no_events_is_not_taken_for_nothing(value: Any) -> None:
    with pytest.raises(RetriableVendorError, match="not the expected search for events"):
        read(answered(value))


@pytest.mark.parametrize("status", [203, 206, 300])
def test_a_part_of_an_answer_is_none(status: int) -> None:
    with pytest.raises(RetriableVendorError, match="not a complete search"):
        read(answered(EMPTY_ANSWERS["a list"], status))


@pytest.mark.parametrize(
    ("total", "whole"),
    [
        (7, 7),
        ("7", 7),
        (7.0, 7),
        (0, 0),
        (-1, None),
        (7.5, None),
        (None, None),
        (True, None),
        ("many", None),
        ("\u0667", None),
        ([7], None),
        (10**30, None),
        ("9" * 10_000, None),
    ],
    ids=range(13),
)
def test_a_total_is_a_whole_number_or_none(total: Any, whole: int | None) -> None:
    content = [{"time": "2026-03-01 10:00:00"}]
    assert read(answered({"events": {"content": content, "total": total}})).total == whole


def test_numbers_are_texts_with_all_their_digits() -> None:
    row = b'{"time": "2026-03-01 10:00:00", "level": 1.10, "type": 410, "message": [true, 1]}'
    (found,) = read(answered(b'{"events": {"content": [' + row + b'], "total": 1}}')).events
    assert found == Event("2026-03-01 10:00:00", "1.10", "410", "[true,1]", {})


@pytest.mark.parametrize("empty", ["null", "no object"])
def test_a_day_without_events_moves_the_bookmark(tap: Tap, ncp: Ncp, empty: str) -> None:
    ncp.history, ncp.empty = History(240, begin=END), EMPTY_ANSWERS[empty]["events"]
    heard = tap.read()
    assert not heard.records
    assert heard.bookmark(STREAM) == "2026-03-04T00:00:00.000Z"


def test_fields_without_a_column_are_kept_and_count_in_the_key(tap: Tap, ncp: Ncp) -> None:
    before = tap.read().records[STREAM]
    regions = cycle(["KR", {"name": "US", "id": 1.10}, None])

    def changed(row: dict[str, str]) -> dict[str, Any]:
        is_new = "ES0" in row["type"]
        return {**row, "region": next(regions)} if is_new else row

    ncp.change = changed
    done = tap.run(concurrency=1)
    records = done.heard.records[STREAM]
    assert "fields that have no column are put into _extra: region" in done.log
    assert done.log.count("are put into _extra") == 1
    assert {json.dumps(record["_extra"]) for record in records} == {
        "null",
        '{"region": "KR"}',
        '{"region": {"name": "US", "id": 1.1}}',
        '{"region": null}',
    }
    known = {record["event_key"] for record in before}
    for record in records:
        assert (record["event_key"] in known) == (record["_extra"] is None)
    assert len({record["event_key"] for record in records}) == len(records) == len(before)


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ("0001-01-01 00:00:00", "outside the calendar"),
        (1772323200000, "yyyy-MM-dd HH:mm:ss"),
        (None, "yyyy-MM-dd HH:mm:ss"),
    ],
)
def test_an_event_whose_time_is_none_is_named_by_its_place(
    tap: Tap, ncp: Ncp, time: Any, why: str
) -> None:
    rows = count()
    ncp.change = lambda row: {**row, "time": time} if next(rows) == 57 else row
    done = tap.run(concurrency=1)
    assert done.code == 1
    line = done.log_line(f"{STREAM} failed")
    assert "Naver Cloud's event 58 of 2026-03-01 has an invalid time" in line
    assert why in line
    assert "Traceback" not in done.log


def hourly(
    tap: Tap, sandbox: Sandbox, ncp: Ncp, hours: range, **options: Any
) -> Iterator[tuple[Heard, int]]:
    """What runs at the end of each hour hear, and how many requests each takes.

    All of the lookback is sent again, so that what was read is seen.
    """
    options = {"lookback_minutes": 10, "lookback_resend": "all", **options}
    state = options.pop("state", None)
    for hour in hours:
        end = START + timedelta(hours=hour)
        ncp.now = lambda end=end: end  # type: ignore[misc]
        sandbox.requests.clear()
        heard = tap.read(state=state, end_date=end.isoformat(), **options)
        state = heard.states[-1]
        yield heard, len(sandbox.requests)


@pytest.fixture
def unsigned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor's clock may be any: signatures aren't checked."""
    monkeypatch.setattr(Ncp, "_refused", lambda *_: None)


@pytest.mark.usefixtures("unsigned")
@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_an_hourly_run_reads_what_is_new_however_long_the_day_is(
    tap: Tap, sandbox: Sandbox, ncp: Ncp, order: Literal["ascending", "descending"]
) -> None:
    """200 events an hour, some late; a day in Seoul began nine hours before."""
    ncp.order = order
    ncp.history = History(4800, late_every=7, lateness=timedelta(minutes=9))
    hours, together = range(3, 9), Counter[str]()
    for hour, (heard, requests) in zip(hours, hourly(tap, sandbox, ncp, hours), strict=True):
        got = keyed(heard)
        together |= Counter(got.values())
        end = START + timedelta(hours=hour)
        again = end - timedelta(hours=1, minutes=10) if hour > hours[0] else START
        assert Counter(got.values()) == Counter(ncp.truth(STREAM, again, end) or [])
        assert len(got) == sum(Counter(got.values()).values())
        if hour == hours[0]:
            assert requests > 12 * 200 / 50
        else:
            assert requests <= 8
        hints = heard.states[-1]["bookmarks"][STREAM]["hints"]
        assert hints["2026-03-01"]["newest_first"] == (order == "descending")
    ncp.now = lambda: END
    arrived = START + timedelta(hours=7, minutes=50)
    assert not Counter(ncp.truth(STREAM, START, arrived)) - together


@pytest.mark.usefixtures("unsigned")
def test_a_hint_that_no_longer_fits_is_not_followed(tap: Tap, sandbox: Sandbox, ncp: Ncp) -> None:
    """In another order, with other filters, made up, or with events that the last run lacked."""
    ncp.history = History(2400)
    first, second = (heard for heard, _ in hourly(tap, sandbox, ncp, range(3, 5), ncp_page_size=20))
    state = second.states[-1]
    end = START + timedelta(hours=5)
    ncp.now = lambda: end
    truth = Counter(ncp.truth(STREAM, end - timedelta(hours=1, minutes=10), end) or [])
    del first

    def read_again(hint: dict[str, Any], **options: Any) -> int:
        known = json.loads(json.dumps(state))
        known["bookmarks"][STREAM]["hints"]["2026-03-01"].update(hint)
        ((heard, requests),) = hourly(
            tap, sandbox, ncp, range(5, 6), **{"ncp_page_size": 20, **options}, state=known
        )
        assert Counter(contents(heard)) == truth
        return requests

    assert read_again({}) < 12
    whole = 14 * 100 // 20
    assert read_again({"query": "0" * 12}) >= whole
    assert read_again({"before": "2026-03-01 13:50:00"}) >= whole
    assert read_again({"before": None, "count": "x"}) >= whole
    assert read_again({"count": 700}) >= whole
    assert read_again({"newest_first": False}) >= whole
    ncp.order = "shuffled"
    assert read_again({}) >= whole


@pytest.mark.parametrize(
    "response",
    [
        json_response(200, {"events": None}),
        json_response(200, {}),
        Response(200, b"<html>", {"Content-Type": "text/html"}),
    ],
    ids=["null", "without events", "an HTML page"],
)
def test_a_success_without_events_is_survived_and_never_data(
    tap: Tap, sandbox: Sandbox, truth: list[str], response: Response
) -> None:
    sandbox.faults.append(Fault("answer", after=1, times=2, response=response))
    assert Counter(contents(tap.read(concurrency=1))) == Counter(truth)


def test_the_keys_of_the_account_are_in_no_output(tap: Tap, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("half", after=1, times=2))
    runs = [
        tap.run(environment={"LOGLEVEL": "DEBUG"}),
        tap.run("--test", environment={"LOGLEVEL": "DEBUG"}, ncp_api_url="http://127.0.0.1:1"),
    ]
    for done in runs:
        for key in NCP_KEYS:
            assert key not in done.log
            assert not any(key in line for line in done.lines)
