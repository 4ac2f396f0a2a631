"""Half-open time windows; an interval is split into windows, and each is read on its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

if TYPE_CHECKING:
    from collections.abc import Iterator

MILLISECOND = timedelta(milliseconds=1)
HOUR = 3_600_000  # milliseconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Times must be between these, so that a lookback or an offset stays inside the calendar.
FIRST, LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """The time from `start`, inclusive, to `end`, exclusive; both aware and in UTC.

    Raises:
        ValueError: If the window is empty.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"window start {self.start} must be before end {self.end}")

    def __str__(self) -> str:
        return f"[{format_instant(self.start)}, {format_instant(self.end)})"

    def clipped(self, bounds: Window) -> Window:
        """Return the part inside another window, which must overlap this one."""
        return Window(max(self.start, bounds.start), min(self.end, bounds.end))


def window_if_any(start: datetime, end: datetime) -> tuple[Window, ...]:
    """Return one window from start to end, or none if start isn't before end."""
    return (Window(start, end),) if start < end else ()


def split_every(whole: Window, width: timedelta) -> Iterator[Window]:
    """Split a window into windows of one width; the last may be shorter."""
    start = whole.start
    while start < whole.end:
        end = min(start + width, whole.end)
        yield Window(start, end)
        start = end


def split_growing(whole: Window, first: timedelta, growth: int) -> Iterator[Window]:
    """Split a window into windows that grow: each is `growth` times as wide as the previous one."""
    start, width = whole.start, first
    while start < whole.end:
        end = min(start + width, whole.end)
        yield Window(start, end)
        start, width = end, width * growth


def calendar_days(whole: Window, zone: tzinfo) -> Iterator[Window]:
    """Yield the whole calendar days, in a time zone, that a window overlaps.

    A day is from its first instant in the zone to the first instant of the next day. It has 23 or
    25 hours if the clocks change, and begins at one o'clock if midnight is skipped.
    """
    day = whole.start.astimezone(zone).date()
    start = _first_instant(day, zone)
    while start < whole.end:
        day += timedelta(days=1)
        end = _first_instant(day, zone)
        if start < end:
            yield Window(start, end)
        start = end


def _first_instant(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone, fold=0).astimezone(UTC)


def time_zone(name: str) -> tzinfo:
    """Return the time zone with an IANA name, such as `Asia/Seoul`; works without system data.

    Raises:
        ValueError: If there is no such zone. Names of files or folders are refused, and names that
            only this machine knows.
    """
    if not is_time_zone(name):
        raise ValueError(f"there is no time zone {name!r}")
    import pendulum  # noqa: PLC0415 - slow to import, and most vendors need no zone

    zone: tzinfo = pendulum.timezone(name)
    return zone


def is_time_zone(name: str) -> bool:
    """Whether a name is an IANA name; the system may know newer ones than the package `tzdata`."""
    return name in zone_names() or ("/" in name and name in available_timezones())


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The names of time zones that the package `tzdata` has."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


def round_up(instant: datetime, granularity: timedelta = MILLISECOND) -> datetime:
    """Round an instant up to a multiple of the granularity.

    The time t of an event is such a multiple, so t >= instant is the same as t >=
    round_up(instant): a rounded bound selects the same events.
    """
    whole = round_down(instant, granularity)
    return whole if whole == instant else whole + granularity


def round_down(instant: datetime, granularity: timedelta = MILLISECOND) -> datetime:
    """Round an instant down to a multiple of the granularity."""
    return instant - (instant - EPOCH) % granularity


def to_milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970, exact."""
    return (instant - EPOCH) // MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the instant at a number of milliseconds since 1970.

    Raises:
        ValueError: If no calendar year holds it.
    """
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise ValueError("milliseconds since 1970 that no calendar year holds") from None


@lru_cache(maxsize=1000)  # six weeks
def _hour(hours: int) -> str:
    return from_milliseconds(hours * HOUR).isoformat()[:14]


_SECONDS = tuple(f"{second // 60:02}:{second % 60:02}." for second in range(3600))
_MILLISECONDS = tuple(f"{millisecond:03}Z" for millisecond in range(1000))


def format_milliseconds(milliseconds: int) -> str:
    """Format milliseconds since 1970 as `format_instant` does, seven times as fast.

    Raises:
        ValueError: If no calendar year holds them.
    """
    hours, rest = divmod(milliseconds, HOUR)
    return f"{_hour(hours)}{_SECONDS[rest // 1000]}{_MILLISECONDS[rest % 1000]}"


def format_instant(instant: datetime) -> str:
    """An instant as RFC 3339 in UTC with three decimals: `2026-03-01T00:00:00.000Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


# RFC 3339, and other forms that are not ambiguous: only a date, no seconds, no offset.
_is_instant = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"(?:[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:[.,]\d{1,12})?)?(?:Z|[+-]\d\d(?::?[0-5]\d)?)?)?",
    re.ASCII,
).fullmatch


def parse_instant(text: str, zone: tzinfo = UTC, since: datetime = FIRST) -> datetime:
    """Read a date or date-time such as `2026-03-01` or `2026-03-01T00:00:00.000+09:00`.

    Args:
        text: The text. Numbers, weeks and other ISO 8601 forms without dashes and colons are
            refused: 1711010100000, which is milliseconds since 1970, would be a time in the year
            1711.
        zone: The time zone of a text without an offset.
        since: The earliest instant that is accepted.

    Raises:
        ValueError: If the text isn't a date or date-time, or is before `since` or after the year
            9998.
    """
    if _is_written(text):
        instant = datetime.fromisoformat(text)
    elif _is_instant(text):
        instant = _in_utc(datetime.fromisoformat(text), zone)
    else:
        raise ValueError("not a date or date-time such as 2026-03-01T00:00:00Z")
    if since <= instant < LAST:
        return instant
    raise ValueError(f"the year is not from {since.year} to {LAST.year - 1}")


def parse_naive(text: str, zone: tzinfo) -> datetime:
    """Parse a `yyyy-MM-dd HH:mm:ss`, which has no time zone, as a time in a zone.

    Raises:
        ValueError: If the text has another form, or the calendar has no such time.
    """
    if text[4:19:3] != "-- ::" or len(text) != 19 or text[11:13] == "24":  # noqa: PLR2004
        raise ValueError("not of the form yyyy-MM-dd HH:mm:ss")
    return _in_utc(datetime.fromisoformat(text), zone)


def _is_written(text: str) -> bool:
    """Whether a text has the form that `format_instant` writes, judged by its separators."""
    return (
        text[4:20:3] == "--T::."
        and len(text) == 24  # noqa: PLR2004
        and text[23] == "Z"
        and (text[11] < "2" or text[11:13] < "24")
    )


def _in_utc(instant: datetime, zone: tzinfo) -> datetime:
    try:
        aware = instant if instant.tzinfo else instant.replace(tzinfo=zone)
        return aware.astimezone(UTC)
    except OverflowError:
        raise ValueError("a date outside the calendar") from None
