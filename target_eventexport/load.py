"""Loads Singer messages: collects rows, commits them in batches, and lets STATE out behind them.

The main thread reads and encodes the next batch, while one other thread commits the last one.
"""

from __future__ import annotations

import logging
import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec

from target_eventexport.batch_files import BatchFile, read_batches
from target_eventexport.cells import INSTANT, TooWideError
from target_eventexport.columns import Column, Kind, columns_of
from target_eventexport.errors import LoadError, NoSchemaError, one_line
from target_eventexport.records import Records
from target_eventexport.table import (
    BATCHED,
    DELETED,
    EXTRACTED,
    RECEIVED,
    SEQUENCE,
    VERSION,
    Batch,
    Rows,
)
from target_eventexport.unstorable import all_storable, may_be_unstorable, storable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_eventexport.table import Destination, Table

MAX_BATCH_BYTES = 12 * 1024 * 1024  # of rows; two batches are in memory at a time
RECORD = re.compile(rb'\{"type": ?"RECORD", ?"stream": ?("(?:[^"\\]|\\.)*"),')
METADATA_KINDS = {
    **dict.fromkeys((EXTRACTED, RECEIVED, BATCHED, DELETED), Kind.INSTANT),
    **dict.fromkeys((SEQUENCE, VERSION), Kind.INTEGER),
}

logger = logging.getLogger("target-eventexport")


@dataclass(frozen=True, slots=True)
class Options:
    """How to load.

    Attributes:
        batch_rows: How many records a batch holds at most.
        batch_seconds: How long its first record waits at most.
        metadata: The names of the metadata columns that rows get.
        is_validated: Whether what is inside a column is checked, too.
        hard_delete: Whether ACTIVATE_VERSION deletes rows of other versions.
    """

    batch_rows: int = 50_000
    batch_seconds: float = 60
    metadata: Sequence[str] = ()
    is_validated: bool = True
    hard_delete: bool = False


class Message(msgspec.Struct):
    """A Singer message, but for a record."""

    type: str
    stream: str = ""
    schema: dict[str, Any] = {}
    key_properties: list[str] | None = None
    bookmark_properties: list[str] | None = None
    value: msgspec.Raw = msgspec.Raw(b"null")
    version: int | None = None
    encoding: dict[str, Any] = {}
    manifest: list[str] = []


decode = msgspec.json.Decoder(Message).decode


class Stream:
    """A stream that is being loaded."""

    def __init__(self, message: Message, options: Options) -> None:
        self.name = message.stream
        self.schema = message.schema
        self.keys = list(dict.fromkeys(message.key_properties or []))
        properties = self.schema.get("properties")
        if not isinstance(properties, dict) or not properties:
            raise LoadError(f"{self.name}: its SCHEMA has no properties")
        if missing := [key for key in self.keys if key not in properties]:
            raise LoadError(f"{self.name}: its SCHEMA has no property for its key {missing[0]}")
        orders = [name for name in message.bookmark_properties or [] if name in properties]
        self.order = orders[0] if orders else None
        try:
            own = columns_of(self.schema, self.keys)
            self.records = Records(
                self.name, self.schema, own, self.keys, is_validated=options.is_validated
            )
        except RecursionError:
            raise LoadError(f"{self.name}: its SCHEMA is nested too deeply") from None
        self.metadata = [name for name in options.metadata if name not in properties]
        self.columns = [*own, *(Column(name, METADATA_KINDS[name]) for name in self.metadata)]

    def widen(self, name: str, kind: Kind) -> None:
        """Give a column a wider kind in the table."""
        self.columns = [
            Column(name, kind, column.is_nullable, column.is_required)
            if column.name == name
            else column
            for column in self.columns
        ]

    def metadata_cells(self, messages: Sequence[Any], number: int) -> list[Sequence[str]]:
        """Return the cells of the metadata columns."""
        now = datetime.now(UTC).isoformat()
        cells: dict[str, Any] = {
            EXTRACTED: [self._time_extracted(message.time_extracted) for message in messages],
            RECEIVED: repeat(now, len(messages)),
            BATCHED: repeat(now, len(messages)),
            DELETED: repeat("", len(messages)),
            SEQUENCE: map(str, range(number, number + len(messages))),
            VERSION: ["" if m.version is None else str(m.version) for m in messages],
        }
        return [cells[name] for name in self.metadata]

    def _time_extracted(self, text: str | None) -> str:
        if text and not INSTANT.fullmatch(text):
            raise LoadError(f"{self.name}: the time_extracted of a record is not an instant")
        return text or ""


