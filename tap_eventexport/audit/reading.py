"""Reads the vendors: runs the tap once, and keeps a digest of each record."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any

import msgspec

from tap_eventexport.audit.content import content_digest
from tap_eventexport.audit.digests import SEPARATOR, key_digest
from tap_eventexport.backfill import sources
from tap_eventexport.backfill.load import TAP, LoadError, found
from tap_eventexport.backfill.pipe import unnamed
from tap_eventexport.engine.sent.spans import Tally
from tap_eventexport.engine.windows import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_eventexport.audit.digests import DigestFiles
    from tap_eventexport.audit.scope import Scope
    from tap_eventexport.tap import TapEventExport

CHUNK = 1 << 20  # bytes that are read at once

Columns = tuple[tuple[str, str], ...]  # names, each with its kind
Taken = tuple[list[bytes], list[str]]  # entries, and their times


class _Message(msgspec.Struct):
    type: str
    stream: str = ""
    value: dict[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What is read of one stream.

    Attributes:
        scope: What is looked at.
        first: The number of its first day's file.
        columns: The columns to compare; None if only keys are.
    """

    scope: Scope
    first: int
    columns: Columns | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the vendors have.

    Attributes:
        tallies: The number and the digest of each file's entries.
        failed: The tap's streams that were not read completely.
    """

    tallies: Mapping[int, Tally]
    failed: frozenset[str]


@dataclass(slots=True)
class Listener:
    """Hears what the tap sends."""

    parts: Mapping[str, Part]
    files: DigestFiles
    tallies: dict[int, Tally] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)

    def hear(self, source: IO[bytes]) -> None:
        """Read lines to the end."""
        readers = {_beginning(name): _reader_of(part) for name, part in self.parts.items()}
        while lines := source.readlines(CHUNK):
            for begin, same in _runs(lines, tuple(readers)):
                if begin:
                    self._keep(readers[begin](same))
                else:
                    self._note(same[0])

    def _keep(self, taken: Iterable[tuple[int, Sequence[bytes]]]) -> None:
        for number, entries in taken:
            tally = self.files.add(number, entries)
            self.tallies[number] = self.tallies.get(number, Tally()).plus(tally)

    def _note(self, line: bytes) -> None:
        message = msgspec.json.decode(line, type=_Message)
        if message.type == "STATE":
            self.state = message.value
        elif message.type == "RECORD" and message.stream in self.parts:
            raise LoadError("the tap has sent a record in another form; please report it")


def read(tap: TapEventExport, parts: Sequence[Part], files: DigestFiles) -> Reading:
    """Read each stream of each vendor once, as a run of the tap reads it.

    Args:
        tap: The tap, for its settings.
        parts: What to read.
        files: Where entries go.

    Raises:
        LoadError: If the tap isn't installed.
    """
    listener = Listener({part.scope.name: part for part in parts}, files)
    streams = list(dict.fromkeys(part.scope.stream.name for part in parts))
    start = min(part.scope.whole.start for part in parts)
    end = max(part.scope.whole.end for part in parts)
    config = {
        **{name: value for name, value in tap.config.items() if name != "batch_config"},
        "start_date": format_instant(start),
        "end_date": format_instant(end),
        "lookback_minutes": 0,
        "settle_minutes": 0,
        "on_gap": "warn",
    }
    catalogs = [sources.catalog_for(tap, stream) for stream in streams]
    catalog = {"streams": [entry for each in catalogs for entry in each["streams"]]}
    with _running(config, catalog) as process:
        if process.stdout:
            listener.hear(process.stdout)
        code = process.wait()
    ends = {part.scope.stream.name: part.scope.whole.end for part in parts}
    bookmarks = listener.state.get("bookmarks", {})
    failed = (name for name in streams if code and not _reaches(bookmarks.get(name), ends[name]))
    return Reading(listener.tallies, frozenset(failed))


@contextmanager
def _running(
    config: Mapping[str, Any], catalog: Mapping[str, Any]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the tap; its log, and the table of how far it is, are this command's own."""
    plain = json.loads(json.dumps(config, default=float))  # a Decimal is one
    with unnamed(plain) as settings, unnamed(catalog) as chosen:
        process = subprocess.Popen(  # noqa: S603 - the tap
            [
                found(TAP),
                f"--config=/dev/fd/{settings.fileno()}",
                f"--catalog=/dev/fd/{chosen.fileno()}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            bufsize=CHUNK,
            pass_fds=(settings.fileno(), chosen.fileno()),
        )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def _reaches(bookmark: Mapping[str, Any] | None, end: datetime) -> bool:
    value = (bookmark or {}).get("replication_key_value")
    return value is not None and parse_instant(value) >= end


def _beginning(stream: str) -> bytes:
    """How the tap begins a RECORD line."""
    return b'{"type":"RECORD","stream":%b,' % msgspec.json.encode(stream)


def _runs(
    lines: Sequence[bytes], beginnings: tuple[bytes, ...]
) -> Iterator[tuple[bytes | None, Sequence[bytes]]]:
    """Yield the lines that follow each other and begin alike; every other line alone."""
    start, size = 0, len(lines)
    while start < size:
        begin = next((each for each in beginnings if lines[start].startswith(each)), None)
        end = start + 1
        while begin and end < size and lines[end].startswith(begin):
            end += 1
        yield begin, lines[start:end]
        start = end


def _reader_of(part: Part) -> Callable[[Sequence[bytes]], Iterator[tuple[int, Sequence[bytes]]]]:
    """Return a function that makes the entries of lines, by the numbers of their files."""
    entries_of = _keys_of(part) if part.columns is None else _keys_and_contents_of(part)

    def read(lines: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
        entries, times = entries_of(lines)
        days = part.scope.days_of(times)
        if days.count(days[0]) == len(days):
            found = {days[0]: entries}
        else:
            found = {}
            for day, entry in zip(days, entries, strict=True):
                found.setdefault(day, []).append(entry)
        for day, some in found.items():
            if day is not None:
                yield part.first + day, some

    return read


def _keys_of(part: Part) -> Callable[[Sequence[bytes]], Taken]:
    names = {f"key{number}": name for number, name in enumerate(part.scope.keys)}
    fields = [(field, str | int) for field in names]
    record = msgspec.defstruct(
        "Record", [*fields, ("time", str)], rename={**names, "time": part.scope.time}
    )
    decode: Any = msgspec.json.Decoder(msgspec.defstruct("Line", [("record", record)])).decode
    key_of: Callable[[Any], Any] = attrgetter(*names)
    is_one = len(names) == 1

    def take(lines: Sequence[bytes]) -> Taken:
        records = [decode(line).record for line in lines]
        keys = map(key_of, records)
        texts = map(str, keys) if is_one else (SEPARATOR.join(map(str, key)) for key in keys)
        return list(map(key_digest, texts)), [record.time for record in records]

    return take


def _keys_and_contents_of(part: Part) -> Callable[[Sequence[bytes]], Taken]:
    keys, time, columns = part.scope.keys, part.scope.time, part.columns or ()
    line_type = msgspec.defstruct("Line", [("record", dict[str, Any])])
    decode: Any = msgspec.json.Decoder(line_type).decode

    def entry(record: Mapping[str, Any]) -> bytes:
        key = SEPARATOR.join(f"{record[name]}" for name in keys)
        return key_digest(key) + content_digest((kind, record.get(name)) for name, kind in columns)

    def take(lines: Sequence[bytes]) -> Taken:
        records = [decode(line).record for line in lines]
        return list(map(entry, records)), [record[time] for record in records]

    return take
