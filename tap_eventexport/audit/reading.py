"""Reads the vendors: runs the tap once, and keeps a digest of each record."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import msgspec

from tap_eventexport.audit.content import content_digest
from tap_eventexport.audit.digests import SEPARATOR, key_digest
from tap_eventexport.backfill import sources
from tap_eventexport.backfill.load import TAP, found
from tap_eventexport.backfill.pipe import unnamed
from tap_eventexport.engine.sent.spans import Tally
from tap_eventexport.engine.windows import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_eventexport.audit.digests import DigestFiles
    from tap_eventexport.audit.scope import Scope
    from tap_eventexport.tap import TapEventExport

CHUNK = 1 << 20  # bytes that are read at once

Columns = tuple[tuple[str, str], ...]  # names, each with its kind


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

    def number(self, time: str) -> int | None:
        """Return the number of the file for a record's time; None if it is in no day."""
        day = self.scope.day_of(time)
        return None if day is None else self.first + day


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
class _Listener:
    """Hears what the tap sends."""

    parts: Mapping[str, Part]
    files: DigestFiles
    tallies: dict[int, Tally] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)

    def hear(self, source: IO[bytes]) -> None:
        """Read lines to the end."""
        readers = [(_beginning(name), part, _entry_of(part)) for name, part in self.parts.items()]
        begin, part, entry_of = readers[0]
        while lines := source.readlines(CHUNK):
            entries: defaultdict[int, list[bytes]] = defaultdict(list)
            for line in lines:
                if not line.startswith(begin):
                    known = next((each for each in readers if line.startswith(each[0])), None)
                    if known is None:
                        self._note(line)
                        continue
                    begin, part, entry_of = known
                entry, time = entry_of(line)
                number = part.number(time)
                if number is not None:
                    entries[number].append(entry)
            for number, some in entries.items():
                tally = self.files.add(number, some)
                self.tallies[number] = self.tallies.get(number, Tally()).plus(tally)

    def _note(self, line: bytes) -> None:
        message = msgspec.json.decode(line, type=_Message)
        if message.type == "STATE":
            self.state = message.value


def read(tap: TapEventExport, parts: Sequence[Part], files: DigestFiles) -> Reading:
    """Read each stream of each vendor once, as a run of the tap reads it.

    Args:
        tap: The tap, for its settings.
        parts: What to read.
        files: Where entries go.

    Raises:
        LoadError: If the tap isn't installed.
    """
    listener = _Listener({part.scope.name: part for part in parts}, files)
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


def _entry_of(part: Part) -> Callable[[bytes], tuple[bytes, str]]:
    """Return a function that makes the entry and the time of a line."""
    keys, time_name, columns = part.scope.keys, part.scope.time, part.columns
    if columns is None and len(keys) == 1:
        names = {"key": keys[0], "time": time_name}
        record = msgspec.defstruct("Record", [("key", str | int), ("time", str)], rename=names)
        line_type = msgspec.defstruct("Line", [("record", record)])
        decode: Any = msgspec.json.Decoder(line_type).decode

        def of_key(line: bytes) -> tuple[bytes, str]:
            record = decode(line).record
            return key_digest(f"{record.key}"), record.time

        return of_key

    line_type = msgspec.defstruct("Line", [("record", dict[str, Any])])
    decode = msgspec.json.Decoder(line_type).decode

    def of_all(line: bytes) -> tuple[bytes, str]:
        record = decode(line).record
        key = key_digest(SEPARATOR.join(f"{record[name]}" for name in keys))
        if columns is None:
            return key, record[time_name]
        return key + content_digest((kind, record.get(name)) for name, kind in columns), record[
            time_name
        ]

    return of_all
