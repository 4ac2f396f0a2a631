"""Runs the streams of a tap: reads all of them ahead, and emits each page that is ready.

If one stream fails, it ends and keeps what it has committed; the others continue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tap_eventexport.engine.page import PreparedWindow
from tap_eventexport.engine.prefetch.prefetch import PageReady, ReadAhead, StreamDone
from tap_eventexport.engine.progress import Progress
from tap_eventexport.engine.sync import StreamSync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from tap_eventexport.engine.singer.messages import MessageWriter
    from tap_eventexport.engine.stream import EventStream

# Of responses read ahead, encoded if no record needs a change: what keeps a worker busy at 0.1 s a
# request, and all workers together.
BUFFER_OF_A_WORKER, MAX_BUFFERED_BYTES = 6 << 20, 48 << 20

MAX_SPOOLED_BYTES = 1 << 30  # of CSV and export files read ahead, in temporary files

Argument = TypeVar("Argument")


@dataclass(frozen=True, slots=True)
class StreamRun:
    """A stream in this run.

    Attributes:
        stream: The stream.
        progress: What was done so far, and why it failed, if so.
        sync: Reads it; None if it can't be read.
    """

    stream: EventStream
    progress: Progress
    sync: StreamSync | None

    @property
    def watermark(self) -> datetime | None:
        """The watermark in STATE: everything before it was emitted."""
        return self.sync.watermark if self.sync else None


def plan_streams(streams: Iterable[EventStream], writer: MessageWriter) -> list[StreamRun]:
    """Plan the run of streams; one that can't be read has failed already."""
    return [_planned(stream, writer) for stream in streams]


def _planned(stream: EventStream, writer: MessageWriter) -> StreamRun:
    try:
        sync = StreamSync(stream, writer)
    except Exception as error:  # noqa: BLE001 - of this stream alone
        progress = Progress(stream.name, stream.logger, windows=0)
        progress.end(error)
        return StreamRun(stream, progress, None)
    return StreamRun(stream, sync.progress, sync)


def run_streams(runs: Iterable[StreamRun], writer: MessageWriter) -> None:
    """Read and emit streams until each is complete or has failed, which its progress says.

    Args:
        runs: The planned streams.
        writer: Where messages go; its `shutdown` ends the run between two pages.

    Raises:
        ShutdownRequested: If a signal asked the run to end.
        OutputClosedError: If the reader of stdout has ended.
    """
    syncs = [run.sync for run in runs if run.sync]

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
                sync.progress.end(_error_of(sync.close, error) or error)
    finally:
        ahead.close()


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
