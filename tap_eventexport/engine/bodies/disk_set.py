"""A set of 64-bit numbers on disk: sorted runs behind a Bloom filter."""

from __future__ import annotations

import os
import tempfile
import weakref
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING

from tap_eventexport.engine.bodies.spool import no_room

if TYPE_CHECKING:
    from collections.abc import Sequence

RUN = 1 << 16  # numbers in memory before they are written: about 8 MiB
STEP = 1 << 9  # numbers between two fences of a run; they are read together
BYTES = 8  # for each number
BITS = 1 << 28  # of the Bloom filter, 32 MiB: with 15 million numbers, 1 in 90 is a false positive
MASK = BITS - 1


@dataclass(frozen=True, slots=True)
class Run:
    """Sorted numbers in a file.

    Attributes:
        offset: The offset of the first number, in bytes.
        count: The number of numbers.
        fences: Every 512th of them (`STEP`), beginning with the first.
    """

    offset: int
    count: int
    fences: array[int]

    def holds(self, number: int, file: int) -> bool:
        """Whether the run has a number."""
        step = bisect_right(self.fences, number) - 1
        if step < 0:
            return False
        begin = step * STEP
        size = min(STEP, self.count - begin) * BYTES
        numbers = memoryview(os.pread(file, size, self.offset + begin * BYTES)).cast("Q")
        place = bisect_left(numbers, number)
        return place < len(numbers) and numbers[place] == number


class DiskHashSet:
    """An exact set of 64-bit numbers that are evenly distributed, such as parts of hashes.

    The last 65,536 or fewer are in memory. Each other number uses 8 bytes in a temporary file, in
    sorted runs. A Bloom filter recognizes nearly all new numbers without reading the file. Memory
    stays at about 40 MiB in total.

    Raises:
        FatalVendorError: If the disk has no room for the file.
    """

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._runs: list[Run] = []
        self._file: IO[bytes] = BytesIO()  # until the first run is written
        self._bits = bytearray()

    def __contains__(self, number: int) -> bool:
        return number in self._recent or self._runs_hold_one((number,))

    def add_new(self, numbers: Sequence[int]) -> bool:
        """Add numbers if all are new and different; otherwise add none, and return False."""
        new = set(numbers)
        is_new = len(new) == len(numbers) and new.isdisjoint(self._recent)
        if not is_new or self._runs_hold_one(numbers):
            return False
        self._recent |= new
        if len(self._recent) >= RUN:
            self._write_run()
        return True

    def add(self, number: int) -> bool:
        """Add a number; False if the set already has it."""
        if number in self:
            return False
        self._recent.add(number)
        if len(self._recent) == RUN:
            self._write_run()
        return True

    def _runs_hold_one(self, numbers: Sequence[int]) -> bool:
        """Whether any number is in a run; only numbers that pass the filter are looked up."""
        if not self._runs:
            return False
        bits = self._bits
        file = self._file.fileno()
        return any(
            run.holds(number, file)
            for number in numbers
            if bits[(number & MASK) >> 3] >> (number & 7) & 1
            and bits[(number >> 32 & MASK) >> 3] >> (number >> 32 & 7) & 1
            for run in self._runs
        )

    def _write_run(self) -> None:
        if not self._runs:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the set
            weakref.finalize(self, self._file.close)
            self._bits = bytearray(BITS >> 3)
        bits = self._bits
        for number in self._recent:
            one, other = number & MASK, (number >> 32) & MASK
            bits[one >> 3] |= 1 << (one & 7)
            bits[other >> 3] |= 1 << (other & 7)
        numbers = array("Q", sorted(self._recent))
        self._runs.append(Run(self._file.tell(), len(numbers), numbers[::STEP]))
        try:
            self._file.write(numbers.tobytes())
            self._file.flush()
        except OSError as error:
            raise no_room("the set of keys", error) from None
        self._recent.clear()
