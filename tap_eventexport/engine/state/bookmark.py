"""The bookmark of a stream in STATE, and the plan of what a run reads because of it.

A bookmark is a commitment: everything before `watermark` was emitted. The windows that were open
when a run ended may have checkpoints, with the vendor's own cursors. A checkpoint only saves work:
if it is no longer valid, its window is read from the start.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.sent.ledger import Sent
from tap_eventexport.engine.state.read_files import ReadFiles
from tap_eventexport.engine.windows import (
    EPOCH,
    MILLISECOND,
    Window,
    format_instant,
    round_down,
    round_up,
    window_if_any,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from tap_eventexport.engine.sent.spans import Span

MOST_HINTS = 2


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The vendor's own cursor in an open window.

    Attributes:
        window: The window that was being read.
        cursor: What the vendor needs to resume, such as `{"cursor": "eyJ…"}`.
        filters_hash: A hash of the filters that the cursor was made with.
        read_at: When the run began that was the first to read from the window.
        sent: What was sent of the window so far.
    """

    window: Window
    cursor: Mapping[str, Any]
    filters_hash: str
    read_at: datetime
    sent: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far a stream was read.

    Attributes:
        watermark: Everything before it was emitted; None before the first run.
        checkpoints: The open windows, the earliest first. There is more than one if a vendor
            prepares several windows at the same time.
        files: Files that were read, if each run lists the vendor's files again.
        hints: Values that save the next run some work, by a name that sorts by age.
        sent: What was sent of the time before the watermark.
    """

    watermark: datetime | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    files: ReadFiles = field(default_factory=ReadFiles)
    hints: Mapping[str, Any] = field(default_factory=dict)
    sent: Sent = field(default_factory=Sent)


@dataclass(frozen=True, slots=True)
class Plan:
    """The time and windows that one run reads from one stream.

    Attributes:
        interval: The time range to read; None if there is nothing to read.
        filters_hash: The hash of this run's filters.
        checkpoints: The open windows to resume, in order; all are inside `interval`.
        reread: For some of these windows, the part that must be read again, see `plan`.
        notes: What the user should know about the plan.
        has_gap: Whether something is left out because the vendor no longer keeps it.
    """

    interval: Window | None
    filters_hash: str
    checkpoints: tuple[Checkpoint, ...] = ()
    reread: Mapping[Window, Window] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    has_gap: bool = False

    def tasks(
        self, windows: Callable[[Window], Iterable[Window]]
    ) -> Iterator[tuple[Window, Mapping[str, Any] | None]]:
        """Yield the windows to read, in order, each with the cursor to resume from, or None.

        Args:
            windows: Splits a time range into this vendor's windows.
        """
        if self.interval is None:
            return
        start = self.interval.start
        for checkpoint in self.checkpoints:
            opened = checkpoint.window
            for before in window_if_any(start, opened.start):
                yield from ((window, None) for window in windows(before))
            yield opened, checkpoint.cursor
            if opened in self.reread:
                yield from ((window, None) for window in windows(self.reread[opened]))
            start = opened.end
        for after in window_if_any(start, self.interval.end):
            yield from ((window, None) for window in windows(after))

    def checkpoint_at(
        self, window: Window, cursor: Mapping[str, Any] | None, now: datetime
    ) -> Checkpoint | None:
        """Return the checkpoint for a cursor in a window; None if the window is complete.

        A window that an earlier run opened keeps that run's `read_at`.
        """
        if cursor is None:
            return None
        resumed = (
            checkpoint.read_at for checkpoint in self.checkpoints if checkpoint.window == window
        )
        return Checkpoint(window, cursor, self.filters_hash, next(resumed, now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The settings and facts that bound what a run reads.

    Attributes:
        now: The instant at which the run began.
        start: The start of the first run.
        start_is_set: Whether the user set it; then a lookback never reads before it.
        end: Exclusive; None is now.
        lookback: How late events may arrive; reading starts this much before the bookmark.
        settle: The minimum age of an event before it is read.
        granularity: The vendor's times are multiples of this. Every bound is such a multiple too.
            So events with the same time are read together, and only when no more of them can come.
        retention_start: The earliest instant that the vendor still keeps; None if unknown.
        fail_on_gap: Whether events that the vendor no longer keeps fail the stream.
        is_proved: Whether the checkpoint itself proves that no event arrived before it.
    """

    now: datetime
    start: datetime
    start_is_set: bool = True
    end: datetime | None = None
    lookback: timedelta
    settle: timedelta
    granularity: timedelta = MILLISECOND
    retention_start: datetime | None = None
    fail_on_gap: bool = False
    is_proved: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """The instants that limit what a run may commit.

    Attributes:
        earliest: Where the run began to read; a new watermark is never before it.
        latest: Only events before this instant can be complete: the vendor's time, less `settle`.
        present: A watermark after it is in the future, and is set back to it.
    """

    earliest: datetime
    latest: datetime
    present: datetime


