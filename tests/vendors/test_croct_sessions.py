"""croct_sessions: read when they close, and again when they change."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.croct_kinds import EVENTS, OPEN, SESSIONS
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Fault, Request, Response, Sandbox, json_response
from tests.conftest import CROCT_KEY, END, START
from tests.singer import HURRIED, Tap
from tests.vendors.croct_models import SESSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAM, DAY, MINUTE = "croct_sessions", timedelta(days=1), timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON = (START + timedelta(hours=12) - EPOCH) // MILLISECOND


def written(milliseconds: int) -> str:
    """Milliseconds since 1970 as the tap writes them."""
    instant = EPOCH + milliseconds * MILLISECOND
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def record_of(session: dict[str, Any]) -> dict[str, Any]:
    """What a session's record must be."""
    window = {name: written(time) for name, time in session["window"].items()}
    return {**session, "closeTime": written(session["closeTime"]), "window": window, "_extra": None}


@pytest.fixture
def sessions() -> Croct:
    """Three days of sessions, 48 a day."""
    return Croct(History(240), api_key=CROCT_KEY, kind=SESSIONS)


@contextmanager
def serving(
    folder: Path, *vendors: Any, without: tuple[str, ...] = ("croct_events",), **settings: Any
) -> Iterator[tuple[Tap, Sandbox]]:
    with Sandbox(vendors) as sandbox:
        chosen: dict[str, Any] = {
            "croct_api_key": CROCT_KEY,
            "croct_api_url": sandbox.url,
            "croct_page_size": 10,
            "start_date": START.isoformat(),
            "end_date": END.isoformat(),
            **settings,
        }
        yield Tap(folder, pause=HURRIED, without=without, **chosen), sandbox


def test_every_session_of_the_sandbox_is_one_of_the_vendors_and_arrives_as_it_is(
    tmp_path: Path, sessions: Croct
) -> None:
    with serving(tmp_path, sessions) as (tap, _):
        records = tap.read().records[STREAM]
    checker = Draft202012Validator(SESSION, format_checker=FormatChecker())
    expected = {}
    for session_id in sessions.truth(STREAM, START, END) or []:
        request = Request("GET", f"/export/session/{session_id}", (), {"x-api-key": CROCT_KEY}, b"")
        session = json.loads(sessions.answer(request).body)
        checker.validate(session)
        expected[session_id] = record_of(session)
    assert len(records) == len(expected) > 100
    assert {record["sessionId"]: record for record in records} == expected


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
@pytest.mark.parametrize("last_page", ["empty", "null", "missing", "repeat", "blank", "fresh"])
def test_every_session_once_in_any_order_and_however_the_last_page_is_told(
    tmp_path: Path,
    sessions: Croct,
    order: Literal["ascending", "descending", "shuffled"],
    last_page: Literal["empty", "null", "missing", "repeat", "blank", "fresh"],
) -> None:
    sessions.order, sessions.last_page = order, last_page
    with serving(tmp_path, sessions) as (tap, sandbox):
        heard = tap.read()
    assert Counter(heard.keys(STREAM, "sessionId")) == Counter(sessions.truth(STREAM, START, END))
    assert heard.bookmark(STREAM) == "2026-03-04T00:00:00.000Z"
    names = {name for request in sandbox.requests for name, _ in request.query}
    assert names == {"start", "end", "pageSize", "cursor"}


def test_a_session_comes_again_when_it_is_extended_and_its_newest_state_is_the_last(
    tmp_path: Path,
) -> None:
    """Events of a session come up to an hour apart, so that many close, and open again."""
    history = History(48)
    clock = [START + DAY]
    sessions = Croct(history, lambda: clock[0], CROCT_KEY, SESSIONS)
    state: Any = None
    newest: dict[str, dict[str, Any]] = {}
    sent = 0
    while clock[0] <= END:
        shift = clock[0] - datetime.now(UTC)
        with serving(tmp_path, sessions) as (tap, _):
            chosen = {**tap.settings, "end_date": clock[0].isoformat()}
            run = Tap(tmp_path, shift.total_seconds(), HURRIED, tap.without, **chosen)
            heard = run.read(state=state)
        state = heard.states[-1]
        assert datetime.fromisoformat(heard.bookmark(STREAM) or "") <= clock[0]
        for record in heard.records.get(STREAM, []):
            assert datetime.fromisoformat(record["closeTime"]) < clock[0]
            newest[record["sessionId"]] = record
            sent += 1
        clock[0] += timedelta(hours=6)
    last = clock[0] - timedelta(hours=6)
    clock[0] = last
    assert newest.keys() >= set(sessions.truth(STREAM, START, last) or [])
    assert sent > len(newest)
    for session_id in sessions.truth(STREAM, START, last) or []:
        request = Request("GET", f"/export/session/{session_id}", (), {"x-api-key": CROCT_KEY}, b"")
        assert newest[session_id] == record_of(json.loads(sessions.answer(request).body))


