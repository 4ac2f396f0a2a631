"""ncp_apigateway_events, through the real command, against all that the vendor leaves open."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
import requests_mock

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.windows import Window
from tap_eventexport.sandbox.ncp import error
from tap_eventexport.sandbox.server import Fault, Response, Sandbox, json_response
from tap_eventexport.streams.ncp import (
    NcpApiGatewayEvents,
    fixed_zone,
    instant,
    signature,
    string_to_sign,
)
from tap_eventexport.tap import TapEventExport
from tests.conftest import END, NCP_KEYS, START

if TYPE_CHECKING:
    from tap_eventexport.engine.page import Page
    from tap_eventexport.sandbox.ncp import Ncp
    from tests.singer import Heard, Tap

STREAM = "ncp_apigateway_events"


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
    assert instant(text, fixed_zone(zone)).isoformat() == expected


def test_a_time_of_another_form_is_no_event() -> None:
    with pytest.raises(FatalVendorError, match="yyyy-MM-dd"):
        instant("2026-03-01T08:00:00Z", fixed_zone("+09:00"))


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


def test_twins_keep_their_keys_however_often_their_second_is_resumed() -> None:
    rows = [
        {"time": "2026-03-01 10:00:00", "level": "ALERT", "type": "EU410", "message": text}
        for text in "aababba"
    ]

    def answer(request: Any, _context: Any) -> dict[str, Any]:
        offset = request.json()["offset"]
        return {"events": {"content": rows[offset : offset + 2], "total": len(rows)}}

    config = {
        "ncp_access_key": NCP_KEYS[0],
        "ncp_secret_key": NCP_KEYS[1],
        "start_date": "2026-03-01",
        "end_date": "2026-03-02",
    }
    stream = TapEventExport(config=config).streams[STREAM]
    assert isinstance(stream, NcpApiGatewayEvents)
    window = Window(START, START + timedelta(hours=15))

    def keys_of(page: Page) -> list[str]:
        return [record.event_key for block in page.blocks for record in block]  # type: ignore[union-attr]

    with requests_mock.Mocker() as mocker:
        mocker.post(
            "https://apigateway.apigw.ntruss.com/api/v1/dashboards/events/search", json=answer
        )
        whole = [key for page in stream.pages(window, None) for key in keys_of(page)]
        page = next(stream.pages(window, None))
        resumed = keys_of(page)
        while page.place:
            page = next(stream.pages(window, page.place))
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
    ],
    ids=range(9),
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


def test_a_quota_that_stays_used_up_fails_after_max_retry_wait(tap: Tap, sandbox: Sandbox) -> None:
    limited = error(429, "400", "Quota Exceeded")
    sandbox.faults.append(Fault("answer", times=1000, response=limited))
    done = tap.run(max_retry_wait=2)
    assert done.code == 1
    assert "max_retry_wait=2 s" in done.log_line(f"{STREAM} failed")


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
