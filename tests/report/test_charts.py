from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.report.charts import (
    LEVELS,
    MOST_TICKS,
    PART_OF_FEW,
    PART_OF_MANY,
    bars,
    calendar,
    compact,
    shares,
    tick_step,
)
from tap_eventexport.report.days import DAY, Days

SUNDAY = date(2026, 3, 1)


def every_day(number: int, *, today: date | None = None) -> Days:
    """Days from a Sunday on; each has one event more than the one before it."""
    events = {SUNDAY + DAY * day: day + 1 for day in range(number)}
    return Days(events, today or SUNDAY + DAY * number)


def without(days: Days, *missing: date) -> Days:
    return Days({day: n for day, n in days.events.items() if day not in missing}, days.today)


def test_a_short_time_is_a_bar_for_each_day() -> None:
    chart = bars(every_day(9))
    assert chart.ticks == [(0, 0), (5, 50), (10, 100)]
    assert [cell.height for cell in chart.cells] == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert [cell.label for cell in chart.cells[:3]] == ["Sun 1 Mar", "Mon 2", "Tue 3"]
    assert chart.cells[-1].told == "Mon 2026-03-09: 9"
    assert chart.cells[-1].number == "9"


def test_many_bars_have_labels_on_mondays_and_no_numbers() -> None:
    cells = bars(every_day(40)).cells
    labels = [cell.label for cell in cells if cell.label]
    assert labels == ["2 Mar", "9 Mar", "16 Mar", "23 Mar", "30 Mar", "6 Apr"]
    assert not any(cell.number for cell in cells)


def test_one_event_is_one_bar_of_full_height() -> None:
    (cell,) = bars(Days({SUNDAY: 1}, SUNDAY + DAY)).cells
    assert (cell.height, cell.told) == (100, "Sun 2026-03-01: 1")


def test_a_missing_day_is_marked_in_bars_and_in_a_calendar() -> None:
    tuesday = date(2026, 3, 3)
    gap = bars(without(every_day(9), tuesday)).cells[2]
    assert (gap.kind, gap.told, gap.height) == ("gap", "Tue 2026-03-03: none", 0)
    (part, *_) = calendar(without(every_day(70), tuesday)).parts
    assert (part[1].cells[1].kind, part[1].cells[1].told) == ("gap", "Tue 2026-03-03: none")


def test_today_is_marked_as_not_over() -> None:
    today = SUNDAY + DAY * 8
    *before, last = bars(every_day(9, today=today)).cells
    assert (last.kind, last.told) == (f"l{LEVELS} today", "Mon 2026-03-09: 9 so far")
    assert not any("today" in cell.kind for cell in before)


def test_a_column_is_a_week_and_a_row_is_a_day_of_the_week() -> None:
    chart = calendar(every_day(70))
    assert [len(part) for part in chart.parts] == [PART_OF_FEW, 2]
    first, second = chart.parts[0][:2]
    assert (first.label, second.label) == ("23 Feb", "2 Mar")
    assert [cell.told for cell in first.cells] == ["", "", "", "", "", "", "Sun 2026-03-01: 1"]
    assert [cell.number for cell in second.cells] == ["2", "3", "4", "5", "6", "7", "8"]


def test_a_long_calendar_names_months_and_has_no_numbers() -> None:
    chart = calendar(every_day(400))
    assert max(map(len, chart.parts)) == PART_OF_MANY
    labels = [[week.label for week in part if week.label] for part in chart.parts]
    assert labels[0] == ["Mar 2026", "Apr", "May", "Jun", "Jul", "Aug"]
    assert labels[1] == ["Sep 2026", "Oct", "Nov", "Dec", "Jan 2027", "Feb"]
    told = [cell for part in chart.parts for week in part for cell in week.cells if cell.told]
    assert len(told) == 400
    assert not any(cell.number for cell in told)


def test_the_lightness_is_the_share_of_the_fullest_day_in_all_parts() -> None:
    kinds = [
        cell.kind
        for part in calendar(every_day(400)).parts
        for week in part
        for cell in week.cells
        if cell.kind
    ]
    assert kinds == [f"l{-(-(number + 1) * LEVELS // 400)}" for number in range(400)]


def test_all_kinds_of_lag_are_there_with_their_shares() -> None:
    assert shares({"within 1 minute": 3, "later": 1}) == [
        ("within 1 minute", 3, 75),
        ("within 1 hour", 0, 0),
        ("within 1 day", 0, 0),
        ("later", 1, 25),
    ]


def test_events_that_arrived_before_they_happened_are_shown_if_there_are_some() -> None:
    assert shares({"before it happened": 2})[-1] == ("before it happened", 2, 100)


@given(st.integers(1, 10**15))
def test_a_scale_has_few_round_ticks_and_reaches_the_fullest_day(fullest: int) -> None:
    step = tick_step(fullest)
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert step * MOST_TICKS >= fullest
    assert step * MOST_TICKS < 10 * fullest or step == 1


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        *((7, "7"), (999, "999"), (1_000, "1k"), (1_234, "1.23k"), (12_345, "12.3k")),
        *((999_499, "999k"), (999_999, "1M"), (1_500_000, "1.5M"), (2 * 10**9, "2G")),
    ],
)
def test_a_number_is_short(number: int, expected: str) -> None:
    assert compact(number) == expected
