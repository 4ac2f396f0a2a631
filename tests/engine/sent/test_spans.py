"""Spans get wider with age, keep what they count, and fit into STATE."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.sent.spans import (
    DAY,
    MOST_BYTES,
    WIDEST,
    Span,
    Tally,
    Widths,
    read_spans,
    read_tally,
    without,
    write_spans,
    write_tally,
)
from tap_eventexport.engine.windows import Window, time_zone

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SEOUL = time_zone("Asia/Seoul")


def cut(start: datetime, end: datetime, widths: Widths) -> list[Span]:
    """A time in spans as they are made, each with one record."""
    window = Window(start, end)
    edges = [start, *widths.cuts(window), end]
    return [Span(one, other, Tally(1, 7)) for one, other in pairwise(edges)]


@pytest.mark.parametrize(
    ("age", "width"),
    [
        (timedelta(minutes=20), timedelta(minutes=1)),
        (timedelta(minutes=100), timedelta(minutes=5)),
        (timedelta(hours=8), timedelta(minutes=15)),
        (timedelta(hours=20), timedelta(hours=1)),
        (timedelta(days=6), timedelta(hours=12)),
        (timedelta(days=365), timedelta(days=32)),
    ],
)
def test_a_span_is_at_most_a_tenth_as_wide_as_it_is_old(age: timedelta, width: timedelta) -> None:
    spans = cut(NOON - 2 * age, NOON, Widths(NOON, None, WIDEST))
    (found,) = [span for span in spans if span.start <= NOON - age < span.end]
    assert found.end - found.start == width


def test_spans_begin_at_round_times_of_the_vendors_zone() -> None:
    """Korea's midnight is at 15:00 in UTC; so is the start of the six hours after it."""
    spans = cut(NOON - timedelta(days=5), NOON, Widths(NOON, SEOUL, WIDEST))
    wide = [span for span in spans if span.end - span.start == timedelta(hours=6)]
    assert wide
    assert {span.start.astimezone(SEOUL).hour % 6 for span in wide} == {0}
    assert {span.start.minute for span in wide} == {0}


def test_a_span_reaches_over_midnight_only_if_requests_may() -> None:
    long_ago = NOON - timedelta(days=300)
    days = cut(long_ago, NOON, Widths(NOON, SEOUL, DAY))
    assert max(span.end - span.start for span in days) == timedelta(days=1)
    wide = cut(long_ago, NOON, Widths(NOON, SEOUL, WIDEST))
    assert max(span.end - span.start for span in wide) > timedelta(days=1)


def test_time_after_the_newest_instant_is_one_span() -> None:
    later = NOON + timedelta(hours=3)
    spans = cut(NOON - 2 * MINUTE, later, Widths(NOON, None, WIDEST))
    assert [span.start for span in spans] == [NOON - 2 * MINUTE, NOON - MINUTE, NOON]


days = st.integers(0, 30)


@given(
    days, st.integers(1, 60 * 24 * 40), st.lists(st.integers(0, 10**6), max_size=20), st.booleans()
)
def test_joined_spans_keep_time_and_tallies(
    passed: int,
    minutes: int,
    holes: list[int],
    is_by_day: bool,  # noqa: FBT001 - hypothesis passes it
) -> None:
    widest = DAY if is_by_day else WIDEST
    spans = cut(NOON - minutes * MINUTE, NOON, Widths(NOON, SEOUL, widest))
    for hole in holes:
        del spans[hole % len(spans) :][:1]
    joined = Widths(NOON + timedelta(days=passed), SEOUL, widest).widened(spans, MOST_BYTES)
    assert len(write_spans(joined)) <= MOST_BYTES
    assert all(one.end <= other.start for one, other in pairwise(joined))
    assert sum(span.tally.records for span in joined) == len(spans)
    length = sum((span.end - span.start for span in joined), timedelta(0))
    assert length == sum((span.end - span.start for span in spans), timedelta(0))


def test_where_there_is_no_room_the_oldest_spans_are_forgotten() -> None:
    spans = [
        Span(NOON - 2 * n * MINUTE, NOON - (2 * n - 1) * MINUTE, Tally(n, n))
        for n in range(400, 0, -1)
    ]
    kept = Widths(NOON, None, WIDEST).widened(spans, 2_000)
    assert kept == tuple(spans[-len(kept) :])
    assert 1_900 < len(write_spans(kept)) <= 2_000


def test_spans_are_written_as_one_short_text() -> None:
    start = NOON - 3 * MINUTE
    spans = (
        Span(start, start + MINUTE, Tally(12, 255)),
        Span(start + MINUTE, start + 2 * MINUTE, Tally()),
        Span(start + 2.5 * MINUTE, NOON, Tally(1, 2**64 - 1)),
    )
    text = write_spans(spans)
    assert text == "60000:12:00000000000000ff 60000:0 -30000 30000:1:ffffffffffffffff"
    assert read_spans(start, text) == spans
    assert write_spans(()) == ""
    assert read_spans(start, "") == ()


@pytest.mark.parametrize(
    "text",
    [
        "60000",
        "-60000:0",
        "0:0",
        "60000:",
        "60000:1",
        "60000:1:ff",
        "60000:0:0000000000000000",
        "x:0",
        "60000:1:00000000000000FF",
        "٣:0",
        "9999999999999:0",
        "999999999999:0 " * 260,
        "60000:0 " * MOST_BYTES,
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"span|tally|calendar"):
        read_spans(NOON, text)


def test_a_start_outside_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="calendar"):
        read_spans(datetime(1960, 1, 1, tzinfo=UTC), "60000:0")


@given(st.integers(0, 10**11), st.integers(0, 2**64 - 1))
def test_a_tally_is_read_as_it_is_written(records: int, digest: int) -> None:
    tally = Tally(records, digest) if records else Tally()
    assert read_tally(write_tally(tally)) == tally


def test_tallies_are_added_in_any_order() -> None:
    one, other = Tally(3, 2**64 - 1), Tally(2, 5)
    assert one.plus(other) == other.plus(one) == Tally(5, 4)


def test_without_a_window_no_span_that_overlaps_it_is_left() -> None:
    spans = cut(NOON - 5 * MINUTE, NOON, Widths(NOON, None, WIDEST))
    window = Window(NOON - 3.5 * MINUTE, NOON - 3 * MINUTE)
    assert without(spans, window) == [*spans[:1], *spans[2:]]
