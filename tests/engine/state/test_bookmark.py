"""What a run reads because of STATE, and what it promises."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.errors import FatalVendorError, InvalidStateError
from tap_eventexport.engine.sent.ledger import Sent
from tap_eventexport.engine.sent.spans import Span, Tally
from tap_eventexport.engine.state.bookmark import (
    Bookmark,
    Bounds,
    Checkpoint,
    Limits,
    Plan,
    advance,
    checkpoint_prepared,
    keep_hints,
    plan,
)
from tap_eventexport.engine.state.codec import (
    BEFORE_A_WATERMARK,
    MOST_POSITIONS,
    read_bookmark,
    read_state,
    write_bookmark,
)
from tap_eventexport.engine.state.read_files import FileSpan, ReadFiles
from tap_eventexport.engine.windows import EPOCH, MILLISECOND, Window, format_instant, split_every

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOW = timedelta(0)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DATED = {"until": "2026-03-10", "bookmark": "2026-03-10"}
BOUNDS = Bounds(
    now=NOON, start=NOON - 9 * DAY, lookback=HOUR, settle=timedelta(0), start_is_set=True
)


def limits(now: datetime = NOON, earliest: datetime = NOON - 9 * DAY) -> Limits:
    return Limits(earliest, latest=now, present=now)


def interval(watermark: datetime | None, **changes: Any) -> tuple[datetime, datetime] | None:
    window = plan(Bookmark(watermark), replace(BOUNDS, **changes), "q").interval
    return (window.start, window.end) if window else None


@pytest.mark.parametrize(
    ("watermark", "changes", "expected"),
    [
        pytest.param(None, {}, (NOON - 9 * DAY, NOON), id="first run"),
        pytest.param(NOON - DAY, {}, (NOON - DAY - HOUR, NOON), id="one lookback behind"),
        pytest.param(NOON - 9 * DAY, {}, (NOON - 9 * DAY, NOON), id="lookback ends at start_date"),
        pytest.param(
            NOON - 9 * DAY,
            {"start_is_set": False},
            (NOON - 9 * DAY - HOUR, NOON),
            id="a start that nobody set bounds no lookback",
        ),
        pytest.param(
            NOON - 9 * DAY,
            {"start": NOON - DAY},
            (NOON - 9 * DAY - HOUR, NOON),
            id="start_date after the bookmark skips nothing",
        ),
        pytest.param(
            None, {"settle": HOUR}, (NOON - 9 * DAY, NOON - HOUR), id="nothing younger than settle"
        ),
        pytest.param(None, {"end": NOON - DAY}, (NOON - 9 * DAY, NOON - DAY), id="end_date"),
        pytest.param(None, {"end": NOON + DAY}, (NOON - 9 * DAY, NOON), id="never past now"),
        pytest.param(None, {"end": NOON - 9 * DAY}, None, id="start_date is end_date"),
        pytest.param(NOON, {"lookback": timedelta(0)}, None, id="nothing new"),
        pytest.param(NOON, {"end": NOON - DAY}, None, id="end_date before the bookmark"),
        pytest.param(
            NOON + DAY, {}, (NOON - HOUR, NOON), id="a bookmark in the future is taken as now"
        ),
        pytest.param(
            NOON - 9 * DAY,
            {"retention_start": NOON - 3 * DAY},
            (NOON - 3 * DAY, NOON),
            id="what the vendor forgot is a gap",
        ),
    ],
)
def test_what_is_wanted(
    watermark: datetime | None, changes: dict[str, Any], expected: tuple[datetime, datetime] | None
) -> None:
    assert interval(watermark, **changes) == expected


def test_bounds_of_microseconds_select_the_same_milliseconds() -> None:
    half = timedelta(microseconds=500)
    millisecond = timedelta(milliseconds=1)
    start, end = NOON - DAY, NOON - HOUR
    assert interval(None, start=start + half, end=end + half) == (
        start + millisecond,
        end + millisecond,
    )


def test_no_bound_splits_a_second_where_times_are_seconds() -> None:
    second, part = timedelta(seconds=1), timedelta(milliseconds=400)
    seconds = {"granularity": second, "lookback": timedelta(0)}
    now = NOON + part
    assert interval(NOON - DAY + part, now=now, **seconds) == (NOON - DAY, NOON)
    assert interval(None, now=now, start=NOON - DAY + part, end=NOON - HOUR + part, **seconds) == (
        NOON - DAY + second,
        NOON - HOUR + second,
    )


def test_a_gap_is_named_or_fails() -> None:
    bounds = replace(BOUNDS, retention_start=NOON - DAY)
    (note,) = plan(Bookmark(NOON - 5 * DAY), bounds, "q").notes
    assert "2026-03-05T11:00:00.000Z" in note
    assert "2026-03-09T12:00:00.000Z" in note
    with pytest.raises(FatalVendorError, match="no longer kept"):
        plan(Bookmark(NOON - 5 * DAY), replace(bounds, fail_on_gap=True), "q")


def opened_at(
    start: datetime, end: datetime, read_at: datetime, filters_hash: str = "q"
) -> Checkpoint:
    return Checkpoint(Window(start, end), {"cursor": "c"}, filters_hash, read_at)


def tasks(made: Plan) -> list[tuple[datetime, datetime, bool]]:
    found = made.tasks(lambda whole: split_every(whole, DAY))
    return [(window.start, window.end, cursor is not None) for window, cursor in found]


def test_an_old_window_goes_on_from_its_position() -> None:
    opened = NOON - 5 * DAY
    bookmark = Bookmark(opened, (opened_at(opened, opened + DAY, NOON - HOUR),))
    assert tasks(plan(bookmark, BOUNDS, "q"))[:3] == [
        (opened - HOUR, opened, False),
        (opened, opened + DAY, True),
        (opened + DAY, opened + 2 * DAY, False),
    ]


def test_a_young_window_is_read_again_where_events_may_have_arrived_since() -> None:
    opened, read_at = NOON - DAY, NOON - 6 * HOUR
    bookmark = Bookmark(opened, (opened_at(opened, read_at, read_at),))
    assert tasks(plan(bookmark, BOUNDS, "q")) == [
        (opened - HOUR, opened, False),
        (opened, read_at, True),
        (read_at - HOUR, read_at, False),
        (read_at, NOON, False),
    ]


def test_windows_that_were_opened_ahead_are_gone_on_with() -> None:
    """Of five days the second is being read, the third and the fourth are being prepared."""
    begin = NOON - 5 * DAY
    bookmark = Bookmark(begin + DAY)
    for number in (3, 1, 2):
        day = begin + number * DAY
        bookmark = checkpoint_prepared(bookmark, opened_at(day, day + DAY, NOON), begin)
    state: dict[str, Any] = {}
    write_bookmark(state, "timestamp", bookmark)
    assert state["position"]["start"] == "2026-03-06T12:00:00.000Z"
    assert [checkpoint["start"] for checkpoint in state["ahead"]] == [
        "2026-03-07T12:00:00.000Z",
        "2026-03-08T12:00:00.000Z",
    ]
    assert tasks(plan(read_bookmark(state, "events"), BOUNDS, "q")) == [
        (begin + DAY - HOUR, begin + DAY, False),
        (begin + DAY, begin + 2 * DAY, True),
        (begin + 2 * DAY, begin + 3 * DAY, True),
        (begin + 3 * DAY, begin + 4 * DAY, True),
        (begin + 4 * DAY, NOON, False),
    ]


def test_what_is_emitted_leaves_the_windows_ahead_of_it_open() -> None:
    begin = NOON - 2 * DAY
    today = opened_at(NOON - DAY, NOON, NOON)
    bookmark = checkpoint_prepared(Bookmark(), today, begin)
    assert bookmark == Bookmark(begin, (today,))
    first = Window(begin, begin + DAY)
    page = Checkpoint(first, {"cursor": "2"}, "q", NOON)
    bookmark = advance(bookmark, first, page, limits())
    assert bookmark == Bookmark(begin, (page, today))
    bookmark = advance(bookmark, first, None, limits())
    assert bookmark == Bookmark(NOON - DAY, (today,))
    assert advance(bookmark, today.window, None, limits()) == Bookmark(NOON)


@pytest.mark.parametrize(
    ("watermark", "changes", "words"),
    [
        (NOON, {}, ()),
        (NOON - DAY, {"end": NOON}, ()),
        (
            NOON - DAY,
            {"end": NOON - DAY},
            ("is not before end_date 2026-03-09T12:00:00.000Z: only the lookback is read again",),
        ),
        (
            NOON,
            {"end": NOON - 5 * DAY},
            ("is not before end_date 2026-03-05T12:00:00.000Z: nothing is read; if the state is",),
        ),
        (
            NOON + DAY,
            {"end": NOON - DAY, "lookback": HOUR},
            ("lies in the future", "is not before end_date"),
        ),
        (
            NOON,
            {"lookback": timedelta(0), "settle": HOUR},
            ("nothing is read: the run begins at 2026-03-10T12:00:00.000Z (the bookmark, less",),
        ),
        (None, {"end": NOON - 9 * DAY}, ("(start_date, or 30 days ago) and ends at",)),
        (None, {"start": NOON - HOUR, "settle": 2 * HOUR}, ("nothing is read",)),
        (
            None,
            {"end": NOON - 8 * DAY, "retention_start": NOON - DAY},
            ("no longer kept by the vendor",),
        ),
        (NOON + DAY, {"lookback": timedelta(0)}, ("lies in the future",)),
        (EPOCH, {}, ()),
    ],
)
def test_a_run_that_finds_nothing_new_says_so(
    watermark: datetime | None, changes: dict[str, Any], words: tuple[str, ...]
) -> None:
    notes = plan(Bookmark(watermark), replace(BOUNDS, **changes), "q").notes
    assert len(notes) == len(words)
    for note, part in zip(notes, words, strict=True):
        assert part in note


def test_no_lookback_reaches_before_1970() -> None:
    bounds = replace(BOUNDS, lookback=3_650 * DAY, start_is_set=False)
    made = plan(Bookmark(EPOCH + DAY), bounds, "q")
    assert made.interval == Window(EPOCH, NOON)


@pytest.mark.parametrize(
    ("found", "notes"),
    [
        pytest.param(opened_at(NOON - DAY, NOON, NOON, "other"), 1, id="other filters"),
        pytest.param(opened_at(NOON - DAY, NOON + HOUR, NOON), 0, id="reaches past what is wanted"),
        pytest.param(opened_at(NOON - 3 * DAY, NOON, NOON), 0, id="starts before what is wanted"),
    ],
)
def test_a_position_that_does_not_fit_is_left(found: Checkpoint, notes: int) -> None:
    made = plan(Bookmark(NOON - DAY, (found,)), BOUNDS, "q")
    assert not made.checkpoints
    assert len(made.notes) == notes


@pytest.mark.parametrize("seed", range(400))
def test_nothing_is_lost_whenever_runs_are_killed(seed: int) -> None:
    """Events of a minute each arrive up to a lookback late; runs die after any page."""
    chance = random.Random(seed)
    lookback = chance.randint(0, 30)
    runs = [(chance.random() < 0.7, chance.randint(1, 60)) for _ in range(8)]
    minute = timedelta(minutes=1)
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    arrivals = {
        begin + number * minute: begin + (number + chance.randint(0, lookback)) * minute
        for number in range(600)
    }
    emitted: set[datetime] = set()
    now = begin
    state: dict[str, Any] = {}
    for is_killed, minutes in [*runs, (False, lookback + 1), (False, lookback + 1)]:
        now += minutes * minute
        bounds = Bounds(now=now, start=begin, lookback=lookback * minute, settle=timedelta(0))
        bookmark = read_bookmark(state, "events")
        pages_until_killed = chance.randint(1, 60) if is_killed else 1000
        made = plan(bookmark, bounds, "q")
        for window, cursor in made.tasks(lambda whole: split_every(whole, 7 * minute)):
            there = [
                time
                for time, arrival in arrivals.items()
                if window.start <= time < window.end and arrival <= now
            ]
            # The vendor's cursor: after so many of the events that it had for this window.
            first = datetime.fromisoformat(cursor["after"]) if cursor else window.start
            for time in [time for time in there if time >= first]:
                emitted.add(time)
                following = {"after": (time + minute).isoformat()}
                checkpoint = made.checkpoint_at(window, following, now)
                bookmark = advance(bookmark, window, checkpoint, limits(now, begin))
                write_bookmark(state, "timestamp", bookmark)
                pages_until_killed -= 1
                if not pages_until_killed:
                    break
            else:
                bookmark = advance(bookmark, window, None, limits(now, begin))
                write_bookmark(state, "timestamp", bookmark)
                continue
            break
    settled = now - lookback * minute
    assert {time for time in arrivals if time < settled} <= emitted


def test_state_is_read_as_it_is_written() -> None:
    state: dict[str, Any] = {"something": "old"}
    window = Window(NOON - DAY, NOON)
    checkpoint = Checkpoint(window, {"cursor": "eyJ"}, "3f9a", NOON)
    bookmark = advance(Bookmark(), window, checkpoint, limits())
    write_bookmark(state, "timestamp", bookmark)
    assert state == {
        "replication_key": "timestamp",
        "replication_key_value": "2026-03-09T12:00:00.000Z",
        "position": {
            "start": "2026-03-09T12:00:00.000Z",
            "end": "2026-03-10T12:00:00.000Z",
            "cursor": "eyJ",
            "query": "3f9a",
            "read_at": "2026-03-10T12:00:00.000Z",
        },
    }
    assert read_bookmark(state, "events") == bookmark


def test_the_youngest_hints_go_through_state_and_are_never_an_error() -> None:
    bookmark = keep_hints(Bookmark(NOON), {"2026-03-02": {"count": 2}, "2026-03-01": {"count": 1}})
    bookmark = keep_hints(bookmark, {"2026-03-03": [None], "2026-03-02": "x"})
    assert bookmark.hints == {"2026-03-02": "x", "2026-03-03": [None]}
    state: dict[str, Any] = {}
    write_bookmark(state, "time", bookmark)
    assert read_bookmark(state, "events") == bookmark
    wrongs: tuple[Any, ...] = ([], "x", 5, None)
    for wrong in wrongs:
        assert read_bookmark({**state, "hints": wrong}, "events") == Bookmark(NOON)


def spans(*minutes: int) -> tuple[FileSpan, ...]:
    """Spans up to noon that begin so many minutes before it."""
    starts = [NOON - before * timedelta(minutes=1) for before in minutes]
    ends = [*starts[1:], NOON]
    return tuple(
        FileSpan(start, end, number, f"{number:016x}")
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    )


def test_files_that_were_read_are_told_in_spans_back_from_the_last() -> None:
    minute = timedelta(minutes=1)
    bookmark = Bookmark(NOON - minute, files=ReadFiles(spans(90, 30, 1), NOON - minute))
    state: dict[str, Any] = {}
    write_bookmark(state, "timestamp", bookmark)
    assert state["files"] == {
        "bookmark": "2026-03-10T11:59:00.000Z",
        "until": "2026-03-10T12:00:00.000Z",
        "spans": [
            [60_000, 2, "0000000000000002"],
            [29 * 60_000, 1, "0000000000000001"],
            [60 * 60_000, 0, "0000000000000000"],
        ],
    }
    assert read_bookmark(state, "events") == bookmark


def test_files_of_an_earlier_version_stay_until_they_are_told_anew() -> None:
    bookmark = Bookmark(NOON, files=ReadFiles(names={"0123456789abcdef": NOON - HOUR}))
    state: dict[str, Any] = {}
    write_bookmark(state, "timestamp", bookmark)
    assert state["files"] == {"0123456789abcdef": "2026-03-10T11:00:00.000Z"}
    assert read_bookmark(state, "events") == bookmark


def test_a_bookmark_that_is_set_back_reads_its_files_again() -> None:
    state: dict[str, Any] = {}
    write_bookmark(state, "timestamp", Bookmark(NOON, files=ReadFiles(spans(90, 1), NOON)))
    state["replication_key_value"] = "2026-03-10T11:59:59.999Z"
    assert read_bookmark(state, "events").files == ReadFiles()
    state["replication_key_value"] = "2026-03-10T12:00:00.001Z"
    assert read_bookmark(state, "events").files.spans == spans(90, 1)


def test_the_bookmark_never_goes_back_nor_past_now() -> None:
    before = Bookmark(NOON - HOUR)
    lookback = Window(NOON - DAY, NOON - 2 * HOUR)
    assert advance(before, lookback, None, limits()) == before
    today = Window(NOON - DAY, NOON + DAY)
    assert advance(before, today, None, limits()) == Bookmark(NOON)


NAMES = st.sampled_from(
    [
        *sorted(BEFORE_A_WATERMARK),
        "replication_key_value",
        "position",
        "ahead",
        "files",
        "start",
        "end",
    ]
)


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ({"replication_key_value": "yesterday"}, "events.replication_key_value"),
        ({"replication_key_value": 1772323200}, "events.replication_key_value"),
        ({"replication_key_value": "1772323200000"}, "events.replication_key_value"),
        ({"replication_key_value": "1711010100000"}, "events.replication_key_value"),
        ({"replication_key_value": True}, "events.replication_key_value is true"),
        ({"replication_key_value": Decimal("1.5")}, r"events.replication_key_value is 1\.5"),
        ({"replication_key_value": "0001-01-01T00:00:00Z"}, "0001-01-01T.*from 1970-01-01 on"),
        ({"replication_key_value": "1969-12-31T23:59:59.999Z"}, "from 1970-01-01 on"),
        ({"replication_key_value": "9999-12-31T23:59:59.999Z"}, "events.replication_key_value"),
        ({"replication_key_value": "9999-12-31T23:59:59-14:00"}, "events.replication_key_value"),
        (
            {"position": {"start": "0001-01-01", "end": "2026-03-01", "read_at": "2026-03-01"}},
            'events.position.start is "0001-01-01"',
        ),
        (
            {"position": {"start": "2026-03-01", "end": "2026-03-02", "read_at": "9999-12-31"}},
            "events.position.read_at",
        ),
        ({"files": {"a": "9999-12-31T23:59:59Z"}}, "events.files.a"),
        ({"position": "here"}, "events.position"),
        ({"position": {"start": "2026-03-01"}}, "events.position.end"),
        ({"ahead": {"start": "2026-03-01"}}, "events.ahead is no list"),
        ({"ahead": [{"start": "2026-03-01"}]}, r"events.ahead\[0\].end"),
        (
            {"position": {"start": "2026-03-02", "end": "2026-03-01", "read_at": "2026-03-01"}},
            "ends before it starts",
        ),
        ({"files": ["a"]}, "events.files is no object"),
        ({"files": {"a": 5}}, "events.files.a"),
        ({"files": {"spans": []}}, "events.files.until"),
        ({"files": {"until": "2026-03-10", "spans": []}}, "events.files.bookmark"),
        ({"files": {**DATED, "spans": {}}}, "events.files.spans is no list"),
        *(
            ({"files": {**DATED, "spans": [[1, 1, "a"], span]}}, r"spans\[1\] is")
            for span in (5, [], [0, 1, "a"], [10**15, 1, "a"], [1, "1", "a"], [1, 1, 1])
        ),
        ({"partitions": []}, "partitions"),
        ({"replication_key_valu": "2026-03-01T00:00:00Z"}, "no replication_key_value, only"),
        ({"replication_key_value": None, "files": {}}, "no replication_key_value, only files"),
    ],
)
def test_garbage_in_state_is_named(state: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidStateError, match=name):
        read_bookmark(state, "events")


@pytest.mark.parametrize("state", [None, "2026-03-01T00:00:00Z", 5, [], True])
def test_a_bookmark_is_an_object(state: Any) -> None:
    with pytest.raises(InvalidStateError, match=r"the state's events is .*, expected an object"):
        read_bookmark(state, "events")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "pass the value of the last STATE message"),
        ([], "pass the value of"),
        ({"bookmarks": None}, "pass the value of"),
        ({"bookmarks": []}, "pass the value of"),
        ({"type": "STATE"}, "pass the value of"),
        ({"type": "RECORD", "stream": "events", "record": {}}, "pass the value of"),
        ({"events": {"replication_key_value": "2026-03-01T00:00:00Z"}}, "pass the value of"),
        ({"streams": []}, "it is a catalog, which is for --catalog"),
        ({"singer_state": {"bookmarks": {}}}, "pass the value of its singer_state"),
    ],
)
def test_what_is_no_state_is_told(value: Any, words: str) -> None:
    with pytest.raises(InvalidStateError, match=f"the state doesn't have the form .*{words}"):
        read_state(value)


def test_what_others_left_in_a_state_stays() -> None:
    state = {"bookmarks": {"events": {}, "other": "2026", "empty": {}}, "currently_syncing": None}
    assert read_state(state) == state
    assert read_state({"type": "STATE", "value": state}) == state
    assert read_state({}) == {}


def test_a_state_of_too_many_windows_goes_on_with_the_earliest() -> None:
    starts = [NOON + number * HOUR for number in range(3 * MOST_POSITIONS)]
    ahead = [
        {
            "start": format_instant(start),
            "end": format_instant(start + HOUR),
            "read_at": "2026-03-01",
        }
        for start in reversed(starts)
    ]
    checkpoints = read_bookmark(
        {"replication_key_value": "2026-03-01", "ahead": ahead}, "e"
    ).checkpoints
    assert [checkpoint.window.start for checkpoint in checkpoints] == starts[:MOST_POSITIONS]


def test_changed_filters_of_many_windows_are_told_once() -> None:
    opened = [
        Checkpoint(Window(NOON - n * HOUR, NOON - (n - 1) * HOUR), {}, "old", NOON)
        for n in range(40, 0, -1)
    ]
    (note,) = plan(
        Bookmark(NOON - DAY, tuple(opened)), replace(BOUNDS, lookback=2 * DAY), "q"
    ).notes
    assert "Z) and 39 more was started" in note


def test_a_position_of_a_million_days_is_left() -> None:
    far = {"start": "0002-01-01", "end": "2739-11-29", "read_at": "2026-03-01", "query": "q"}
    bookmark = read_bookmark({"replication_key_value": "2026-03-01", "position": far}, "events")
    assert not plan(bookmark, BOUNDS, "q").checkpoints


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("2026-03-01T00:00Z"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(state=st.dictionaries(NAMES | st.text(max_size=5), JSON, max_size=6))
def test_no_state_is_silently_none(state: dict[str, Any]) -> None:
    """Whatever an earlier tap, a hand or a broken disk wrote: it is an error, or it counts."""
    with suppress(InvalidStateError):
        bookmark = read_bookmark(state, "events")
        assert bookmark.watermark or state.keys() <= BEFORE_A_WATERMARK | {"replication_key_value"}


def test_the_state_of_a_plain_sdk_tap_is_understood() -> None:
    state = {
        "replication_key": "timestamp",
        "replication_key_value": "2026-03-10T21:00:00+09:00",
        "starting_replication_value": None,
    }
    assert read_bookmark(state, "events") == Bookmark(NOON)


@pytest.mark.parametrize(
    ("watermark", "latest", "present", "expected"),
    [
        pytest.param(-HOUR, -HOUR / 2, -HOUR / 2, -HOUR / 2, id="up to what is over"),
        pytest.param(-HOUR, -5 * HOUR, NOW, -HOUR, id="an earlier promise is kept"),
        pytest.param(-HOUR, -5 * HOUR, -5 * HOUR, -5 * HOUR, id="but not one of the future"),
        pytest.param(None, -5 * HOUR, -5 * HOUR, -5 * HOUR, id="a first run"),
        pytest.param(None, -99 * DAY, NOW, -9 * DAY, id="no bookmark before the start"),
    ],
)
def test_no_promise_goes_beyond_what_both_clocks_have_seen(
    watermark: timedelta | None, latest: timedelta, present: timedelta, expected: timedelta
) -> None:
    before = Bookmark(None if watermark is None else NOON + watermark)
    bounds = Limits(NOON - 9 * DAY, latest=NOON + latest, present=NOON + present)
    today = Window(NOON - DAY, NOON)
    assert advance(before, today, None, bounds) == Bookmark(NOON + expected)


def test_a_plan_that_wants_nothing_has_no_tasks() -> None:
    assert tasks(plan(Bookmark(), replace(BOUNDS, end=BOUNDS.start), "q")) == []


def test_a_bookmark_without_a_promise_is_written_as_none() -> None:
    state: dict[str, Any] = {"replication_key_value": "old"}
    write_bookmark(state, "timestamp", Bookmark())
    assert state == {"replication_key": "timestamp"}


def test_a_table_has_the_time_when_it_was_read() -> None:
    read_at = datetime(2026, 3, 4, 5, 6, 7, 89_000, tzinfo=UTC)
    span = Span(read_at - MILLISECOND, read_at, Tally(4, 0xFF))
    state: dict[str, Any] = {"replication_key": "old"}
    write_bookmark(state, None, Bookmark(read_at, sent=Sent("output", (span,))))
    assert state["read_at"] == "2026-03-04T05:06:07.089Z"
    assert state.keys() == {"read_at", "sent"}
    assert read_bookmark(state, "a_table") == Bookmark(read_at, sent=Sent("output", (span,)))
    with pytest.raises(InvalidStateError, match=r"the state's a_table\.read_at is 5, expected"):
        read_bookmark({**state, "read_at": 5}, "a_table")
