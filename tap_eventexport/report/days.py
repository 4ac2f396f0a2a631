"""The days of a stream as a report shows them: from the first one until today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

DAY, WEEK = timedelta(days=1), timedelta(days=7)
MOST_BARS = 61  # days; a longer time is a calendar
MOST_WEEKS = 156  # of a calendar, three years, so that a page of all streams stays below 1 MB


class Span(NamedTuple):
    """Days from the first to the last one, and the number of their events."""

    first: date
    last: date
    events: int = 0

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.last - self.first) // DAY + 1


@dataclass(frozen=True)
class Days:
    """The events of a stream per day.

    Attributes:
        events: Only days that have events, in order.
        today: The day that is not over. What a wrong clock dates after it is no day to show.
    """

    events: dict[date, int]
    today: date

    @cached_property
    def past(self) -> dict[date, int]:
        """The days until today."""
        return {day: number for day, number in self.events.items() if day <= self.today}

    @cached_property
    def later(self) -> Span | None:
        """The time after today, if it has events."""
        return _span({day: number for day, number in self.events.items() if day > self.today})

    @cached_property
    def gaps(self) -> list[Span]:
        """The days without events between the first and the last day."""
        return [
            Span(before + DAY, after - DAY)
            for before, after in pairwise(self.past)
            if after - before > DAY
        ]

    @cached_property
    def missing(self) -> int:
        """The number of days in gaps."""
        return sum(gap.days for gap in self.gaps)

    @cached_property
    def is_short(self) -> bool:
        """Whether the days are few enough for bars."""
        return Span(min(self.past), max(self.past)).days <= MOST_BARS

    @cached_property
    def weeks(self) -> list[date]:
        """The Mondays of the weeks that a calendar shows."""
        first, last = monday(min(self.past)), monday(max(self.past))
        number = min((last - first) // WEEK + 1, MOST_WEEKS)
        return [last - WEEK * back for back in reversed(range(number))]

    @cached_property
    def earlier(self) -> Span | None:
        """The time before a calendar, if it has events."""
        first = self.weeks[0]
        return _span({day: number for day, number in self.past.items() if day < first})

    @cached_property
    def shown(self) -> list[date]:
        """All days to show, with those in gaps."""
        first, last = max(min(self.past), self.weeks[0]), max(self.past)
        return [first + DAY * number for number in range((last - first) // DAY + 1)]


def monday(day: date) -> date:
    """Return the first day of the week."""
    return day - DAY * day.weekday()


def _span(events: dict[date, int]) -> Span | None:
    return Span(min(events), max(events), sum(events.values())) if events else None
