"""croct_events, through the real command, against every behaviour the vendor leaves open."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any, Literal

import pytest
import requests_mock

from tap_eventexport.engine.paging.cursors import MAX_REPEATED
from tap_eventexport.engine.windows import Window
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Fault, Request, Response, Sandbox, json_response
from tap_eventexport.tap import TapEventExport
from tap_eventexport.vendors.croct.events import CroctEvents
from tests.conftest import BESIDE_EVENTS, CROCT_KEY, END, START
from tests.singer import HURRIED, Heard, Tap, catalog_without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tap_eventexport.sandbox.croct import Croct
    from tests.singer import Run

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
        catalog = catalog_without(BESIDE_EVENTS, config)
        assert TapEventExport(config=config, catalog=catalog).run() == 0
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
        "_extra": None,
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
        catalog = catalog_without(BESIDE_EVENTS, config)
        assert TapEventExport(config=config, catalog=catalog).run() == 0
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


@dataclass
class Scripted:
    """A vendor whose answers a test makes.

    Attributes:
        answer_with: What a request is answered with: JSON, or a body as it is.
    """

    answer_with: Callable[[Request], Any]
    path: str = "/export/events"

    def answer(self, request: Request) -> Response:
        told = self.answer_with(request)
        headers = {"Content-Type": "application/json"}
        return Response(200, told, headers) if isinstance(told, bytes) else json_response(200, told)

    def truth(self, *_: object) -> None:
        """A test knows it."""


@contextmanager
def scripted(
    folder: Path, answer_with: Callable[[Request], Any] | Any, **settings: Any
) -> Iterator[tuple[Tap, Sandbox]]:
    """The command, reading a day from a vendor whose answers a test makes."""
    answer = answer_with if callable(answer_with) else lambda _: answer_with
    with Sandbox([Scripted(answer)]) as sandbox:
        chosen = {
            "croct_api_key": CROCT_KEY,
            "croct_api_url": sandbox.url,
            "start_date": START.isoformat(),
            "end_date": (START + DAY).isoformat(),
        }
        yield Tap(folder, pause=HURRIED, without=BESIDE_EVENTS, **{**chosen, **settings}), sandbox


NOON = 1772366400000  # of the day that scripted answers are asked for, in milliseconds


def event(number: int = 0, **fields: Any) -> dict[str, Any]:
    """An event of that day; fields that are given as ... are left out."""
    whole = {
        "id": f"e-{number}",
        "sessionId": "s",
        "userId": "u",
        "timestamp": NOON + number,
        "context": None,
        "payload": {"@type": "eventOccurred"},
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not ...}


# Top-level fields of an event that its specification has not.
STRANGERS = (
    '"region":"eu-west-1"',
    '"region":null,"device":{"a":1,"a":2,"inner":[{"b":null},[[]]]}',
    '"__proto__":{"admin":true},"_extra":{"_extra":[0]},"eventType":"other"',
    '"big":12345678901234567890123456789,"far":1e400,"exact":0.10',
    '"":1,"a\\u0000b":"\\u0000","x\\r\\nERROR all is lost\\u202e":[]',
)


def test_fields_that_nobody_knew_arrive_as_they_are(tmp_path: Path) -> None:
    items = [
        json.dumps(event(1)),
        *(
            json.dumps(event(number))[:-1] + f",{fields}}}"
            for number, fields in enumerate(STRANGERS, start=2)
        ),
    ]
    body = f'{{"items":[{",".join(items)}],"more":1,"metadata":{{"b":2}}}}'.encode()
    with scripted(tmp_path, body) as (tap, _):
        done = tap.run(environment={"LOGLEVEL": "INFO"})
        assert done.code == 0, done.log
        texts = [line for line in done.lines if '"RECORD"' in line]
        assert '"_extra":null}' in texts[0]
        for fields, text in zip(STRANGERS, texts[1:], strict=True):
            expected = json.loads(f"{{{fields}}}".replace("\\u0000", "\\ufffd"))
            assert json.loads(text)["record"]["_extra"] == expected
        for fields in STRANGERS[:-1]:  # with their digits and repeated names
            assert any(f'"_extra":{{{fields}}}}}' in text for text in texts)
        told = done.log_line("are put into _extra")
        assert "'', __proto__, _extra, 'a\\x00b', big, device, eventType, exact, far, " in told
        assert "\u202e" not in done.log
        assert not [line for line in done.log.splitlines() if line.startswith("ERROR")]
        plain = tap.run(stream_maps={"croct_events": {"id": "record['id']"}})
        assert [json.loads(line) for line in plain.lines if '"RECORD"' in line] != []
        assert plain.heard.records == done.heard.records


def test_fields_that_nobody_knew_count_in_keys_where_one_is_made(tmp_path: Path) -> None:
    others = ['{"region":"eu"}', '{"region":null}', '{"a":[{"b":1}],"region":"eu"}']
    items = [event(id=...), *(event(id=..., **json.loads(other)) for other in others)]
    with scripted(tmp_path, {"items": items}) as (tap, _):
        keys = tap.read().keys()
    plain = '["s","u",1772366400000,null,{"@type":"eventOccurred"}'
    contents = [f"{plain}]", *(f"{plain},{other}]" for other in others)]
    assert keys == [hashlib.sha256(content.encode()).hexdigest() for content in contents]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"timestamp": "2026-03-01T12:00:00Z"}, "Expected `int`, got `str` - at `$.items[2].tim"),
        ({"timestamp": NOON + 0.5}, "Expected `int`, got `float` - at `$.items[2].timestamp`"),
        ({"payload": ...}, "missing required field `payload` - at `$.items[2]`"),
        ({"sessionId": {}}, "`$.items[2].sessionId`"),
    ],
)
def test_another_fault_beside_a_new_field_is_told_as_that_fault(
    tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    items = [event(1), event(2, region="eu"), event(3, region="eu", **fields)]
    with scripted(tmp_path, {"items": items}) as (tap, _):
        assert words in failing(tap).log_line("croct_events failed")


def test_numbers_where_texts_are_meant_are_texts(tmp_path: Path) -> None:
    """With all of their digits, wherever the vendor's specification has a text."""
    numbers = {"id": "12345678901234567890.5", "sessionId": "7", "userId": "-1e400"}
    first = json.dumps(event(1, id=..., sessionId=..., userId=...))[:-1]
    fields = "".join(f',"{name}":{digits}' for name, digits in numbers.items())
    others = json.dumps([event(2, id=0, region="eu"), event(3)])[1:-1]
    body = (
        f'{{"items":[{first}{fields}}},{others}],"nextCursor":0,"metadata":{{"workspaceName":5}}}}'
    )
    answers = [b'{"items":[],"nextCursor":""}', body.encode()]
    with scripted(tmp_path, lambda _: answers.pop()) as (tap, sandbox):
        records = tap.read().records["croct_events"]
    assert {name: records[0][name] for name in numbers} == numbers
    assert [record["id"] for record in records[1:]] == ["0", "e-3"]
    assert {record["workspaceName"] for record in records} == {"5"}
    assert sandbox.requests[1].first("cursor") == "0"