@dataclass(slots=True)
class _Interval:
    start: datetime
    end: datetime
    notes: list[str] = field(default_factory=list)
    has_gap: bool = False


def plan(bookmark: Bookmark, bounds: Bounds, filters_hash: str) -> Plan:
    """Decide what a run reads.

    With a bookmark, reading starts one lookback before its watermark, for events that arrive late;
    or at the start of the span that this instant lies in, so that the span can be compared.
    The watermark itself doesn't move until windows after it are complete.

    A checkpoint is resumed if its window is inside the interval and its filters are those of this
    run. The earlier pages of that window were read at `checkpoint.read_at`. Events that arrived
    later than that, for the part of the window that was then younger than one lookback, would be
    missed. So this part, `reread`, is read again in full. The next run's lookback covers everything
    younger.

    Args:
        bookmark: The bookmark in STATE.
        bounds: The settings and facts that bound the run.
        filters_hash: The hash of this run's filters.

    Raises:
        FatalVendorError: If the vendor no longer keeps a part of the interval and `on_gap` is
            `fail`.
    """
    interval = _interval(bookmark, bounds)
    notes = [*interval.notes, *_nothing_new(bookmark.watermark, bounds.end, interval)]
    if interval.start >= interval.end:
        return Plan(None, filters_hash, notes=tuple(notes))
    window = Window(interval.start, interval.end)
    checkpoints: list[Checkpoint] = []
    changed: list[Window] = []
    for checkpoint in bookmark.checkpoints:
        reached = checkpoints[-1].window.end if checkpoints else interval.start
        if checkpoint.window.start < reached or interval.end < checkpoint.window.end:
            continue
        if checkpoint.filters_hash == filters_hash:
            checkpoints.append(checkpoint)
        else:
            changed.append(checkpoint.window)
    if changed:
        others = f" and {len(changed) - 1} more" if changed[1:] else ""
        notes.append(
            f"the filters changed since {changed[0]}{others} was started: reading it from its start"
        )
    doubted = () if bounds.is_proved else checkpoints
    reread = {
        checkpoint.window: part for checkpoint in doubted for part in _missed(checkpoint, bounds)
    }
    return Plan(window, filters_hash, tuple(checkpoints), reread, tuple(notes), interval.has_gap)


def _missed(checkpoint: Checkpoint, bounds: Bounds) -> tuple[Window, ...]:
    """The part of an open window for which events may have arrived since it was first read."""
    opened = checkpoint.window
    return window_if_any(
        max(opened.start, round_down(checkpoint.read_at - bounds.lookback, bounds.granularity)),
        min(opened.end, round_up(bounds.now - bounds.lookback, bounds.granularity)),
    )


