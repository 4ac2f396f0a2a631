"""The charts of a report as plain data, which the page draws with HTML and CSS alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tap_eventexport.report.days import DAY, WEEK, monday
from tap_eventexport.report.events import EARLIER, LAGS, LATER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from tap_eventexport.report.days import Days

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LEVELS = 5  # of lightness, by the share of the fullest day
FEW_DAYS = 14  # that have a number above each bar
FEW_WEEKS, PART_OF_FEW = 26, 9  # weeks whose days have numbers, and those side by side
PART_OF_MANY = 26  # weeks: each part of a calendar fits a narrow screen
LABEL_WEEKS = 4  # that a month with its year is as wide as
MOST_TICKS = 4
MISSING = "\N{MULTIPLICATION SIGN}"  # in every font


class Cell(NamedTuple):
    """A day of a chart.

    Attributes:
        kind: Its classes on the page; empty if it is outside of the stream's time.
        told: What it tells of itself when it is pointed at.
        number: The text in it, or above it; may be empty.
        height: Of its bar, in percent.
    """

    kind: str
    told: str = ""
    number: str = ""
    label: str = ""
    height: float = 0


@dataclass(frozen=True, slots=True)
class Bars:
    """Events per day as bars.

    Attributes:
        ticks: The numbers of the scale, each with its height in percent.
    """

    ticks: list[tuple[int, float]]
    cells: list[Cell]
    is_few: bool


class Week(NamedTuple):
    """A column of a calendar: Monday to Sunday."""

    label: str
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Events per day as a calendar, in parts that fit a narrow screen."""

    parts: list[list[Week]]
    is_few: bool


def bars(days: Days) -> Bars:
    """Make a bar for each day; the scale begins at zero and ends at or above the fullest day."""
    fullest = max(days.past.values())
    step = tick_step(fullest)
    top = -(-fullest // step) * step
    is_few = len(days.shown) <= FEW_DAYS
    cells = [
        _cell(days, day)._replace(
            number=compact(days.past[day]) if is_few and day in days.past else "",
            label=_bar_label(day, days.shown[0], is_few=is_few),
            height=round(100 * days.past.get(day, 0) / top, 1),
        )
        for day in days.shown
    ]
    return Bars([(tick, 100 * tick / top) for tick in range(0, top + 1, step)], cells, is_few)


def calendar(days: Days) -> Calendar:
    """Make a calendar; a column is a week, a row a day of the week."""
    is_few = len(days.weeks) <= FEW_WEEKS
    size = PART_OF_FEW if is_few else PART_OF_MANY
    shown = set(days.shown)
    parts = []
    for at in range(0, len(days.weeks), size):
        part = days.weeks[at : at + size]
        labels = [f"{week.day} {week:%b}" for week in part] if is_few else _months(part)
        cells = [
            [_calendar_cell(days, week + DAY * row, shown, is_few=is_few) for row in range(7)]
            for week in part
        ]
        parts.append([Week(*column) for column in zip(labels, cells, strict=True)])
    return Calendar(parts, is_few)


def _calendar_cell(days: Days, day: date, shown: set[date], *, is_few: bool) -> Cell:
    if day not in shown:
        return Cell("")
    number = compact(days.past[day]) if is_few and day in days.past else ""
    return _cell(days, day)._replace(number=number)


def _cell(days: Days, day: date) -> Cell:
    number = days.past.get(day, 0)
    name = f"{WEEKDAYS[day.weekday()]} {day}"
    if not number:
        return Cell("gap", f"{name}: none")
    told = f"{name}: {number:,}"
    level = -(-number * LEVELS // max(days.past.values()))
    if day == days.today:
        return Cell(f"l{level} today", f"{told} so far")
    return Cell(f"l{level}", told)


def shares(arrivals: Mapping[str, int]) -> list[tuple[str, int, float]]:
    """Return how many events arrived how late, and their share of all in percent."""
    names = [*LAGS, LATER]
    if EARLIER in arrivals:
        names.append(EARLIER)
    whole = sum(arrivals.values())
    return [(name, arrivals.get(name, 0), 100 * arrivals.get(name, 0) / whole) for name in names]


def tick_step(fullest: int) -> int:
    """Return 1, 2 or 5 times a power of ten, so that few ticks reach the fullest day."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power * MOST_TICKS >= fullest:
                return factor * power
        power *= 10


def compact(number: int) -> str:
    """Format a number with three digits at most, such as 1.88k."""
    rounded = round(number, 3 - len(str(number)))
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if rounded >= size:
            return f"{rounded / size:.4g}{unit}"
    return str(number)


def _bar_label(day: date, first: date, *, is_few: bool) -> str:
    if is_few:
        return f"{WEEKDAYS[day.weekday()]} {day.day}" + (
            f" {day:%b}" if day in {first, day.replace(day=1)} else ""
        )
    return f"{day.day} {day:%b}" if day == monday(day) else ""


def _months(weeks: Sequence[date]) -> list[str]:
    """Name the month that begins in a week; the first one that is named and January have a year."""
    begins = [week.day <= WEEK.days for week in weeks]
    begins[0] = begins[0] or not any(begins[:LABEL_WEEKS])
    first = begins.index(True)
    return [
        (f"{week:%b} {week.year}" if position == first or week.month == 1 else f"{week:%b}")
        if has_label
        else ""
        for position, (week, has_label) in enumerate(zip(weeks, begins, strict=True))
    ]