class Load:
    """Loads messages into a destination.

    Args:
        destination: Where rows go.
        write_state: Writes a STATE to stdout.
        options: How to load.

    Attributes:
        counts: How many messages of each type were loaded.
    """

    def __init__(
        self, destination: Destination, write_state: Callable[[bytes], None], options: Options
    ) -> None:
        self._destination = destination
        self._write_state = write_state
        self._options = options
        self._streams: dict[str, Stream] = {}
        self._tables: dict[str, Table] = {}
        self._batch = Batch()
        self._began = time.monotonic()
        self._committing: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1)
        self._sequence = time.time_ns() // 1_000_000
        self.counts: dict[str, int] = {}

    # Messages

    def take(self, lines: Sequence[bytes]) -> None:
        """Load lines of messages.

        Raises:
            LoadError: If one is wrong, or an earlier batch can't be committed.
        """
        begin, run, stream = None, [], ""
        for line in lines:
            if begin and line.startswith(begin):
                run.append(line)
                continue
            self._take_records(stream, run)
            begin, run = None, []
            if match := RECORD.match(line):
                begin, run, stream = match[0], [line], msgspec.json.decode(match[1])
            elif line.strip():
                self._take_message(line)
        self._take_records(stream, run)
        self._commit_in_time()

    def _take_message(self, line: bytes) -> None:
        try:
            message = decode(storable(line) if may_be_unstorable(line) else line)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise LoadError(f"a line is no Singer message: {one_line(error)}") from None
        match message.type:
            case "RECORD":
                self._take_records(message.stream, [line])
                return
            case "SCHEMA":
                self._take_schema(message)
            case "STATE":
                self._batch.state = bytes(message.value)
            case "BATCH":
                self._take_batch(message)
            case "ACTIVATE_VERSION":
                self._activate_version(message)
            case _:
                raise LoadError(f"a message has the unknown type {message.type[:50]!r}")
        self._count(message.type, 1)

    def _count(self, type_: str, number: int) -> None:
        self.counts[type_] = self.counts.get(type_, 0) + number

    def _take_schema(self, message: Message) -> None:
        known = self._streams.get(message.stream)
        keys = message.key_properties or []
        if known and known.schema == message.schema and known.keys == keys:
            return
        stream = Stream(message, self._options)
        self._streams[stream.name] = stream
        self._prepare(stream)

    def _prepare(self, stream: Stream) -> None:
        """Make a stream's table, after what came before is committed."""
        if stream.name in self._batch.rows:
            self.commit()
        self._wait()
        table = self._destination.prepare(stream.name, stream.columns, stream.keys, stream.order)
        self._tables[stream.name] = table

    def _stream(self, name: str) -> Stream:
        if stream := self._streams.get(name):
            return stream
        raise NoSchemaError(f"{name}: a record came before its SCHEMA")

    def _take_records(self, name: str, lines: Sequence[bytes]) -> None:
        while lines:
            room = max(1, self._options.batch_rows - self._batch.count)
            some, lines = lines[:room], lines[room:]
            some = all_storable(some)
            stream = self._stream(name)
            self._add(stream, stream.records.of_messages(some))
            self._count("RECORD", len(some))

    def _take_batch(self, message: Message) -> None:
        stream = self._stream(message.stream)
        for url in message.manifest:
            file = BatchFile(url, message.encoding)
            for some in read_batches(file, self._options.batch_rows):
                self._add(stream, stream.records.of_lines(all_storable(some)))
            if file.is_ours:
                self.after_commit(file.delete)

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do something once all that came before is committed."""
        self._batch.committed.append(act)

    def _activate_version(self, message: Message) -> None:
        stream = self._stream(message.stream)
        if not self._options.hard_delete or message.version is None:
            return
        self.commit()
        self._wait()
        self._destination.delete_other_versions(self._tables[stream.name], message.version)

    # Batches

    def _add(self, stream: Stream, messages: Sequence[Any]) -> None:
        """Encode records and add them to the batch; commit it if it is full."""
        records = [message.record for message in messages]
        rows, keys = self._encode(stream, records, messages)
        waiting = self._batch.rows.get(stream.name)
        if waiting is None:
            waiting = self._batch.rows[stream.name] = Rows(self._tables[stream.name])
        if self._batch.count == 0:
            self._began = time.monotonic()
        waiting.add(rows, keys)
        self._batch.count += len(rows)
        self._batch.size += sum(map(len, rows))
        self._sequence += len(rows)
        if self._batch.count >= self._options.batch_rows or self._batch.size >= MAX_BATCH_BYTES:
            self.commit()

    def _encode(
        self, stream: Stream, records: Sequence[Any], messages: Sequence[Any]
    ) -> tuple[list[bytes], Sequence[Any] | None]:
        while True:
            more = stream.metadata_cells(messages, self._sequence) if stream.metadata else ()
            try:
                return stream.records.rows(records, self._tables[stream.name].kinds, more)
            except TooWideError as error:
                logger.info("%s: column %s becomes %s", stream.name, error.name, error.kind.value)
                stream.widen(error.name, error.kind)
                self._prepare(stream)

    def _commit_in_time(self) -> None:
        """Commit the batch if its first record has waited long; tell of a commit that failed."""
        if self._committing and self._committing.done():
            self._wait()
        has_waited = time.monotonic() - self._began >= self._options.batch_seconds
        if has_waited and (self._batch.count or self._batch.state):
            self.commit()
            self._began = time.monotonic()

    def commit(self) -> None:
        """Let the batch be committed, as soon as the one before is.

        Raises:
            LoadError: If that one couldn't be committed.
        """
        self._wait()
        batch, self._batch = self._batch, Batch()
        self._committing = self._thread.submit(self._write, batch)

    def _write(self, batch: Batch) -> None:
        """Commit a batch; on the other thread."""
        if batch.rows:
            self._destination.write(list(batch.rows.values()))
        if batch.state is not None:
            self._write_state(batch.state)
        for act in batch.committed:
            act()

    def _wait(self) -> None:
        if self._committing:
            committing, self._committing = self._committing, None
            committing.result()

    def finish(self) -> None:
        """Commit what waits, and end the connection.

        Raises:
            LoadError: If it can't be committed.
        """
        self.commit()
        self._wait()
        self.close()

    def close(self) -> None:
        """End the connection, once what is being committed is."""
        self._thread.shutdown()
        self._destination.close()
