"""Compares what the vendors have with what the warehouse has, day by day."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, NamedTuple

from tap_eventexport.audit.digests import CHUNK, KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_eventexport.audit.digests import DigestFiles

MOST = 200_000  # entries of a side that are compared at once, in memory
MOST_PARTS = 200  # files that are open at the same time, of a side


class Counts(NamedTuple):
    """The numbers of a day, or of a part of it.

    Attributes:
        vendor: Keys that the vendor has.
        store: Rows in the warehouse.
        missing: Keys that the warehouse lacks.
        doubled: Rows whose key another row has already.
        changed: Keys of which no row has the vendor's content.
        gone: Keys that the vendor didn't return.
    """

    vendor: int = 0
    store: int = 0
    missing: int = 0
    doubled: int = 0
    changed: int = 0
    gone: int = 0

    def plus(self, other: Counts) -> Counts:
        """Return the numbers of both."""
        return Counts(*(own + its for own, its in zip(self, other, strict=True)))

    @property
    def is_complete(self) -> bool:
        """Whether the warehouse has all that the vendor has, once and unchanged."""
        return not (self.missing or self.doubled or self.changed)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a stream.

    Attributes:
        stream: The name that the stream is loaded by.
        date: The date in the vendor's zone, such as `2026-03-01`.
        counts: Its numbers.
    """

    stream: str
    date: str
    counts: Counts

    @property
    def values(self) -> dict[str, str | int]:
        """The day as a JSON object."""
        return {"stream": self.stream, "day": self.date, **self.counts._asdict()}


def compare(vendor: DigestFiles, store: DigestFiles, number: int) -> Counts:
    """Compare a day's entries in memory that doesn't grow with their number.

    A day of many entries is split into parts by the digests of keys, on both sides alike.
    """
    largest = max(vendor.count(number), store.count(number))
    parts = min(largest // MOST + 1, MOST_PARTS)
    counts = Counts()
    with ExitStack() as stack:
        sides = [_split(side, number, parts, stack) for side in (vendor, store)]
        for ours, theirs in zip(*sides, strict=True):
            counts = counts.plus(_compare(list(ours), list(theirs)))
    return counts


def _compare(vendor: list[bytes], store: list[bytes]) -> Counts:
    contents, stored = set(vendor), set(store)
    keys, stored_keys = {entry[:KEY] for entry in contents}, {entry[:KEY] for entry in stored}
    alike = {entry[:KEY] for entry in contents & stored}
    return Counts(
        vendor=len(keys),
        store=len(store),
        missing=len(keys - stored_keys),
        doubled=len(store) - len(stored_keys),
        changed=len((keys & stored_keys) - alike),
        gone=len(stored_keys - keys),
    )


def _split(
    files: DigestFiles, number: int, parts: int, stack: ExitStack
) -> Iterator[Iterator[bytes]]:
    """Yield the entries of each part."""
    if parts == 1:
        yield (entry for some in files.read(number) for entry in some)
        return
    split = [stack.enter_context(_temporary()) for _ in range(parts)]
    for some in files.read(number):
        waiting: list[list[bytes]] = [[] for _ in split]
        for entry in some:
            waiting[int.from_bytes(entry[:8]) % parts].append(entry)
        for file, entries in zip(split, waiting, strict=True):
            file.write(b"".join(entries))
    for file in split:
        file.seek(0)
        yield _entries(file, files.width)


def _temporary() -> IO[bytes]:
    return tempfile.TemporaryFile()


def _entries(file: IO[bytes], width: int) -> Iterator[bytes]:
    while chunk := file.read(CHUNK * width):
        for at in range(0, len(chunk), width):
            yield chunk[at : at + width]
