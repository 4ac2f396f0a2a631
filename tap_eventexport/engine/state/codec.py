"""Reads and writes a stream's bookmark in STATE; every value that is read is checked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_eventexport.engine.errors import InvalidStateError
from tap_eventexport.engine.sent.ledger import Sent
from tap_eventexport.engine.sent.spans import read_spans, read_tally, write_spans, write_tally
from tap_eventexport.engine.state.bookmark import Bookmark, Checkpoint, start_of
from tap_eventexport.engine.state.read_files import FileSpan, ReadFiles
from tap_eventexport.engine.windows import (
    EPOCH,
    FIRST,
    MILLISECOND,
    Window,
    format_instant,
    parse_instant,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tap_eventexport.engine.sent.spans import Span

KEY_VALUE = "replication_key_value"
READ_AT = "read_at"  # instead of it, of a table
BEFORE_A_WATERMARK = {  # what an SDK tap may have written before its first bookmark
    "replication_key",
    "replication_key_signpost",
    "starting_replication_value",
    "progress_markers",
}
WINDOW_KEYS = ("start", "end", "read_at", "query", "sent")
MOST_SHOWN = 40  # characters of a value that is wrong
MOST_SPANS = 100  # of files, more than any run writes; the files of others are read again
LONGEST_SPAN = 10 * 365 * 24 * 3_600_000  # milliseconds
MOST_POSITIONS = (
    100  # more than any run writes; the windows of any others are read from their start
)


def read_state(value: object) -> dict[str, Any]:
    """Take the state of an earlier run, as a value or as a whole STATE message.

    The parts of other taps and other streams in it are not checked.

    Raises:
        InvalidStateError: If it has another form.
    """
    if isinstance(value, dict) and value.get("type") == "STATE":
        value = value.get("value")
    if value == {}:
        return {}
    if isinstance(value, dict) and isinstance(value.get("bookmarks"), dict):
        return value
    raise InvalidStateError(
        'the state doesn\'t have the form {"bookmarks": {"<stream>": {…}}}; ' + _advice(value)
    )


def _advice(value: object) -> str:
    if isinstance(value, dict):
        if "streams" in value:
            return "it is a catalog, which is for --catalog"
        if "singer_state" in value:
            return "pass the value of its singer_state"
    return "pass the value of the last STATE message"


def read_bookmark(state: object, stream: str) -> Bookmark:
    """Read a stream's part of STATE.

    Args:
        state: The stream's bookmark, as this tap or an SDK tap of the same stream wrote it.
        stream: The stream's name, for the error.

    Raises:
        InvalidStateError: If a value can't be understood. Reading everything again instead would
            be a silent full refresh.
    """
    if not isinstance(state, dict):
        raise InvalidStateError(
            f"the state's {stream} is {_quoted(state)}, expected an object; correct it, or remove "
            "the stream from the state to read it from start_date"
        )
    if "partitions" in state:
        raise InvalidStateError(
            f"the state of {stream} has partitions, which this stream never had; "
            "remove that stream from the state to read it from start_date"
        )
    key = READ_AT if READ_AT in state else KEY_VALUE
    watermark = state.get(key)
    named = {f"{stream}.position": state["position"]} if state.get("position") else {}
    ahead = state.get("ahead") or []
    if not isinstance(ahead, list):
        raise InvalidStateError(f"the state's {stream}.ahead is no list")
    named |= {f"{stream}.ahead[{number}]": value for number, value in enumerate(ahead)}
    checkpoints = [_checkpoint(value, name) for name, value in named.items()]
    bookmark = Bookmark(
        None if watermark is None else _instant(watermark, f"{stream}.{key}", EPOCH),
        tuple(sorted(checkpoints, key=start_of)[:MOST_POSITIONS]),
        hints=hints if isinstance(hints := state.get("hints"), dict) else {},
        sent=_sent(state.get("sent"), watermark),
    )
    bookmark = replace(
        bookmark, files=_files(state.get("files"), f"{stream}.files", bookmark.watermark)
    )
    if watermark is None and (unknown := state.keys() - BEFORE_A_WATERMARK - {key}):
        raise InvalidStateError(
            f"the state of {stream} has no {KEY_VALUE}, only {', '.join(sorted(unknown))}; correct "
            "it, or remove the stream from the state to read it from start_date"
        )
    return bookmark


def _checkpoint(value: object, name: str) -> Checkpoint:
    if not isinstance(value, dict):
        raise InvalidStateError(f"the state's {name} is no object")
    start, end, read_at = (
        _instant(value.get(key), f"{name}.{key}") for key in ("start", "end", "read_at")
    )
    if start >= end:
        raise InvalidStateError(f"the state's {name} ends before it starts")
    cursor = {key: item for key, item in value.items() if key not in WINDOW_KEYS}
    try:
        sent = _spans(value.get("sent"))
    except ValueError:
        sent = ()
    return Checkpoint(Window(start, end), cursor, str(value.get("query")), read_at, sent)


def _sent(value: object, watermark: object) -> Sent:
    """Return what was sent; nothing if it can't be understood, or if the bookmark was set by hand.

    Without it, a run sends everything that it reads.
    """
    if not isinstance(value, dict) or value.get("bookmark") != watermark:
        return Sent()
    outside = value.get("outside") or {}
    try:
        return Sent(
            str(value.get("output")),
            _spans(value.get("spans")),
            {
                format_instant(parse_instant(start)): read_tally(tally)
                for start, tally in outside.items()
            },
        )
    except (AttributeError, TypeError, ValueError):
        return Sent()


def _spans(value: object) -> tuple[Span, ...]:
    match value:
        case None:
            return ()
        case [str(start), str(text)]:
            return read_spans(parse_instant(start), text)
    raise ValueError("not a start and a text")


def _files(value: object, name: str, watermark: datetime | None) -> ReadFiles:
    """Return the files that were read; none if the bookmark was set back, to read them again."""
    if value is None:
        return ReadFiles()
    if not isinstance(value, dict):
        raise InvalidStateError(f"the state's {name} is no object")
    if "spans" not in value:  # from an earlier version: names with times
        return ReadFiles(
            names={str(key): _instant(time, f"{name}.{key}") for key, time in value.items()}
        )
    until, written = (
        _instant(value.get(key), f"{name}.{key}", EPOCH) for key in ("until", "bookmark")
    )
    if not isinstance(value["spans"], list):
        raise InvalidStateError(f"the state's {name}.spans is no list")
    spans: list[FileSpan] = []
    for number, span in enumerate(value["spans"][:MOST_SPANS]):
        spans.append(_span(span, until, f"{name}.spans[{number}]"))
        until = spans[-1].start
    is_set_back = watermark is None or watermark < written
    return ReadFiles() if is_set_back else ReadFiles(tuple(reversed(spans)), written)


def _span(value: object, end: datetime, name: str) -> FileSpan:
    match value:
        case [int(milliseconds), int(count), str(digest)] if 0 < milliseconds <= LONGEST_SPAN:
            return FileSpan(end - milliseconds * MILLISECOND, end, count, digest)
    raise InvalidStateError(
        f"the state's {name} is {_quoted(value)}, expected milliseconds, a number and a digest"
    )


def _instant(value: object, name: str, since: datetime = FIRST) -> datetime:
    try:
        if isinstance(value, str):
            return parse_instant(value, since=since)
    except ValueError:
        pass
    raise InvalidStateError(
        f"the state's {name} is {_quoted(value)}, expected a date-time such as "
        f"2026-03-01T00:00:00.000Z, from {since.date()} on; correct it, or remove the stream from "
        "the state to read it from start_date"
    )


def _quoted(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=float)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def write_bookmark(state: dict[str, Any], replication_key: str | None, bookmark: Bookmark) -> None:
    """Replace a stream's part of STATE in place.

    Args:
        state: The part.
        replication_key: The stream's; None if it is a table.
        bookmark: What is written.
    """
    state.clear()
    if replication_key:
        state["replication_key"] = replication_key
    written_at = bookmark.watermark and format_instant(bookmark.watermark)
    if written_at:
        state[KEY_VALUE if replication_key else READ_AT] = written_at
    checkpoints = [_written(checkpoint) for checkpoint in bookmark.checkpoints]
    if checkpoints:
        state["position"] = checkpoints[0]
    if checkpoints[1:]:
        state["ahead"] = checkpoints[1:]
    files = bookmark.files
    if files.watermark and files.spans:
        state["files"] = {
            "bookmark": format_instant(files.watermark),
            "until": format_instant(files.spans[-1].end),
            "spans": [_written_span(each) for each in reversed(files.spans)],
        }
    elif files.names:
        state["files"] = {name: format_instant(time) for name, time in files.names.items()}
    if bookmark.hints:
        state["hints"] = dict(bookmark.hints)
    sent = bookmark.sent
    if sent.output:
        state["sent"] = {
            "output": sent.output,
            "bookmark": written_at,
            **_written_spans("spans", sent.spans),
        }
        if sent.outside:
            outside = {start: write_tally(tally) for start, tally in sent.outside.items()}
            state["sent"]["outside"] = outside


def _written_span(span: FileSpan) -> list[Any]:
    return [(span.end - span.start) // MILLISECOND, span.count, span.digest]


def _written(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "start": format_instant(checkpoint.window.start),
        "end": format_instant(checkpoint.window.end),
        **checkpoint.cursor,
        "query": checkpoint.filters_hash,
        "read_at": format_instant(checkpoint.read_at),
        **_written_spans("sent", checkpoint.sent),
    }


def _written_spans(name: str, spans: Sequence[Span]) -> dict[str, Any]:
    return {name: [format_instant(spans[0].start), write_spans(spans)]} if spans else {}
