"""Drives the streams of a run: reads all of them ahead, emits whichever is ready.

One stream's trouble is its own: it ends, what it had promised stays, the others go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tap_eventexport.engine.page import PreparedWindow
from tap_eventexport.engine.prefetch.prefetch import PageReady, ReadAhead, StreamDone
from tap_eventexport.engine.sync import StreamSync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tap_eventexport.engine.singer.messages import MessageWriter
    from tap_eventexport.engine.stream import EventStream

MAX_BUFFERED_BYTES = 48 << 20  # of answers read ahead, encoded where nothing changes them

MAX_SPOOLED_BYTES = 1 << 30  # of CSV and export files read ahead, in temporary files

Argument = TypeVar("Argument")


def plan_streams(
    streams: Iterable[EventStream], writer: MessageWriter
) -> tuple[list[StreamSync], dict[str, Exception]]:
    """Plan what is read of streams whose SCHEMA was written.

    Returns:
        A sync for each stream that can be read, and the errors of the others by their names.
    """
    syncs: list[StreamSync] = []
    failures: dict[str, Exception] = {}
    for stream in streams:
        try:
            syncs.append(StreamSync(stream, writer))
        except Exception as error:  # noqa: BLE001 - of this stream alone
            failures[stream.name] = error
    return syncs, failures


def run_streams(syncs: Sequence[StreamSync], writer: MessageWriter) -> dict[str, Exception]:
    """Read and emit streams until each is complete or has failed.

    Args:
        syncs: What was planned.
        writer: Where messages go; its stop ends the run between two pages.

    Returns:
        The error of each stream that failed, by its name.

    Raises:
        Stopped: If the run was asked to end.
        OutputClosedError: If nobody reads stdout any more.
    """
    failures: dict[str, Exception] = {}

    def poll() -> None:
        writer.shutdown.check()
        writer.check_reader()

    ahead: ReadAhead[StreamSync] = ReadAhead(MAX_BUFFERED_BYTES, MAX_SPOOLED_BYTES, poll)
    try:
        for sync in syncs:
            ahead.add(sync.queue)
        for event in ahead:
            writer.shutdown.check()
            sync = event.key
            trouble = event.error if isinstance(event, StreamDone) else _trouble_of(_emit, event)
            if trouble:
                ahead.drop(sync)
            if trouble or isinstance(event, StreamDone):
                trouble = _trouble_of(sync.close, trouble) or trouble
            if trouble:
                failures[sync.stream.name] = trouble
    finally:
        ahead.close()
    return failures


def _emit(event: PageReady[StreamSync]) -> None:
    if isinstance(event.page, PreparedWindow):
        event.key.checkpoint_prepared(event.window, event.page)
    else:
        event.key.emit(event.window, event.page)


def _trouble_of(do: Callable[[Argument], None], argument: Argument) -> Exception | None:
    """What goes wrong while something is done, which is the stream's own trouble."""
    try:
        do(argument)
    except Exception as error:  # noqa: BLE001
        return error
    return None
