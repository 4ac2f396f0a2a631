"""Digests of single records: 64 bits each, the same in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xxhash import xxh3_64_intdigest

if TYPE_CHECKING:
    from collections.abc import Sequence


SEPARATOR = "\0"


def seed_of(names: Sequence[str]) -> int:
    """Return the seed of the digests of rows whose fields have these names."""
    return xxh3_64_intdigest(SEPARATOR.join(names).encode())


def row_digests(rows: Sequence[Sequence[str]], seed: int) -> list[int]:
    """Return a digest of each row's fields.

    Args:
        rows: The rows.
        seed: The seed that `seed_of` made of the fields' names.
    """
    return [xxh3_64_intdigest(SEPARATOR.join(row).encode(), seed) for row in rows]


def line_digests(lines: Sequence[bytes], source: bytes) -> list[int]:
    """Return a digest of each line.

    Args:
        lines: The lines.
        source: Text that is left out; empty if none is.
    """
    if source:
        return [xxh3_64_intdigest(line.replace(source, b"")) for line in lines]
    return list(map(xxh3_64_intdigest, lines))