@pytest.mark.parametrize("cursor", [5, ["a", "b"], {"a": 1}, True])
def test_a_cursor_in_state_that_is_none_restarts_the_window(tmp_path: Path, cursor: object) -> None:
    position = {
        "start": START.isoformat(),
        "end": (START + DAY).isoformat(),
        "read_at": (START + DAY).isoformat(),
        "query": "",
        "cursor": cursor,
    }
    state = {
        "bookmarks": {
            "croct_events": {
                "replication_key": "timestamp",
                "replication_key_value": START.isoformat(),
                "position": position,
            }
        }
    }
    with scripted(tmp_path, Listing([event(1)])) as (tap, _):
        config = {**tap.settings, "croct_page_size": 1000, "croct_event_types": []}
        stream = TapEventExport(config=config).streams["croct_events"]
        assert isinstance(stream, CroctEvents)
        position["query"] = stream.filters_hash
        done = tap.run(state=state)
    assert done.code == 0, done.log
    assert done.heard.keys() == ["e-1"]
    assert "can't be understood; reading the window" in done.log


def test_events_without_id_get_a_key_of_their_content(
    capsys: pytest.CaptureFixture[str],
) -> None:
    event = {key: value for key, value in EXAMPLE["items"][0].items() if key != "id"}
    reordered = dict(reversed(event.items()))
    later = {**event, "timestamp": event["timestamp"] + 1}
    answer = {"items": [event, later]}
    keys = [record["id"] for record in read_answer(json.dumps(answer, indent=3), capsys)[0]]
    again = {"items": [later, reordered]}
    assert [record["id"] for record in read_answer(json.dumps(again), capsys)[0]] == keys[::-1]
    assert len(set(keys)) == 2
    assert {len(key) for key in keys} == {64}


