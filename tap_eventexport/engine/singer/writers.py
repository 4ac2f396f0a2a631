"""Encodes records and writes them: as RECORD lines, or to BATCH files of JSON lines."""

from __future__ import annotations

import gzip
import io
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING
from uuid import uuid4

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.singer.messages import encoder
from tap_eventexport.engine.singer.sdk import SDKBatchMessage

if TYPE_CHECKING:
    from tap_eventexport.engine.singer.messages import MessageWriter
    from tap_eventexport.engine.singer.sdk import BatchConfig

BATCH_COMPRESSION_LEVEL = 1  # takes a third of the time of level 6; files are a tenth larger


class RecordLines:
    """Writes records as RECORD lines to stdout, without a buffer.

    Args:
        writer: Where messages go.
        version: The version of the records; None if they have none.

    Attributes:
        is_complete: Whether no record waits; always true.
    """

    is_complete = True

    def __init__(self, writer: MessageWriter, version: int | None = None) -> None:
        self._writer = writer
        self._version = b"" if version is None else b',"version":%d' % version

    def messages(self, name: str, lines: bytes) -> bytes:
        """Make RECORD messages of records; on any thread.

        Args:
            name: The stream name that they are sent under.
            lines: A line of JSON for each record.
        """
        begin = b'{"type":"RECORD","stream":%b,"record":' % encoder.encode(name)
        extracted = encoder.encode(datetime.now(UTC))
        end = b'%b,"time_extracted":%b}\n' % (self._version, extracted)
        between = lines.replace(b"\n", end + begin)
        return b"".join([begin, memoryview(between)[: -len(begin)]])

    def write(self, name: str, text: bytes) -> None:  # noqa: ARG002
        """Write messages of records that are sent under a name."""
        self._writer.write_lines(text)

    def end_page(self) -> None:
        """Nothing waits here."""

    def finish(self) -> None:
        """Nothing waits here."""


class BatchFiles:
    """Collects records and writes them to JSONL files, which BATCH messages name.

    A batch ends with the page that fills it, so that the STATE after it is exact. A file in it
    holds at most `batch_size` records.

    Args:
        stream: The stream's name.
        writer: Where messages go.
        config: Where the files go, and how they are compressed.
    """

    def __init__(self, stream: str, writer: MessageWriter, config: BatchConfig) -> None:
        self._writer = writer
        self._config = config
        self._id = f"tap-eventexport--{stream}-{uuid4()}"
        self._files = 0
        self._waiting: dict[str, list[bytes]] = {}
        self._lines: Counter[str] = Counter()  # that wait
        self._manifests: dict[str, list[str]] = {}
        self._count = 0

    @property
    def is_complete(self) -> bool:
        """Whether all records are in files that a BATCH message named."""
        return not (self._waiting or self._manifests)

    def messages(self, name: str, lines: bytes) -> bytes:  # noqa: ARG002
        """Return the records' lines: a file holds nothing else."""
        return lines

    def write(self, name: str, text: bytes) -> None:
        """Add lines that are sent under a name; full files are written."""
        rest, lines = io.BytesIO(text), text.count(b"\n")
        self._count += lines
        while (free := self._config.batch_size - self._lines[name]) <= lines:
            self._add(name, b"".join(islice(rest, free)), free)
            self._write_file(name)
            lines -= free
        if lines:
            self._add(name, rest.read(), lines)

    def end_page(self) -> None:
        """End the batch if it is full."""
        if self._count >= self._config.batch_size:
            self.finish()

    def finish(self) -> None:
        """Write the records that wait, and the BATCH messages."""
        for name in list(self._waiting):
            self._write_file(name)
        for name, manifest in self._manifests.items():
            self._writer.write_message(
                SDKBatchMessage(stream=name, encoding=self._config.encoding, manifest=manifest)
            )
        self._manifests, self._count = {}, 0

    def _add(self, name: str, text: bytes, lines: int) -> None:
        self._waiting.setdefault(name, []).append(text)
        self._lines[name] += lines

    def _write_file(self, name: str) -> None:
        self._files += 1
        storage = self._config.storage
        lines = b"".join(self._waiting[name])
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
        del self._waiting[name], self._lines[name]
        self._manifests.setdefault(name, []).append(storage.get_url(filename))
