"""The files of one listing in a temporary database, by key and by time, for any number of files."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_eventexport.engine.bodies.spool import no_room
from tap_eventexport.engine.objects.listing import StoredObject, fingerprint
from tap_eventexport.engine.windows import EPOCH

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

ROWS = 1_000  # in memory at a time
MICROSECOND = timedelta(microseconds=1)
EVER = 1 << 62  # microseconds since 1970, beyond any calendar
HALF = 32  # bits of a fingerprint; no bucket has enough files to overflow a sum
LAST_CHARACTER = "\U0010ffff"  # sorts after every character that can follow a prefix

TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE file (
        key TEXT PRIMARY KEY, size INTEGER, etag TEXT, modified INTEGER,
        high INTEGER, low INTEGER, known INTEGER DEFAULT 0
    ) WITHOUT ROWID;
    CREATE INDEX time ON file (modified, high, low, known);
"""
WHILE = "modified >= ? AND modified < ?"


class Tally(NamedTuple):
    """The number of files, and a digest of their keys and versions."""

    number: int
    digest: str


class FileTable:
    """The files of a listing.

    A file is known or not; at first none is. Time ranges are half-open; an end of None has no
    limit.

    Args:
        files: The files. If a key is listed twice, the last one counts.

    Raises:
        FatalVendorError: If there is no room for them.
    """

    def __init__(self, files: Iterable[StoredObject]) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._database.close)
        self._database.executescript(TABLES)
        rows: list[tuple[Any, ...]] = []
        for file in files:
            rows.append(_row(file))
            if len(rows) == ROWS:
                self._insert(rows)
                rows.clear()
        self._insert(rows)

    def tally(self, start: datetime, end: datetime | None, last_key: str | None = None) -> Tally:
        """Count the files of a time range, optionally only those with keys up to a last one."""
        condition, values = _condition(start, end, last_key)
        query = f"SELECT count(*), sum(high), sum(low) FROM file WHERE {condition}"  # noqa: S608
        ((number, high, low),) = self._query(query, *values)
        return _tally(number, high or 0, low or 0)

    def know(self, start: datetime, end: datetime | None, last_key: str | None = None) -> None:
        """Mark the files of a time range as known, optionally only up to a last key."""
        condition, values = _condition(start, end, last_key)
        self._query(f"UPDATE file SET known = 1 WHERE {condition}", *values)  # noqa: S608

    def know_by_name(self, names: Collection[str]) -> None:
        """Mark the files with these digests as known, which an earlier version wrote to STATE."""
        if not names:
            return
        found = [
            (key,)
            for key, high, low in self._query("SELECT key, high, low FROM file")
            if f"{high << HALF | low:016x}" in names
        ]
        with self._lock:
            self._database.executemany("UPDATE file SET known = 1 WHERE key = ?", found)

    def by_key(
        self, start: datetime, end: datetime | None, until: datetime
    ) -> Iterator[tuple[StoredObject, bool, Tally]]:
        """Yield the files of a time range in order of their keys.

        Args:
            start: The start of the range.
            end: The end of the range.
            until: Files from this time on are not counted in the tally.

        Yields:
            Each file, whether it is known, and the tally of all files up to it.
        """
        query = (
            "SELECT key, size, etag, modified, known, high, low FROM file INDEXED BY time "  # noqa: S608
            f"WHERE {WHILE} ORDER BY key"
        )
        number = highs = lows = 0
        for *columns, known, high, low in self._rows(query, *_times(start, end)):
            file = _file(*columns)
            if file.modified < until:
                number, highs, lows = number + 1, highs + high, lows + low
            yield file, bool(known), _tally(number, highs, lows)

    def beginning_with(self, prefix: str, before: datetime) -> list[StoredObject]:
        """Return the files with a key prefix that are known, or older than a time."""
        query = (
            "SELECT key, size, etag, modified FROM file "
            "WHERE key >= ? AND key < ? AND (known OR modified < ?) ORDER BY key"
        )
        rows = self._query(query, prefix, prefix + LAST_CHARACTER, _microseconds(before))
        return [_file(*row) for row in rows]

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        placeholders = "?, ?, ?, ?, ?, ?"
        statement = "INSERT OR REPLACE INTO file (key, size, etag, modified, high, low) VALUES"
        try:
            with self._lock:
                self._database.execute("BEGIN")
                self._database.executemany(f"{statement} ({placeholders})", rows)
                self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise _no_room(error) from None

    def _query(self, query: str, *values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        return list(self._rows(query, *values))

    def _rows(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
        try:
            with self._lock:
                cursor = self._database.execute(query, values)
                rows = cursor.fetchmany(ROWS)
            while rows:
                yield from rows
                with self._lock:
                    rows = cursor.fetchmany(ROWS)
        except sqlite3.OperationalError as error:
            raise _no_room(error) from None


def _row(file: StoredObject) -> tuple[Any, ...]:
    number = fingerprint(f"{file.key}\n{file.version}")
    halves = divmod(number, 1 << HALF)
    return (file.key, file.size, file.etag, _microseconds(file.modified), *halves)


def _file(key: str, size: int, etag: str, modified: int) -> StoredObject:
    return StoredObject(key, size, etag, EPOCH + modified * MICROSECOND)


def _condition(
    start: datetime, end: datetime | None, last_key: str | None
) -> tuple[str, tuple[Any, ...]]:
    if last_key is None:
        return WHILE, _times(start, end)
    return f"{WHILE} AND key <= ?", (*_times(start, end), last_key)


def _times(start: datetime, end: datetime | None) -> tuple[int, int]:
    return _microseconds(start), EVER if end is None else _microseconds(end)


def _microseconds(instant: datetime) -> int:
    return (instant - EPOCH) // MICROSECOND


def _tally(number: int, high: int, low: int) -> Tally:
    """Build a digest from the sums of both halves, modulo 2^32, so that order doesn't matter."""
    return Tally(number, f"{high % (1 << HALF):08x}{low % (1 << HALF):08x}")


def _no_room(error: sqlite3.OperationalError) -> Exception:
    return no_room("the listing of files", OSError(None, str(error)))
