"""A deterministic history of events that grows with the clock."""

from __future__ import annotations

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
    """One event's place in the history.

    Attributes:
        index: Its number since `History.begin`; the same event always has the same one.
        time: When it happened, in whole milliseconds.
        arrival: When the vendor can first return it.
    """

    index: int
    time: datetime
    arrival: datetime

    def random(self, salt: str = "") -> random.Random:
        """Chance for this event's content: the same at every call."""
        return random.Random(f"{salt}{self.index}")  # noqa: S311 - sandbox data


@dataclass(frozen=True, slots=True)
class History:
    """Events at an even rate, each at a random moment of its own share of the day.

    Attributes:
        per_day: How many events happen in a day.
        begin: When the first event happens.
        end: When the last event happens; None if they go on with the clock.
        late_every: Every so many events one arrives late; 0 is none.
        lateness: How late that is.
    """

    per_day: int
    begin: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    end: datetime | None = None
    late_every: int = 0
    lateness: timedelta = timedelta(minutes=30)

    def between(self, start: datetime, end: datetime) -> Iterator[Moment]:
        """The events of [start, end), the earliest first, arrived or not."""
        if end <= self.begin:
            return
        share = DAY / self.per_day
        last = min(end, self.end) if self.end else end
        first = max(0, (start - self.begin) // share)
        for index in range(first, (last - self.begin) // share + 1):
            moment = self._moment(index, share)
            if start <= moment.time < last:
                yield moment

    def _moment(self, index: int, share: timedelta) -> Moment:
        chance = random.Random(index).random()  # noqa: S311
        time = self.begin + (index + chance) * share
        time = time.replace(microsecond=time.microsecond // 1000 * 1000)
        is_late = self.late_every and index % self.late_every == 0
        return Moment(index, time, time + self.lateness if is_late else time)


@dataclass(frozen=True, slots=True)
class Chapters:
    """One history, then another that begins when the first has ended."""

    earlier: History
    later: History

    def between(self, start: datetime, end: datetime) -> Iterator[Moment]:
        """The events of [start, end), the earliest first, arrived or not."""
        yield from self.earlier.between(start, end)
        for moment in self.later.between(start, end):
            yield replace(moment, index=moment.index + LATER)
