"""croct_events, through the real command, against every behaviour the vendor leaves open."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import pytest
import requests_mock

from tap_eventexport.engine.windows import Window
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Fault, Response, Sandbox, json_response
from tap_eventexport.streams.croct import CroctEvents
from tap_eventexport.tap import TapEventExport
from tests.conftest import CROCT_KEY, END, START
from tests.singer import Heard

if TYPE_CHECKING:
    from tap_eventexport.sandbox.croct import Croct
    from tests.singer import Run, Tap

DAY = timedelta(days=1)

# The example answer of the vendor's page.
EXAMPLE: dict[str, Any] = {
    "metadata": {
        "organizationName": "Acme Corp",
        "organizationSlug": "acme-corp",
        "workspaceName": "Production",
        "workspaceSlug": "production-app",
        "applicationName": "E-commerce Store",
        "applicationSlug": "ecommerce-store",
    },
    "items": [
        {
            "id": "924f6c8f-3b5b-47ea-b483-25a0506dc436",
            "sessionId": "343dd18a-1ab1-4298-8b19-f14880ba4e9c",
            "userId": "91d286ab-654a-47a3-ae3f-a0c0d661e44d",
            "timestamp": 1440990000000,
            "context": {
                "type": "web",
                "tabId": "0b032685-0a7e-4cdd-9ff1-9d3af33507a4",
                "url": "https://www.example.com",
            },
            "payload": {"@type": "userSignedIn", "externalUserId": "user-123"},
        }
    ],
    "nextCursor": "",
}


def read_answer(
    answer: str, capsys: pytest.CaptureFixture[str], **settings: Any
) -> tuple[list[dict[str, Any]], requests_mock.Mocker]:
    """The records that the tap makes of one answer, and the requests it made."""
    config = {
        "croct_api_key": CROCT_KEY,
        "start_date": "2015-08-31T00:00:00Z",
        "end_date": "2015-09-01T00:00:00Z",
        **settings,
    }
    with requests_mock.Mocker() as mocker:
        mocker.get("https://api.croct.io/export/events", text=answer)
        assert TapEventExport(config=config).run() == 0
    heard = Heard()
    for line in capsys.readouterr().out.splitlines():
        heard.hear(line)
    return heard.records.get("croct_events", []), mocker


def test_the_example_of_the_vendors_page(capsys: pytest.CaptureFixture[str]) -> None:
    (record,), mocker = read_answer(
        json.dumps(EXAMPLE), capsys, croct_event_types=["productViewed", "orderPlaced"]
    )
    (event,) = EXAMPLE["items"]
    assert record == {
        "id": "924f6c8f-3b5b-47ea-b483-25a0506dc436",
        "timestamp": "2015-08-31T03:00:00.000Z",
        "eventType": "userSignedIn",
        "sessionId": "343dd18a-1ab1-4298-8b19-f14880ba4e9c",
        "userId": "91d286ab-654a-47a3-ae3f-a0c0d661e44d",
        "context": event["context"],
        "payload": event["payload"],
        **EXAMPLE["metadata"],
    }
    (request,) = mocker.request_history
    assert request.query == (
        "start=1440979200000&end=1441065600000&pagesize=1000"
        "&events=productviewed&events=orderplaced"
    )
    assert request.headers["X-Api-Key"] == CROCT_KEY
    assert request.headers["User-Agent"].startswith("tap-eventexport/")


def test_numbers_arrive_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = '{"@type":"x","big":123456789012345678901234567890,"exact":0.10,"far":1e400}'
    answer = (
        '{"items":[{"id":"a","timestamp":1440990000000,"context":null,"payload":' + numbers + "}]}"
    )
    config = {"croct_api_key": CROCT_KEY, "start_date": "2015-08-31", "end_date": "2015-09-01"}
    with requests_mock.Mocker() as mocker:
        mocker.get("https://api.croct.io/export/events", text=answer)
        assert TapEventExport(config=config).run() == 0
    assert numbers in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"context": None}, {"context": None}),
        ({"payload": {"@type": "neverSeenBefore"}}, {"eventType": "neverSeenBefore"}),
        ({"payload": {}}, {"eventType": None}),
        ({"userId": None}, {"userId": None}),
    ],
)
def test_what_may_be_missing_or_new(
    change: dict[str, Any], expected: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    event = {**EXAMPLE["items"][0], **change}
    (record,), _ = read_answer(json.dumps({**EXAMPLE, "items": [event]}), capsys)
    assert {name: record[name] for name in expected} == expected


def test_events_without_id_get_a_key_of_their_content(
    capsys: pytest.CaptureFixture[str],
) -> None:
    event = {key: value for key, value in EXAMPLE["items"][0].items() if key != "id"}
    reordered = dict(reversed(event.items()))
    later = {**event, "timestamp": event["timestamp"] + 1}
    answer = {"items": [event, reordered, later]}
    first, same, other = [
        record["id"] for record in read_answer(json.dumps(answer, indent=3), capsys)[0]
    ]
    assert first == same != other
    assert len(first) == 64


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
@pytest.mark.parametrize("last_page", ["empty", "null", "missing", "repeat"])
def test_every_event_once_in_any_order_and_however_the_last_page_is_told(
    tap: Tap,
    croct: Croct,
    truth: list[str],
    order: Literal["ascending", "descending", "shuffled"],
    last_page: Literal["empty", "null", "missing", "repeat"],
) -> None:
    croct.order, croct.last_page = order, last_page
    heard = tap.read()
    assert Counter(heard.keys()) == Counter(truth)
    assert heard.bookmark() == "2026-03-04T00:00:00.000Z"
    assert "position" not in heard.states[-1]["bookmarks"]["croct_events"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"empty_every": 2}, id="an empty page with a new cursor is not the end"),
        pytest.param({"is_pretty": True}, id="an answer over several lines"),
        pytest.param({"is_end_inclusive": True}, id="a window's end that is inclusive"),
    ],
)
def test_unexpected_but_harmless(
    tap: Tap, croct: Croct, truth: list[str], change: dict[str, Any]
) -> None:
    for name, value in change.items():
        setattr(croct, name, value)
    assert Counter(tap.read().keys()) == Counter(truth)


def test_only_some_event_types(tap: Tap, truth: list[str]) -> None:
    heard = tap.read(croct_event_types=["orderPlaced", "userSignedIn"])
    kinds = {record["eventType"] for record in heard.records["croct_events"]}
    assert kinds == {"orderPlaced", "userSignedIn"}
    assert set(heard.keys()) < set(truth)


def test_an_undocumented_event_type_is_warned_of(tap: Tap) -> None:
    done = tap.run(croct_event_types=["orderPlaced", "postViewed"])
    assert "'postViewed' is not among Croct's documented types" in done.log
    assert done.code == 1  # the sandbox refuses it, as the vendor may
    assert "There is no event type postViewed" in done.log_line("croct_events failed")


def failing(tap: Tap, **options: Any) -> Run:
    """A run whose stream fails: exit code 1, no traceback, and nothing promised."""
    done = tap.run(**options)
    assert done.code == 1
    assert "Traceback" not in done.log
    return done


@pytest.mark.parametrize(
    ("response", "words"),
    [
        pytest.param(
            json_response(403, {"title": "Forbidden", "details": "No access."}),
            ["croct_api_key", "data_export", "Forbidden: No access."],
            id="403 names the key and its permission",
        ),
        pytest.param(
            json_response(400, {"title": "Bad Request", "detail": "What?"}),
            ["croct_event_types", "Bad Request: What?"],
            id="400 names the settings",
        ),
        pytest.param(Response(404), ["croct_api_url"], id="404 names the address"),
        pytest.param(Response(423), ["quota"], id="423 is a quota that only people can raise"),
        pytest.param(
            Response(302, headers={"Location": "https://elsewhere.example/export/events"}),
            ["https://elsewhere.example", "not sent"],
            id="a redirect to another host is refused",
        ),
    ],
)
def test_lasting_errors_say_what_to_do(
    tap: Tap, sandbox: Sandbox, response: Response, words: list[str]
) -> None:
    sandbox.faults.append(Fault("answer", times=1000, response=response))
    done = failing(tap)
    line = done.log_line("croct_events failed")
    assert all(word in line for word in words), line
    assert not done.heard.records


def test_a_wrong_key_names_its_setting_and_not_its_value(tap: Tap) -> None:
    done = failing(tap, croct_api_key="wrong-key-value")
    assert "croct_api_key" in done.log_line("croct_events failed")
    assert "wrong-key-value" not in done.log


HTML = Response(200, b"<!DOCTYPE html><title>Log in</title>", {"Content-Type": "text/html"})


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("answer", times=2, response=HTML), id="an HTML page under 200"),
        pytest.param(
            Fault("answer", times=2, response=json_response(202, {"status": "suspended"})),
            id="a 2xx without items",
        ),
        pytest.param(Fault("answer", times=2, response=Response(503)), id="503"),
        pytest.param(
            Fault("answer", times=2, response=Response(429, headers={"Retry-After": "1"})),
            id="429",
        ),
        pytest.param(Fault("half", times=2), id="half a JSON"),
        pytest.param(Fault("short", times=2), id="a body shorter than announced"),
        pytest.param(Fault("reset", times=2), id="a connection that breaks in the body"),
        pytest.param(Fault("refuse", times=2), id="a connection that breaks at once"),
        pytest.param(Fault("broken_gzip", times=2), id="half a gzip"),
        pytest.param(Fault("gzip", times=100), id="a whole gzip"),
    ],
)
def test_passing_faults_are_survived(
    tap: Tap, sandbox: Sandbox, truth: list[str], fault: Fault
) -> None:
    fault.after = 2
    sandbox.faults.append(fault)
    heard = tap.read(concurrency=1)
    assert Counter(heard.keys()) == Counter(truth)


def test_a_lasting_fault_fails_the_stream_where_it_stood(
    tap: Tap, sandbox: Sandbox, truth: list[str]
) -> None:
    sandbox.faults.append(Fault("answer", after=7, times=1000, response=HTML))
    done = failing(tap.hurried(), concurrency=1)
    line = done.log_line("croct_events failed")
    assert "answered 200 with 36 bytes of text/html" in line
    assert "gave up after 6 attempts" in line
    sandbox.faults.clear()
    rest = tap.read(state=done.heard.states[-1], lookback_minutes=0)
    assert Counter(done.heard.keys() + rest.keys()) == Counter(truth)


def test_a_stop_in_the_middle_of_a_window_goes_on_from_the_cursor(
    tap: Tap, sandbox: Sandbox, truth: list[str]
) -> None:
    sandbox.faults.append(Fault("answer", after=2, times=1000, response=Response(423)))
    first = failing(tap, concurrency=1).heard
    position = first.states[-1]["bookmarks"]["croct_events"]["position"]
    assert first.bookmark() == position["start"] == "2026-03-01T00:00:00.000Z"
    sandbox.faults.clear()
    sandbox.requests.clear()
    rest = tap.read(state=first.states[-1])
    assert any(request.first("cursor") == position["cursor"] for request in sandbox.requests)
    assert Counter(first.keys() + rest.keys()) == Counter(truth)


def interrupted(tap: Tap, sandbox: Sandbox) -> Heard:
    """A run that stopped in the middle of its first window."""
    sandbox.faults.append(Fault("answer", after=2, times=1000, response=Response(423)))
    heard = failing(tap, concurrency=1).heard
    sandbox.faults.clear()
    return heard


def test_a_cursor_that_expired_restarts_its_window_with_a_warning(
    tap: Tap, sandbox: Sandbox, truth: list[str]
) -> None:
    first = interrupted(tap, sandbox)
    state = first.states[-1]
    state["bookmarks"]["croct_events"]["position"]["cursor"] = "Zm9yZWlnbg=="
    done = tap.run(state=state)
    assert done.code == 0
    assert "no longer accepts the cursor" in done.log_line("reading the window")
    assert set(done.heard.keys()) == set(truth)


def test_filters_that_changed_restart_the_window(
    tap: Tap, sandbox: Sandbox, truth: list[str]
) -> None:
    first = interrupted(tap, sandbox)
    done = tap.run(state=first.states[-1], croct_page_size=60)
    assert done.code == 0
    assert "the filters changed" in done.log
    assert set(done.heard.keys()) == set(truth)


def test_cursors_that_are_never_accepted_fail(tap: Tap, croct: Croct) -> None:
    croct.accepts_cursors = False
    line = failing(tap).log_line("croct_events failed")
    assert "no longer accepts the cursor" in line
    assert "3 times in vain" in line


def test_a_cursor_that_repeats_is_an_error_and_no_endless_loop(tap: Tap, croct: Croct) -> None:
    croct.repeats_cursor = True
    assert "repeats a cursor" in failing(tap).log_line("croct_events failed")


def test_endless_empty_pages_are_an_error(tap: Tap, croct: Croct) -> None:
    croct.empty_every = 1
    assert "empty pages in a row" in failing(tap).log_line("croct_events failed")


def test_the_second_run_reads_what_is_new_and_what_came_late(
    tap: Tap, sandbox: Sandbox, croct: Croct
) -> None:
    middle = START + DAY
    croct.history = History(240, late_every=3, lateness=timedelta(minutes=50))
    croct.now = lambda: middle
    first = tap.read(end_date=middle.isoformat())
    croct.now = lambda: END
    sandbox.requests.clear()
    second = tap.read(state=first.states[-1])
    truth = croct.truth("croct_events", START, END) or []
    assert set(first.keys()) < set(truth)
    assert set(first.keys() + second.keys()) == set(truth)
    starts = {int(request.first("start") or 0) for request in sandbox.requests}
    assert min(starts) == (middle - timedelta(minutes=60)).timestamp() * 1000


def test_an_empty_history_moves_the_bookmark_too(tap: Tap, croct: Croct) -> None:
    croct.history = History(240, begin=datetime(2026, 6, 1, tzinfo=UTC))
    heard = tap.read()
    assert not heard.records
    assert heard.bookmark() == "2026-03-04T00:00:00.000Z"


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
def test_a_dense_hour_is_read_by_several_at_once(
    tap: Tap, croct: Croct, sandbox: Sandbox, order: Literal["ascending", "descending", "shuffled"]
) -> None:
    """In ten days without events but one hour that has 40 pages, each of its cursors is short."""
    noon = START + timedelta(hours=12)
    croct.history = History(48_000, begin=noon, end=noon + timedelta(hours=1), late_every=7)
    croct.order = order
    heard = tap.read(end_date=(START + 10 * DAY).isoformat())
    assert Counter(heard.keys()) == Counter(
        croct.truth("croct_events", START, START + 10 * DAY) or []
    )
    pages = 2_000 / 50
    longest = max(
        Counter(
            (request.first("start"), request.first("end")) for request in sandbox.requests
        ).values()
    )
    if order == "ascending":
        assert longest < pages / 1.5
        assert len(sandbox.requests) <= 1.25 * pages + 15
    else:
        assert len(sandbox.requests) == pages + 9


@pytest.mark.parametrize("concurrency", [1, 6, 7, 13, 16, 50])
def test_windows_are_narrower_where_many_are_read_at_once(concurrency: int) -> None:
    config = {"croct_api_key": CROCT_KEY, "concurrency": concurrency}
    stream = TapEventExport(config=config).streams["croct_events"]
    assert isinstance(stream, CroctEvents)
    windows = [*stream.windows(Window(START, END))]
    assert (windows[0].start, windows[-1].end) == (START, END)
    assert all(one.end == other.start for one, other in pairwise(windows))
    assert all(window.end.microsecond % 1000 == 0 for window in windows)  # as Croct takes them
    assert len(windows) >= 3 * max(1, concurrency // 6)