class Told:
    """A vendor that has some sessions; it may ignore the end that it is asked for."""

    path = "/export/session"

    def __init__(self, *sessions: dict[str, Any], ignores_end: bool = False) -> None:
        self.sessions = sessions
        self._ignores_end = ignores_end

    def answer(self, request: Request) -> Response:
        start, end = (int(request.first(name) or 0) for name in ("start", "end"))
        items = [
            each
            for each in self.sessions
            if not isinstance(time := each.get("closeTime"), int)
            or time < 10**12
            or (start <= time and (time < end or self._ignores_end))
        ]
        return json_response(200, {"items": items, "nextCursor": ""})

    def truth(self, *_: object) -> None:
        """A test knows it."""


def session(number: int = 0, **fields: Any) -> dict[str, Any]:
    """A session with few fields; those that are given as ... are left out."""
    whole = {"sessionId": f"s-{number}", "closeTime": NOON + number, **fields}
    return {name: value for name, value in whole.items() if value is not ...}


def test_a_close_time_in_the_future_moves_no_bookmark(tmp_path: Path) -> None:
    """The vendor ignores the end that it is asked for; the session is read when it has closed."""
    ahead = timedelta(hours=3)
    open_one = session(1, closeTime=(START + DAY + ahead - EPOCH) // MILLISECOND)
    told = Told(session(2), open_one, ignores_end=True)
    shift = START + DAY - datetime.now(UTC)
    with serving(tmp_path, told) as (tap, _):
        chosen = {name: value for name, value in tap.settings.items() if name != "end_date"}
        now = Tap(tmp_path, shift.total_seconds(), HURRIED, tap.without, **chosen)
        first = now.run()
        later = Tap(tmp_path, (shift + 2 * ahead).total_seconds(), HURRIED, tap.without, **chosen)
        second = later.read(state=first.heard.states[-1])
    assert first.heard.keys(STREAM, "sessionId") == ["s-2"]
    bookmark = datetime.fromisoformat(first.heard.bookmark(STREAM) or "")
    assert timedelta(0) <= bookmark - (START + DAY) < MINUTE
    assert "Croct sends sessions outside the requested time" in first.log
    assert set(second.keys(STREAM, "sessionId")) == {"s-1"}


def test_what_changes_after_the_close_is_sent_again_and_nothing_else(tmp_path: Path) -> None:
    """A session may still accept events that arrive late."""
    told = Told(*(session(number * 3_600_000, statistics={"orders": 0}) for number in range(-9, 9)))
    shift = START + DAY - datetime.now(UTC)
    with serving(tmp_path, told) as (tap, _):
        chosen = {name: value for name, value in tap.settings.items() if name != "end_date"}
        chosen["lookback_minutes"] = 1440
        now = Tap(tmp_path, shift.total_seconds(), HURRIED, tap.without, **chosen)
        first = now.read()
        assert not now.read(state=first.states[-1]).records
        told.sessions[3]["statistics"] = {"orders": 1}
        again = now.read(state=first.states[-1])
    assert len(first.records[STREAM]) == 18
    assert [record["statistics"] for record in again.records[STREAM]] == [{"orders": 1}]


def test_fields_without_a_column_and_numbers_for_texts(tmp_path: Path) -> None:
    sparse = session(1, sessionId=7, region={"a": [1]}, big=2**70)
    with serving(tmp_path, Told(sparse)) as (tap, _):
        done = tap.run(environment={"LOGLEVEL": "INFO"})
    (record,) = done.heard.records[STREAM]
    kept = {name: value for name, value in record.items() if value is not None}
    assert kept == {
        "sessionId": "7",
        "closeTime": written(NOON + 1),
        "_extra": {"region": {"a": [1]}, "big": 2**70},
    }
    assert "big, region" in done.log_line("are put into _extra")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"closeTime": ...}, "missing required field `closeTime` - at `$.items[1]`"),
        ({"closeTime": None}, "got `null` in `$.items[1].closeTime`"),
        ({"closeTime": 1772366400}, "is not a time in milliseconds since 1970 - at `$.items[1].cl"),
        ({"userId": []}, "`$.items[1].userId`"),
        ({"window": 5}, "in `$.items[1].window`"),
        ({"window": {"end": "now"}}, "in `$.items[1].window.end`"),
        ({"window": {"end": 10**17}}, "1970 - at `$.items[1].window.end`"),
        ({"client": "phone"}, "in `$.items[1].client`"),
        ({"sessionId": ...}, "has no sessionId"),
        ({"sessionId": ""}, "has no sessionId"),
    ],
)
def test_a_session_of_another_form_is_named_and_not_sent(
    tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    with serving(tmp_path, Told(session(1), session(2, **fields))) as (tap, _):
        done = tap.run()
    assert done.code == 1
    assert words in done.log_line("croct_sessions failed")
    assert not done.heard.records


def test_a_stop_in_the_middle_of_a_window_goes_on_from_the_cursor(
    tmp_path: Path, sessions: Croct
) -> None:
    with serving(tmp_path, sessions, concurrency=1) as (tap, sandbox):
        sandbox.faults[:] = [Fault("answer", after=2, times=1000, response=Response(423))]
        first = tap.run()
        sandbox.faults.clear()
        sandbox.requests.clear()
        cursor = first.heard.states[-1]["bookmarks"][STREAM]["position"]["cursor"]
        rest = tap.read(state=first.heard.states[-1])
    assert first.code == 1
    assert any(request.first("cursor") == cursor for request in sandbox.requests)
    got = first.heard.keys(STREAM, "sessionId") + rest.keys(STREAM, "sessionId")
    assert Counter(got) == Counter(sessions.truth(STREAM, START, END))


@pytest.mark.parametrize(("kind", "other"), [(SESSIONS, EVENTS), (EVENTS, SESSIONS)])
def test_a_key_that_may_not_read_one_endpoint_fails_its_stream_alone(
    tmp_path: Path, sessions: Croct, kind: Any, other: Any
) -> None:
    vendors = [
        replace(sessions, kind=each, is_permitted=each is not kind) for each in (kind, other)
    ]
    with serving(tmp_path, *vendors, without=()) as (tap, _):
        done = tap.run()
        test = tap.run("--test")
    assert (done.code, test.code) == (1, 1)
    line = done.log_line(f"{kind.stream} failed: Croct refused the key (HTTP 403")
    assert "data_export" in line
    assert set(done.heard.records) == {other.stream}
    assert len(done.heard.records[other.stream]) == len(
        vendors[1].truth(other.stream, START, END) or []
    )
    assert "data_export" in test.log_line(f"Croct: connection failed for {kind.stream}: ")
    assert test.log_line(f"Croct: connection OK for {other.stream}")


def test_a_wrong_key_is_told_once(tmp_path: Path, sessions: Croct) -> None:
    with serving(tmp_path, sessions, replace(sessions, kind=EVENTS), without=()) as (tap, _):
        test = tap.run("--test", croct_api_key="wrong")
        fine = tap.run("--test")
    assert test.code == 1
    assert test.log_line("Croct: connection ").endswith("the permission data_export")
    assert fine.code == 0
    assert fine.log_line("Croct: connection ").endswith("Croct: connection OK")


def test_an_open_session_has_a_close_time_ahead(sessions: Croct) -> None:
    """The sandbox lists it where no end is asked for, as the vendor may."""
    sessions.now = lambda: END
    query = (("start", str((END - EPOCH) // MILLISECOND)),)
    request = Request("GET", "/export/session", query, {"x-api-key": CROCT_KEY}, b"")
    answer = json.loads(sessions.answer(request).body)
    assert set(answer) == {"items", "nextCursor"}
    times = [EPOCH + each["closeTime"] * MILLISECOND for each in answer["items"]]
    assert times
    assert all(END <= time <= END + OPEN for time in times)