PLAIN_KEY = hashlib.sha256(b'["s","u",1772366400000,null,{"@type":"eventOccurred"}]').hexdigest()
SECOND_KEY = hashlib.sha256(f"{PLAIN_KEY}#1".encode()).hexdigest()
THIRD_KEY = hashlib.sha256(f"{PLAIN_KEY}#2".encode()).hexdigest()


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_two_events_alike_in_everything_are_two_events(tmp_path: Path, size: int) -> None:
    """Without an id, in whatever way that is said; the first has the key that it always had."""
    twins = [event(id=none) for none in ("", None, ...)]
    others = [event(number, id="") for number in (1, 2)]
    with scripted(tmp_path, Listing([*twins, *others]), croct_page_size=size) as (tap, _):
        done = tap.run()
        keys = done.heard.keys()
        assert keys[:3] == [PLAIN_KEY, SECOND_KEY, THIRD_KEY]
        assert len(set(keys)) == 5
        assert "id of another record" not in done.log
        assert Counter(tap.read(concurrency=1).keys()) == Counter(keys)


def test_events_on_a_boundary_have_one_key_in_both_windows(tmp_path: Path) -> None:
    noon = [event(id=...), event(id=...), event(number := 1)]
    boundary = START + DAY / 2
    listing = Listing([{**each, "timestamp": NOON} for each in noon], ignores_times=True)
    with scripted(tmp_path, listing, end_date=boundary.isoformat()) as (tap, _):
        before = tap.run()
        after = tap.read(start_date=boundary.isoformat(), end_date=(START + DAY).isoformat())
        both = tap.read(end_date=(START + 2 * DAY).isoformat())
    assert not before.heard.records
    assert set(after.keys()) == set(both.keys()) == {PLAIN_KEY, SECOND_KEY, f"e-{number}"}


def test_one_id_with_other_content_is_told_with_its_number(tmp_path: Path) -> None:
    events = [
        event(1),
        event(2),
        event(1),  # a vendor that repeats an event
        event(1, payload={"@type": "orderPlaced"}),
        event(3, id="e-2"),
        *(event(number) for number in range(10, 30)),
        event(2, payload={"@type": "eventOccurred", "name": "x"}),
    ]
    with scripted(tmp_path, Listing(events), croct_page_size=5) as (tap, _):
        done = tap.run(concurrency=1)
    assert done.code == 0
    assert Counter(done.heard.keys()) == ids_of(events)
    assert ": 3 records have the same id as another record" in done.log_line(
        "the same id as another record"
    )


def test_numbers_that_differ_behind_the_17th_digit_make_two_keys(tmp_path: Path) -> None:
    values = ["0.12345678901234567891", "0.12345678901234567892", "0.123", "1e400", "1e401"]
    payloads = [f'{{"@type":"eventOccurred","value":{value}}}' for value in values]
    items = ",".join(
        json.dumps(event(id=...)).replace('{"@type": "eventOccurred"}', payload)
        for payload in payloads
    )
    with scripted(tmp_path, f'{{"items":[{items}]}}'.encode()) as (tap, _):
        keys = tap.read().keys()
    contents = [f'["s","u",1772366400000,null,{payload}]' for payload in payloads]
    assert keys == [hashlib.sha256(content.encode()).hexdigest() for content in contents]


