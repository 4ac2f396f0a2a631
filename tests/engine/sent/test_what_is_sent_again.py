"""Spans count only for the same output and the same bookmark; otherwise all is sent again."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import PropertyMock, patch

import pytest

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.progress import Progress
from tap_eventexport.engine.sent import hold
from tap_eventexport.engine.sent.ledger import Sent
from tap_eventexport.engine.sent.spans import Span, Tally
from tap_eventexport.engine.state.bookmark import Bookmark, Checkpoint
from tap_eventexport.engine.state.codec import read_bookmark, write_bookmark
from tap_eventexport.engine.windows import Window
from tap_eventexport.tap import TapEventExport
from tests.engine.sent.test_sent_once import BEGIN, STREAM, Step, Vendor, run

HOUR = timedelta(hours=1)
NEW = 4  # events of an hour, or three


class Runs:
    """Runs of the tap, an hour after each other."""

    def __init__(self, **settings: Any) -> None:
        self.vendor = Vendor()
        self.settings = settings
        self.state: dict[str, Any] = {}

    def after(self, passed: timedelta = HOUR, **settings: Any) -> list[dict[str, Any]]:
        """What a run sends so much later, in order; also what a BATCH file holds."""
        self.vendor.wait(passed)
        step = Step(passed, [], "complete", 0, "", {**self.settings, **settings})
        lines, _ = run(self.vendor, step, self.state)
        messages = [json.loads(line) for line in lines]
        self.state = [each["value"] for each in messages if each["type"] == "STATE"][-1]
        urls = [url for each in messages for url in each.get("manifest", [])]
        files = [Path(url.removeprefix("file://")) for url in urls]
        lines = [line for file in files for line in file.read_text().splitlines()]
        batched = [json.loads(line) for line in lines]
        return [each["record"] for each in messages if each["type"] == "RECORD"] + batched

    @property
    def bookmark(self) -> dict[str, Any]:
        found: dict[str, Any] = self.state["bookmarks"][STREAM]
        return found


@pytest.fixture
def runs() -> Runs:
    """A whole run was made, of thirty hours."""
    runs = Runs()
    assert len(runs.after(30 * HOUR)) > 100
    return runs


MAPPED = {"stream_maps": {STREAM: {"version": "record['payload']['version']"}}}
TWO = {"stream_maps": {STREAM: {}, "more": {"__source__": STREAM, "id": "id", "__else__": None}}}
FLAT = {"flattening_enabled": True, "flattening_max_depth": 1}


@pytest.mark.parametrize("settings", [{}, MAPPED, TWO, FLAT], ids=["plain", "map", "two", "flat"])
def test_an_hour_later_only_that_hour_is_sent(settings: dict[str, Any]) -> None:
    runs = Runs(**settings)
    whole = runs.after(30 * HOUR)
    streams = 2 if settings == TWO else 1
    assert len(whole) > 100 * streams
    assert len(runs.after()) <= NEW * streams
    assert runs.after(timedelta(0)) == []


def test_batch_files_hold_what_has_changed(tmp_path: Path) -> None:
    files = {"encoding": {"format": "jsonl"}, "storage": {"root": f"file://{tmp_path}"}}
    runs = Runs(batch_config={**files, "batch_size": 50})
    assert len(runs.after(30 * HOUR)) > 100
    runs.vendor.put("late", runs.vendor.now - 3 * HOUR)
    sent = [record["id"] for record in runs.after()]
    assert "late" in sent
    assert len(sent) <= NEW + 2  # and its neighbour in the same quarter of an hour


@pytest.mark.parametrize("age", [timedelta(minutes=5), 3 * HOUR, 19 * HOUR])
def test_a_late_event_is_sent_with_its_neighbours(runs: Runs, age: timedelta) -> None:
    late = runs.vendor.now - age
    runs.vendor.put("late", late)
    sent = runs.after()
    assert "late" in [record["id"] for record in sent]
    assert len(sent) <= NEW + 1 + 1 + (age / 10) / timedelta(minutes=17)
    assert len(runs.after()) <= NEW


def test_records_that_are_gone_are_not_sent(runs: Runs) -> None:
    gone = next(iter(identity for identity in runs.vendor.events if identity.startswith("at-02")))
    del runs.vendor.events[gone]
    sent = [record["id"] for record in runs.after()]
    assert gone not in sent
    assert len(sent) <= NEW + 3


@pytest.mark.parametrize(
    "settings",
    [
        {"lookback_resend": "all"},
        MAPPED,
        FLAT,
        {"croct_page_size": 10},
        {"stream_map_config": {"x": 1}},
    ],
    ids=["all", "map", "flat", "filter", "map's settings"],
)
def test_other_settings_send_the_lookback_once(runs: Runs, settings: dict[str, Any]) -> None:
    assert len(runs.after(**settings)) > 70
    assert len(runs.after(**{**settings, "lookback_resend": "changed"})) <= NEW


def test_another_version_sends_the_lookback_once(runs: Runs) -> None:
    with patch.object(TapEventExport, "plugin_version", "9.9.9"):
        assert len(runs.after()) > 70
        assert len(runs.after()) <= NEW


def test_a_bookmark_that_was_set_back_sends_all_from_there(runs: Runs) -> None:
    before = runs.after(2 * HOUR)
    assert before
    runs.bookmark["replication_key_value"] = "2026-03-02T01:00:00.000Z"
    assert len(runs.after()) > 80


def test_a_state_of_version_0_1_sends_the_lookback_once(runs: Runs) -> None:
    del runs.bookmark["sent"]
    assert len(runs.after()) > 70
    assert len(runs.after()) <= NEW


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        [],
        {"spans": 7},
        {"spans": ["2026-03-01", "x"]},
        {"spans": ["yesterday", "60000:0"]},
        {"spans": []},
        {"outside": 7},
        {"outside": {"x": "0"}},
        {"outside": {"2026-03-01": 7}},
        {"output": None},
    ],
)
def test_what_cannot_be_understood_is_not_believed(runs: Runs, broken: Any) -> None:
    sent = runs.bookmark["sent"]
    runs.bookmark["sent"] = {**sent, **broken} if isinstance(broken, dict) else broken
    assert len(runs.after()) > 70


def test_a_shorter_and_a_longer_lookback(runs: Runs) -> None:
    """What is no longer read again is forgotten, and then not known."""
    assert len(runs.after(lookback_minutes=60)) <= NEW
    assert len(runs.after(lookback_minutes=600)) > 20
    assert len(runs.after(lookback_minutes=600)) <= NEW


def test_an_end_before_the_bookmark_leaves_what_follows_known(runs: Runs) -> None:
    end = runs.vendor.now - 3 * HOUR
    assert runs.after(end_date=end.isoformat()) == []
    assert len(runs.after()) <= 2 * NEW


def test_no_start_is_read_before_start_date(runs: Runs) -> None:
    start = BEGIN + timedelta(hours=20, minutes=7)
    assert len(runs.after(start_date=start.isoformat())) <= NEW + 4  # and half a span


def test_a_full_table_is_sent_whole_and_leaves_no_spans() -> None:
    runs = Runs()
    runs.vendor.wait(5 * HOUR)
    with patch(
        "tap_eventexport.engine.singer.catalog_stream.CatalogStream.has_state",
        new_callable=PropertyMock,
        return_value=False,
    ):
        step = Step(HOUR, [], "complete", 0, "", {})
        lines, stream = run(runs.vendor, step, {})
        assert stream.output_hash == ""
        again, _ = run(runs.vendor, step, {})
    count = sum('"RECORD"' in line for line in lines)
    assert count == sum('"RECORD"' in line for line in again) == len(runs.vendor.events)


def test_where_there_is_no_room_to_wait_all_is_sent(runs: Runs) -> None:
    with patch.object(hold, "MOST_BYTES", 2_000):
        sent = runs.after()
    assert len(sent) > 10
    assert len(runs.after()) <= NEW


def middle_event(runs: Runs) -> str:
    """An event in the middle of the lookback."""
    time = runs.vendor.now - 5 * HOUR
    return min((abs(when - time), identity) for identity, (when, _) in runs.vendor.events.items())[
        1
    ]


def versions(records: list[dict[str, Any]]) -> dict[str, int]:
    return {record["id"]: record["payload"]["version"] for record in records}


def test_a_changed_span_is_forgotten_before_its_records_are_sent(runs: Runs) -> None:
    """If the run is killed then, and the record changes back, the next run sends it again."""
    event = middle_event(runs)
    before = runs.vendor.events[event]
    runs.vendor.put(event, before[0])
    lines, _ = run(runs.vendor, Step(HOUR, [], "complete", 0, "", {}), deepcopy(runs.state))
    kinds = [json.loads(line)["type"] for line in lines]
    killed = kinds.index("RECORD") + 1
    assert kinds[:killed] == ["SCHEMA", "STATE", "RECORD"]
    runs.state = json.loads(lines[1])["value"]
    runs.vendor.events[event] = before
    assert versions(runs.after(timedelta(0)))[event] == before[1]


def test_a_changed_span_stays_forgotten_if_the_stream_fails_then(runs: Runs) -> None:
    event = middle_event(runs)
    before = runs.vendor.events[event]
    runs.vendor.put(event, before[0])

    def fail(_progress: Progress, _window: Window, *, is_last: bool) -> None:
        if is_last:
            raise FatalVendorError("it fails")

    with patch.object(Progress, "page", fail):
        lines, _ = run(runs.vendor, Step(HOUR, [], "fails", 99, "", {}), deepcopy(runs.state))
    messages = list(map(json.loads, lines))
    assert event in [each["record"]["id"] for each in messages if each["type"] == "RECORD"]
    runs.state = [each["value"] for each in messages if each["type"] == "STATE"][-1]
    runs.vendor.events[event] = before
    assert versions(runs.after(timedelta(0)))[event] == before[1]


def test_state_has_all_that_was_sent() -> None:
    spans = (Span(BEGIN, BEGIN + HOUR, Tally(3, 7)),)
    window = Window(BEGIN + HOUR, BEGIN + 2 * HOUR)
    sent = Sent("x", spans, {"2026-03-01T00:00:00.000Z": Tally(2, 9)})
    opened = Checkpoint(window, {"cursor": "c"}, "q", BEGIN, spans)
    bookmark = Bookmark(BEGIN + HOUR, (opened,), sent=sent)
    state: dict[str, Any] = {}
    write_bookmark(state, "timestamp", bookmark)
    assert read_bookmark(json.loads(json.dumps(state)), STREAM) == bookmark


@pytest.mark.parametrize("broken", [7, ["x", "60000:0"], ["2026-03-01", "x"], []])
def test_what_was_sent_of_an_open_window_may_be_broken(broken: Any) -> None:
    start, end, after = (f"2026-03-01T0{hour}:00:00.000Z" for hour in range(3))
    position = {"start": start, "end": end, "read_at": after, "query": "q", "sent": broken}
    (opened,) = read_bookmark(
        {"replication_key_value": start, "position": position}, STREAM
    ).checkpoints
    assert opened.sent == ()
