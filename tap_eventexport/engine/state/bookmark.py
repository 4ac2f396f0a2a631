"""What STATE holds of a stream, and what a run reads because of it.

A bookmark is a promise: everything before `mark` has been emitted. The windows that were open when
a run ended may have positions, the vendor's own places in them. A position is a hint: if it no
longer fits, its window is read from the start.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.state.read_files import ReadFiles
from tap_eventexport.engine.windows import (
    EPOCH,
    MILLISECOND,
    Window,
    format_instant,
    round_down,
    round_up,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

MOST_HINTS = 2


@dataclass(frozen=True, slots=True)
class Position:
    """The vendor's own place in an open window.

    Attributes:
        window: The window that was being read.
        place: What the vendor needs to go on, such as `{"cursor": "eyJ…"}`.
        query: A fingerprint of the filters that the place was made with.
        read_at: When the run that first read of the window began.
    """

    window: Window
    place: Mapping[str, Any]
    query: str
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far a stream was read.

    Attributes:
        mark: Everything before it was emitted; None before the first run.
        positions: The windows that are open, the earliest first. There is more than one where a
            vendor prepares several windows at the same time.
        files: Files that were read, where a vendor's files are listed anew in each run.
        hints: What a stream wants to be told by the next run, by a name that sorts by age.
    """

    mark: datetime | None = None
    positions: tuple[Position, ...] = ()
    files: ReadFiles = field(default_factory=ReadFiles)
    hints: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run reads of one stream.

    Attributes:
        wanted: The time to read; None if there is nothing to read.
        query: The fingerprint of this run's filters.
        positions: The open windows to go on with, which lie in `wanted` one after the other.
        again: For some of these windows the part that must be read once more, see `plan`.
        notes: What the user should know about it.
        has_gap: Whether something is left out because the vendor no longer keeps it.
    """

    wanted: Window | None
    query: str
    positions: tuple[Position, ...] = ()
    again: Mapping[Window, Window] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    has_gap: bool = False

    def tasks(
        self, windows: Callable[[Window], Iterable[Window]]
    ) -> Iterator[tuple[Window, Mapping[str, Any] | None]]:
        """The windows to read, in order, each with the place to go on from, or None.

        Args:
            windows: How this vendor cuts a span of time.
        """
        if self.wanted is None:
            return
        start = self.wanted.start
        for position in self.positions:
            opened = position.window
            for before in span(start, opened.start):
                yield from ((window, None) for window in windows(before))
            yield opened, position.place
            if opened in self.again:
                yield from ((window, None) for window in windows(self.again[opened]))
            start = opened.end
        for after in span(start, self.wanted.end):
            yield from ((window, None) for window in windows(after))

    def position_at(
        self, window: Window, place: Mapping[str, Any] | None, now: datetime
    ) -> Position | None:
        """The position at a place in a window; None where the window is complete.

        A window that an earlier run opened keeps that run's `read_at`.
        """
        if place is None:
            return None
        resumed = (position.read_at for position in self.positions if position.window == window)
        return Position(window, place, self.query, next(resumed, now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The settings and facts that bound what a run reads.

    Attributes:
        now: The instant at which the run began.
        start: The earliest event wanted on a first run.
        start_is_set: Whether the user set it; then a lookback doesn't reach before it.
        end: Exclusive; None is now.
        lookback: How far behind the bookmark events may still arrive.
        settle: How old an event must be to be read.
        resolution: What the vendor's times are multiples of. No bound lies between two of them, so
            that what shares a time is read together, and not while more of it may come.
        oldest: The earliest instant that the vendor still keeps; None if unknown.
        fail_on_gap: Whether events that the vendor no longer keeps fail the stream.
        is_proved: Whether a position itself proves that nothing arrived in front of it.
    """

    now: datetime
    start: datetime
    start_is_set: bool = True
    end: datetime | None = None
    lookback: timedelta
    settle: timedelta
    resolution: timedelta = MILLISECOND
    oldest: datetime | None = None
    fail_on_gap: bool = False
    is_proved: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """The instants that bound what a run may promise.

    Attributes:
        earliest: Where the run began to read: no bookmark lies before it, but one that does so
            already.
        latest: What the vendor has lived through and what has settled can be complete; nothing
            beyond it can.
        present: A bookmark beyond it lies in the future, and is set back to it.
    """

    earliest: datetime
    latest: datetime
    present: datetime


@dataclass(slots=True)
class _Span:
    start: datetime
    end: datetime
    notes: list[str] = field(default_factory=list)
    has_gap: bool = False


