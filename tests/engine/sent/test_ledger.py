"""What was sent is compared span by span; whatever isn't certain is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.sent.ledger import OUTSIDE, Ledger, Part, Sent
from tap_eventexport.engine.sent.spans import DAY, WIDEST, Span, Tally, Widths
from tap_eventexport.engine.windows import Window, format_instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPANS = tuple(
    Span(NOON + n * 10 * MINUTE, NOON + (n + 1) * 10 * MINUTE, Tally(n, 7 * n)) for n in range(6)
)
HOUR = Window(NOON, NOON + 60 * MINUTE)


def ledger(
    spans: Sequence[Span] = SPANS,
    partial: Mapping[Window, Sequence[Span]] | None = None,
    outside: Mapping[str, Tally] | None = None,
    *,
    is_by_day: bool = False,
) -> Ledger:
    widths = Widths(NOON + 90 * MINUTE, None, DAY if is_by_day else WIDEST)
    return Ledger(
        Sent("x", tuple(spans), outside or {}), partial or {}, widths, is_by_day=is_by_day
    )


def read(books: Ledger, window: Window, changed: int | None = None) -> list[Span]:
    """Read a window as it was, but for one span; returns the spans that have changed."""
    tally = books.begin(books.pieces(window))
    for span in SPANS:
        start, end = max(span.start, window.start), min(span.end, window.end)
        if start < end:
            share = Tally(*span.tally) if start == span.start else Tally()
            tally.add(Part(tally.pieces.of(format_instant(start)), *share))
    if changed is not None:
        tally.add(Part(tally.pieces.of(format_instant(SPANS[changed].start)), 1, 1))
    return books.end(tally)


def test_a_span_that_is_as_it_was_is_unchanged() -> None:
    books = ledger()
    assert read(books, HOUR) == []
    assert books.verdicts == dict.fromkeys(range(6), True)


@pytest.mark.parametrize("changed", range(6))
def test_a_span_with_one_more_record_has_changed(changed: int) -> None:
    books = ledger()
    assert read(books, HOUR, changed) == [SPANS[changed]]
    assert [number for number, verdict in books.verdicts.items() if not verdict] == [changed]


def test_a_span_in_two_windows_is_judged_when_both_are_read() -> None:
    books = ledger()
    middle = NOON + 25 * MINUTE
    assert read(books, Window(NOON, middle)) == []
    assert books.verdicts == {0: True, 1: True}
    assert read(books, Window(middle, HOUR.end)) == []
    assert books.verdicts == dict.fromkeys(range(6), True)


def test_a_span_that_is_read_only_in_part_has_changed() -> None:
    books = ledger()
    assert read(books, Window(NOON + 5 * MINUTE, HOUR.end)) == [SPANS[0]]


def test_a_window_that_is_read_again_is_judged_again() -> None:
    books = ledger()
    read(books, HOUR)
    again = Window(SPANS[2].start, SPANS[4].end)
    books.begin(books.pieces(again))
    assert books.verdicts == {0: True, 1: True, 5: True}
    assert read(books, again, 3) == [SPANS[3]]
    assert books.verdicts[2]


def test_all_that_is_not_judged_can_be_given_up() -> None:
    books = ledger()
    read(books, Window(NOON, SPANS[1].end))
    assert books.give_up() == list(SPANS[2:])
    assert books.verdicts == {0: True, 1: True, **dict.fromkeys(range(2, 6), False)}


def test_a_window_is_cut_at_the_spans_of_state_and_elsewhere_as_new_spans_are() -> None:
    pieces = ledger(SPANS[1:3]).pieces(Window(NOON - 2 * MINUTE, NOON + 33 * MINUTE))
    assert [(edge - NOON) // MINUTE for edge in pieces.edges] == [-2, 0, 5, 10, 20, 30, 33]
    assert pieces.spans == [None, None, None, 0, 1, None]
    assert len(pieces) == 6


def test_the_piece_of_a_record_goes_by_its_time() -> None:
    pieces = ledger().pieces(HOUR)
    times = [NOON - MINUTE, NOON, NOON + 9.99 * MINUTE, NOON + 10 * MINUTE, HOUR.end]
    assert [pieces.of(format_instant(time)) for time in times] == [OUTSIDE, 0, 0, 1, OUTSIDE]


@given(st.lists(st.integers(-20, 80), max_size=30), st.sampled_from(["up", "down", "mixed"]))
def test_a_batch_is_cut_into_parts_in_its_own_order(minutes: list[int], order: str) -> None:
    if order != "mixed":
        minutes.sort(reverse=order == "down")
    pieces = ledger().pieces(HOUR)
    times = [format_instant(NOON + minute * MINUTE) for minute in minutes]
    parts = pieces.parts(times, list(range(len(times))))
    made = [part.piece for part in parts for _ in range(part.records)]
    assert made == [pieces.of(time) for time in times]
    assert sum(part.digest for part in parts) == sum(range(len(times)))


def test_a_resumed_window_goes_on_with_the_tallies_of_its_first_pages() -> None:
    middle = NOON + 20 * MINUTE
    begun = [Span(NOON, middle, Tally(5, 50)), Span(middle, HOUR.end, Tally(1, 1))]
    books = ledger((), {HOUR: begun})
    pieces = books.pieces(HOUR)
    assert pieces.edges == [NOON, NOON + 20 * MINUTE, HOUR.end]
    tally = books.begin(pieces)
    tally.add(Part(1, 2, 3))
    assert books.partial(tally) == (begun[0], Span(NOON + 20 * MINUTE, HOUR.end, Tally(3, 4)))
    books.end(tally)
    sent = books.sent(NOON, HOUR.end)
    assert sum(span.tally.records for span in sent.spans) == 8
    assert books.begin(books.pieces(Window(NOON - MINUTE, NOON)))[0] == Tally()


def test_what_state_keeps_reaches_from_the_lookback_to_the_bookmark() -> None:
    books = ledger()
    read(books, HOUR)
    kept = books.sent(NOON + 15 * MINUTE, NOON + 50 * MINUTE)
    assert kept == Sent("x", SPANS[1:5])
    assert kept.start_of(NOON + 15 * MINUTE) == NOON + 10 * MINUTE
    assert kept.start_of(NOON) == NOON
    assert kept.without([SPANS[2]], HOUR) == Sent("x", (SPANS[1], *SPANS[3:5]))


def test_spans_that_this_run_does_not_read_stay() -> None:
    books = ledger()
    read(books, Window(NOON, SPANS[2].end), 1)
    changed = Span(SPANS[1].start, SPANS[1].end, Tally(2, 8))
    assert books.sent(NOON, HOUR.end).spans == (SPANS[0], changed, *SPANS[2:])


def test_records_of_other_days_are_compared_by_the_day_that_was_requested() -> None:
    day = Window(NOON - timedelta(hours=12), NOON + timedelta(hours=12))
    start = format_instant(day.start)
    books = ledger((), outside={start: Tally(2, 9)}, is_by_day=True)
    pieces = books.pieces(day)
    assert books.is_compared(pieces)
    tally = books.begin(pieces)
    tally.add(Part(OUTSIDE, 2, 9))
    books.end(tally)
    assert books.is_unchanged(tally, OUTSIDE)
    assert not books.is_unchanged(tally, 0)
    tally.add(Part(OUTSIDE, 1, 1))
    books.end(tally)
    assert not books.is_unchanged(tally, OUTSIDE)
    sent = books.sent(day.start, NOON)
    assert sent.outside == {start: Tally(3, 10)}
    assert sent.without([], day).outside == {}
    assert books.sent(NOON, NOON).outside == {}


def test_where_requests_are_not_for_days_records_outside_are_never_compared() -> None:
    books = ledger((), outside={format_instant(HOUR.start): Tally(1, 1)})
    tally = books.begin(books.pieces(HOUR))
    tally.add(Part(OUTSIDE, 1, 1))
    books.end(tally)
    assert not books.is_unchanged(tally, OUTSIDE)
    assert not ledger(()).is_compared(tally.pieces)
