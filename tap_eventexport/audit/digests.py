"""Digests of records, and files of them: all that an audit remembers of a record."""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections import defaultdict
from typing import TYPE_CHECKING

from tap_eventexport.engine.sent.spans import MODULUS, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SEPARATOR = "\x1f"  # between the parts of a key
KEY, CONTENT = 16, 8  # bytes of a digest
MOST_WAITING = 8 << 20  # bytes in memory, of all files
CHUNK = 10_000  # entries


def key_digest(key: str) -> bytes:
    """The digest of a key, which databases can make too."""
    return hashlib.md5(key.encode(), usedforsecurity=False).digest()


def tally_of(entries: bytes, width: int) -> Tally:
    """Count entries, and add up the first 64 bits of each.

    Args:
        entries: Entries, one after the other.
        width: The bytes of one.
    """
    words = array("Q", entries)
    if sys.byteorder == "little":
        words.byteswap()
    return Tally(len(entries) // width, sum(words[:: width // words.itemsize]) % MODULUS)


class DigestFiles:
    """Files of entries, by number. An entry is the digest of a key, and perhaps of its content.

    Args:
        folder: An empty folder.
        width: The bytes of an entry.

    Attributes:
        width: The bytes of an entry.
    """

    def __init__(self, folder: Path, width: int) -> None:
        self._folder = folder
        self.width = width
        self._waiting: defaultdict[int, bytearray] = defaultdict(bytearray)
        self._bytes = 0

    def add(self, number: int, entries: Sequence[bytes]) -> Tally:
        """Add entries to a file, and return their tally."""
        joined = b"".join(entries)
        self._waiting[number] += joined
        self._bytes += len(joined)
        if self._bytes > MOST_WAITING:
            self._write()
        return tally_of(joined, self.width)

    def _write(self) -> None:
        for number, entries in self._waiting.items():
            with self._path(number).open("ab") as file:
                file.write(entries)
        self._waiting.clear()
        self._bytes = 0

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}"

    def count(self, number: int) -> int:
        """The number of entries in a file."""
        self._write()
        path = self._path(number)
        return path.stat().st_size // self.width if path.exists() else 0

    def read(self, number: int) -> Iterator[list[bytes]]:
        """Yield the entries of a file, some at a time."""
        self._write()
        if not self._path(number).exists():
            return
        with self._path(number).open("rb") as file:
            while chunk := file.read(CHUNK * self.width):
                yield [chunk[at : at + self.width] for at in range(0, len(chunk), self.width)]

    def remove(self, number: int) -> None:
        """Remove a file."""
        self._waiting.pop(number, None)
        self._path(number).unlink(missing_ok=True)
