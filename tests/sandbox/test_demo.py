"""The demo says that all is there only where it is."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tap_eventexport.sandbox import demo
from tap_eventexport.sandbox.demo import STREAMS, Demo, show_comparison

if TYPE_CHECKING:
    from pathlib import Path

UNTIL = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEFORE, AFTER = "2026-03-01T11:59:59.999Z", "2026-03-01T12:00:00.000Z"
KEYS = {"before": BEFORE, "before, too": BEFORE, "after": AFTER}


def row(stream: str, key: str, time: str) -> dict[str, Any]:
    """A record, as a stream has it, whose content is its key."""
    columns = STREAMS[stream]
    properties = {"properties": {"url": key}, "level": "", "type": "", "message": key, "raw": key}
    return {**properties, columns.key.strip('"'): key, columns.time.strip('"'): time}


def told(stream: str, key: str, time: str) -> str:
    """How the vendor tells of that record."""
    match stream:
        case "infobip_events":
            return f"{time}|{key}"
        case "ncp_apigateway_events":
            return f"{time}|||{key}"
    return key


def load(folder: Path, stream: str, *lines: str) -> None:
    """Make the table of a stream anew."""
    file = folder / f"{stream}.jsonl"
    file.write_text("\n".join(lines))
    time = STREAMS[stream].time
    with duckdb.connect(str(folder / "events.duckdb")) as database:
        database.execute("set timezone = 'UTC'")
        database.execute(
            f"create or replace table {stream} as "
            f"select * replace (cast({time} as timestamptz) as {time}) from read_json('{file}')"
        )


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Demo:
    """A store that holds what the vendors have; a record of Croct stands twice."""

    def truth(_url: str, stream: str, start: datetime, end: datetime) -> Counter[str]:
        return Counter(
            told(stream, key, time)
            for key, time in KEYS.items()
            if start <= datetime.fromisoformat(time) < end
        )

    monkeypatch.setattr(demo, "truth", truth)
    for stream in STREAMS:
        lines = [json.dumps(row(stream, key, time)) for key, time in KEYS.items()]
        lines += lines[:1] if stream == "croct_events" else []
        load(tmp_path, stream, *lines)
    bookmarks = {
        stream: {"replication_key_value": f"2026-03-01T12:00:0{number}.{number}00Z"}
        for number, stream in enumerate(STREAMS)
    }
    (tmp_path / "state.json").write_text(json.dumps({"bookmarks": bookmarks}))
    return Demo(tmp_path, tmp_path, tmp_path)


def compared(store: Demo) -> bool:
    return show_comparison(store, "", datetime(2026, 2, 1, tzinfo=UTC))


def test_what_is_the_same_is_told_as_the_same(
    store: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    assert store.complete_until() == UNTIL
    assert compared(store)
    shown = capsys.readouterr().out
    assert "2026-03-01 12:00:00 UTC" in shown
    rows = [line.strip("│ \n").split("│") for line in shown.splitlines() if line.startswith("│")]
    numbers = {cells[0].strip(): [int(cell) for cell in cells[1:]] for cells in rows}
    assert numbers == {
        columns.label: [2, 2, 0, int(stream == "croct_events"), 1]
        for stream, columns in STREAMS.items()
    }


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("time", [BEFORE, AFTER])
def test_what_no_vendor_has_is_found(store: Demo, stream: str, time: str) -> None:
    lines = [json.dumps(row(stream, key, at)) for key, at in (*KEYS.items(), ("invented", time))]
    load(store.output, stream, *lines)
    assert not compared(store)


@pytest.mark.parametrize("stream", STREAMS)
def test_what_is_missing_is_found(store: Demo, stream: str) -> None:
    lines = [json.dumps(row(stream, key, at)) for key, at in KEYS.items()]
    load(store.output, stream, lines[0], lines[2])
    assert not compared(store)
