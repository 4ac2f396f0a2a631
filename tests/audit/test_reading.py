"""What the tap sends is taken apart, line by line."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.audit.digests import KEY, DigestFiles, key_digest
from tap_eventexport.audit.reading import Listener, Part
from tap_eventexport.audit.scope import Scope
from tap_eventexport.backfill.load import LoadError
from tap_eventexport.engine.windows import Window

if TYPE_CHECKING:
    from pathlib import Path

FIRST = datetime(2026, 3, 1, tzinfo=UTC)


class Stream:
    """What a scope needs of a stream."""

    replication_key = "time"


def part(name: str, first: int, *keys: str) -> Part:
    stream: Any = Stream()
    days = tuple(Window(FIRST + timedelta(n), FIRST + timedelta(n + 1)) for n in range(2))
    return Part(Scope(stream, name, keys, {}, UTC, days), first, None)


def record(stream: str, **record: Any) -> str:
    message = {"type": "RECORD", "stream": stream, "record": record, "time_extracted": "any"}
    return json.dumps(message, separators=(",", ":"))


def test_records_of_streams_go_to_their_days_and_the_last_state_is_kept(tmp_path: Path) -> None:
    parts = {"a": part("a", 0, "id"), "b": part("b", 2, "id", "item")}
    listener = Listener(parts, DigestFiles(tmp_path, KEY))
    lines = [
        '{"type":"SCHEMA","stream":"a","schema":{},"key_properties":["id"]}',
        record("a", id="1", time="2026-03-01T23:59:59.999Z", other={"time": 5}),
        record("a", id="2", time="2026-03-02T00:00:00.000Z"),
        record("a", id="3", time="2026-03-03T00:00:00.000Z"),  # in no day
        '{"type":"STATE","value":{"bookmarks":{"a":1}}}',
        record("b", id=7, item=8, time="2026-03-02T09:00:00+09:00"),
        record("a", id="4", time="2026-03-02T00:00:00.000Z"),
        '{"type":"STATE","value":{"bookmarks":{"a":2}}}',
    ]
    listener.hear(io.BytesIO("".join(f"{line}\n" for line in lines).encode()))
    kept = {number: [*listener.files.read(number)] for number in range(4)}
    assert kept == {
        0: [[key_digest("1")]],
        1: [[key_digest("2"), key_digest("4")]],
        2: [],
        3: [[key_digest("7\x1f8")]],
    }
    assert {number: tally.records for number, tally in listener.tallies.items()} == {
        0: 1,
        1: 2,
        3: 1,
    }
    assert listener.state == {"bookmarks": {"a": 2}}


def test_a_record_in_another_form_is_never_left_out(tmp_path: Path) -> None:
    listener = Listener({"a": part("a", 0, "id")}, DigestFiles(tmp_path, KEY))
    line = b'{"stream":"a","type":"RECORD","record":{"id":"1"}}\n'
    with pytest.raises(LoadError, match="please report it"):
        listener.hear(io.BytesIO(line))
