"""A backfill as data: which part of which stream is loaded on its own."""

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
"""What the days of one partition have in common, by what the user calls its width."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a plan must know of a stream.

    Attributes:
        stream: Its name.
        zone: The time zone of the vendor's days; None where no part of the time is asked for
            alone.
        oldest: The earliest instant that the vendor still keeps; None if that isn't known.
        origin: A fingerprint of the account and of what is asked of it.
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
        window: The time that is read.
        id: The same for the same time of the same account, whenever it is planned.
    """

    stream: str
    window: Window
    id: str

    @property
    def values(self) -> dict[str, str]:
        """The partition as JSON has it."""
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
    """All partitions, those of a stream in order, and what can't be read."""

    partitions: tuple[Partition, ...]
    gaps: tuple[Gap, ...]


def plan(sources: Iterable[Source], wanted: Window, by: str) -> Plan:
    """Cut the wanted time of each stream where the vendor's days, weeks or months begin.

    Only the first and the last partition may be parts of a day, so that no vendor is asked for
    a day twice.

    Args:
        sources: The streams.
        wanted: The time to load.
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
    """It names the whole window, since what a vendor still keeps of it changes with time."""
    times = (format_instant(instant) for instant in (window.start, window.end))
    compact = (time.replace("-", "").replace(":", "") for time in times)
    return "-".join((source.stream, *compact, source.origin))
