"""Which files of a listing are new to a run, and how STATE remembers those that were read.

Files are listed anew in each run, some under a time that lies behind the bookmark. STATE holds for
the time that is looked at again short spans, each with the number of its files and a digest of
their keys and versions. A span of which a listing gives the same was read, whatever happened in
between; of any other all files are read. The nearer to the bookmark, the shorter is a span: a file
that comes late by a minute lets the files of half a minute be read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from tap_eventexport.engine.state.read_files import FileSpan, ReadFiles
from tap_eventexport.engine.windows import Window, format_instant, parse_instant, round_down

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tap_eventexport.engine.objects.file_table import FileTable
    from tap_eventexport.engine.objects.listing import StoredObject
    from tap_eventexport.engine.state.bookmark import Bookmark, Checkpoint

SHORTEST = timedelta(seconds=1)  # a span; the times of S3 have no parts of it
GROWTH = 1.5  # of each span against the next: 36 spans reach back a month


class Place(msgspec.Struct):
    """How far the files of a time were read.

    Attributes:
        since: The time's start.
        until: Its end.
        after: The key that was read last; files are read by key.
        count: How many files have a key up to it.
        digest: A digest of their keys and versions.
    """

    since: str
    until: str
    after: str
    count: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which files one run looks at.

    Attributes:
        interval: The time to read.
        lookback: How far behind its bookmark a run begins.
        lateness: How long after its time a file may be listed for the first time.
        now: The instant at which the run began.
        is_bounded: Whether the time ends before now. Files of any later time may then hold events
            of it, and none is remembered, since each may hold other events.
    """

    interval: Window
    lookback: timedelta
    lateness: timedelta
    now: datetime
    is_bounded: bool = False

    @property
    def since(self) -> datetime:
        """When the files begin."""
        return self.interval.start - self.lateness

    def start(self, window: Window) -> datetime:
        """When the files of a window begin."""
        return self.since if window.start == self.interval.start else window.start

    def is_open(self, window: Window) -> bool:
        """Whether the files of a window have no end."""
        return self.is_bounded and window.end == self.interval.end


class NewFiles:
    """The files of a listing that weren't read before.

    Args:
        table: The listing.
        bookmark: What STATE says.
        reach: Which files the run looks at.
    """

    def __init__(self, table: FileTable, bookmark: Bookmark, reach: Reach) -> None:
        self._table = table
        self._mark = bookmark.watermark
        self._reach = reach
        for each in bookmark.files.spans:
            if self._span(each.start, each.end) == each:
                table.know(each.start, each.end)
        table.know_by_name(bookmark.files.names)
        for checkpoint in bookmark.checkpoints:
            self._resume(checkpoint)

    def within(self, window: Window) -> Iterator[tuple[StoredObject, dict[str, Any]]]:
        """The new files of a window by key, each with the place behind it."""
        start, end, until = self._reach.start(window), window.end, window.end
        is_open = self._reach.is_open(window)
        if is_open:
            until = round_down(self._reach.now)
        for file, is_known, tally in self._table.by_key(start, None if is_open else end, until):
            if not is_known:
                place = Place(format_instant(start), format_instant(until), file.key, *tally)
                yield file, msgspec.to_builtins(place)

    def read_before(self, prefix: str, window: Window) -> list[StoredObject]:
        """The files whose keys begin with a prefix and that are read before a window's new ones."""
        return self._table.beginning_with(prefix, self._reach.start(window))

    def is_remembered(self, window: Window) -> bool:
        """Whether a window that is complete changes what STATE says of files."""
        return not self._reach.is_bounded and not (self._mark and window.end < self._mark)

    def read_up_to(self, end: datetime, watermark: datetime) -> ReadFiles:
        """What STATE is to say when all files up to an instant were read.

        Args:
            end: The instant.
            watermark: The bookmark, which isn't behind it.
        """
        since = max(self._reach.since, watermark - self._reach.lookback - self._reach.lateness)
        times = [
            *cut_back(since, watermark),
            *([(max(since, watermark), end)] if watermark < end else ()),
        ]
        return ReadFiles(tuple(self._span(*time) for time in times), watermark)

    def _span(self, start: datetime, end: datetime) -> FileSpan:
        return FileSpan(start, end, *self._table.tally(start, end))

    def _resume(self, checkpoint: Checkpoint) -> None:
        """Know the files that were read in a window before its run was stopped."""
        match checkpoint.cursor:
            case {"after": str(after), **others} if not others:  # an earlier version's
                until = checkpoint.read_at - self._reach.lookback - self._reach.lateness
                self._table.know(self._reach.since, until, after)
                return
        try:
            place = msgspec.convert(checkpoint.cursor, Place)
            since, until = parse_instant(place.since), parse_instant(place.until)
        except (msgspec.ValidationError, ValueError):
            return
        if self._table.tally(since, until, place.after) == (place.count, place.digest):
            self._table.know(since, until, place.after)


def cut_back(start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Cut a time, from its end on, into spans that become longer; they come in order."""
    spans: list[tuple[datetime, datetime]] = []
    length = SHORTEST
    while start < end:
        begin = max(start, round_down(end - length))
        spans.append((begin, end))
        end, length = begin, length * GROWTH
    return spans[::-1]