def plan(bookmark: Bookmark, bounds: Bounds, query: str) -> Plan:
    """Decide what a run reads.

    With a bookmark, reading starts one lookback behind it, for events that arrive late. The
    bookmark itself stays where it is until windows beyond it are complete.

    A position is gone on with where its window lies in what is wanted and its filters are this
    run's. What that window gave before was read at `position.read_at`; whatever arrived since
    then for the part younger than a lookback would be missed, so this part, `again`, is read once
    more in full. The next run's lookback takes care of all that is younger.

    Args:
        bookmark: What STATE says.
        bounds: What the settings say.
        query: The fingerprint of this run's filters.

    Raises:
        FatalVendorError: If the vendor no longer keeps what is wanted and the user asked to fail.
    """
    wanted = _wanted(bookmark.mark, bounds)
    notes = [*wanted.notes, *_nothing_new(bookmark.mark, bounds.end, wanted)]
    if wanted.start >= wanted.end:
        return Plan(None, query, notes=tuple(notes))
    window = Window(wanted.start, wanted.end)
    positions: list[Position] = []
    changed: list[Window] = []
    for position in bookmark.positions:
        reached = positions[-1].window.end if positions else wanted.start
        if position.window.start < reached or wanted.end < position.window.end:
            continue
        if position.query == query:
            positions.append(position)
        else:
            changed.append(position.window)
    if changed:
        others = f" and {len(changed) - 1} more" if changed[1:] else ""
        notes.append(
            f"the filters changed since {changed[0]}{others} was opened: it is read from its start"
        )
    doubted = () if bounds.is_proved else positions
    again = {position.window: part for position in doubted for part in _missed(position, bounds)}
    return Plan(window, query, tuple(positions), again, tuple(notes), wanted.has_gap)


def _missed(position: Position, bounds: Bounds) -> tuple[Window, ...]:
    """The part of an open window for which events may have arrived since it was first read."""
    opened = position.window
    return span(
        max(opened.start, round_down(position.read_at - bounds.lookback, bounds.resolution)),
        min(opened.end, round_up(bounds.now - bounds.lookback, bounds.resolution)),
    )


def _wanted(mark: datetime | None, bounds: Bounds) -> _Span:
    resolution = bounds.resolution
    latest = round_down(bounds.now - bounds.settle, resolution)
    end = latest if bounds.end is None else min(round_up(bounds.end, resolution), latest)
    start = round_up(bounds.start, resolution)
    wanted = _Span(start, end)
    if mark is not None:
        if mark > bounds.now:
            wanted.notes.append(
                f"the bookmark {format_instant(mark)} lies in the future: "
                f"reading from {format_instant(bounds.now)}, less the lookback"
            )
            mark = bounds.now
        behind = max(round_down(mark - bounds.lookback, resolution), EPOCH)
        wanted.start = max(behind, start) if bounds.start_is_set and start <= mark else behind
    if bounds.oldest is not None and wanted.start < bounds.oldest:
        gap = (
            f"events from {format_instant(wanted.start)} to {format_instant(bounds.oldest)} "
            "are no longer kept by the vendor and can't be read"
        )
        if bounds.fail_on_gap:
            raise FatalVendorError(f"{gap}; on_gap=fail ends the stream here")
        wanted.notes.append(f"{gap}; reading starts at the later date")
        wanted.start, wanted.has_gap = round_up(bounds.oldest, resolution), True
    return wanted


def _nothing_new(mark: datetime | None, end: datetime | None, wanted: _Span) -> Iterator[str]:
    """Why a run reads nothing, or nothing that wasn't read before."""
    is_empty = wanted.start >= wanted.end
    if mark is not None and end is not None and end <= mark:
        read = "nothing is read" if is_empty else "only the lookback is read again"
        yield (
            f"the bookmark {format_instant(mark)} is not before end_date {format_instant(end)}: "
            f"{read}; if the state is another run's, give this run a state of its own"
        )
    elif is_empty and not wanted.notes:  # which say why
        first = "start_date, or 30 days ago" if mark is None else "the bookmark, less the lookback"
        yield (
            f"nothing is read: the run begins at {format_instant(wanted.start)} ({first}) and ends "
            f"at {format_instant(wanted.end)} (end_date, or now less settle_minutes)"
        )


def advance(
    bookmark: Bookmark, window: Window, position: Position | None, limits: Limits
) -> Bookmark:
    """The bookmark after a page of a window was emitted, all windows before it being complete.

    Args:
        bookmark: What was promised before.
        window: The page's window.
        position: Where the window goes on; None if it is complete.
        limits: What this run may promise.
    """
    reached = min(window.end if position is None else window.start, round_down(limits.latest))
    mark = max(bookmark.mark or limits.earliest, reached)
    ahead = [opened for opened in bookmark.positions if window.end <= opened.window.start]
    positions = (position, *ahead) if position else tuple(ahead)
    return replace(bookmark, mark=min(mark, round_down(limits.present)), positions=positions)


def keep_hints(bookmark: Bookmark, hints: Mapping[str, Any]) -> Bookmark:
    """The bookmark with new hints; the youngest are kept."""
    known = {**bookmark.hints, **hints}
    return replace(bookmark, hints={name: known[name] for name in sorted(known)[-MOST_HINTS:]})


def announce(bookmark: Bookmark, position: Position, start: datetime) -> Bookmark:
    """The bookmark after a window was opened ahead of its turn; nothing of it was emitted yet.

    Args:
        bookmark: What was promised before.
        position: The window's first place.
        start: Where this run began to read.
    """
    others = [other for other in bookmark.positions if other.window != position.window]
    mark = start if bookmark.mark is None else bookmark.mark
    positions = tuple(sorted((*others, position), key=start_of))
    return replace(bookmark, mark=mark, positions=positions)


def start_of(position: Position) -> datetime:
    """What positions are in order of."""
    return position.window.start
