"""Spans of time, each with the number and a digest of the records that were sent of it.

A span is short while it is young, since it is sent whole if one of its records changes, and wider
with age. So a stream's part of STATE stays small, whatever its lookback.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, NamedTuple

from tap_eventexport.engine.windows import EPOCH, LAST, MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime, tzinfo

    from tap_eventexport.engine.windows import Window

MINUTE, DAY = 1, 24 * 60  # minutes
WIDTHS = (1, 5, 15, 60, 180, 360, 720, *(DAY << power for power in range(10)))  # minutes
WIDEST = WIDTHS[-1]
AGES_PER_WIDTH = 10  # a span is at most a tenth as wide as it is old
MOST_BYTES = 5_000  # of a stream's spans in STATE; with all else that it compares, below 8 KB
MODULUS = 1 << 64
TALLY = re.compile(r"0|([1-9]\d{0,11}):([0-9a-f]{16})", re.ASCII)
LENGTH = re.compile(r"[1-9]\d{0,11}", re.ASCII)  # milliseconds, up to 31 years


class Tally(NamedTuple):
    """The number of some records, and a digest of them in any order.

    Attributes:
        records: The number.
        digest: The sum of a 64-bit digest of each record, modulo 2^64.
    """

    records: int = 0
    digest: int = 0

    def plus(self, other: Tally) -> Tally:
        """Return the tally of both."""
        return Tally(self.records + other.records, (self.digest + other.digest) % MODULUS)


@dataclass(frozen=True, slots=True)
class Span:
    """The time from `start`, inclusive, to `end`, exclusive, and the records sent of it."""

    start: datetime
    end: datetime
    tally: Tally


class Widths:
    """How wide spans are.

    Args:
        newest: The instant that age is counted from.
        zone: The zone of the vendor's days, at which spans are aligned.
        widest: The widest span, in minutes.
    """

    def __init__(self, newest: datetime, zone: tzinfo | None, widest: int) -> None:
        self._newest = newest
        self._zone = zone or UTC
        self._widths = [width for width in WIDTHS if width <= widest]

    def cuts(self, window: Window) -> Iterator[datetime]:
        """Yield the instants inside a window at which spans begin."""
        instant = window.start
        while instant < min(window.end, self._newest):
            width = self._width(instant, 1)
            _, elapsed = self._cell(instant, width)
            instant = min(instant + timedelta(minutes=width) - elapsed, self._newest)
            if instant < window.end:
                yield instant

    def widened(self, spans: Iterable[Span], most: int) -> tuple[Span, ...]:
        """Join neighbours that are old enough, so that STATE has room for all spans.

        Args:
            spans: The spans, in order.
            most: The largest number of bytes that they may take in STATE.
        """
        joined = tuple(spans)
        for power in range(len(WIDTHS)):
            joined = tuple(self._joined(joined, 1 << power))
            if len(write_spans(joined)) <= most:
                return joined
        return _newest_that_fit(joined, most)

    def _joined(self, spans: Sequence[Span], factor: int) -> Iterator[Span]:
        last: Span | None = None
        for span in spans:
            if last and last.end == span.start and self._is_one(last, span, factor):
                last = Span(last.start, span.end, last.tally.plus(span.tally))
                continue
            if last:
                yield last
            last = span
        if last:
            yield last

    def _is_one(self, first: Span, second: Span, factor: int) -> bool:
        width = self._width(second.end, factor)
        begin, _ = self._cell(first.start, width)
        end, _ = self._cell(second.end - MILLISECOND, width)
        return begin == end

    def _width(self, instant: datetime, factor: int) -> int:
        """The width of spans at an instant, in minutes."""
        age = (self._newest - instant) / timedelta(minutes=1) * factor
        found = bisect_right(self._widths, age / AGES_PER_WIDTH)
        return self._widths[max(found, 1) - 1]

    def _cell(self, instant: datetime, width: int) -> tuple[int, timedelta]:
        """Return the number of the aligned span that an instant lies in, and the time since."""
        local = instant.astimezone(self._zone)
        minutes = local.toordinal() * DAY + local.hour * 60 + local.minute
        number, rest = divmod(minutes, width)
        passed = timedelta(minutes=rest, seconds=local.second, microseconds=local.microsecond)
        return number, passed


def _newest_that_fit(spans: Sequence[Span], most: int) -> tuple[Span, ...]:
    numbers = range(len(spans))
    first = next(n for n in numbers if len(write_spans(spans[n:])) <= most)
    return tuple(spans[first:])


def write_spans(spans: Sequence[Span]) -> str:
    """Return spans as STATE holds them, with what `read_spans` needs besides the first start.

    `60000:12:00000000000000ff 60000:0 -30000` is a minute with twelve records, a minute without
    any, and half a minute that isn't known.
    """
    return " ".join(_tokens(spans))


def _tokens(spans: Sequence[Span]) -> Iterator[str]:
    reached = spans[0].start if spans else None
    for span in spans:
        if reached and reached < span.start:
            yield f"-{(span.start - reached) // MILLISECOND}"
        reached = span.end
        yield f"{(span.end - span.start) // MILLISECOND}:{write_tally(span.tally)}"


def read_spans(start: datetime, text: str) -> tuple[Span, ...]:
    """Read what `write_spans` wrote.

    Args:
        start: The start of the first span.
        text: The text.

    Raises:
        ValueError: If the text has another form, or is longer than any that is written.
    """
    if len(text) > MOST_BYTES:
        raise ValueError("too many spans")
    spans: list[Span] = []
    for token in text.split():
        length, separator, tally = token.partition(":")
        if not LENGTH.fullmatch(length.removeprefix("-")) or bool(separator) == (length[0] == "-"):
            raise ValueError("not a span")
        passed = abs(int(length)) * MILLISECOND
        if not EPOCH <= start < LAST - passed:
            raise ValueError("a span outside the calendar")
        end = start + passed
        if separator:
            spans.append(Span(start, end, read_tally(tally)))
        start = end
    return tuple(spans)


def write_tally(tally: Tally) -> str:
    """Return a tally as STATE holds it: its number and its digest, or 0."""
    return f"{tally.records}:{tally.digest:016x}" if tally.records else "0"


def read_tally(text: str) -> Tally:
    """Read what `write_tally` wrote.

    Raises:
        ValueError: If the text has another form.
    """
    found = TALLY.fullmatch(text)
    if not found:
        raise ValueError("not a tally")
    return Tally(int(found[1] or 0), int(found[2] or "0", 16))


def without(spans: Iterable[Span], window: Window) -> list[Span]:
    """Return the spans that don't overlap a window."""
    return [span for span in spans if span.end <= window.start or window.end <= span.start]
