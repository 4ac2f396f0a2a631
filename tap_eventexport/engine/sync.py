"""One run of one stream, on the main thread: plan, emit in order, commit to STATE.

`reader.py` is the part that runs on worker threads.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from singer_sdk.singerlib import ActivateVersionMessage

from tap_eventexport.engine.delivery import Delivery
from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.prefetch.prefetch import StreamQueue
from tap_eventexport.engine.progress import Progress
from tap_eventexport.engine.reader import WindowReader
from tap_eventexport.engine.sent.ledger import Ledger, Sent
from tap_eventexport.engine.sent.spans import DAY, WIDEST, Widths
from tap_eventexport.engine.sent.table import TableLedger
from tap_eventexport.engine.singer.writers import BatchFiles, RecordLines
from tap_eventexport.engine.state.bookmark import (
    Limits,
    advance,
    checkpoint_prepared,
    keep_hints,
    plan,
)
from tap_eventexport.engine.state.codec import read_bookmark, write_bookmark
from tap_eventexport.engine.windows import EPOCH, MILLISECOND, Window, calendar_days

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tap_eventexport.engine.page import Page, PreparedWindow
    from tap_eventexport.engine.sent.ledger import WindowTally
    from tap_eventexport.engine.sent.spans import Span
    from tap_eventexport.engine.singer.messages import MessageWriter
    from tap_eventexport.engine.state.bookmark import Bookmark, Plan
    from tap_eventexport.engine.stream import EventStream


class StreamSync:
    """One run of one stream.

    Args:
        stream: The stream. Its SCHEMA was written, unless it `is_growing`.
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
        bookmark = read_bookmark(state if stream.has_state else {}, stream.name)
        bookmark = _comparable(bookmark, stream)
        self._plan = plan(bookmark, stream.bounds(), stream.filters_hash)
        if self._plan.interval:
            bookmark = replace(bookmark, checkpoints=self._plan.checkpoints)
        self._bookmark = self._sent = self._committed = bookmark
        self._ledger = _ledger(bookmark, self._plan, stream)
        self._tally: WindowTally | None = None
        self._is_schema_written = not stream.is_growing
        self._present = EPOCH
        stream.plan, stream.bookmark_before = self._plan, bookmark
        for note in self._plan.notes:
            stream.logger.warning("%s: %s", stream.name, note)
        tasks = list(self._plan.tasks(stream.windows))
        self.progress = Progress(stream.name, stream.logger, len(tasks))
        self._delivery = Delivery(
            stream, self._make_output(), self._ledger, self.progress, self._forget
        )
        self._meters = ExitStack()
        self._counter = self._meters.enter_context(stream.get_record_counter())
        self._meters.enter_context(stream.get_sync_timer())
        self.reader = WindowReader(
            stream, self._ledger.pieces, self._delivery.prepared, self.progress
        )
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
        if page.columns and (self.stream.add_columns(page.columns) or not self._is_schema_written):
            self._write_schema()
        if self._tally is None or self._tally.pieces.window != window:
            self._tally = self._ledger.begin(self._ledger.pieces(window))
        tally, before = self._tally, self.progress.records
        self._delivery.write(page, tally)
        checkpoint = self._plan.checkpoint_at(window, page.cursor, self._vendors_now)
        if checkpoint is None:
            self._delivery.end_window(tally)
            self._tally = None
            self._activate_version()
        elif self.stream.output_hash and not self._delivery.is_holding:
            checkpoint = replace(checkpoint, sent=self._ledger.partial(tally))
        self._counter.increment(self.progress.records - before)
        self._bookmark = advance(self._bookmark, window, checkpoint, self._limits())
        if checkpoint is None:
            self._bookmark = replace(self._bookmark, sent=self._what_was_sent())
        if page.files and self._bookmark.watermark:
            self._bookmark = replace(self._bookmark, files=page.files(self._bookmark.watermark))
        if page.hints:
            self._bookmark = keep_hints(self._bookmark, page.hints)
        self.progress.page(window, is_last=page.cursor is None)
        if not self._delivery.is_holding:
            self._sent = self._bookmark
        if self._delivery.is_complete:
            self._commit()

    def checkpoint_prepared(self, window: Window, prepared: PreparedWindow) -> None:
        """Commit that a window was prepared; this may be before its turn."""
        checkpoint = self._plan.checkpoint_at(window, prepared.cursor, self._vendors_now)
        if checkpoint and self._plan.interval:
            start = self._plan.interval.start
            self._bookmark, self._sent, self._committed = (
                checkpoint_prepared(bookmark, checkpoint, start)
                for bookmark in (self._bookmark, self._sent, self._committed)
            )
            self._write_state()

    def close(self, error: Exception | None) -> None:
        """Write the buffered records and the last STATE.

        Args:
            error: The reason why the stream ends early; None if it is complete.
        """
        self.stream.is_closed = True
        self._delivery.finish(is_failed=error is not None)
        if error is None:
            self._sent = self._bookmark
            if not self._is_schema_written:
                self._write_schema()
        self._commit()
        self._meters.__exit__(type(error) if error else None, error, None)
        self.stream.log_findings()

    def _write_schema(self) -> None:
        self.stream.write_schema()
        self._is_schema_written = True

    def _activate_version(self) -> None:
        """Let the loader drop the records of earlier versions, after those of a new one."""
        version, records = self.stream.version, self.progress.records
        if version is not None and records:
            for transform in self.stream.transforms:
                self._writer.write_message(ActivateVersionMessage(transform.name, version))

    def _make_output(self) -> RecordLines | BatchFiles:
        stream = self.stream
        reason = stream.transform_reason()
        if reason:
            stream.logger.info(
                "%s: records are written one by one, because of %s", stream.name, reason
            )
        if whole := stream.unsplit_columns():
            stream.logger.info(
                "%s: flattening keeps each of these as one column of JSON text, because the "
                "objects in it have no fixed properties: %s",
                stream.name,
                ", ".join(whole),
            )
        if batches := stream.get_batch_config(stream.config):
            return BatchFiles(stream.name, self._writer, batches)
        return RecordLines(self._writer, stream.version)

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
        if self.stream.is_table:
            earliest = EPOCH  # it is read at a time, and not from a time on
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

    def _what_was_sent(self) -> Sent:
        """What STATE keeps of what was sent: the time that the next run reads again."""
        stream, watermark = self.stream, self._bookmark.watermark
        if watermark is None or not stream.output_hash:
            return Sent()
        start = max(watermark - min(stream.bounds().lookback, watermark - EPOCH), EPOCH)
        if stream.is_by_day:
            day = Window(start, start + MILLISECOND)
            start = next(calendar_days(day, stream.day_zone or UTC)).start
        return self._ledger.sent(start, watermark)

    def _forget(self, changed: Sequence[Span], window: Window) -> None:
        before = self._committed
        self._sent, self._committed = (
            replace(bookmark, sent=bookmark.sent.without(changed, window))
            for bookmark in (self._sent, self._committed)
        )
        if self._committed != before:
            self._write_state()

    def _commit(self) -> None:
        self._committed = self._sent
        self._write_state()

    def _write_state(self) -> None:
        stream = self.stream
        if stream.has_state and self._committed.watermark is not None:
            write_bookmark(stream.stream_state, stream.replication_key, self._committed)
            stream.tap.state_writer.write_state(stream.tap.state)


def _comparable(bookmark: Bookmark, stream: EventStream) -> Bookmark:
    """Return a bookmark without what was sent, if that isn't what this run would send."""
    output = stream.output_hash
    if bookmark.sent.output != output:
        checkpoints = tuple(replace(checkpoint, sent=()) for checkpoint in bookmark.checkpoints)
        return replace(bookmark, sent=Sent(output), checkpoints=checkpoints)
    if stream.config["lookback_resend"] == "all":
        return replace(bookmark, sent=Sent(output))
    return bookmark


def _ledger(bookmark: Bookmark, plan: Plan, stream: EventStream) -> Ledger:
    if stream.is_table:
        return TableLedger(bookmark.sent)
    resumed = (checkpoint for checkpoint in plan.checkpoints if checkpoint.cursor)
    newest = plan.interval.end if plan.interval else stream.now
    return Ledger(
        bookmark.sent,
        {checkpoint.window: checkpoint.sent for checkpoint in resumed},
        Widths(newest, stream.day_zone, DAY if stream.is_by_day else WIDEST),
        is_by_day=stream.is_by_day,
    )
