"""Runs the streams of a tap: reads all of them ahead, and emits each page that is ready.

If one stream fails, it ends and keeps what it has committed; the others continue.
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

# Of responses read ahead, encoded if no record needs a change: what keeps a worker busy at 0.1 s a
# request, and all workers together.
BUFFER_OF_A_WORKER, MAX_BUFFERED_BYTES = 6 << 20, 48 << 20

MAX_SPOOLED_BYTES = 1 << 30  # of CSV and export files read ahead, in temporary files

Argument = TypeVar("Argument")


def plan_streams(
    streams: Iterable[EventStream], writer: MessageWriter
) -> tuple[list[StreamSync], dict[str, Exception]]:
    """Plan the run of streams.

    Returns:
        A sync for each stream that can be read, and the errors of the others by stream name.
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
        syncs: The planned streams.
        writer: Where messages go; its `shutdown` ends the run between two pages.

    Returns:
        The error of each stream that failed, by stream name.

    Raises:
        ShutdownRequested: If a signal asked the run to end.
        OutputClosedError: If the reader of stdout has ended.
    """
    failures: dict[str, Exception] = {}

    def poll() -> None:
        writer.shutdown.check()
        writer.check_reader()

    workers = sum(sync.queue.workers for sync in syncs)
    buffer = min(workers * BUFFER_OF_A_WORKER, MAX_BUFFERED_BYTES)
    ahead: ReadAhead[StreamSync] = ReadAhead(buffer, MAX_SPOOLED_BYTES, poll)
    try:
        for sync in syncs:
            ahead.add(sync.queue)
        for event in ahead:
            writer.shutdown.check()
            sync = event.key
            error = event.error if isinstance(event, StreamDone) else _error_of(_emit, event)
            if error:
                ahead.drop(sync)
            if error or isinstance(event, StreamDone):
                error = _error_of(sync.close, error) or error
            if error:
                failures[sync.stream.name] = error
    finally:
        ahead.close()
    return failures


def _emit(event: PageReady[StreamSync]) -> None:
    if isinstance(event.page, PreparedWindow):
        event.key.checkpoint_prepared(event.window, event.page)
    else:
        event.key.emit(event.window, event.page)


def _error_of(do: Callable[[Argument], None], argument: Argument) -> Exception | None:
    """Call a function and return its exception, or None; an error fails only its stream."""
    try:
        do(argument)
    except Exception as error:  # noqa: BLE001
        return error
    return None
