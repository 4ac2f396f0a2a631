"""Records to RECORD lines, or to the JSON lines of a BATCH file.

A record that nothing has to change goes from the vendor's answer to stdout as it is: the fields
that are raw JSON are copied, a page is encoded at once, on the thread that read it. Where stream
maps, flattening or deselection ask for it, every record goes through the SDK, one page after the
other. Both paths write the same records.
"""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.page import EncodedRecords
from tap_eventexport.engine.singer.messages import encode_lines
from tap_eventexport.engine.singer.sdk import SDKBatchMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_eventexport.engine.page import Page, Record
    from tap_eventexport.engine.singer.messages import MessageWriter
    from tap_eventexport.engine.singer.nul import NulWatch
    from tap_eventexport.engine.singer.sdk import BatchConfig

    Transform = Callable[[Sequence[Record]], Mapping[str, Sequence[Any]]]

BATCH_COMPRESSION_LEVEL = 1  # a third of the time of level 6, for files a tenth larger


class RecordLine(msgspec.Struct, tag_field="type", tag="RECORD", gc=False):
    """A RECORD message around a record that is written as it is."""

    stream: str
    record: Any
    time_extracted: datetime


class RecordLines:
    """Writes records as RECORD lines to stdout, at once.

    Args:
        stream: The name that records are sent under.
        transform: Makes of records what is sent, by the name it is sent under; None if they are
            sent as they are.
        writer: Where messages go.
        nul: Looks at each line.

    Attributes:
        is_complete: Whether all records that were written are out, which they always are.
    """

    is_complete = True

    def __init__(
        self, stream: str, transform: Transform | None, writer: MessageWriter, nul: NulWatch
    ) -> None:
        self._stream = stream
        self._transform = transform
        self._writer = writer
        self._nul = nul

    def prepare(self, page: Page) -> Page:
        """A page with its records encoded, if nothing changes them and they are in memory."""
        if self._transform or page.spooled:
            return page
        blocks = [
            block
            if isinstance(block, EncodedRecords)
            else EncodedRecords(self._lines(self._stream, block), len(block))
            for block in page.batches
        ]
        return replace(page, batches=blocks, size=sum(len(block.text) for block in blocks))

    def write(self, block: Sequence[Record] | EncodedRecords) -> None:
        """Write one block of records."""
        if isinstance(block, EncodedRecords):
            self._writer.write_lines(block.text)
            return
        sent = self._transform(block) if self._transform else {self._stream: block}
        for name, records in sent.items():
            self._writer.write_lines(self._lines(name, records))

    def _lines(self, name: str, records: Sequence[Any]) -> bytes:
        extracted = datetime.now(UTC)
        lines = encode_lines([RecordLine(name, record, extracted) for record in records], name)
        self._nul.look(lines)
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
        stream: The name that records are sent under.
        transform: Makes of records what is sent, by the name it is sent under; None if they are
            sent as they are.
        writer: Where messages go.
        nul: Looks at each line.
        config: Where the files go, and how they are compressed.
    """

    def __init__(
        self,
        stream: str,
        transform: Transform | None,
        writer: MessageWriter,
        nul: NulWatch,
        config: BatchConfig,
    ) -> None:
        self._stream = stream
        self._transform = transform
        self._writer = writer
        self._nul = nul
        self._config = config
        self._id = f"tap-eventexport--{stream}-{uuid4()}"
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

    def write(self, block: Sequence[Record] | EncodedRecords) -> None:
        """Take one block of records; full files are written."""
        if isinstance(block, EncodedRecords):
            raise TypeError("files take records")
        size = self._config.batch_size
        sent = self._transform(block) if self._transform else {self._stream: block}
        for name, records in sent.items():
            waiting = self._waiting.setdefault(name, [])
            waiting.extend(records)
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
            self._writer.write_message(
                SDKBatchMessage(stream=name, encoding=self._config.encoding, manifest=manifest)
            )
        self._waiting, self._manifests, self._count = {}, {}, 0

    def _write_file(self, name: str, records: Sequence[Any]) -> None:
        self._files += 1
        storage = self._config.storage
        lines = encode_lines(records, name)
        self._nul.look(lines)
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
