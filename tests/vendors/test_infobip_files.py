"""infobip_events from files that somebody else's exports put into a bucket."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.singer import Heard, Tap

if TYPE_CHECKING:
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store

STREAM = "infobip_events"
NOW = datetime.now(UTC)
AGO = NOW - timedelta(days=2)


class Exports:
    """Somebody's exports: each a request id, with files of rows that are numbered."""

    def __init__(self, store: Store, directory: str) -> None:
        self.store = store
        self.directory = directory
        self.numbers: list[int] = []

    def key(self, export: int, part: str) -> str:
        return f"{self.directory}{UUID(int=export)}-events-{part}.json.gz"

    def put(self, export: int, part: str, rows: int = 3, time: datetime = AGO) -> list[int]:
        """Write a file; the numbers in it."""
        numbers = [len(self.numbers) + number for number in range(rows)]
        self.write(export, part, [(number, time) for number in numbers])
        self.numbers += numbers
        return numbers

    def write(self, export: int, part: str, rows: list[tuple[int, datetime]]) -> None:
        lines = [
            json.dumps(
                {
                    "definitionId": "pageView" if number % 2 else "smsSeen",
                    "timestamp": time.isoformat(timespec="milliseconds"),
                    "properties": {"number": number},
                }
            )
            for number, time in rows
        ]
        body = gzip.compress("\n".join(lines).encode())
        self.store.put(self.key(export, part), body)


@pytest.fixture
def exports(store: Store, tmp_path: Path) -> Exports:
    return Exports(store, f"{tmp_path.parent.name}/{tmp_path.name}/")


@pytest.fixture
def tap(tmp_path: Path, exports: Exports) -> Tap:
    settings: dict[str, Any] = exports.store.settings
    return Tap(tmp_path, infobip_mode="files", infobip_s3_directory=exports.directory, **settings)


def numbers(heard: Heard) -> list[int]:
    return sorted(record["properties"]["number"] for record in heard.records.get(STREAM, []))


def test_only_the_bucket_is_needed(tap: Tap, exports: Exports) -> None:
    exports.put(1, "a")
    exports.put(2, "a")
    heard = tap.read()
    assert numbers(heard) == exports.numbers
    done = tap.run("--test")
    assert done.code == 0
    assert "Infobip files: connection OK" in done.log


def test_a_file_is_read_once_whatever_its_key_and_its_second(tap: Tap, exports: Exports) -> None:
    """New keys come before and behind those that were read, in the same second of listing."""
    first = exports.put(5, "a")
    heard = tap.read()
    assert numbers(heard) == first
    for export in (9, 1, 5):
        new = exports.put(export, "b")
        heard = tap.read(state=heard.states[-1])
        assert set(new) <= set(numbers(heard))  # with files of the same second, if there are any
    assert numbers(tap.read(state=heard.states[-1])) == []


def test_a_clock_that_was_ahead_loses_no_file(tap: Tap, exports: Exports) -> None:
    """The store's clock decides which files are new: it is the one that dates them."""
    first = exports.put(1, "a")
    ahead = Tap(tap.folder, shift=9 * 3600, **tap.settings).run()
    assert "was about 9:00:00 ahead of the vendor's" in ahead.log_line("this machine's clock")
    assert numbers(ahead.heard) == first
    new = exports.put(2, "a")
    later = Tap(tap.folder, shift=5 * 3600, **tap.settings)
    assert set(new) <= set(numbers(later.read(state=ahead.heard.states[-1])))


def test_a_file_that_was_overwritten_is_read_again(tap: Tap, exports: Exports) -> None:
    exports.put(1, "a")
    state = tap.read().states[-1]
    new = exports.put(1, "a")
    assert numbers(tap.read(state=state)) == new


def test_twins_in_a_file_that_comes_later_get_keys_of_their_own(tap: Tap, exports: Exports) -> None:
    exports.write(1, "a", [(7, AGO)])
    first = tap.read()
    exports.write(1, "b", [(7, AGO), (7, AGO)])
    second = tap.read(state=first.states[-1])
    keys = {*first.keys(STREAM, "event_key"), *second.keys(STREAM, "event_key")}
    assert len(keys) == 3
    exports.write(2, "a", [(7, AGO)])  # another export of the same time
    third = tap.read(state=second.states[-1])
    again = set(third.keys(STREAM, "event_key"))
    assert {*first.keys(STREAM, "event_key")} <= again <= keys


def test_killed_anywhere_every_file_is_read(tap: Tap, exports: Exports) -> None:
    for export in range(1, 30):
        exports.put(export % 7, f"{export:02}")
    lines = tap.run().lines
    places = [number for number, line in enumerate(lines, 1) if '"type":"STATE"' in line]
    for place in random.Random(2).sample(places, 5):
        before = Heard()
        for line in lines[:place]:
            before.hear(line)
        new = exports.put(0, f"{place:03}")  # before all keys that were read
        after = tap.read(state=before.states[-1])
        last = tap.read(state=after.states[-1])  # has what came in the second of the first run
        got = {*numbers(before), *numbers(after), *numbers(last)}
        assert got == set(exports.numbers)
        exports.numbers = exports.numbers[: -len(new)]
        exports.store.delete(exports.key(0, f"{place:03}"))


