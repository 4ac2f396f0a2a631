"""Records to RECORD lines, or to the JSON lines of a BATCH file.

A record that nothing has to change goes from the vendor's answer to stdout as it is: the fields
that are raw JSON are copied, a page is encoded at once, on the thread that read it. Where stream
maps, flattening or deselection ask for it, every record goes through the SDK, one page after the
other. Both paths write the same records.
"""

from __future__ import annotations

import gzip
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
from singer_sdk.helpers._batch import SDKBatchMessage
from singer_sdk.helpers._util import utc_now
from singer_sdk.mapper import SameRecordTransform

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.output import encode_lines, encoder
from tap_eventexport.engine.page import Lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from singer_sdk.helpers._batch import BatchConfig

    from tap_eventexport.engine.page import Page, Record
    from tap_eventexport.engine.stream import EventStream

BATCH_COMPRESSION_LEVEL = 1  # a third of the time of level 6, for files a tenth larger

decoder = msgspec.json.Decoder(float_hook=Decimal)


class RecordLine(msgspec.Struct, tag_field="type", tag="RECORD", gc=False):
    """A RECORD message around a record that is written as it is."""

    stream: str
    record: Any
    time_extracted: datetime


def why_changed(stream: EventStream) -> str | None:
    """What asks for a change of this stream's records; None if nothing does."""
    maps = stream.stream_maps
    if len(maps) != 1 or type(maps[0]) is not SameRecordTransform:
        return "stream_maps"
    if maps[0].flattening_enabled:
        return "flattening"
    if not stream.selection.is_all:
        return "deselected properties"
    return None


def changed_records(stream: EventStream, records: Sequence[Record]) -> Mapping[str, Sequence[Any]]:
    """Records after selection, stream maps and flattening, by the name they are sent under."""
    changed: dict[str, list[Any]] = {}
    for record in decoder.decode_lines(encoder.encode_lines(records)):
        for name in record.keys() - stream.sent_columns:
            del record[name]
        stream.selection.select_fields(record)
        for transform in stream.transforms:
            mapped = transform.apply(record)
            if mapped is not None:
                changed.setdefault(transform.name, []).append(mapped)
    return changed


class RecordLines:
    """Writes records as RECORD lines to stdout, at once."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        self.is_complete = True

    def prepare(self, page: Page) -> Page:
        """A page with its records encoded, if nothing changes them and they are in memory."""
        if self._stream.is_changed or page.spooled:
            return page
        blocks = [
            block
            if isinstance(block, Lines)
            else Lines(self._lines(self._stream.name, block), len(block))
            for block in page.blocks
        ]
        return replace(page, blocks=blocks, size=sum(len(block.text) for block in blocks))

    def write(self, block: Sequence[Record] | Lines) -> None:
        """Write one block of records."""
        if isinstance(block, Lines):
            self._stream.writer.write_lines(block.text)
            return
        for name, records in self._stream.ready(block).items():
            self._stream.writer.write_lines(self._lines(name, records))

    def _lines(self, name: str, records: Sequence[Any]) -> bytes:
        extracted = utc_now()
        lines = encode_lines([RecordLine(name, record, extracted) for record in records], name)
        self._stream.look_for_nul(lines)
        return lines

    def end_page(self) -> None:
        """Nothing waits here."""

    def finish(self) -> None:
        """Nothing waits here."""


class BatchFiles:
    """Collects records and writes them to JSONL files, told of in BATCH messages.

    A batch ends with the page that fills it, so that the STATE behind it is exact; a file in it
    holds at most `batch_size` records.

    Args:
        stream: The stream.
        config: Where the files go, and how they are compressed.
    """

    def __init__(self, stream: EventStream, config: BatchConfig) -> None:
        self._stream = stream
        self._config = config
        self._id = f"{stream.tap_name}--{stream.name}-{uuid4()}"
        self._files = 0
        self._waiting: dict[str, list[Any]] = {}
        self._manifests: dict[str, list[str]] = {}
        self._count = 0

    @property
    def is_complete(self) -> bool:
        """Whether all records handed in are in files that were told of."""
        return not (self._waiting or self._manifests)

    def prepare(self, page: Page) -> Page:
        """A page as it is: files hold other numbers of records."""
        return page

    def write(self, block: Sequence[Record] | Lines) -> None:
        """Take one block of records; full files are written."""
        if isinstance(block, Lines):
            raise TypeError("files take records")
        size = self._config.batch_size
        for name, ready in self._stream.ready(block).items():
            waiting = self._waiting.setdefault(name, [])
            waiting.extend(ready)
            while len(waiting) >= size:
                self._write_file(name, waiting[:size])
                del waiting[:size]
            if not waiting:
                del self._waiting[name]
        self._count += len(block)

    def end_page(self) -> None:
        """End the batch if it is full."""
        if self._count >= self._config.batch_size:
            self.finish()

    def finish(self) -> None:
        """Write what waits and tell of it."""
        for name, waiting in self._waiting.items():
            self._write_file(name, waiting)
        for name, manifest in self._manifests.items():
            self._stream.writer.write_message(
                SDKBatchMessage(stream=name, encoding=self._config.encoding, manifest=manifest)
            )
        self._waiting, self._manifests, self._count = {}, {}, 0

    def _write_file(self, name: str, records: Sequence[Any]) -> None:
        self._files += 1
        storage = self._config.storage
        lines = encode_lines(records, name)
        self._stream.look_for_nul(lines)
        suffix = ""
        if self._config.encoding.compression == "gzip":
            lines = gzip.compress(lines, BATCH_COMPRESSION_LEVEL)
            suffix = ".gz"
        filename = f"{storage.prefix or ''}{self._id}-{self._files}.jsonl{suffix}"
        try:
            with storage.open(filename, "wb") as file:
                file.write(lines)
        except OSError as error:
            raise FatalVendorError(f"batch_config: a file can't be written: {error}") from error
        self._manifests.setdefault(name, []).append(storage.get_url(filename))
