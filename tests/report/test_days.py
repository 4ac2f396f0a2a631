from __future__ import annotations

from datetime import date, timedelta

import pytest

from tap_eventexport.report.days import DAY, MOST_BARS, MOST_WEEKS, Days, Span

TODAY = date(2026, 3, 10)


def every_day(number: int, last: date = TODAY) -> dict[date, int]:
    return {last - DAY * back: 5 for back in reversed(range(number))}


def of(*dates: str, today: date = TODAY) -> Days:
    return Days({date.fromisoformat(text): 1 for text in dates}, today)


def test_days_without_events_are_gaps() -> None:
    days = of("2026-02-27", "2026-03-01", "2026-03-02", "2026-03-06")
    assert days.gaps == [
        Span(date(2026, 2, 28), date(2026, 2, 28)),
        Span(date(2026, 3, 3), date(2026, 3, 5)),
    ]
    assert days.missing == 4
    assert days.shown == [date(2026, 2, 27) + DAY * number for number in range(8)]


def test_the_days_after_the_last_event_are_no_gap() -> None:
    assert of("2026-03-01", "2026-03-02").gaps == []


def test_events_after_today_are_told_and_no_day_is_missing_until_them() -> None:
    days = Days({TODAY - DAY: 3, TODAY: 4, date(2999, 1, 1): 1, date(9000, 1, 1): 2}, TODAY)
    assert list(days.past) == days.shown == [TODAY - DAY, TODAY]
    assert days.later == Span(date(2999, 1, 1), date(9000, 1, 1), 3)
    assert days.missing == 0


@pytest.mark.parametrize(("number", "is_short"), [(1, True), (MOST_BARS, True), (62, False)])
def test_a_time_below_two_months_is_short(number: int, *, is_short: bool) -> None:
    assert Days(every_day(number), TODAY).is_short is is_short


def test_the_first_and_the_last_day_tell_how_long_it_is() -> None:
    assert not of("2026-01-01", "2026-03-10").is_short


def test_weeks_are_those_of_the_last_three_years() -> None:
    days = Days(every_day(3_650), TODAY)
    assert (len(days.weeks), days.weeks[-1]) == (MOST_WEEKS, date(2026, 3, 9))
    assert days.earlier == Span(
        TODAY - DAY * 3_649, days.weeks[0] - DAY, 5 * (3_650 - len(days.shown))
    )
    assert days.shown[0] == days.weeks[0]


def test_one_event_of_a_wrong_clock_does_not_make_a_calendar_of_centuries() -> None:
    days = Days({date(1, 1, 9): 1, **every_day(3)}, TODAY)
    assert len(days.weeks) == MOST_WEEKS
    assert len(days.shown) <= 7 * MOST_WEEKS
    assert days.earlier == Span(date(1, 1, 9), date(1, 1, 9), 1)
    assert days.missing == (TODAY - timedelta(3) - date(1, 1, 9)).days
