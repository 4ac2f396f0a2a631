"""One run of one stream, on the main thread: plan, emit in order, commit to STATE.

`reader.py` is the part that runs on worker threads.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.prefetch.prefetch import StreamQueue
from tap_eventexport.engine.progress import Progress
from tap_eventexport.engine.reader import WindowReader
from tap_eventexport.engine.singer.nul import NulWatch
from tap_eventexport.engine.singer.writers import BatchFiles, RecordLines
from tap_eventexport.engine.state.bookmark import (
    Limits,
    advance,
    checkpoint_prepared,
    keep_hints,
    plan,
)
from tap_eventexport.engine.state.codec import read_bookmark, write_bookmark
from tap_eventexport.engine.windows import EPOCH

if TYPE_CHECKING:
    from datetime import datetime

    from tap_eventexport.engine.page import Page, PreparedWindow
    from tap_eventexport.engine.singer.messages import MessageWriter
    from tap_eventexport.engine.stream import EventStream
    from tap_eventexport.engine.windows import Window


class StreamSync:
    """One run of one stream.

    Args:
        stream: The stream, whose SCHEMA was written.
        writer: Where messages go.

    Attributes:
        stream: The stream.
        progress: Counts of what was done so far.
        reader: Reads the windows, on worker threads.
        queue: The windows to read.

    Raises:
        InvalidStateError: If STATE can't be understood.
        FatalVendorError: If the vendor no longer keeps a part of the interval, see `on_gap`.
    """

    def __init__(self, stream: EventStream, writer: MessageWriter) -> None:
        self.stream = stream
        self._writer = writer
        state = stream.tap.state.get("bookmarks", {}).get(stream.name, {})
        bookmark = read_bookmark(state if stream.is_incremental else {}, stream.name)
        self._plan = plan(bookmark, stream.bounds(), stream.filters_hash)
        if self._plan.interval:
            bookmark = replace(bookmark, checkpoints=self._plan.checkpoints)
        self._bookmark = self._committed = bookmark
        self._present = EPOCH
        stream.plan, stream.bookmark_before = self._plan, bookmark
        for note in self._plan.notes:
            stream.logger.warning("%s: %s", stream.name, note)
        tasks = list(self._plan.tasks(stream.windows))
        self.progress = Progress(stream.name, stream.logger, len(tasks))
        self._output = self._make_output()
        self._meters = ExitStack()
        self._counter = self._meters.enter_context(stream.get_record_counter())
        self._meters.enter_context(stream.get_sync_timer())
        self.reader = WindowReader(stream, self._output.prepare, self.progress)
        self.queue = StreamQueue(self, iter(tasks), self.reader.read, stream.client.concurrency)

    @property
    def watermark(self) -> datetime | None:
        """The watermark in STATE: everything before it was emitted."""
        return self._committed.watermark

    def emit(self, window: Window, page: Page) -> None:
        """Write a page, then commit it to STATE.

        Pages must come in order: all windows before this one are complete.
        """
        self._check_gap()
        if page.columns and self.stream.add_columns(page.columns):
            self.stream.write_schema()
        for batch in page.batches:
            self._output.write(batch)
            self._counter.increment(len(batch))
            self.progress.add(len(batch))
        self._output.end_page()
        checkpoint = self._plan.checkpoint_at(window, page.cursor, self._vendors_now)
        self._bookmark = advance(self._bookmark, window, checkpoint, self._limits())
        if page.files and self._bookmark.watermark:
            self._bookmark = replace(self._bookmark, files=page.files(self._bookmark.watermark))
        if page.hints:
            self._bookmark = keep_hints(self._bookmark, page.hints)
        self.progress.page(window, is_last=page.cursor is None)
        if self._output.is_complete:
            self._commit()

    def checkpoint_prepared(self, window: Window, prepared: PreparedWindow) -> None:
        """Commit that a window was prepared; this may be before its turn."""
        checkpoint = self._plan.checkpoint_at(window, prepared.cursor, self._vendors_now)
        if checkpoint and self._plan.interval:
            start = self._plan.interval.start
            self._bookmark = checkpoint_prepared(self._bookmark, checkpoint, start)
            self._committed = checkpoint_prepared(self._committed, checkpoint, start)
            self._write_state()

    def close(self, error: Exception | None) -> None:
        """Write the buffered records and the last STATE.

        Args:
            error: The reason why the stream ends early; None if it is complete.
        """
        self.stream.is_closed = True
        self._output.finish()
        self._commit()
        self._meters.__exit__(type(error) if error else None, error, None)
        self.progress.end(is_failed=error is not None)
        self.stream.log_findings()

    def _make_output(self) -> RecordLines | BatchFiles:
        stream = self.stream
        reason = stream.transform_reason()
        stream.logger.info(
            "%s: records are written %s",
            stream.name,
            f"one by one, because of {reason}" if reason else "unchanged, page by page",
        )
        if whole := stream.unsplit_columns():
            stream.logger.info(
                "%s: flattening keeps each of these as one column of JSON text, because the "
                "objects in it have no fixed properties: %s",
                stream.name,
                ", ".join(whole),
            )
        transform = stream.transform if reason else None
        nul = NulWatch(stream.name, stream.logger)
        if batches := stream.get_batch_config(stream.config):
            return BatchFiles(stream.name, transform, self._writer, nul, batches)
        return RecordLines(stream.name, transform, self._writer, nul)

    @property
    def _vendors_now(self) -> datetime:
        """The start of the run by this machine's clock or the vendor's, whichever is earlier."""
        return self.stream.now - self.stream.client.clock.skew

    def _limits(self) -> Limits:
        """The limits of what this run may commit.

        If the vendor's clock may be broken, it neither moves the watermark forward nor sets it
        back.
        """
        now, clock = self.stream.now, self.stream.client.clock
        earliest = self._plan.interval.start if self._plan.interval else now
        present = now - clock.certain_skew if clock.is_skew_believed else now
        if self.stream.bookmark_before.watermark is None:
            present = max(present, earliest)
        self._present = max(self._present, present)  # a vendor's clocks may differ
        latest = self._vendors_now - self.stream.settle
        return Limits(earliest, latest=latest, present=self._present)

    def _check_gap(self) -> None:
        if self._plan.has_gap and not self.stream.client.clock.is_skew_believed:
            raise FatalVendorError(
                f"this machine's clock is more than a day ahead of {self.stream.vendor}'s, so that "
                "what the vendor still keeps would be left out; set the clock and run again"
            )

    def _commit(self) -> None:
        self._committed = self._bookmark
        self._write_state()

    def _write_state(self) -> None:
        stream = self.stream
        if stream.is_incremental and self._committed.watermark is not None:
            write_bookmark(stream.stream_state, str(stream.replication_key), self._committed)
            stream.tap.state_writer.write_state(stream.tap.state)
