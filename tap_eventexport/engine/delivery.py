"""Encodes the records of one run of a stream, and sends those that are new or have changed.

If no record needs a change, many are encoded in one step and raw JSON fields are copied: on the
thread that read them, or on the main thread if they come from a body on disk. If stream maps,
flattening or deselection change records, every record goes through the SDK on the main thread.

Records of a time that STATE has a tally of wait on disk (`sent/hold.py`) until the window is
complete, and then are sent only if they differ from it. What follows them waits, too, so that the
order stays.
"""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any

from tap_eventexport.engine.page import Choice, EncodedRecords
from tap_eventexport.engine.sent.digests import line_digests
from tap_eventexport.engine.sent.hold import NO_SPAN, Held, Hold
from tap_eventexport.engine.sent.ledger import OUTSIDE, Part
from tap_eventexport.engine.singer.keys import check, sortable_times
from tap_eventexport.engine.singer.messages import encode_lines, encoder
from tap_eventexport.engine.windows import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_eventexport.engine.page import ComparableRows, Page, Record, RowDigests
    from tap_eventexport.engine.progress import Progress
    from tap_eventexport.engine.sent.ledger import Ledger, Pieces, WindowTally
    from tap_eventexport.engine.sent.spans import Span
    from tap_eventexport.engine.singer.writers import BatchFiles, RecordLines
    from tap_eventexport.engine.stream import EventStream
    from tap_eventexport.engine.windows import Window

    Forget = Callable[[Sequence[Span], Window], None]


PART = 100  # records encoded in one step: about 50 KB, less than the C library maps anew each time


