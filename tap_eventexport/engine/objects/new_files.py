"""Finds the files of a listing that are new to a run, and records the read files in STATE.

Each run lists the files again, and some have a time before the bookmark. For the time that is
listed again, STATE holds short spans, each with the number of its files and a digest of their keys
and versions. If the listing gives the same number and digest, the files of that span were read. If
not, all files of the span are read again. Spans are shorter near the bookmark: if a file comes late
by a minute, only the files of half a minute are read again.
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

SHORTEST = timedelta(seconds=1)  # a span; S3's times have whole seconds
GROWTH = 1.5  # length of each span, relative to the one after it: 36 spans cover a month


class FileCursor(msgspec.Struct):
    """The cursor of a window of files: how far it was read. Its fields are keys in STATE.

    Attributes:
        since: The start of the time range.
        until: Its end.
        after: The key that was read last; files are read in order of their keys.
        count: The number of files with a key up to it.
        digest: A digest of their keys and versions.
    """

    since: str
    until: str
    after: str
    count: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The time range of the files that one run lists.

    Attributes:
        interval: The time range to read.
        lookback: How far before its bookmark a run begins.
        lateness: How long after its time a file may be listed for the first time.
        now: The instant at which the run began.
        is_bounded: Whether the interval ends before now. Then later files may hold events of it
            too. No file is recorded in STATE, since each may also hold other events.
    """

    interval: Window
    lookback: timedelta
    lateness: timedelta
    now: datetime
    is_bounded: bool = False

    @property
    def since(self) -> datetime:
        """The earliest time of the files."""
        return self.interval.start - self.lateness

    def start(self, window: Window) -> datetime:
        """The earliest time of a window's files."""
        return self.since if window.start == self.interval.start else window.start

    def is_open(self, window: Window) -> bool:
        """Whether a window's files have no latest time."""
        return self.is_bounded and window.end == self.interval.end


class NewFiles:
    """The files of a listing that weren't read before.

    Args:
        table: The listing.
        bookmark: The bookmark in STATE.
        reach: The files that the run lists.
    """

    def __init__(self, table: FileTable, bookmark: Bookmark, reach: Reach) -> None:
        self._table = table
        self._watermark = bookmark.watermark
        self._reach = reach
        for each in bookmark.files.spans:
            if self._span(each.start, each.end) == each:
                table.know(each.start, each.end)
        table.know_by_name(bookmark.files.names)
        for checkpoint in bookmark.checkpoints:
            self._resume(checkpoint)

    def within(self, window: Window) -> Iterator[tuple[StoredObject, dict[str, Any]]]:
        """Yield the new files of a window by key, each with the cursor after it."""
        start, end, until = self._reach.start(window), window.end, window.end
        is_open = self._reach.is_open(window)
        if is_open:
            until = round_down(self._reach.now)
        for file, is_known, tally in self._table.by_key(start, None if is_open else end, until):
            if not is_known:
                cursor = FileCursor(format_instant(start), format_instant(until), file.key, *tally)
                yield file, msgspec.to_builtins(cursor)

    def read_before(self, prefix: str, window: Window) -> list[StoredObject]:
        """Return the files with a key prefix that are read before a window's new files."""
        return self._table.beginning_with(prefix, self._reach.start(window))

    def is_remembered(self, window: Window) -> bool:
        """Whether a complete window changes the read files in STATE."""
        return not self._reach.is_bounded and not (self._watermark and window.end < self._watermark)

    def read_up_to(self, end: datetime, watermark: datetime) -> ReadFiles:
        """Return the value for STATE after all files up to an instant were read.

        Args:
            end: The instant.
            watermark: The watermark, which isn't after it.
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
        """Mark the files as known that an earlier run read in a window before it was stopped."""
        match checkpoint.cursor:
            case {"after": str(after), **others} if not others:  # an earlier version's
                until = checkpoint.read_at - self._reach.lookback - self._reach.lateness
                self._table.know(self._reach.since, until, after)
                return
        try:
            cursor = msgspec.convert(checkpoint.cursor, FileCursor)
            since, until = parse_instant(cursor.since), parse_instant(cursor.until)
        except (msgspec.ValidationError, ValueError):
            return
        if self._table.tally(since, until, cursor.after) == (cursor.count, cursor.digest):
            self._table.know(since, until, cursor.after)


def cut_back(start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Split a time range into spans, in order; the earlier a span, the longer it is."""
    spans: list[tuple[datetime, datetime]] = []
    length = SHORTEST
    while start < end:
        begin = max(start, round_down(end - length))
        spans.append((begin, end))
        end, length = begin, length * GROWTH
    return spans[::-1]
