"""happytalk_service_history and happytalk_siem_events, through the real command."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
import requests_mock

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Fault, Response, Sandbox, json_response
from tap_eventexport.streams.happytalk import parse_line
from tap_eventexport.tap import TapEventExport
from tests.conftest import END, HAPPYTALK_TOKEN, START
from tests.singer import Heard, Tap

if TYPE_CHECKING:
    from tap_eventexport.sandbox.happytalk import HappyTalk

HISTORY, SIEM = "happytalk_service_history", "happytalk_siem_events"
SECOND = timedelta(seconds=1)
LINE = (
    "Jun 02 2026 17:14:28.000 KST,Event_name=ConsultCategory,Result=Succeeded,user=test-lc,"
    "clientip=192.168.1.100,msg=상담분류 변경 [628f30f25ecb0kr2t2PdFgGn030HL2번방] - "
    "상품문의(샘플)>일반상담(샘플) → 상품문의(샘플)>불만접수(샘플)"
)
RAW = {
    "id": "146708",
    "type": "A",
    "kind": "S",
    "request_user": "test-lc",
    "request_content": "상담분류 변경 - 상품문의(샘플)>일반상담(샘플)",
    "request_date": "2026-06-02 17:14:28",
    "apply_id": "37197",
    "apply_content": "성공",
    "apply_date": "2026-06-02 17:14:28",
}


@pytest.fixture
def settings(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "happytalk_token": HAPPYTALK_TOKEN,
        "happytalk_api_url": sandbox.url,
        "start_date": START.isoformat(),
        "end_date": END.isoformat(),
    }


def lines(heard: Heard) -> Counter[str]:
    return Counter(heard.keys(SIEM, "raw"))


def assert_complete(heard: Heard, happytalk: HappyTalk, start: datetime, end: datetime) -> None:
    """Every entry of [start, end) once, in both streams."""
    assert Counter(heard.keys(HISTORY)) == Counter(happytalk.truth(HISTORY, start, end))
    assert lines(heard) == Counter(happytalk.truth(SIEM, start, end))
    keys = heard.keys(SIEM, "event_key")
    assert len(set(keys)) == len(keys)


def answered(capsys: pytest.CaptureFixture[str], raw: list[Any], siem: list[Any]) -> Heard:
    """What the tap makes of one answer for each format."""

    def answer(request: Any, _context: Any) -> str:
        data = raw if request.json()["format"] == "raw" else siem
        return json.dumps({"result": "success", "data": data})

    config = {
        "happytalk_token": HAPPYTALK_TOKEN,
        "start_date": "2026-06-02T06:00:00Z",
        "end_date": "2026-06-02T12:00:00Z",
    }
    with requests_mock.Mocker() as mocker:
        mocker.post("https://bnd.happytalk.io/user/api/service-history", text=answer)
        assert TapEventExport(config=config).run() == 0
        assert mocker.request_history[0].json().keys() == {
            "token",
            "start_date",
            "end_date",
            "format",
        }
    heard = Heard()
    for line in capsys.readouterr().out.splitlines():
        heard.hear(line)
    return heard


def test_the_examples_of_the_vendors_page(capsys: pytest.CaptureFixture[str]) -> None:
    heard = answered(capsys, [RAW], [LINE])
    instant = "2026-06-02T08:14:28.000Z"
    assert heard.records[HISTORY] == [{**RAW, "request_date": instant, "apply_date": instant}]
    (event,) = heard.records[SIEM]
    assert len(event.pop("event_key")) == 64
    assert event == {
        "event_time": instant,
        "event_name": "ConsultCategory",
        "result": "Succeeded",
        "user": "test-lc",
        "clientip": "192.168.1.100",
        "msg": LINE.partition(",msg=")[2],
        "raw": LINE,
    }


def test_zero_dates_are_null_and_numbers_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    heard = answered(capsys, [{**RAW, "id": 7, "apply_date": "0000-00-00 00:00:00"}], [])
    (record,) = heard.records[HISTORY]
    assert record["id"] == "7"
    assert record["apply_date"] is None


@pytest.mark.parametrize(
    "msg",
    ["a=1, b → c", "x,msg=y,user=z", "first\nsecond\r\nthird", "", "\u2028"],
    ids=["commas", "markers", "line breaks", "empty", "line separator"],
)
def test_a_message_may_hold_anything(msg: str) -> None:
    line = (
        "Mar 01 2026 10:00:00.000 KST,Event_name=X,Result=Succeeded,user=kim,"
        f"clientip=127.0.0.1,msg={msg}"
    )
    parts = parse_line(line, 1, 1)
    assert parts["msg"] == msg
    assert parts["event_time"].isoformat() == "2026-03-01T01:00:00+00:00"


@pytest.mark.parametrize(
    "line",
    [
        "",
        None,
        {"a": 1},
        "secret text of another form",
        LINE.replace("Jun", "Xxx"),
        LINE.replace("Jun 02", "Jun 31"),
        LINE.replace("KST", "UTC"),
        LINE.replace(",clientip=", ",ip="),
    ],
    ids=range(8),
)
def test_a_line_of_another_form_fails_without_being_quoted(line: object) -> None:
    with pytest.raises(FatalVendorError, match="line 3 of 9 has not the documented") as caught:
        parse_line(line, 3, 9)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
@pytest.mark.parametrize("is_end_inclusive", [True, False])
def test_every_entry_once_in_any_order_and_however_the_end_is_meant(
    tap: Tap,
    happytalk: HappyTalk,
    order: Literal["ascending", "descending", "shuffled"],
    *,
    is_end_inclusive: bool,
) -> None:
    happytalk.order, happytalk.is_end_inclusive = order, is_end_inclusive
    assert_complete(tap.read(), happytalk, START, END)


def test_entries_at_each_boundary_second_come_once(tap: Tap, happytalk: HappyTalk) -> None:
    happytalk.history = History(24 * 60 * 60)  # one in every second
    end = START + timedelta(hours=7)
    assert_complete(tap.read(end_date=end.isoformat()), happytalk, START, end)


def test_bounds_inside_of_a_second_split_none(tap: Tap, happytalk: HappyTalk) -> None:
    happytalk.history = History(24 * 60 * 60)
    part = timedelta(milliseconds=400)
    middle, end = START + timedelta(minutes=2), START + timedelta(minutes=5)
    first = tap.read(end_date=(middle + part).isoformat(), lookback_minutes=0)
    second = tap.read(state=first.states[-1], end_date=(end + part).isoformat(), lookback_minutes=0)
    for name, records in second.records.items():
        first.records[name] += records
    assert_complete(first, happytalk, START, end + SECOND)


def test_windows_are_shorter_than_a_day_and_name_their_format(tap: Tap, sandbox: Sandbox) -> None:
    tap.read()
    asked = [json.loads(request.body) for request in sandbox.requests]
    assert Counter(body["format"] for body in asked) == {"raw": 12, "siem": 12}
    for body in asked:
        start, end = (datetime.fromisoformat(body[name]) for name in ("start_date", "end_date"))
        assert timedelta(0) < end - start < timedelta(hours=24)


@pytest.mark.parametrize("empty", [[], None, {}], ids=["list", "null", "object"])
def test_an_empty_window_is_an_answer(tap: Tap, happytalk: HappyTalk, empty: Any) -> None:
    happytalk.history, happytalk.empty = History(240, begin=END), empty
    heard = tap.read()
    assert not heard.records
    assert heard.bookmark(HISTORY) == heard.bookmark(SIEM) == "2026-03-04T00:00:00.000Z"


def test_keys_stay_when_the_clients_address_changes(tap: Tap, happytalk: HappyTalk) -> None:
    first = set(tap.read().keys(SIEM, "event_key"))
    happytalk.clientip, happytalk.order = "10.1.2.3", "shuffled"
    later = (START + timedelta(hours=5, minutes=13)).isoformat()
    assert set(tap.read().keys(SIEM, "event_key")) == first
    assert set(tap.read(start_date=later).keys(SIEM, "event_key")) < first


def refused(tap: Tap, sandbox: Sandbox, status: int, code: Any, message: str | None) -> str:
    """What is told of both streams when the vendor refuses."""
    response = json_response(status, {"result": "fail", "code": code, "message": message})
    sandbox.faults.append(Fault("answer", times=1000, response=response))
    done = tap.run()
    assert done.code == 1
    assert not done.heard.records
    assert done.log_line(f"{HISTORY} failed")
    return done.log_line(f"{SIEM} failed")


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(
    ("code", "word"),
    [
        pytest.param(-501, "happytalk_token", id="token"),
        pytest.param("-501", "happytalk_token", id="code as text"),
        pytest.param(-502, "permission", id="permission"),
        pytest.param(-504, "defect of this tap", id="overDate"),
    ],
)
def test_the_result_decides_at_any_status(
    tap: Tap, sandbox: Sandbox, status: int, code: Any, word: str
) -> None:
    assert word in refused(tap, sandbox, status, code, "word")


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [(-999, "mystery", "code -999, mystery"), (None, None, "no message"), ("x", "y", "code x, y")],
)
def test_an_unknown_refusal_is_told_with_code_and_message(
    tap: Tap, sandbox: Sandbox, code: Any, message: str | None, words: str
) -> None:
    assert words in refused(tap, sandbox, 200, code, message)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("half", times=2), id="half a JSON"),
        pytest.param(Fault("short", times=2), id="a body shorter than announced"),
        pytest.param(Fault("answer", times=2, response=Response(502, b"<html>")), id="502"),
        pytest.param(Fault("answer", times=2, response=Response(200, b"<html>")), id="a page"),
        pytest.param(
            Fault("answer", times=2, response=json_response(200, {"result": "success"})),
            id="a success without data",
        ),
        pytest.param(
            Fault("answer", times=2, response=json_response(200, {"data": []})), id="no result"
        ),
    ],
)
def test_passing_faults_are_survived(
    tap: Tap, sandbox: Sandbox, happytalk: HappyTalk, fault: Fault
) -> None:
    fault.after = 3
    sandbox.faults.append(fault)
    assert_complete(tap.read(concurrency=1), happytalk, START, END)


def test_one_bad_line_fails_its_stream_and_no_other(
    tap: Tap, happytalk: HappyTalk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(happytalk), "_siem", lambda *_: "a private line")
    done = tap.run()
    assert done.code == 1
    assert "has not the documented form" in done.log_line(f"{SIEM} failed")
    assert "private" not in done.log
    assert done.heard.bookmark(HISTORY) == "2026-03-04T00:00:00.000Z"
    assert Counter(done.heard.keys(HISTORY)) == Counter(happytalk.truth(HISTORY, START, END))


def test_what_came_late_is_read_by_the_next_run(tap: Tap, happytalk: HappyTalk) -> None:
    middle = START + timedelta(days=1)
    happytalk.history = History(480, late_every=3, lateness=timedelta(minutes=9))
    happytalk.now = lambda: middle
    first = tap.read(end_date=middle.isoformat())
    happytalk.now = lambda: END
    second = tap.read(state=first.states[-1])
    got = set(first.keys(HISTORY)) | set(second.keys(HISTORY))
    assert got == set(happytalk.truth(HISTORY, START, END) or [])


def test_the_token_is_in_no_output(tap: Tap, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("half", after=1, times=2))
    for done in (
        tap.run(environment={"LOGLEVEL": "DEBUG"}),
        tap.run("--test", environment={"LOGLEVEL": "DEBUG"}),
    ):
        assert HAPPYTALK_TOKEN not in done.log
        assert not any(HAPPYTALK_TOKEN in line for line in done.lines)