class Delivery:
    """Encodes records and sends them.

    Args:
        stream: The stream.
        output: Where lines go.
        ledger: What was sent.
        progress: Counts records.
        forget: Removes changed spans of a window from STATE, before the first of their records is
            sent. Otherwise, after a crash, a record that has changed back would look unchanged.
    """

    def __init__(
        self,
        stream: EventStream,
        output: RecordLines | BatchFiles,
        ledger: Ledger,
        progress: Progress,
        forget: Forget,
    ) -> None:
        self._stream = stream
        self._output = output
        self._ledger = ledger
        self._progress = progress
        self._forget = forget
        self._transform = stream.transform if stream.transform_reason() else None
        self._hold = Hold(stream.name)
        self._names: list[str] = []

    # On any thread

    def prepared(self, page: Page, pieces: Pieces) -> Page:
        """Encode a page, if nothing changes its records and they are in memory."""
        if self._transform or page.disk_bytes:
            return page
        encoded = [each for batch in page.batches for each in self._encode(batch, page, pieces)]
        size = sum(len(each.text) for each in encoded)
        return replace(page, batches=(), encoded=encoded, memory_bytes=size)

    def _encode(
        self, batch: Sequence[Record], page: Page, pieces: Pieces
    ) -> Iterator[EncodedRecords]:
        stream = self._stream
        if not batch or not stream.output_hash:
            yield from self._not_compared(batch)
            return
        source = encoder.encode(page.source)[1:-1]
        times = self._times(batch, pieces)
        if not self._transform:
            for start in range(0, len(batch), PART):
                some = slice(start, start + PART)
                lines, text = self._lines(stream.name, batch[some])
                parts = pieces.parts(times[some], line_digests(lines, source))
                yield EncodedRecords(stream.name, text, len(lines), parts)
            return
        start = 0
        for piece, end in pieces.runs(times):
            for first in range(start, end, PART):
                part_of = batch[first : min(first + PART, end)]
                for name, records in self._transform(part_of).items():
                    lines, text = self._lines(name, records)
                    part = Part(piece, len(records), sum(line_digests(lines, source)))
                    yield EncodedRecords(name, text, len(records), [part])
            start = end

    def _times(self, batch: Sequence[Record], pieces: Pieces) -> Sequence[str]:
        """Return the records' times; those of a table are all in its only piece."""
        key = self._stream.replication_key
        if key is None:
            return [format_instant(pieces.window.start)] * len(batch)
        return sortable_times(batch, key, f"a page of {self._stream.name}")

    def _not_compared(self, batch: Sequence[Record]) -> Iterator[EncodedRecords]:
        if not batch:
            return
        sent = self._transform(batch) if self._transform else {self._stream.name: batch}
        for name, records in sent.items():
            _, text = self._lines(name, records)
            yield EncodedRecords(name, text, len(records), [Part(OUTSIDE, len(records), 0)])

    def _lines(self, name: str, records: Sequence[Any]) -> tuple[Sequence[bytes], bytes]:
        """Return the records' lines, and what is sent of them."""
        lines = encode_lines(records, name, self._stream.without_nul)
        return lines.each, self._output.messages(name, lines.text)

    # On the main thread

    @property
    def is_holding(self) -> bool:
        """Whether records wait for their window to be complete."""
        return not self._hold.is_empty

    @property
    def is_complete(self) -> bool:
        """Whether no record waits for its window, or for a BATCH file."""
        return self._hold.is_empty and self._output.is_complete

    def write(self, page: Page, tally: WindowTally) -> None:
        """Send a page's records, or let them wait."""
        if page.rows:
            self._write_rows(page.rows, tally)
        for encoded in page.encoded:
            self._write(encoded, tally)
        for batch in page.batches:
            for encoded in self._encode(batch, page, tally.pieces):
                self._write(encoded, tally)
        self._output.end_page()

    def end_window(self, tally: WindowTally) -> None:
        """Send what waits for the window and has changed."""
        changed = self._ledger.end(tally)
        if changed and not self._hold.is_empty:
            self._forget(changed, tally.pieces.window)
        self._send_judged()
        self._output.end_page()

    def finish(self, *, is_failed: bool) -> None:
        """Send what waits; but if the stream failed, what waits for its window is read again."""
        if not is_failed:
            self._ledger.give_up()
            self._send_judged()
        self._hold.close()
        self._output.finish()

    def _write(self, encoded: EncodedRecords, tally: WindowTally) -> None:
        for part in encoded.parts:
            tally.add(part)
        spans = [self._waits_for(part.piece, tally.pieces) for part in encoded.parts]
        if self._hold.is_empty and set(spans) == {NO_SPAN}:
            self._send(encoded.name, encoded.text, encoded.records)
            return
        if encoded.name not in self._names:
            self._names.append(encoded.name)
        name, lines = self._names.index(encoded.name), BytesIO(encoded.text)
        for part, span in zip(encoded.parts, spans, strict=True):
            text = b"".join(islice(lines, part.records))
            self._hold.add(Held(span, name, part.records, text))
        if self._hold.is_full:
            self._forget(self._ledger.give_up(), tally.pieces.window)
            self._send_judged()

    def _waits_for(self, piece: int, pieces: Pieces) -> int:
        span = None if piece == OUTSIDE else pieces.spans[piece]
        return NO_SPAN if span is None or span in self._ledger.verdicts else span

    def _send_judged(self) -> None:
        verdicts = self._ledger.verdicts
        for held in self._hold.take_while(lambda span: span == NO_SPAN or span in verdicts):
            if verdicts.get(held.span):
                self._progress.leave(held.records)
            else:
                self._send(self._names[held.name], held.text, held.records)

    def _write_rows(self, rows: ComparableRows, tally: WindowTally) -> None:
        stream = self._stream
        choice = self._choose(rows, tally) if self._ledger.is_compared(tally.pieces) else None
        for records, block in rows.batches(choice):
            if block:
                _add(block, tally)
            check(records, stream.required_columns, f"{stream.vendor}'s {tally.pieces.window}")
            for encoded in self._not_compared(records):
                self._send(encoded.name, encoded.text, encoded.records)

    def _choose(self, rows: ComparableRows, tally: WindowTally) -> Choice:
        """Compare all rows of a window with STATE, and return which of them must be sent."""
        blocks = [_add(block, tally) for block in rows.digests()]
        if changed := self._ledger.end(tally):
            self._forget(changed, tally.pieces.window)
        pieces = (OUTSIDE, *range(len(tally.pieces)))
        left = {piece for piece in pieces if self._ledger.is_unchanged(tally, piece)}
        self._progress.leave(sum(tally[piece].records for piece in left))
        return Choice(
            [not block <= left for block in blocks],
            lambda time: tally.pieces.of(time) not in left,
        )

    def _send(self, name: str, text: bytes, count: int) -> None:
        self._output.write(name, text)
        self._progress.add(count)


def _add(block: RowDigests, tally: WindowTally) -> frozenset[int]:
    """Add rows to a tally, and return the pieces that they belong to."""
    parts = tally.pieces.parts(*block)
    for part in parts:
        tally.add(part)
    return frozenset(part.piece for part in parts)
