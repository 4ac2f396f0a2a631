"""Reads a list that is asked for by offset and may grow while it is read.

Rows that arrive meanwhile move the others, if the newest come first. How far can be told from rows
that were seen before, asked for again; where it can't, the list must be read from its start.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_eventexport.engine.errors import RestartWindowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

OVERLAP = 20  # rows asked for again, in a list that grows, to tell how far it moved
TAIL = 1_000  # rows remembered for that: more than arrive between two requests
MAX_IDLE = 20  # answers in a row without a new row

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Part(Generic[Row]):
    """What one answer adds.

    Attributes:
        rows: The rows that were not there before.
        offset: Where the list goes on.
        total: How many rows the list has now.
        is_ordered: Whether all rows so far are in order of time, one way or the other.
    """

    rows: Sequence[Row]
    offset: int
    total: int
    is_ordered: bool

    @property
    def is_last(self) -> bool:
        """Whether the list ends here."""
        return self.offset >= self.total


@dataclass(frozen=True, slots=True)
class Mark(Generic[Row]):
    """A place in a list that was read before, and how to know that it is still the same list."""

    offset: int
    total: int
    is_last_row: Callable[[Row], bool]


class OffsetReader(Generic[Row]):
    """Reads a list part by part.

    Args:
        ask: Returns the rows from an offset on, some or all, and the list's total.
        time: A row's time, as a text that sorts.
    """

    def __init__(
        self,
        ask: Callable[[int], tuple[Sequence[Row], int]],
        time: Callable[[Row], str],
    ) -> None:
        self._ask = ask
        self._time = time
        self._seen = 0  # rows handed out, or before the mark
        self._shift = 0  # rows that came in before them since
        self._tail: deque[Row] = deque(maxlen=TAIL)
        self._directions: set[str] = set()

    def parts(self, mark: Mark[Row] | None = None) -> Iterator[Part[Row]]:
        """Read the list, from its start or from a mark.

        Once the list was seen to grow, each answer begins with rows that were seen before, which
        tell how far they have moved.

        Raises:
            RestartWindowError: If the list is no longer the one that the mark was made in, or
                changed in a way that can't be told; it must be read from its start.
        """
        rows, total = self._start(mark)
        overlap = idle = 0
        while True:
            self._remember(rows)
            place = self._seen + self._shift
            if rows or place >= total:
                yield Part(rows, place, total, is_ordered=len(self._directions) <= 1)
            if place >= total:
                return
            idle = 0 if rows else idle + 1
            if idle > MAX_IDLE:
                raise RestartWindowError("events arrive faster than they can be read")
            back = min(overlap, len(self._tail))
            answer, new_total = self._ask(place - back)
            if not answer:
                raise RestartWindowError(f"only {place} of {new_total} announced events came")
            if new_total != total and not overlap:
                overlap, rows = min(OVERLAP, -(-len(answer) // 2)), []
                continue
            moved = self._moved(answer, back, new_total - total)
            self._shift += moved
            rows, total = answer[back + moved :], new_total

    def _start(self, mark: Mark[Row] | None) -> tuple[Sequence[Row], int]:
        if mark is None:
            return self._ask(0)
        rows, total = self._ask(mark.offset - 1)
        if total != mark.total or not rows or not mark.is_last_row(rows[0]):
            raise RestartWindowError("the events are no longer those that were there")
        self._tail.append(rows[0])
        self._seen = mark.offset
        return rows[1:], total

    def _moved(self, answer: Sequence[Row], back: int, grown: int) -> int:
        """By how many places the rows seen before have moved, of which so many were asked again."""
        fitting = [
            moved for moved in range(grown + 1) if self._fits(answer, self._seen - back - moved)
        ]
        if len(fitting) != 1:
            raise RestartWindowError("the number of events changed while they were read")
        return fitting[0]

    def _fits(self, answer: Sequence[Row], first: int) -> bool:
        """Whether an answer can begin with the row that was seen as number `first`.

        Before the row seen as number 0 there are only rows that arrived since.
        """
        if first >= self._seen:
            return True
        arrived = max(0, -first)
        start = first + arrived - (self._seen - len(self._tail))
        known = answer[arrived : self._seen - first]
        return (
            start >= 0
            and len(known) > 0
            and list(islice(self._tail, start, None))[: len(known)] == list(known)
        )

    def _remember(self, rows: Sequence[Row]) -> None:
        times = [self._time(row) for row in (*list(self._tail)[-1:], *rows)]
        for earlier, later in pairwise(times):
            if earlier < later:
                self._directions.add("ascending")
            elif later < earlier:
                self._directions.add("descending")
        self._tail.extend(rows)
        self._seen += len(rows)