def test_a_signal_leaves_a_safe_state(tap: Tap, exports: Exports) -> None:
    for export in range(20):
        exports.put(export, "a", rows=500)
    process = tap.start()
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(1200)]
    process.send_signal(signal.SIGTERM)
    lines += process.stdout.readlines()
    process.stdout.close()
    assert process.wait(timeout=10) == 143
    before = Heard()
    for line in lines:
        before.hear(line)
    after = tap.read(state=before.states[-1])
    assert {*numbers(before), *numbers(after)} == set(exports.numbers)


def test_state_stays_small_however_many_files_are_young(tap: Tap, exports: Exports) -> None:
    for export in range(60):
        exports.put(export, "a", rows=1)
    first = tap.read()
    assert max(len(json.dumps(state)) for state in first.states) < 1_500
    assert "position" not in first.states[-1]["bookmarks"][STREAM]
    second = tap.read(state=first.states[-1])
    assert numbers(second) == []
    assert len(second.states) == 1


def as_an_earlier_version_wrote(state: Any, exports: Exports, read: list[tuple[int, str]]) -> Any:
    """STATE with the files that were read by name."""
    bookmark = state["bookmarks"][STREAM]
    listed = exports.store.stored()
    bookmark["files"] = {
        hashlib.sha256(f"{key}\n{listed[key]}".encode()).hexdigest()[:16]: NOW.isoformat()
        for key in (exports.key(*file) for file in read)
    }
    return state


def test_a_state_of_an_earlier_version_reads_nothing_again(tap: Tap, exports: Exports) -> None:
    for export in range(4):
        exports.put(export, "a")
    state = tap.read().states[-1]
    read = [(export, "a") for export in range(4)]
    assert numbers(tap.read(state=as_an_earlier_version_wrote(state, exports, read))) == []
    new = exports.put(2, "b")
    heard = tap.read(state=as_an_earlier_version_wrote(state, exports, read))
    assert numbers(heard) == new
    assert "spans" in heard.states[-1]["bookmarks"][STREAM]["files"]
    assert numbers(tap.read(state=heard.states[-1])) == []
    assert (
        len(tap.read(state=as_an_earlier_version_wrote(state, exports, read[1:])).records[STREAM])
        == 6
    )


def test_a_bookmark_that_is_set_back_reads_its_files_again(tap: Tap, exports: Exports) -> None:
    exports.put(1, "a")
    state = tap.read().states[-1]
    bookmark = state["bookmarks"][STREAM]
    bookmark["replication_key_value"] = (NOW - timedelta(hours=1)).isoformat()
    assert numbers(tap.read(state=state)) == exports.numbers


def test_only_the_wanted_time_and_definitions(tap: Tap, exports: Exports) -> None:
    days = [NOW - timedelta(days=day) for day in (40, 20, 10)]
    exports.write(1, "a", list(enumerate(days)))
    assert numbers(tap.read()) == [1, 2]  # a first run reaches back 30 days
    assert numbers(tap.read(start_date=(NOW - timedelta(days=50)).isoformat())) == [0, 1, 2]
    assert numbers(tap.read(infobip_definition_ids=["page*"])) == [1]
    bounded = tap.read(end_date=(NOW - timedelta(days=15)).isoformat())
    assert numbers(bounded) == [1]
    later = tap.read(state=bounded.states[-1])  # what the end left out, and no start any more
    assert numbers(later) == [0, 1, 2]


def test_a_run_with_an_end_that_was_stopped_keeps_no_later_event_back(
    tap: Tap, exports: Exports
) -> None:
    """What was read of the first file ends before its last row."""
    end = NOW - timedelta(days=1)
    for export in (1, 2):
        exports.write(export, "a", [(export, AGO), (export + 10, NOW)])
    stopped = tap.run(end_date=end.isoformat())
    positions = [
        state for state in stopped.heard.states if "position" in state["bookmarks"][STREAM]
    ]
    later = tap.read(state=positions[0])
    assert numbers(later) == [1, 2, 11, 12]
    again = tap.read(state=positions[0], end_date=end.isoformat())
    assert numbers(again) == [2]


def test_events_of_any_age_come_with_a_new_file(tap: Tap, exports: Exports) -> None:
    state = tap.read().states[-1]
    old = exports.put(1, "a", time=NOW - timedelta(days=500))
    assert numbers(tap.read(state=state)) == old


def test_a_broken_file_fails_and_nothing_moves(tap: Tap, exports: Exports) -> None:
    exports.put(1, "a")
    exports.put(2, "a")
    body = gzip.compress(b'{"timestamp":"2026-01-01T00:00:00Z"}')
    exports.store.put(exports.key(2, "a"), body[:-4])
    done = tap.run()
    assert done.code == 1
    assert exports.key(2, "a") in done.log_line(f"{STREAM} failed")
    new = exports.put(2, "a")
    assert numbers(tap.read(state=done.heard.states[-1])) == new


def test_foreign_and_empty_objects_are_skipped_with_one_line(tap: Tap, exports: Exports) -> None:
    exports.put(1, "a")
    names = ("readme.txt", "report-events-2026.json.gz", "a b.json.gz", "folder/")
    for name in names:
        exports.store.put(exports.directory + name, b"x")
    exports.store.put(exports.key(3, "empty"), b"")
    done = tap.run()
    assert numbers(done.heard) == exports.numbers
    assert "skipped 4 objects" in done.log_line("not export files")
