"""happytalk_service_history and happytalk_siem_events, through the real command."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal

import pytest
import requests_mock
from hypothesis import example, given
from hypothesis import strategies as st

from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Fault, Response, Sandbox, json_response
from tap_eventexport.tap import TapEventExport
from tap_eventexport.vendors.happytalk import ServiceHistory, SiemEvents, parse_line
from tests.conftest import END, HAPPYTALK_TOKEN, START
from tests.singer import Heard, Tap

if TYPE_CHECKING:
    from tap_eventexport.sandbox.happytalk import HappyTalk

HISTORY, SIEM = "happytalk_service_history", "happytalk_siem_events"
SECOND = timedelta(seconds=1)
NAMES = ("Event_name", "Result", "user", "clientip", "msg")
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
    parts = parse_line(line)
    assert parts["msg"] == msg
    assert parts["event_time"].isoformat() == "2026-03-01T01:00:00+00:00"


OTHER_LINES = {
    "empty": "",
    "another text": "secret text of another form",
    "another month": LINE.replace("Jun", "Xxx"),
    "a day that isn't": LINE.replace("Jun 02", "Jun 31"),
    "a leap day that isn't": LINE.replace("Jun 02", "Feb 29"),
    "an hour that isn't": LINE.replace("17:14", "24:00"),
    "a second that isn't": LINE.replace("14:28", "14:60"),
    "another zone": LINE.replace("KST", "UTC"),
    "another marker": LINE.replace(",clientip=", ",ip="),
    "another order": LINE.replace(",Result=", ",user=", 1).replace(",user=test", ",Result=test"),
    "something before": " " + LINE,
    "Arabic digits": LINE.replace("02 2026", "\u0660\u0662 2026"),
    "a decimal of another script": LINE.replace(".000", ".\u0660"),
    "full-width digits": LINE.replace("2026", "\uff12\uff10\uff12\uff16"),
    "a year without UTC": LINE.replace("Jun 02 2026 17", "Jan 01 0001 08"),
    "the year 0": LINE.replace("2026", "0000"),
}


@pytest.mark.parametrize("line", OTHER_LINES.values(), ids=OTHER_LINES)
def test_a_line_of_another_form_fails_without_being_quoted(line: str) -> None:
    with pytest.raises(ValueError, match=r"^doesn't have the documented form$"):
        parse_line(line)


# The form of a line as an expression: lazy, so it needs cubic time where it doesn't fit.
FORM = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) (?P<day>\d\d?) (?P<year>\d{4}) (?P<time>\d\d:\d\d:\d\d)(\.\d+)? KST"
    r",Event_name=(?P<event_name>.*?),Result=(?P<result>.*?),user=(?P<user>.*?)"
    r",clientip=(?P<clientip>.*?),msg=(?P<msg>.*)",
    re.DOTALL | re.ASCII,
)
pieces = st.sampled_from(
    [
        *("Jun 02 2026 17:14:28.000 KST", "Jun 3 2026 07:14:28 KST", "Jun 31 2026 07:14:28 KST"),
        *(",Event_name=", ",Result=", ",user=", ",clientip=", ",msg="),
        *("", "a", ",", "=", "\n", "Result=", ",use", "r=", "로그인", "\u2028"),
    ]
)
mixed_lines = st.lists(pieces, max_size=16).map("".join)
texts = st.lists(pieces, max_size=3).map("".join)
nearly_lines = st.tuples(*[texts] * len(NAMES)).map(
    lambda values: (
        "Jun 02 2026 17:14:28.000 KST"
        + "".join(f",{name}={value}" for name, value in zip(NAMES, values, strict=True))
    )
)


@given(line=st.one_of(mixed_lines, nearly_lines))
@example(LINE)
@example("Jun 02 2026 17:14:28 KST,Event_name=,Result=,Result=,user=,clientip=,user=,msg=,msg=")
def test_a_line_is_read_as_the_form_says(line: str) -> None:
    found = FORM.fullmatch(line)
    try:
        parts = parse_line(line)
    except ValueError:
        assert not found or found["day"] == "31"
    else:
        assert found
        names = ("event_name", "result", "user", "clientip", "msg")
        assert {name: parts[name] for name in names} == {name: found[name] for name in names}
        assert parts["event_time"].strftime("%M:%S") == found["time"][3:]


WORST_LINES = {  # a megabyte each, for whichever way of looking for the markers
    "Result and user": ",Result=,user=",
    "all but the last": ",Event_name=,Result=,user=,clientip=",
    "beginnings of markers": ",Result",
    "digits": "0",
    "dots": ".0",
    "commas": ",",
}


@pytest.mark.parametrize("piece", WORST_LINES.values(), ids=WORST_LINES)
@pytest.mark.parametrize("place", [",Event_name=", " KST", " 17:"])
def test_a_megabyte_that_fits_nowhere_is_refused_at_once(piece: str, place: str) -> None:
    before, _, after = LINE.partition(place)
    worst = before + place + piece * (1_000_000 // len(piece)) + after.replace("msg=", "m=")
    with pytest.raises(ValueError, match="documented form"):
        parse_line(worst)


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


ZERO_DATES = ("0000-00-00 00:00:00", "0000-00-00", "0000-00-00 00:00:00.000000", "", " ", None)


def test_whichever_way_a_list_a_success_and_no_date_are_told(
    tap: Tap, happytalk: HappyTalk
) -> None:
    """PHP makes an object of a list that something was taken out of, and a number of a text."""
    zero_dates = cycle(ZERO_DATES)

    def changed(entry: Any) -> Any:
        if isinstance(entry, str):
            return entry
        is_number = entry["id"].isdecimal() and int(entry["id"]) % 2
        applied = entry["apply_date"] or next(zero_dates)
        identity = int(entry["id"]) if is_number else entry["id"]
        return {**entry, "id": identity, "apply_id": 37197.50, "apply_date": applied}

    happytalk.data_form, happytalk.success, happytalk.zero_date = "object", "Success", None
    happytalk.change = changed
    heard = tap.read()
    assert_complete(heard, happytalk, START, END)
    records = heard.records[HISTORY]
    assert {record["apply_id"] for record in records} == {"37197.5"}
    for record in records:
        is_login = record["apply_content"] == "로그인"
        assert record["apply_date"] == (record["request_date"] if is_login else None)


def test_an_id_that_is_not_an_entrys_own_is_told_once(tap: Tap, happytalk: HappyTalk) -> None:
    """A twin's id ends in t; here each has the id of the other, and another content."""

    def changed(entry: Any) -> Any:
        if isinstance(entry, str) or not entry["id"].endswith("t"):
            return entry
        return {**entry, "id": entry["id"][:-1], "request_content": "another"}

    happytalk.change = changed
    done = tap.run()
    assert done.code == 0
    truth = happytalk.truth(HISTORY, START, END) or []
    twins = [identity for identity in truth if identity.endswith("t")]
    line = done.log_line("have the same id as another record")
    assert f"{HISTORY}: {len(twins)} records" in line
    sent = Counter(done.heard.keys(HISTORY))
    assert sent == Counter(identity.removesuffix("t") for identity in truth)
    contents = Counter(record["request_content"] for record in done.heard.records[HISTORY])
    assert contents["another"] == len(twins) > 1


