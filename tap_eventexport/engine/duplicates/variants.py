"""Compares rows with the same key by their content, in a database on disk."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager
from itertools import count, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from tap_eventexport.engine.bodies.spool import no_room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

CACHE = 16 << 10  # KiB of memory for the database, including sorting
STEPS = 100_000  # of the database between two checks for a shutdown: about 10 ms

_key, _content = itemgetter(0), itemgetter(1)


class Row(NamedTuple):
    """One row.

    Attributes:
        key: Its key.
        content: The content that distinguishes rows of one key, and sorts them.
        place: Its row number.
    """

    key: bytes
    content: bytes
    place: int


class Counts(NamedTuple):
    """The number of keys with several contents, and the number of their contents."""

    keys: int
    contents: int


class Variants:
    """Rows, some of which have the same key but different contents.

    Args:
        poll: Called often; may raise to end the run.

    Raises:
        FatalVendorError: If the disk has no room for the database.
    """

    def __init__(self, poll: Callable[[], None]) -> None:
        self._poll = poll
        self._database = sqlite3.connect("")  # an empty name: a temporary file, gone when closed
        self._database.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -{CACHE};"
            "CREATE TABLE row (key BLOB, content BLOB, place INTEGER);"
            "CREATE TABLE taken (key BLOB PRIMARY KEY) WITHOUT ROWID;"
            "CREATE TABLE numbered (place INTEGER, number INTEGER);"
        )
        self._database.set_progress_handler(self._must_stop, STEPS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add(self, rows: Iterable[Row]) -> None:
        """Add some rows."""
        with self._in_words():
            self._database.executemany("INSERT INTO row VALUES (?, ?, ?)", rows)

    def take(self, keys: Iterable[bytes]) -> None:
        """Add keys that a number must not produce."""
        with self._in_words():
            self._database.executemany(
                "INSERT OR IGNORE INTO taken VALUES (?)", ((key,) for key in keys)
            )

    def counts(self) -> Counts:
        """Count the keys that have several contents."""
        query = (
            "SELECT count(*), total(contents) FROM (SELECT count(DISTINCT content) AS contents "
            "FROM row GROUP BY key HAVING contents > 1)"
        )
        with self._in_words():
            ((keys, contents),) = self._database.execute(query)
        return Counts(keys, int(contents))

    def numbers(self) -> Iterator[tuple[int, int]]:
        """Yield place and number of each row, except those with the first content of their key.

        A key's contents are numbered in order: the first has no number, the second has 1, and so
        on. Numbers that would produce a taken key are skipped.
        """
        with self._in_words():
            ordered = self._database.execute("SELECT * FROM row ORDER BY key, content")
            self._database.executemany("INSERT INTO numbered VALUES (?, ?)", self._number(ordered))
            yield from self._database.execute("SELECT * FROM numbered ORDER BY place")

    def _number(self, ordered: Iterable[tuple[bytes, bytes, int]]) -> Iterator[tuple[int, int]]:
        for key, rows in groupby(ordered, _key):
            numbers = self._free_numbers(key)
            for index, (_, same) in enumerate(groupby(rows, _content)):
                number = next(numbers) if index else 0
                yield from ((place, number) for *_, place in same if number)

    def _free_numbers(self, key: bytes) -> Iterator[int]:
        query = "SELECT EXISTS (SELECT 1 FROM taken WHERE key = ?)"
        for number in count(1):
            ((is_taken,),) = self._database.execute(query, (b"%b:%d" % (key, number),))
            if not is_taken:
                yield number

    def _must_stop(self) -> bool:
        try:
            self._poll()
        except BaseException:  # noqa: BLE001 - raised again when the database has stopped
            return True
        return False

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            self._poll()
            problem = OSError(errno.ENOSPC, str(error))
            raise no_room("the comparison of rows with one key", problem) from None
