"""A deterministic history of events that grows with the clock."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = timedelta(days=1)
LATER = 10**9  # index of the second chapter's first event


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of the history.

    Attributes:
        index: Its number since `History.begin`; the same event always has the same one.
        time: When it happened, in whole milliseconds.
        arrival: When the vendor can first return it.
    """

    index: int
    time: datetime
    arrival: datetime

    def random(self, salt: str = "") -> random.Random:
        """Return a random generator for this event's content: the same at every call."""
        return random.Random(f"{salt}{self.index}")  # noqa: S311 - sandbox data


@dataclass(frozen=True, slots=True)
class History:
    """Events at a constant rate, each at a random moment of its own share of the day.

    Attributes:
        per_day: The number of events in a day.
        begin: When the first event happens.
        end: When the last event happens; None if new events happen with the clock.
        late_every: One of this many events arrives late; 0 is none.
        lateness: How late it arrives.
    """

    per_day: int
    begin: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    end: datetime | None = None
    late_every: int = 0
    lateness: timedelta = timedelta(minutes=30)

    def between(self, start: datetime, end: datetime) -> Iterator[Moment]:
        """The events of [start, end), the earliest first, arrived or not."""
        for index in itertools.chain(*self.indexes(start, end)):
            moment = self.moment(index)
            if moment and start <= moment.time < end:
                yield moment

    def indexes(self, start: datetime, end: datetime) -> tuple[range, ...]:
        """The numbers of all events of [start, end), the earliest first, and a few around them."""
        last = min(end, self.end) if self.end else end
        if last <= self.begin:
            return ()
        share = DAY / self.per_day
        first = max(0, (start - self.begin) // share)
        return (range(first, (last - self.begin) // share + 1),)

    def moment(self, index: int) -> Moment | None:
        """The event of a number; None if there is none."""
        chance = random.Random(index).random()  # noqa: S311
        time = self.begin + (index + chance) * (DAY / self.per_day)
        time = time.replace(microsecond=time.microsecond // 1000 * 1000)
        if index < 0 or (self.end and time >= self.end):
            return None
        is_late = self.late_every and index % self.late_every == 0
        return Moment(index, time, time + self.lateness if is_late else time)


@dataclass(frozen=True, slots=True)
class Chapters:
    """One history, and another that begins when the first has ended."""

    earlier: History
    later: History

    def between(self, start: datetime, end: datetime) -> Iterator[Moment]:
        """The events of [start, end), the earliest first, arrived or not."""
        yield from self.earlier.between(start, end)
        for moment in self.later.between(start, end):
            yield replace(moment, index=moment.index + LATER)

    def indexes(self, start: datetime, end: datetime) -> tuple[range, ...]:
        """The numbers of all events of [start, end), the earliest first, and a few around them."""
        later = self.later.indexes(start, end)
        return (
            *self.earlier.indexes(start, end),
            *(range(some.start + LATER, some.stop + LATER) for some in later),
        )

    def moment(self, index: int) -> Moment | None:
        """The event of a number; None if there is none."""
        if index < LATER:
            return self.earlier.moment(index)
        moment = self.later.moment(index - LATER)
        return moment and replace(moment, index=index)
