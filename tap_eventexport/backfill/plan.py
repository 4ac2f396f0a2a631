"""The plan of a backfill: the partitions of each stream."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from tap_eventexport.engine.windows import Window, calendar_days, format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date, datetime, tzinfo

WIDTHS: dict[str, Callable[[date], tuple[int, ...]]] = {
    "day": lambda day: (day.toordinal(),),
    "week": lambda day: day.isocalendar()[:2],
    "month": lambda day: (day.year, day.month),
}
"""Functions that return the same value for all days of one partition, by its width."""


@dataclass(frozen=True, slots=True)
class Source:
    """The facts about a stream that a plan needs.

    Attributes:
        stream: Its name.
        zone: The time zone of the vendor's days; None if the vendor cannot be queried by time
            range.
        retention_start: The earliest instant that the vendor still keeps; None if unknown.
        origin: A hash of the account and of the vendor's settings.
    """

    stream: str
    zone: tzinfo | None
    retention_start: datetime | None
    origin: str


@dataclass(frozen=True, slots=True)
class Partition:
    """A part of a stream that is loaded on its own.

    Attributes:
        stream: The stream's name.
        window: The time range to read.
        id: The same in every plan for the same time of the same account.
    """

    stream: str
    window: Window
    id: str

    @property
    def values(self) -> dict[str, str]:
        """The partition as a JSON object."""
        return {
            "stream": self.stream,
            "start": format_instant(self.window.start),
            "end": format_instant(self.window.end),
            "id": self.id,
        }


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of the wanted time that a vendor no longer keeps."""

    stream: str
    window: Window

    def __str__(self) -> str:
        return (
            f"{self.stream}: events from {format_instant(self.window.start)} to "
            f"{format_instant(self.window.end)} are no longer kept by the vendor and can't be read"
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """All partitions, in order for each stream, and the gaps that can't be read."""

    partitions: tuple[Partition, ...]
    gaps: tuple[Gap, ...]


def plan(sources: Iterable[Source], wanted: Window, by: str) -> Plan:
    """Split the interval of each stream where the vendor's days, weeks or months begin.

    Only the first and the last partition may have parts of days, so that no day is requested twice.

    Args:
        sources: The streams.
        wanted: The interval to load.
        by: A name in `WIDTHS`.
    """
    partitions: list[Partition] = []
    gaps: list[Gap] = []
    for source in sources:
        kept = (
            wanted.start
            if source.retention_start is None
            else max(wanted.start, source.retention_start)
        )
        if wanted.start < kept:
            gaps.append(Gap(source.stream, Window(wanted.start, min(kept, wanted.end))))
        for window in _cut(wanted, source.zone, by):
            if kept < window.end:
                read = Window(max(kept, window.start), window.end)
                partitions.append(Partition(source.stream, read, _id(source, window)))
    return Plan(tuple(partitions), tuple(gaps))


def _cut(wanted: Window, zone: tzinfo | None, by: str) -> Iterator[Window]:
    if zone is None:
        yield wanted
        return
    alike = WIDTHS[by]
    days = ((alike(day.start.astimezone(zone).date()), day) for day in calendar_days(wanted, zone))
    for _, group in groupby(days, key=itemgetter(0)):
        members = [day for _, day in group]
        yield Window(members[0].start, members[-1].end).clipped(wanted)


def _id(source: Source, window: Window) -> str:
    """Return an id with the whole window, since the part that a vendor still keeps changes."""
    times = (format_instant(instant) for instant in (window.start, window.end))
    compact = (time.replace("-", "").replace(":", "") for time in times)
    return "-".join((source.stream, *compact, source.origin))
