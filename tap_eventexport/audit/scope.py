"""What an audit looks at: streams, and their days up to a settled instant."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import RemoveRecordTransform

from tap_eventexport.backfill import sources
from tap_eventexport.backfill.plan import Source, plan
from tap_eventexport.engine.windows import Window, format_instant, parse_instant, window_if_any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

    from tap_eventexport.backfill.plan import Gap
    from tap_eventexport.engine.stream import EventStream
    from tap_eventexport.tap import TapEventExport


LENGTH = len("2026-03-01T00:00:00.000Z")


@dataclass(frozen=True, eq=False)
class Scope:
    """What is looked at of a stream.

    Attributes:
        stream: The tap's stream.
        name: The name that it is loaded by, which a stream map may change.
        keys: Its primary key.
        properties: The schemas of its columns, by name.
        zone: The zone of its days.
        days: The days, in order and without gaps; the first and the last may be parts of days.
        starts: The start of each day, and the end of the last, as texts.
    """

    stream: EventStream
    name: str
    keys: tuple[str, ...]
    properties: Mapping[str, Any]
    zone: tzinfo
    days: tuple[Window, ...]
    starts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        edges = (*(day.start for day in self.days), self.days[-1].end)
        object.__setattr__(self, "starts", [format_instant(edge) for edge in edges])

    @property
    def time(self) -> str:
        """The column with the time that days are told by."""
        return str(self.stream.replication_key)

    @property
    def whole(self) -> Window:
        """The time that is looked at."""
        return Window(self.days[0].start, self.days[-1].end)

    def date(self, day: int) -> str:
        """The calendar date of a day, in the vendor's zone."""
        return self.days[day].start.astimezone(self.zone).date().isoformat()

    def day_of(self, time: str) -> int | None:
        """Return the number of the day that a record's time lies in; None if it is in no day.

        Raises:
            ValueError: If it isn't a time.
        """
        if len(time) != LENGTH or time[-1] != "Z":
            time = format_instant(parse_instant(time))
        number = bisect_right(self.starts, time) - 1
        return number if 0 <= number < len(self.days) else None

    def days_of(self, times: Sequence[str]) -> list[int | None]:
        """Do so for many times, most of which lie in the same day."""
        if {*map(len, times)} == {LENGTH}:
            first = self.day_of(min(times))
            if first == self.day_of(max(times)) and first is not None:
                return [first] * len(times)
        return [self.day_of(time) for time in times]


@dataclass(frozen=True, slots=True)
class Looked:
    """The scopes of an audit, and what it can't look at.

    Attributes:
        scopes: What is looked at.
        gaps: What vendors no longer keep.
        left_out: A line for each stream that isn't looked at.
    """

    scopes: tuple[Scope, ...]
    gaps: tuple[Gap, ...]
    left_out: tuple[str, ...]


def looked_at(tap: TapEventExport, streams: Sequence[str], wanted: Window) -> Looked:
    """Say what to look at, without asking the vendors.

    Args:
        tap: The tap.
        streams: Names of streams; empty for all that are selected.
        wanted: The time to look at.

    Raises:
        ValueError: If a stream isn't selected.
    """
    scopes: list[Scope] = []
    gaps: list[Gap] = []
    left_out: list[str] = []
    for stream in sources.streams(tap, streams):
        if not stream.replication_key:
            left_out.append(f"{stream.name}: not looked at, since its records have no time")
            continue
        settled = settled_instant(stream)
        window = window_if_any(wanted.start, min(wanted.end, settled))
        if not window:
            left_out.append(
                f"{stream.name}: not looked at, since only what is before "
                f"{format_instant(settled)} is settled"
            )
            continue
        source = sources.source(tap, stream)
        planned = plan([source], window[0], "day")
        gaps.extend(planned.gaps)
        days = tuple(partition.window for partition in planned.partitions)
        if days:
            days = days if source.zone else _days_of_utc(source.stream, days)
            scopes.extend(_scopes(stream, source.zone or UTC, days))
    return Looked(tuple(scopes), tuple(gaps), tuple(left_out))


def settled_instant(stream: EventStream) -> datetime:
    """The instant before which no run reads again, so that all should be loaded."""
    return stream.now - max(stream.bounds().lookback, stream.settle)


def _days_of_utc(name: str, days: Sequence[Window]) -> tuple[Window, ...]:
    """Cut the time of a vendor that can't be asked for days."""
    whole = Window(days[0].start, days[-1].end)
    source = Source(name, UTC, None, "")
    return tuple(partition.window for partition in plan([source], whole, "day").partitions)


def _scopes(stream: EventStream, zone: tzinfo, days: tuple[Window, ...]) -> Iterator[Scope]:
    for made in stream.stream_maps:
        if not isinstance(made, RemoveRecordTransform):
            yield Scope(
                stream,
                made.stream_alias,
                tuple(made.transformed_key_properties or ()),
                made.transformed_schema["properties"],
                zone,
                days,
            )