def test_an_id_that_comes_again_with_the_same_content_is_no_news(
    tap: Tap, happytalk: HappyTalk
) -> None:
    happytalk.change = lambda entry: (
        entry if isinstance(entry, str) else {**entry, "id": entry["id"].removesuffix("t")}
    )
    assert "have the same id as another record" not in tap.run().log


MISFITS = {
    "null": (None, "is not an object"),
    "a text": ("secret", "is not an object"),
    "a list": ([RAW], "is not an object"),
    "an id that is empty": ({**RAW, "id": ""}, "has no id"),
    "an id that is null": ({**RAW, "id": None}, "has no id"),
    "no id": ({"request_date": RAW["request_date"]}, "has no id"),
    "an id that is true": ({**RAW, "id": True}, "has no id"),
    "an id that is an object": ({**RAW, "id": {"secret": 1}}, "has no id"),
    "no date": ({**RAW, "request_date": None}, "has no request_date"),
    "a zero date": ({**RAW, "request_date": "0000-00-00"}, "has no request_date"),
    "a date that isn't": ({**RAW, "request_date": "2026-02-30 10:00:00"}, "a request_date that"),
    "a date alone": ({**RAW, "request_date": "2026-03-01"}, "a request_date that"),
    "a date with T": ({**RAW, "apply_date": "2026-03-01T10:00:00"}, "an apply_date that"),
    "a date of week": ({**RAW, "apply_date": "2026-W09-7 10:00:00"}, "an apply_date that"),
    "milliseconds": ({**RAW, "request_date": 1772323200000}, "a request_date that"),
    "Arabic digits": ({**RAW, "apply_date": "\u0662026-03-01 10:00:00"}, "an apply_date that"),
    "a zero month": ({**RAW, "apply_date": "2026-00-00 00:00:00"}, "an apply_date that"),
    "before all calendars": ({**RAW, "apply_date": "0001-01-01 00:00:00"}, "an apply_date that"),
    "the year 0": ({**RAW, "request_date": "0000-01-01 00:00:00"}, "a request_date that"),
}


