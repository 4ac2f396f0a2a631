"""infobip_event_definitions: the whole list, when it has changed."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.backfill.sources import streams
from tap_eventexport.sandbox.infobip_definitions import InfobipDefinitions
from tap_eventexport.sandbox.server import Fault, Request, Response, Sandbox, json_response
from tap_eventexport.tap import TapEventExport
from tests.singer import HURRIED, Tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.singer import Heard

STREAM, KEY = "infobip_event_definitions", "definitionId"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@contextmanager
def serving(folder: Path, vendor: Any, **settings: Any) -> Iterator[tuple[Tap, Sandbox]]:
    """The command, reading definitions alone."""
    with Sandbox([vendor]) as sandbox:
        chosen = {
            "infobip_api_key": InfobipDefinitions().api_key,
            "infobip_api_url": sandbox.url,
            "infobip_export_role_arn": "arn:aws:iam::000000000000:role/infobip-export",
            "infobip_s3_bucket": "bucket",
            "infobip_s3_region": "eu-central-1",
            **settings,
        }
        shift = (NOW - datetime.now(UTC)).total_seconds()
        yield Tap(folder, shift, HURRIED, ("infobip_events",), **chosen), sandbox


def later(tap: Tap, passed: timedelta) -> Tap:
    """The same command at a later time."""
    return Tap(tap.folder, tap.shift + passed.total_seconds(), HURRIED, tap.without, **tap.settings)


def ids(heard: Heard) -> list[str]:
    return heard.keys(STREAM, KEY)


def test_every_definition_arrives_as_the_vendor_sends_it(tmp_path: Path) -> None:
    vendor = InfobipDefinitions()
    with serving(tmp_path, vendor) as (tap, sandbox):
        heard = tap.read()
    assert heard.records[STREAM] == [
        {**vendor.definition(name), "_extra": None} for name in sorted(vendor.names)
    ]
    assert {request.first("orderField") for request in sandbox.requests} == {"DefinitionId"}
    assert heard.states[-1]["bookmarks"][STREAM].keys() == {"read_at", "sent"}
    assert len(sandbox.requests) == 2


@pytest.mark.parametrize("number", [0, 1, 2, 99, 100, 101, 250])
@pytest.mark.parametrize("most", [1, 40, 1000])
def test_a_list_of_any_length_in_pages_of_any_size(tmp_path: Path, number: int, most: int) -> None:
    """The vendor may send fewer than it is asked for."""
    names = [f"custom{place:03}" for place in range(number if most > 1 else min(number, 3))]
    with serving(tmp_path, InfobipDefinitions(names=names, most=most)) as (tap, sandbox):
        assert ids(tap.read()) == names
    assert len(sandbox.requests) <= 2 * len(names) / min(most, 100) + 5


def test_it_is_read_once_an_hour_and_sent_when_it_has_changed(tmp_path: Path) -> None:
    vendor = InfobipDefinitions()
    with serving(tmp_path, vendor) as (tap, sandbox):
        first = tap.read()
        sandbox.requests.clear()
        vendor.names.append("signedUp")
        young = later(tap, 59 * MINUTE).run(
            state=first.states[-1], environment={"LOGLEVEL": "INFO"}
        )
        assert (young.code, sandbox.requests, young.heard.records) == (0, [], {})
        assert "not read, because it was read less than 1 h ago" in young.log
        assert young.heard.states[-1] == first.states[-1]
        changed = later(tap, HOUR).read(state=young.heard.states[-1])
        same = later(tap, 2 * HOUR).run(state=changed.states[-1])
        vendor.names.remove("purchase")
        fewer = later(tap, 3 * HOUR).read(state=same.heard.states[-1])
    assert ids(changed) == sorted([*ids(first), "signedUp"])
    assert same.heard.records == {}
    assert ids(fewer) == sorted({*ids(changed)} - {"purchase"})
    times = [heard.states[-1]["bookmarks"][STREAM]["read_at"] for heard in (first, changed, fewer)]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"lookback_resend": "all"}, id="asked"),
        pytest.param({"stream_maps": {STREAM: {"title": "title.upper()"}}}, id="other output"),
        pytest.param({"infobip_definition_ids": ["a"]}, id="other settings of the vendor"),
    ],
)
def test_what_else_asks_for_it(tmp_path: Path, asked: dict[str, Any]) -> None:
    with serving(tmp_path, InfobipDefinitions()) as (tap, _):
        first = tap.read()
        assert len(ids(tap.read(state=first.states[-1], **asked))) == len(ids(first))


def test_a_clock_that_was_set_back_reads_it(tmp_path: Path) -> None:
    with serving(tmp_path, InfobipDefinitions()) as (tap, sandbox):
        first = tap.read()
        sandbox.requests.clear()
        again = later(tap, -10 * HOUR).read(state=first.states[-1])
    assert sandbox.requests
    assert not again.records
    assert again.states[-1]["bookmarks"][STREAM]["read_at"] < "2026-03-04"


def test_a_time_to_read_makes_no_difference(tmp_path: Path) -> None:
    times = {"start_date": "2026-01-01", "end_date": "2026-01-02", "settle_minutes": 600}
    with serving(tmp_path, InfobipDefinitions(), **times) as (tap, _):
        assert ids(tap.read(lookback_minutes=1440))


class Told:
    """A vendor that answers in one way."""

    path = "/peopleevents/2/definitions"

    def __init__(self, *items: Any) -> None:
        self._items = items

    def answer(self, request: Request) -> Response:
        return json_response(200, list(self._items[int(request.first("offset") or 0) :]))

    def truth(self, *_: object) -> None:
        """A test knows it."""


def test_fields_without_a_column_and_little_else(tmp_path: Path) -> None:
    with serving(tmp_path, Told({KEY: 7, "owner": {"id": 1}})) as (tap, _):
        done = tap.run(environment={"LOGLEVEL": "INFO"})
    (record,) = done.heard.records[STREAM]
    kept = {name: value for name, value in record.items() if value is not None}
    assert kept == {KEY: "7", "_extra": {"owner": {"id": 1}}}
    assert done.log_line("are put into _extra").endswith("owner")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (5, "Expected `object`, got `int` - at `$[1]`"),
        ({}, "has no definitionId"),
        ({KEY: None}, "has no definitionId"),
        ({KEY: "b", "title": []}, "in `$[1].title`"),
        ({KEY: "b", "fields": [1]}, "in `$[1].fields`"),
        ({KEY: "b", "isInternalDefinition": "yes"}, "in `$[1].isInternalDefinition`"),
    ],
)
def test_a_definition_of_another_form_is_named_and_nothing_is_sent(
    tmp_path: Path, item: Any, words: str
) -> None:
    with serving(tmp_path, Told({KEY: "a"}, item)) as (tap, _):
        done = tap.run()
    assert done.code == 1
    assert words in done.log_line(f"{STREAM} failed")
    assert (done.heard.records, done.heard.states) == ({}, [])


def test_a_vendor_that_ignores_the_offset_is_an_error(tmp_path: Path) -> None:
    class Deaf(Told):
        def answer(self, _: Request) -> Response:
            return json_response(200, [{KEY: "a"}, {KEY: "b"}])

    with serving(tmp_path, Deaf()) as (tap, _):
        done = tap.run()
    assert done.code == 1
    assert "ignores offsets" in done.log_line(f"{STREAM} failed")


def test_a_failure_leaves_state_as_it_was(tmp_path: Path) -> None:
    """Also where this machine's clock is ahead, so that its present is not yet the vendor's."""
    with serving(tmp_path, InfobipDefinitions()) as (tap, sandbox):
        first = tap.read()
        sandbox.now = lambda: NOW
        sandbox.faults[:] = [Fault("answer", times=99, response=Response(403))]
        done = later(tap, 2 * HOUR).run(state=first.states[-1])
        sandbox.faults.clear()
    assert done.code == 1
    assert "people:manage" in done.log_line(f"{STREAM} failed")
    assert done.heard.states in ([], [first.states[-1]])


def test_the_state_says_how_many_there_were(tmp_path: Path) -> None:
    with serving(tmp_path, InfobipDefinitions()) as (tap, _):
        state = tap.read().states[-1]["bookmarks"][STREAM]
    assert state["read_at"].startswith("2026-03-04T05:06:")
    assert json.dumps(state["sent"]["spans"]).count("1:4:") == 1


def test_a_backfill_leaves_it_to_the_daily_run(tmp_path: Path) -> None:
    with serving(tmp_path, InfobipDefinitions()) as (tap, _):
        made = TapEventExport(config=tap.settings)
    assert [stream.name for stream in streams(made)] == ["infobip_events"]