@pytest.mark.parametrize("is_newest_first", [False, True])
def test_a_stop_between_twins_changes_no_key(tmp_path: Path, *, is_newest_first: bool) -> None:
    """Events without id of which many are alike, in pages that part them."""
    events = [event(0, id="", timestamp=NOON + number // 7) for number in range(40)]
    listing = Listing(events[::-1] if is_newest_first else events)
    with scripted(tmp_path, listing, croct_page_size=3, concurrency=1) as (tap, sandbox):
        whole = tap.read()
        sandbox.faults[:] = [Fault("answer", after=5, times=99, response=Response(423))]
        first = failing(tap)
        sandbox.faults.clear()
        sandbox.requests.clear()
        state = first.heard.states[-1]
        assert state["bookmarks"]["croct_events"]["position"]["twins"]["seen"]
        rest = tap.read(state=state)
        assert sandbox.requests[0].first("cursor")
        assert Counter(first.heard.keys() + rest.keys()) == Counter(whole.keys())


def test_a_stop_between_twins_in_no_order_reads_the_window_again(tmp_path: Path) -> None:
    events = [event(0, id="", timestamp=NOON + number % 7) for number in range(40)]
    with scripted(tmp_path, Listing(events), croct_page_size=10, concurrency=1) as (tap, sandbox):
        whole = tap.read()
        sandbox.faults[:] = [Fault("answer", after=2, times=99, response=Response(423))]
        first = failing(tap)
        sandbox.faults.clear()
        rest = tap.read(state=first.heard.states[-1])
        # A position that this tap wrote before it counted twins.
        state = first.heard.states[-1]
        state["bookmarks"]["croct_events"]["position"]["cursor"] = "2-0"
        old = tap.run(state=state)
    assert rest.keys() == whole.keys() == old.heard.keys()
    assert len(set(whole.keys())) == 40
    assert "doesn't count records without id; reading the window" in old.log


@pytest.mark.parametrize("time", [10**18, -1, 0, 253402300800000, 1772366400, -(10**30)])
def test_what_can_be_no_time_is_an_error_that_names_the_event(tmp_path: Path, time: int) -> None:
    events = [event(1), event(2), event(3, timestamp=time, region="eu"), event(4)]
    with scripted(tmp_path, {"items": events}) as (tap, _):
        line = failing(tap).log_line("croct_events failed")
    assert f"{time} is not a time in milliseconds since 1970 - at" in line
    assert "`$.items[2].timestamp`" in line


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"context": 5}, "Expected `object | null`, got `int` in `$.items[1].context`"),
        ({"payload": None}, "Expected `object`, got `null` in `$.items[1].payload`"),
        ({"payload": {"@type": []}}, "`$.@type` in `$.items[1].payload`"),
    ],
)
def test_an_event_of_another_form_is_named(
    tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    items = [event(1), {**event(2), **fields}]
    with scripted(tmp_path, {"items": items, "metadata": None}) as (tap, _):
        assert words in failing(tap).log_line("croct_events failed")


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
@pytest.mark.parametrize("last_page", ["empty", "null", "missing", "repeat", "fresh"])
def test_every_event_once_in_any_order_and_however_the_last_page_is_told(
    tap: Tap,
    croct: Croct,
    truth: list[str],
    order: Literal["ascending", "descending", "shuffled"],
    last_page: Literal["empty", "null", "missing", "repeat", "fresh"],
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
    assert "croct_event_types: postViewed is none of the values that Croct documents" in done.log
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
            json_response(
                403,
                {"title": "Forbidden", "details": "No access.", "type": "https://croct.help/a#b"},
            ),
            ["croct_api_key", "data_export", "Forbidden: No access.: https://croct.help/a#b"],
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
    assert "3 times without success" in line


def test_a_cursor_that_repeats_is_an_error_and_no_endless_loop(tap: Tap, croct: Croct) -> None:
    croct.repeats_cursor = True
    assert "repeats a cursor" in failing(tap).log_line("croct_events failed")


@dataclass
class Listing:
    """A vendor that hands out events page by page, as it likes.

    Attributes:
        events: All of them, in the order they are handed out.
        end: What follows the last page: a cursor that is "", null or missing; or an empty page
            that repeats its cursor or has a new one each time.
        gap: How many empty pages follow each page.
        ignores_times: Whether start and end make no difference.
        circle: How many pages come again and again, whatever the cursor; 0 is none.
    """

    events: Sequence[dict[str, Any]]
    end: Literal["empty", "null", "missing", "same", "fresh"] = "empty"
    gap: int = 0
    ignores_times: bool = False
    circle: int = 0
    _numbers: Iterator[int] = field(default_factory=count)

    def __call__(self, request: Request) -> dict[str, Any]:
        start, end, size = (int(request.first(name) or 0) for name in ("start", "end", "pageSize"))
        events = [
            event
            for event in self.events
            if self.ignores_times or start <= event["timestamp"] < end
        ]
        cursor = request.first("cursor")
        number = int(cursor.partition("-")[0]) if cursor else 0
        place, behind = divmod(number, self.gap + 1)
        pages = max(1, -(-len(events) // size))
        place = place % self.circle if self.circle else place
        items = [] if behind else events[place * size : (place + 1) * size]
        told: dict[str, Any] = {"items": items, "nextCursor": f"{number + 1}-{next(self._numbers)}"}
        is_last = place >= pages - 1 and not behind
        if self.circle or self.end == "fresh":
            return told
        if self.end == "same" and place >= pages:
            return {**told, "nextCursor": cursor}
        if self.end != "same" and is_last:
            told["nextCursor"] = "" if self.end == "empty" else None
        if self.end == "missing" and is_last:
            del told["nextCursor"]
        return told


def ids_of(events: Sequence[dict[str, Any]]) -> Counter[str]:
    return Counter(event["id"] for event in events)


@pytest.mark.parametrize(
    ("end", "gap"),
    [
        ("empty", 1),
        ("null", 0),
        ("missing", 4),
        ("same", 0),
        ("same", 4),
        ("fresh", 0),
        ("fresh", 4),
    ],
)
def test_a_window_ends_however_that_is_told(
    tmp_path: Path, end: Literal["empty", "null", "missing", "same", "fresh"], gap: int
) -> None:
    events = [event(number * 1000) for number in range(25)]
    with scripted(tmp_path, Listing(events, end, gap), croct_page_size=10) as (tap, sandbox):
        done = tap.run(environment={"LOGLEVEL": "INFO"}, concurrency=1)
        assert done.code == 0, done.log
        assert Counter(done.heard.keys()) == ids_of(events)
        assert done.heard.bookmark() == "2026-03-02T00:00:00.000Z"
        assert "position" not in done.heard.states[-1]["bookmarks"]["croct_events"]
        told = done.log.count("ends a window with empty pages")
        assert told == (end == "fresh")
        assert len(sandbox.requests) <= 3 * (gap + 1) + 5


@pytest.mark.parametrize(("end", "most"), [("empty", 10), ("same", 20), ("fresh", 60)])
def test_rare_events_take_few_requests(
    tmp_path: Path, end: Literal["empty", "same", "fresh"], most: int
) -> None:
    """One event a day; where it is the only one, and where several share their instant."""
    day = DAY // timedelta(milliseconds=1)
    events = [
        event(number * day + twin, id=f"{number}/{twin}", timestamp=NOON + number * day)
        for number in range(10)
        for twin in range(1 + number % 3)
    ]
    with scripted(tmp_path, Listing(events, end), end_date=(START + 10 * DAY).isoformat()) as (
        tap,
        sandbox,
    ):
        done = tap.run(environment={"LOGLEVEL": "INFO"})
        assert done.code == 0, done.log
        assert Counter(done.heard.keys()) == ids_of(events)
        assert len(sandbox.requests) <= most
        assert done.log.count("ends a window with empty pages") == (end == "fresh")


@pytest.mark.parametrize(
    ("events", "parts"),
    [
        pytest.param([event(number) for number in range(9)], 1, id="a short page"),
        pytest.param([event(0, id=f"{n}") for n in range(40)], 1, id="pages of one instant"),
        pytest.param([event(number) for number in range(40)], 2, id="full pages"),
        pytest.param([event(-number) for number in range(40)], 1, id="newest first"),
    ],
)
def test_only_a_full_page_of_several_instants_says_how_many_will_come(
    tmp_path: Path, events: list[dict[str, Any]], parts: int
) -> None:
    with scripted(tmp_path, Listing(events, "same"), croct_page_size=10) as (tap, sandbox):
        assert Counter(tap.read().keys()) == ids_of(events)
    windows = {(request.first("start"), request.first("end")) for request in sandbox.requests}
    assert (len(windows) > 1) == (parts > 1)


@pytest.mark.parametrize("shift", [timedelta(0), timedelta(hours=9), -timedelta(days=40)])
def test_a_vendor_that_ignores_start_and_end_is_noticed(tmp_path: Path, shift: timedelta) -> None:
    """Whatever times it is asked for it answers all events, which lie elsewhere or here."""
    ahead = shift // timedelta(milliseconds=1)
    events = [event(number, timestamp=NOON + ahead + number * 100_000) for number in range(400)]
    listing = Listing(events, ignores_times=True)
    with scripted(
        tmp_path, listing, croct_page_size=10, end_date=(START + 3 * DAY).isoformat()
    ) as (tap, sandbox):
        done = tap.run()
    assert done.code == 0, done.log
    assert set(done.heard.keys()) == (set(ids_of(events)) if ahead >= 0 else set())
    line = done.log_line("as if it ignored start and end")
    assert "`$.items[" in line
    assert len(sandbox.requests) <= 1 + 6 * 40


@pytest.mark.parametrize("circle", [1, 2])
@pytest.mark.parametrize("has_ids", [True, False])
def test_a_vendor_that_ignores_the_cursor_is_an_error_and_told_once(
    tmp_path: Path, circle: int, *, has_ids: bool
) -> None:
    events = [event(number, **({} if has_ids else {"id": ...})) for number in range(30)]
    with scripted(tmp_path, Listing(events, circle=circle), croct_page_size=10) as (tap, sandbox):
        done = failing(tap, concurrency=1)
    assert "sends the same page for each cursor in the window" in done.log_line("events failed")
    assert len(set(done.heard.keys())) == len(done.heard.keys()) == circle * 10
    assert len(sandbox.requests) <= circle + MAX_REPEATED + 1


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
    assert min(starts) == (middle - timedelta(hours=6)).timestamp() * 1000


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
