"""What STATE holds of a stream, and what a run reads because of it.

A bookmark is a promise: everything before `mark` has been emitted. The window that was open when
a run ended may have a position, the vendor's own place in it. A position is a hint: if it no
longer fits, its window is read from the start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_eventexport.engine.errors import FatalVendorError, InvalidStateError
from tap_eventexport.engine.windows import (
    MILLISECOND,
    Window,
    format_instant,
    parse_instant,
    round_down,
    round_up,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

MARK = "replication_key_value"
WINDOW_KEYS = ("start", "end", "read_at", "query")


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
    """How far a stream was read; both parts are None before the first run."""

    mark: datetime | None = None
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run reads of one stream.

    Attributes:
        wanted: The time to read; None if there is nothing to read.
        position: The open window to go on with, which lies in `wanted`.
        again: The part of that window which must be read once more, see `plan`.
        notes: What the user should know about it.
        query: The fingerprint of this run's filters.
    """

    wanted: Window | None
    query: str
    position: Position | None = None
    again: Window | None = None
    notes: tuple[str, ...] = ()

    def tasks(
        self, windows: Callable[[Window], Iterable[Window]]
    ) -> Iterator[tuple[Window, Mapping[str, Any] | None]]:
        """The windows to read, in order, each with the place to go on from, or None.

        Args:
            windows: How this vendor cuts a span of time.
        """
        if self.wanted is None:
            return
        if self.position is None:
            yield from ((window, None) for window in windows(self.wanted))
            return
        opened = self.position.window
        for before in span(self.wanted.start, opened.start):
            yield from ((window, None) for window in windows(before))
        yield opened, self.position.place
        if self.again:
            yield from ((window, None) for window in windows(self.again))
        for after in span(opened.end, self.wanted.end):
            yield from ((window, None) for window in windows(after))

    def position_at(
        self, window: Window, place: Mapping[str, Any] | None, now: datetime
    ) -> Position | None:
        """The position at a place in a window; None where the window is complete.

        A window that an earlier run opened keeps that run's `read_at`.
        """
        if place is None:
            return None
        resumed = self.position
        read_at = resumed.read_at if resumed and resumed.window == window else now
        return Position(window, place, self.query, read_at)


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


@dataclass(slots=True)
class _Span:
    start: datetime
    end: datetime
    notes: list[str] = field(default_factory=list)


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
    notes = tuple(wanted.notes)
    if wanted.start >= wanted.end:
        return Plan(None, query, notes=notes)
    window = Window(wanted.start, wanted.end)
    position = bookmark.position
    if position is None or not window.holds(position.window):
        return Plan(window, query, notes=notes)
    if position.query != query:
        note = f"the filters changed since {position.window} was opened: it is read from its start"
        return Plan(window, query, notes=(*notes, note))
    again = span(
        max(
            position.window.start, round_down(position.read_at - bounds.lookback, bounds.resolution)
        ),
        min(position.window.end, round_up(bounds.now - bounds.lookback, bounds.resolution)),
    )
    return Plan(window, query, position, again[0] if again else None, notes)


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
        behind = round_down(mark - bounds.lookback, resolution)
        wanted.start = max(behind, start) if bounds.start_is_set and start <= mark else behind
    if bounds.oldest is not None and wanted.start < bounds.oldest:
        gap = (
            f"events from {format_instant(wanted.start)} to {format_instant(bounds.oldest)} "
            "are no longer kept by the vendor and can't be read"
        )
        if bounds.fail_on_gap:
            raise FatalVendorError(f"{gap}; on_gap=fail ends the stream here")
        wanted.notes.append(f"{gap}; reading starts at the later date")
        wanted.start = round_up(bounds.oldest, resolution)
    return wanted


def read_bookmark(state: Mapping[str, Any], stream: str) -> Bookmark:
    """Read a stream's part of STATE.

    Args:
        state: The stream's bookmark, as this tap or an SDK tap of the same stream wrote it.
        stream: The stream's name, for the error.

    Raises:
        InvalidStateError: If a value can't be understood. Reading everything again instead would
            be a silent full refresh.
    """
    if "partitions" in state:
        raise InvalidStateError(
            f"the state of {stream} has partitions, which this stream never had; "
            "remove that stream from the state to read it from start_date"
        )
    mark = state.get(MARK)
    position = state.get("position")
    return Bookmark(
        None if mark is None else _instant(mark, f"{stream}.{MARK}"),
        None if position is None else _position(position, f"{stream}.position"),
    )


def _position(value: object, name: str) -> Position:
    if not isinstance(value, dict):
        raise InvalidStateError(f"the state's {name} is no object")
    start, end, read_at = (
        _instant(value.get(key), f"{name}.{key}") for key in ("start", "end", "read_at")
    )
    if start >= end:
        raise InvalidStateError(f"the state's {name} ends before it starts")
    place = {key: item for key, item in value.items() if key not in WINDOW_KEYS}
    return Position(Window(start, end), place, str(value.get("query")), read_at)


def _instant(value: object, name: str) -> datetime:
    try:
        if isinstance(value, str):
            return parse_instant(value)
    except ValueError:
        pass
    raise InvalidStateError(
        f"the state's {name} is {str(value)[:40]!r}, expected a date-time such as "
        "2026-03-01T00:00:00.000Z; correct it, or remove the stream from the state to read it "
        "from start_date"
    )


def write_bookmark(state: dict[str, Any], replication_key: str, bookmark: Bookmark) -> None:
    """Write a stream's part of STATE in place, leaving nothing of an earlier one."""
    state.clear()
    state["replication_key"] = replication_key
    if bookmark.mark is not None:
        state[MARK] = format_instant(bookmark.mark)
    if position := bookmark.position:
        state["position"] = {
            "start": format_instant(position.window.start),
            "end": format_instant(position.window.end),
            **position.place,
            "query": position.query,
            "read_at": format_instant(position.read_at),
        }


def advance(
    bookmark: Bookmark, window: Window, position: Position | None, now: datetime
) -> Bookmark:
    """The bookmark after a page of a window was emitted, all windows before it being complete.

    Args:
        bookmark: What was promised before.
        window: The page's window.
        position: Where the window goes on; None if it is complete.
        now: The instant at which this run began.
    """
    reached = window.end if position is None else window.start
    mark = reached if bookmark.mark is None else max(bookmark.mark, reached)
    return Bookmark(min(mark, round_down(now)), position)
