"""Finds the texts that occur more than once among very many, with little memory.

The hash of each text is written to a temporary file, in sorted runs. At the end the file is read
slice by slice; each slice is a part of the range of hashes, sorted, so that equal ones are
neighbours.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from array import array
from bisect import bisect_left
from contextlib import suppress
from io import BytesIO
from itertools import pairwise
from typing import IO, TYPE_CHECKING

from tap_eventexport.engine.bodies.spool import no_room

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

RUN = 1 << 16  # hashes kept in memory before they are written
SLICES = 1 << 8
EDGES = [-(2.0**63) + number * 2.0**64 / SLICES for number in range(SLICES)]  # of the slices
BYTES = 8  # for each hash
BITS = 27  # of a hash that mark a text as a double: 16 MiB, allocated only if there are some


class Doubles:
    """Texts, some of which may occur more than once.

    Hashes are Python's own, which differ from run to run. They are stored as floating-point numbers
    with 53 significant bits, which are sorted twice as fast as integers.

    Raises:
        FatalVendorError: If the disk has no room for the file.
    """

    def __init__(self) -> None:
        self._hashes = array("d")
        self._file: IO[bytes] = BytesIO()  # until the first run is written
        self._edges: list[Sequence[int]] = []
        self._written = 0
        self._marks = bytearray()

    def add(self, texts: Iterable[str]) -> None:
        """Add some texts."""
        self._hashes.extend(map(hash, texts))
        if len(self._hashes) >= RUN:
            self._write_run()

    def find(self) -> bool:
        """Mark the texts that occur more than once, after all were added; True if there are any."""
        for hashes in self._slices():
            for hashed in [one for one, other in pairwise(hashes) if one == other]:
                self._mark(hashed)
        return bool(self._marks)

    def __contains__(self, text: str) -> bool:
        """Whether a text occurs more than once; rarely true for a text that doesn't."""
        if not self._marks:
            return False
        bit = _bit(float(hash(text)))
        return bool(self._marks[bit >> 3] >> (bit & 7) & 1)

    def _mark(self, hashed: float) -> None:
        if not self._marks:
            self._marks = bytearray(1 << BITS >> 3)
        bit = _bit(hashed)
        self._marks[bit >> 3] |= 1 << (bit & 7)

    def _write_run(self) -> None:
        if not self._edges:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the doubles
            weakref.finalize(self, _close, self._file)
        hashes = array("d", sorted(self._hashes))
        edges = [self._written + bisect_left(hashes, edge) for edge in EDGES]
        self._edges.append(array("Q", edges))
        self._written += len(hashes)
        try:
            self._file.write(hashes.tobytes())
            self._file.flush()
        except OSError as error:
            raise no_room("the set of keys", error) from None
        self._hashes = array("d")

    def _slices(self) -> Iterator[list[float]]:
        """Yield all hashes in order, about a run at a time."""
        if not self._edges:
            yield sorted(self._hashes)
            return
        if self._hashes:
            self._write_run()
        ends = [*(edges[0] for edges in self._edges[1:]), self._written]
        step = max(1, SLICES // len(self._edges))
        for first in range(0, SLICES, step):
            hashes = array("d")
            for edges, end in zip(self._edges, ends, strict=True):
                last = edges[first + step] if first + step < SLICES else end
                size = (last - edges[first]) * BYTES
                hashes.frombytes(os.pread(self._file.fileno(), size, edges[first] * BYTES))
            yield sorted(hashes)


def _close(file: IO[bytes]) -> None:
    with suppress(OSError):  # the buffer may not be writable
        file.close()


def _bit(hashed: float) -> int:
    return int(hashed) >> (64 - BITS) & ((1 << BITS) - 1)