def _interval(bookmark: Bookmark, bounds: Bounds) -> _Interval:
    watermark = bookmark.watermark
    granularity = bounds.granularity
    latest = round_down(bounds.now - bounds.settle, granularity)
    end = latest if bounds.end is None else min(round_up(bounds.end, granularity), latest)
    start = round_up(bounds.start, granularity)
    interval = _Interval(start, end)
    if watermark is not None:
        if watermark > bounds.now:
            interval.notes.append(
                f"the bookmark {format_instant(watermark)} lies in the future: "
                f"reading from {format_instant(bounds.now)}, less the lookback"
            )
            watermark = bounds.now
        behind = max(round_down(watermark - bounds.lookback, granularity), EPOCH)
        behind = bookmark.sent.start_of(behind)
        interval.start = (
            max(behind, start) if bounds.start_is_set and start <= watermark else behind
        )
    if bounds.retention_start is not None and interval.start < bounds.retention_start:
        gap = (
            f"events from {format_instant(interval.start)} to "
            f"{format_instant(bounds.retention_start)} are no longer kept by the vendor and can't "
            "be read"
        )
        if bounds.fail_on_gap:
            raise FatalVendorError(f"{gap}; on_gap=fail ends the stream here")
        interval.notes.append(f"{gap}; reading starts at the later date")
        interval.start, interval.has_gap = round_up(bounds.retention_start, granularity), True
    return interval


def _nothing_new(
    watermark: datetime | None, end: datetime | None, interval: _Interval
) -> Iterator[str]:
    """Yield the reason why a run reads nothing, or nothing new."""
    is_empty = interval.start >= interval.end
    if watermark is not None and end is not None and end <= watermark:
        read = "nothing is read" if is_empty else "only the lookback is read again"
        yield (
            f"the bookmark {format_instant(watermark)} is not before end_date "
            f"{format_instant(end)}: {read}; if the state is another run's, give this run a state "
            "of its own"
        )
    elif is_empty and not interval.notes:  # which say why
        first = (
            "start_date, or 30 days ago" if watermark is None else "the bookmark, less the lookback"
        )
        yield (
            f"nothing is read: the run begins at {format_instant(interval.start)} ({first}) and "
            f"ends at {format_instant(interval.end)} (end_date, or now less settle_minutes)"
        )


def advance(
    bookmark: Bookmark, window: Window, checkpoint: Checkpoint | None, limits: Limits
) -> Bookmark:
    """Return the bookmark after a page was emitted; all windows before its window are complete.

    Args:
        bookmark: The bookmark before.
        window: The page's window.
        checkpoint: Where the window resumes; None if it is complete.
        limits: The limits of what this run may commit.
    """
    reached = min(window.end if checkpoint is None else window.start, round_down(limits.latest))
    watermark = max(bookmark.watermark or limits.earliest, reached)
    ahead = [opened for opened in bookmark.checkpoints if window.end <= opened.window.start]
    checkpoints = (checkpoint, *ahead) if checkpoint else tuple(ahead)
    return replace(
        bookmark, watermark=min(watermark, round_down(limits.present)), checkpoints=checkpoints
    )


def keep_hints(bookmark: Bookmark, hints: Mapping[str, Any]) -> Bookmark:
    """Return the bookmark with new hints; the newest are kept."""
    known = {**bookmark.hints, **hints}
    return replace(bookmark, hints={name: known[name] for name in sorted(known)[-MOST_HINTS:]})


def checkpoint_prepared(bookmark: Bookmark, checkpoint: Checkpoint, start: datetime) -> Bookmark:
    """Return the bookmark after a window was prepared, before any of its records is emitted.

    Args:
        bookmark: The bookmark before.
        checkpoint: The window's first checkpoint.
        start: Where this run began to read.
    """
    others = [other for other in bookmark.checkpoints if other.window != checkpoint.window]
    watermark = start if bookmark.watermark is None else bookmark.watermark
    checkpoints = tuple(sorted((*others, checkpoint), key=start_of))
    return replace(bookmark, watermark=watermark, checkpoints=checkpoints)


def start_of(checkpoint: Checkpoint) -> datetime:
    """The sort key of checkpoints."""
    return checkpoint.window.start
