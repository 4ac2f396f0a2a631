"""A file is read once, and never lost, however it is listed and wherever a run is stopped."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.objects import file_table
from tap_eventexport.engine.objects.file_table import FileTable
from tap_eventexport.engine.objects.listing import StoredObject, fingerprint
from tap_eventexport.engine.objects.new_files import NewFiles, Reach, cut_back
from tap_eventexport.engine.state.bookmark import (
    Bookmark,
    Bounds,
    Checkpoint,
    Limits,
    advance,
    plan,
)
from tap_eventexport.engine.state.codec import read_bookmark, write_bookmark
from tap_eventexport.engine.state.read_files import ReadFiles
from tap_eventexport.engine.windows import Window, split_every

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def stored(key: str, time: datetime, etag: str = "e") -> StoredObject:
    return StoredObject(key, 5, etag, time)


@dataclass
class World:
    """A bucket, and a tap that reads it run by run.

    Attributes:
        lead: How far the tap's clock is ahead of the bucket's.
        now: The time by the tap's clock.
        read: What was read in the last run.
    """

    lookback: timedelta = HOUR
    lead: timedelta = timedelta(0)
    files: dict[str, StoredObject] = field(default_factory=dict)
    now: datetime = BEGIN
    state: dict[str, Any] = field(default_factory=dict)
    read: list[StoredObject] = field(default_factory=list)
    ever: set[tuple[str, str]] = field(default_factory=set)
    states: list[str] = field(default_factory=list)

    def put(self, key: str, age: timedelta, etag: str = "e") -> None:
        """A file appears under a time that lies somewhat behind the clock."""
        self.files[key] = stored(key, self.now - self.lead - age, etag)

    def run(self, crash_after: int | None = None, **bounds: Any) -> list[StoredObject]:
        """Read what is new; killed after so many pages, of which each is followed by STATE."""
        self.now += MINUTE
        self.read = []
        for count, _ in enumerate(self._pages(**bounds)):
            if count == crash_after:
                break
        end = bounds.get("end")  # a file that is listed late may hold events of an hour more
        whole = [file for file in self.read if not end or file.modified < end - HOUR]
        self.ever.update((file.key, file.version) for file in whole)
        return self.read

    def _pages(self, **options: Any) -> Iterator[None]:
        bounds = Bounds(
            now=self.now,
            start=BEGIN,
            lookback=self.lookback,
            settle=timedelta(0),
            is_proved=True,
            **options,
        )
        bookmark = read_bookmark(self.state, "files")
        made = plan(bookmark, bounds, f"until {bounds.end}")
        if made.interval is None:
            return
        bookmark = replace(bookmark, checkpoints=made.checkpoints)
        reach = Reach(
            interval=made.interval,
            lookback=self.lookback,
            lateness=HOUR,
            now=self.now,
            is_bounded=bounds.end is not None,
        )
        listed = sorted(self.files.values(), key=lambda file: fingerprint(file.key))
        store_now = self.now - self.lead
        limits = Limits(made.interval.start, store_now, store_now)
        new = NewFiles(FileTable(listed), bookmark, reach)
        for window, _ in made.tasks(lambda whole: split_every(whole, DAY)):
            for file, place in new.within(window):
                yield
                self.read.append(file)
                position = made.checkpoint_at(window, place, self.now)
                bookmark = advance(bookmark, window, position, limits)
                self._write(bookmark)
            yield
            bookmark = advance(bookmark, window, None, limits)
            if bookmark.watermark and new.is_remembered(window):
                bookmark = replace(bookmark, files=new.read_up_to(window.end, bookmark.watermark))
            self._write(bookmark)

    def _write(self, bookmark: Bookmark) -> None:
        write_bookmark(self.state, "timestamp", bookmark)
        self.states.append(json.dumps(self.state))


KEYS = st.sampled_from("abcdefghij")
PUT = st.tuples(st.just("put"), KEYS, st.integers(0, 59), st.sampled_from("12"))
DELETE = st.tuples(st.just("delete"), KEYS)
WAIT = st.tuples(st.just("wait"), st.sampled_from([1, 7, 50, 130, 2000]))
RUN = st.tuples(st.just("run"), st.sampled_from([None, None, 0, 1, 2, 3, 5, 8]))
BOUNDED = st.tuples(st.just("bounded"), st.sampled_from([None, 1, 3]), st.integers(0, 200))


def live(world: World, steps: list[tuple[Any, ...]]) -> None:
    """Let things happen, and look after each run at what was read."""
    for step in steps:
        match step:
            case ("put", key, age, etag):
                world.put(key, age * MINUTE, etag)
            case ("delete", key):
                world.files.pop(key, None)
            case ("wait", minutes):
                world.now += minutes * MINUTE
            case ("bounded", crash_after, age):
                world.run(crash_after, end=world.now - age * MINUTE)
            case ("run", None):
                world.run()
                listed = [file for file in world.files.values() if file.modified < world.now]
                assert {(file.key, file.version) for file in listed} <= world.ever
                assert world.run() == []
            case ("run", crash_after):
                before = world.run(crash_after)
                if world.lookback == HOUR:  # what was read is behind the bookmark
                    assert set(world.run(crash_after)).isdisjoint(before)


@given(
    st.lists(PUT | PUT | DELETE | WAIT | RUN | RUN, max_size=20), st.sampled_from([HOUR, 3 * DAY])
)
def test_every_version_that_is_listed_is_read_and_an_idle_run_reads_nothing(
    steps: list[tuple[Any, ...]], lookback: timedelta
) -> None:
    """Files come up to an hour late, are overwritten and deleted; runs are killed anywhere."""
    live(World(lookback), [*steps, ("run", None)])


@given(st.lists(PUT | PUT | DELETE | WAIT | RUN | BOUNDED, max_size=20))
def test_runs_with_an_end_in_between_lose_nothing(steps: list[tuple[Any, ...]]) -> None:
    live(World(), [*steps, ("run", None)])


def keys(new: NewFiles, window: Window) -> list[str]:
    return [file.key for file, _ in new.within(window)]


def new_files(files: list[StoredObject], bookmark: Bookmark, now: datetime) -> NewFiles:
    interval = Window(BEGIN, now)
    reach = Reach(interval=interval, lookback=HOUR, lateness=HOUR, now=now)
    return NewFiles(FileTable(files), bookmark, reach)


def test_a_file_that_comes_late_lets_few_files_be_read_again() -> None:
    """Of 10,000 files in two hours those of a third of its lateness, and all of STATE is small."""
    now = BEGIN + 3 * HOUR
    files = [stored(f"{number:05}", now - number * HOUR / 5_000) for number in range(1, 10_000)]
    state: dict[str, Any] = {}
    bookmark = Bookmark(now, files=new_files(files, Bookmark(), now).read_up_to(now, now))
    write_bookmark(state, "timestamp", bookmark)
    assert len(json.dumps(state)) < 1_500
    later = now + MINUTE
    window = Window(BEGIN, later)
    assert not keys(new_files(files, bookmark, later), window)
    for lateness, most in ((MINUTE, 50), (10 * MINUTE, 500), (HOUR, 3_000)):
        late = stored("late", now - lateness)
        new = keys(new_files([*files, late], bookmark, later), window)
        assert "late" in new
        assert len(new) < most


@pytest.mark.parametrize("days", [1 / 24, 1, 30, 365])
def test_spans_reach_back_without_a_gap(days: float) -> None:
    start, end = BEGIN, BEGIN + days * DAY
    spans = cut_back(start, end)
    assert [begin for begin, _ in spans] == [start, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == end
    assert len(spans) < 50
    assert not cut_back(end, start)


def test_files_that_an_earlier_version_remembered_are_known() -> None:
    now = BEGIN + DAY
    files = [
        stored(key, now - age * HOUR) for key, age in (("a", 1), ("b", 2), ("c", 30), ("d", 9))
    ]
    numbers = [fingerprint(f"{file.key}\n{file.etag}") for file in files[:2]]
    names = {f"{number:016x}": now for number in numbers}
    window = Window(BEGIN, now)
    bookmark = Bookmark(BEGIN, files=ReadFiles(names=names))
    assert keys(new_files(files, bookmark, now), window) == ["d"]
    stopped = Checkpoint(window, {"after": "d"}, "q", now - HOUR)
    bookmark = replace(bookmark, checkpoints=(stopped,))
    assert not keys(new_files(files, bookmark, now), window)
    late = stored("aa", now - 2 * HOUR)  # may have been listed when "d" was read already
    assert [file.key for file, _ in new_files([*files, late], bookmark, now).within(window)] == [
        "aa"
    ]


@pytest.mark.parametrize("place", [{}, {"after": 5}, {"since": 1, "after": "x", "count": "1"}])
def test_a_position_of_an_unknown_form_lets_its_files_be_read_again(place: dict[str, Any]) -> None:
    window = Window(BEGIN, BEGIN + DAY)
    bookmark = Bookmark(BEGIN, (Checkpoint(window, place, "q", BEGIN + DAY),))
    new = new_files([stored("a", BEGIN)], bookmark, BEGIN + DAY)
    assert keys(new, window) == ["a"]


def test_a_place_holds_while_the_files_up_to_it_are_those_that_were_read() -> None:
    window = Window(BEGIN, BEGIN + DAY)
    files = [stored(key, BEGIN + HOUR) for key in "abcd"]
    new = new_files(files, Bookmark(), BEGIN + DAY)
    _, (_, place), *_ = new.within(window)
    bookmark = Bookmark(BEGIN, (Checkpoint(window, place, "q", BEGIN + DAY),))
    assert keys(new_files(files, bookmark, BEGIN + 2 * DAY), window) == ["c", "d"]
    for others in (files[1:], [*files, stored("ab", BEGIN + HOUR)], [stored("b", BEGIN, "2")]):
        new = new_files(others, bookmark, BEGIN + 2 * DAY)
        assert keys(new, window) == sorted(file.key for file in others)
    behind = [*files, stored("x", BEGIN + HOUR), stored("aa", BEGIN + 25 * HOUR)]
    assert keys(new_files(behind, bookmark, BEGIN + 2 * DAY), window) == ["c", "d", "x"]


def test_with_an_end_files_of_any_later_time_may_hold_events() -> None:
    window, now = Window(BEGIN, BEGIN + DAY), BEGIN + 2 * DAY
    reach = Reach(interval=window, lookback=HOUR, lateness=HOUR, now=now, is_bounded=True)
    hours = {"a": 1, "b": 30, "c": 50, "d": 2}  # "c" is dated ahead of the run's start
    table = FileTable([stored(key, BEGIN + hour * HOUR) for key, hour in hours.items()])
    new = NewFiles(table, Bookmark(), reach)
    places = {file.key: place for file, place in new.within(window)}
    assert [place["count"] for place in places.values()] == [1, 2, 2, 3]
    assert not new.is_remembered(window)
    bookmark = Bookmark(BEGIN, (Checkpoint(window, places["c"], "q", now),))
    assert keys(NewFiles(table, bookmark, reach), window) == ["c", "d"]


def test_what_is_read_before_a_window_is_known_or_older() -> None:
    window = Window(BEGIN + DAY, BEGIN + 2 * DAY)
    hours = {"x-a": 1, "x-b": 30, "x-c": 40, "y-a": 1}
    files = [stored(key, BEGIN + hour * HOUR) for key, hour in hours.items()]
    new = new_files(files, Bookmark(), BEGIN + 2 * DAY)
    assert [file.key for file in new.read_before("x-", window)] == ["x-a"]
    read = Checkpoint(window, {"after": "x-b"}, "q", BEGIN + 3 * DAY)
    new = new_files(files, Bookmark(BEGIN, (read,)), BEGIN + 2 * DAY)
    assert [file.key for file in new.read_before("x-", window)] == ["x-a", "x-b"]


def test_a_key_that_is_listed_twice_is_one_file() -> None:
    window = Window(BEGIN, BEGIN + DAY)
    table = FileTable([stored("a", BEGIN, "1"), stored("a", BEGIN + MINUTE, "2")])
    assert [file.etag for file, *_ in table.by_key(window.start, None, window.end)] == ["2"]


def test_a_digest_does_not_depend_on_the_order_of_a_listing() -> None:
    files = [stored(f"{number}", BEGIN + number * MINUTE) for number in range(2_500)]
    tally = FileTable(files).tally(BEGIN, None)
    assert tally == FileTable(files[::-1]).tally(BEGIN, BEGIN + 2 * DAY)
    assert tally.number == 2_500
    assert tally != FileTable(files[1:]).tally(BEGIN, None)
    *_, (_, _, last) = FileTable(files).by_key(BEGIN, None, BEGIN + 2 * DAY)
    assert last == tally


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_table, "TABLES", file_table.TABLES + "PRAGMA max_page_count = 20;")
    files = (stored(f"{number}" * 50, BEGIN) for number in range(5_000))
    with pytest.raises(FatalVendorError, match=r"the listing of files can't be spooled in .*full"):
        FileTable(files)
    table = FileTable([])
    with closing(sqlite3.connect(":memory:")) as other:
        monkeypatch.setattr(table, "_database", other)
        with pytest.raises(FatalVendorError, match="no such table"):
            table.tally(BEGIN, None)