def happytalk_streams() -> tuple[ServiceHistory, SiemEvents]:
    config = {"happytalk_token": HAPPYTALK_TOKEN}
    streams = TapEventExport(config=config).streams
    history, siem = streams[HISTORY], streams[SIEM]
    assert isinstance(history, ServiceHistory)
    assert isinstance(siem, SiemEvents)
    return history, siem


@pytest.mark.parametrize(("entry", "words"), MISFITS.values(), ids=MISFITS)
def test_an_entry_that_does_not_fit_says_why_without_being_quoted(entry: Any, words: str) -> None:
    history, siem = happytalk_streams()
    with pytest.raises(ValueError, match=words) as caught:
        history.parse(entry)
    assert "secret" not in str(caught.value)
    with pytest.raises(ValueError, match="documented form"):
        siem.parse(entry)


def test_dates_at_the_ends_of_the_calendar() -> None:
    history, _ = happytalk_streams()
    entry = {**RAW, "request_date": "0001-01-01 09:00:00", "apply_date": "9999-12-31 23:59:59"}
    ((_, record),) = history.records([history.parse(entry)])
    assert record["request_date"] == "0001-01-01T00:00:00.000Z"
    assert record["apply_date"] == "9999-12-31T14:59:59.000Z"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("null", "is not an object"),
        ("an id that is empty", "has no id"),
        ("before all calendars", "has an apply_date that is not a date-time"),
    ],
)
def test_an_entry_that_does_not_fit_is_named_by_its_place(
    tap: Tap, sandbox: Sandbox, name: str, words: str
) -> None:
    data = [RAW, MISFITS[name][0], RAW]
    response = json_response(200, {"result": "success", "data": data})
    sandbox.faults.append(Fault("answer", times=1000, response=response))
    done = tap.run()
    assert done.code == 1
    place = "HappyTalk's entry 2 of 3 for [2026-03-01T00:00:00.000Z, 2026-03-01T06:00:00.000Z) "
    assert place + words in done.log_line(f"{HISTORY} failed")
    assert "entry 1 of 3" in done.log_line(f"{SIEM} failed")
    assert "Traceback" not in done.log
    assert not done.heard.records


def test_a_megabyte_of_markers_holds_nothing_up(tap: Tap, happytalk: HappyTalk) -> None:
    """Lines of another form fail their own stream, at once."""
    long = "secret,Result=,user=" * 50_000
    happytalk.change = lambda entry: (
        entry if isinstance(entry, dict) else entry.partition(",Event_name=")[0] + long
    )
    happytalk.history = History(4)
    done = tap.run()
    assert done.code == 1
    assert "entry 1 of " in done.log_line(f"{SIEM} failed")
    assert "secret" not in done.log
    assert Counter(done.heard.keys(HISTORY)) == Counter(happytalk.truth(HISTORY, START, END))


@pytest.mark.parametrize("data", ["", 0, False, "[]", {"a": 1}, {"1": "x", "b": "y"}], ids=repr)
def test_data_of_another_kind_is_not_taken_for_nothing(
    tap: Tap, sandbox: Sandbox, data: Any
) -> None:
    response = json_response(200, {"result": "success", "data": data})
    sandbox.faults.append(Fault("answer", times=1000, response=response))
    done = tap.run()
    assert done.code == 1
    assert "whose data is not a list" in done.log_line(f"{HISTORY} failed")
    assert "whose data is not a list" in done.log_line(f"{SIEM} failed")
    assert done.heard.bookmark(HISTORY) is None


@pytest.mark.parametrize("result", [True, "ok", None, ["success"]], ids=repr)
def test_another_result_is_no_success(tap: Tap, happytalk: HappyTalk, result: Any) -> None:
    happytalk.success = result
    done = tap.run()
    assert done.code == 1
    assert "HappyTalk refused the request (HTTP 200" in done.log_line(f"{HISTORY} failed")
    assert not done.heard.records


def refused(tap: Tap, sandbox: Sandbox, status: int, code: Any, message: Any) -> str:
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
        pytest.param(-501.0, "happytalk_token", id="code with decimals"),
        pytest.param(-502, "permission", id="permission"),
        pytest.param(-504, "bug of this tap", id="overDate"),
    ],
)
def test_the_result_decides_at_any_status(
    tap: Tap, sandbox: Sandbox, status: int, code: Any, word: str
) -> None:
    assert word in refused(tap, sandbox, status, code, "word")


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        (-999, "mystery", "code -999, mystery"),
        (None, None, "no message"),
        ("x", "y", "code x, y"),
        ({"a": 1}, 5, "code {'a': 1}, 5"),
    ],
)
def test_an_unknown_refusal_is_told_with_code_and_message(
    tap: Tap, sandbox: Sandbox, code: Any, message: Any, words: str
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
    assert "doesn't have the documented form" in done.log_line(f"{SIEM} failed")
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
