"""Reads a list that is asked for by offset, from a vendor whose paging is not taken on trust.

Rows that arrive meanwhile move the others, if the newest come first. How far can be told from rows
that were seen before, asked for again; where it can't, the list must be read from its start.

A list ends where nothing comes behind its last row. No look is needed there if its total counts
all rows and its last answer was no full one. A page like the one before is a page that is repeated,
or events that are alike, of which there may be many: which of them is found out. Where nothing
fits, nothing is made up: the list can't be read. A list that was read before may be read in part,
see `Counted`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Generic

from tap_eventexport.engine.errors import RestartWindowError
from tap_eventexport.engine.paging.facts import PagingError, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_eventexport.engine.paging.facts import Fetch, Paging

OVERLAP = 20  # rows asked for again, in a list that grows, to tell how far it moved
TAIL = 1_000  # rows remembered for that: more than arrive between two requests
MAX_IDLE = 20  # answers in a row without a new row


@dataclass(frozen=True, slots=True)
class Counted:
    """The older rows of a list, counted when all of them were read.

    If no row is ever removed, a list of `total` rows has at most `total - count` that are not
    older. Where as many were found, all were, whatever the order of the list.

    Attributes:
        before: The time that these rows are older than.
        count: How many they are, at least.
        newest_first: At which end of the list the others are.
    """

    before: str
    count: int
    newest_first: bool


@dataclass(frozen=True, slots=True)
class OffsetPage(Generic[Row]):
    """What one answer adds.

    Attributes:
        rows: The rows that were not there before.
        offset: Where the list goes on.
        total: How many rows the list has; None if the vendor doesn't tell, or not the truth.
        is_ordered: Whether all rows so far are in order of time, one way or the other.
        is_last: Whether nothing is left to read.
        counted: With the last part of a list that was read whole or as far as needed, and is in
            order: what the next reading of it need not read again.
    """

    rows: Sequence[Row]
    offset: int
    total: int | None
    is_ordered: bool
    is_last: bool = False
    counted: Counted | None = None


@dataclass(frozen=True, slots=True)
class ResumePoint(Generic[Row]):
    """A place in a list that was read before, and how to know that it is still the same list."""

    offset: int
    total: int
    is_last_row: Callable[[Row], bool]


class OffsetReader(Generic[Row]):
    """Reads a list part by part.

    Args:
        ask: Asks the vendor.
        time: A row's time, as a text that sorts.
        limit: How many rows to ask for.
        paging: What is known of the vendor, and will be.
        boundary: The next reading needs no rows that are older.
    """

    def __init__(
        self,
        fetch: Fetch[Row],
        time: Callable[[Row], str],
        limit: int,
        paging: Paging,
        boundary: str = "",
    ) -> None:
        self._fetch = fetch
        self._time = time
        self._limit = limit
        self._paging = paging
        self._boundary = boundary
        self._seen = 0  # rows handed out, or before the first that was
        self._shift = 0  # rows that came in before them since
        self._total: int | None = None
        self._answer: Sequence[Row] = ()  # the last one
        self._longest_before = 0  # of the answers before it
        self._most = 0  # rows that an answer of this list had
        self._grows = False
        self._tail: deque[Row] = deque(maxlen=TAIL)
        self._directions: set[str] = set()
        self._newer = {boundary: 0}  # rows not older than a time

    @property
    def _place(self) -> int:
        """Where the list goes on."""
        return self._seen + self._shift

    def parts(
        self, mark: ResumePoint[Row] | None = None, counted: Counted | None = None
    ) -> Iterator[OffsetPage[Row]]:
        """Read the list, from its start or from a mark.

        Once the list was seen to grow, each answer begins with rows that were seen before, which
        tell how far they have moved.

        Args:
            mark: Where to go on.
            counted: Rows that need not be read, if there is no mark.

        Raises:
            RestartWindowError: If the list is no longer the one that was read before, or changed in
                a way that can't be told; it must be read from its start.
            PagingError: If the vendor's answers can't be those of a list.
        """
        if mark:
            counted = None
            rows = self._resume(mark)
        else:
            rows, counted = self._start(counted)
        is_whole = not self._seen
        while True:
            self._remember(rows)
            following: Sequence[Row] = ()
            is_enough = counted is not None and self._is_enough(counted)
            is_reached = is_enough or self._is_reached()
            if is_reached and not is_enough and not self._is_sure():
                following = self._beyond()
            if is_reached and not following:
                basis = None if is_whole and not is_enough else counted
                new = self._recount(basis) if is_whole or basis else None
                yield self._part(rows, is_last=True, counted=new)
                return
            if rows:
                yield self._part(rows)
            rows = following or self._next()
            if not rows and not self._is_reached():
                raise RestartWindowError(
                    f"only {self._place} of {self._total} announced events came"
                )

    def _part(
        self, rows: Sequence[Row], *, is_last: bool = False, counted: Counted | None = None
    ) -> OffsetPage[Row]:
        is_ordered = len(self._directions) <= 1
        return OffsetPage(rows, self._place, self._total, is_ordered, is_last, counted)

    # Where to begin

    def _resume(self, mark: ResumePoint[Row]) -> Sequence[Row]:
        rows, total = self._page(mark.offset - 1, 2)
        if total != mark.total or not rows or not mark.is_last_row(rows[0]):
            raise RestartWindowError("the events are no longer those that were there")
        self._begin_behind(rows[0], mark.offset, total)
        return rows[1:]

    def _start(self, counted: Counted | None) -> tuple[Sequence[Row], Counted | None]:
        """The first rows, and the rows that need not be read, if that is still so."""
        if counted:
            self._newer[counted.before] = 0
        if counted and not counted.newest_first:
            rows, total = self._page(counted.count - 1, 2)
            are_older = [self._time(row) < counted.before for row in rows]
            if total is not None and are_older[:1] == [True] and not any(are_older[1:]):
                self._begin_behind(rows[0], counted.count, total)
                return rows[1:], counted
            counted = None
        rows, self._total = self._page(0)
        return rows, counted if self._total is not None else None

    def _begin_behind(self, row: Row, number: int, total: int | None) -> None:
        self._tail.append(row)
        self._seen, self._total = number, total

    # Where to end

    def _is_enough(self, counted: Counted) -> bool:
        """Whether all rows were found that were not counted.

        Raises:
            RestartWindowError: If older rows are among them in a list that was not read from its
                start: then others may be before them.
        """
        found = self._newer[counted.before]
        if not counted.newest_first:
            if found != self._seen - counted.count:
                raise RestartWindowError("the events are no longer in order of time")
            return False
        if self._total is None or not self._tail:
            return False
        is_older_reached = self._time(self._tail[-1]) < counted.before
        return is_older_reached and found == self._total - self._shift - counted.count

    def _is_reached(self) -> bool:
        """Whether all rows that were announced are there, or nobody knows how many there are."""
        if self._total is not None and self._place > self._total:
            self._distrust_totals()
        return self._total is None or self._place == self._total

    def _is_sure(self) -> bool:
        """Whether the list ends here, so that no look behind its last row is needed.

        It does where the last answer is no full one. An answer is full if it is as long as was
        asked for, or as another was, since a vendor may give fewer rows at a time than that.
        """
        length = len(self._answer)
        if self._seen == 0 or (self._place == self._total == 1 < self._limit):
            return True
        if self._total is None or length in {self._limit, self._longest_before}:
            return False
        return length < self._longest_before or self._counts_all()

    def _counts_all(self) -> bool:
        return self._total is not None and self._paging.proves_total(self._fetch, self._total)

    def _distrust_totals(self) -> None:
        self._paging.is_total_wrong = True
        self._total = None

    def _recount(self, basis: Counted | None) -> Counted | None:
        """The rows older than the boundary; counted from others that were, or all of them seen."""
        newer = self._newer[self._boundary]
        if self._total is None or len(self._directions) > 1:
            return None
        if basis is None:
            count, newest_first = self._seen - newer, "descending" in self._directions
        else:
            count = basis.count + self._newer[basis.before] - newer
            newest_first = basis.newest_first
        is_known = basis is None or basis.before <= self._boundary
        return Counted(self._boundary, count, newest_first) if is_known and count > 0 else None

    # How to go on

    def _page(self, offset: int, least: int = 1) -> tuple[Sequence[Row], int | None]:
        """Ask for a page, and note what it tells of the vendor."""
        rows, total = self._fetch(offset, max(self._limit, least))
        self._answer, self._longest_before = rows, self._paging.longest
        self._most = max(self._most, len(rows))
        self._paging.note(len(rows), total)
        return rows, None if self._paging.is_total_wrong else total

    def _next(self) -> Sequence[Row]:
        """The rows that come next; none if the list has ended."""
        if not self._grows:
            before = self._answer
            self._limit = min(self._limit, max(self._most, 1))
            rows, total = self._page(self._place)
            if rows and total == self._total:
                self._refuse_repeated_page(rows, before)
                return rows
            self._answer = before
            self._grows = total != self._total
        return self._following(self._overlap())

    def _beyond(self) -> Sequence[Row]:
        """The rows that come although all are there that were announced."""
        before = self._total
        rows = self._look_beyond()
        arrived = 0 if before is None or self._total is None else self._total - before
        return rows if len(rows) > arrived else ()

    def _look_beyond(self) -> Sequence[Row]:
        is_still = self._total is not None and not self._grows
        back = 1 if is_still else self._overlap()
        telling = _telling(self._answer)
        if telling is not None:
            return self._following(max(back, telling))
        is_full = len(self._answer) == self._limit
        if not is_full and self._counts_all():
            return ()
        self._paging.prove_offsets(self._fetch, self._limit)
        if not is_full:
            return self._following(back)
        rows, total = self._page(self._place)
        self._take(total)
        return rows

    def _following(self, back: int) -> Sequence[Row]:
        """The rows behind the last one, by answers that begin with some that were seen before."""
        for _ in range(MAX_IDLE + 1):
            shift = self._shift
            rows = self._overlapping(back)
            if rows or rows is None or len(self._answer) < self._paging.longest:
                return rows or ()
            if self._shift == shift:  # an answer has no room for more than what was seen
                rows, total = self._page(self._place)
                if total == self._total:
                    return rows
        raise RestartWindowError("events arrive faster than they can be read")

    def _overlap(self) -> int:
        """How many rows to ask for again, to tell how far the list has moved."""
        return min(OVERLAP, max(1, len(self._answer) // 2))

    def _overlapping(self, back: int) -> Sequence[Row] | None:
        """The rows that come next, from an answer that begins with some that were seen before.

        None if it doesn't, but all rows are there: whatever an offset means, none was needed.
        """
        back = min(back, len(self._tail))
        before, total = self._answer, self._total
        answer, new_total = self._page(self._place - back, back + 1)
        grown = new_total - total if new_total is not None and total is not None else None
        moved = self._moved(answer, back, grown)
        if moved is None or (answer and answer == before):
            if self._is_reached() and self._counts_all():
                return None
            self._paging.prove_offsets(self._fetch, self._limit)
        self._grows = self._grows or bool(grown)
        if moved is None and (not self._grows or not answer):
            raise PagingError(
                f"the answer from offset {self._place - back} on doesn't begin with event "
                f"{self._place - back + 1}"
            )
        if moved is None:
            raise RestartWindowError("the number of events changed while they were read")
        self._shift += moved
        self._take(new_total)
        return answer[back + moved :]

    def _take(self, total: int | None) -> None:
        """Take a new total; rows are added to a list, and never taken from it."""
        if total is not None and self._total is not None and total < self._total:
            self._distrust_totals()
        else:
            self._total = total

    def _moved(self, answer: Sequence[Row], back: int, grown: int | None) -> int | None:
        """By how many places the rows seen before have moved, of which some were asked for again.

        They can't have moved by more places than the list has grown. None if that can't be told.
        """
        most = len(self._tail) + len(answer)
        if grown is not None:
            most = min(most, max(grown, 0))
        elif self._fits(answer, self._seen - back):
            return 0
        fitting = [
            moved for moved in range(most + 1) if self._fits(answer, self._seen - back - moved)
        ]
        return fitting[0] if len(fitting) == 1 else None

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
        times = [self._time(row) for row in rows]
        last = [self._time(row) for row in list(self._tail)[-1:]]
        for earlier, later in pairwise(last + times):
            if earlier < later:
                self._directions.add("ascending")
            elif later < earlier:
                self._directions.add("descending")
        for bound in self._newer:
            self._newer[bound] += sum(time >= bound for time in times)
        self._tail.extend(rows)
        self._seen += len(rows)

    # What an offset means to the vendor

    def _refuse_repeated_page(self, rows: Sequence[Row], before: Sequence[Row]) -> None:
        """Tell a page that is repeated from one that is full of the same events as the last."""
        if rows != before:
            return
        self._paging.prove_offsets(self._fetch, self._limit)
        back = _telling(rows)
        if back is None:
            return
        answer, _ = self._fetch(self._place - back, self._limit)
        if answer[:back] != rows[-back:]:
            raise PagingError(f"the events before offset {self._place} come again behind it")


def _telling(rows: Sequence[Row]) -> int | None:
    """How many of the last rows to ask for again, so that the first can't be taken for them.

    None if rows are all alike.
    """
    return next((back for back in range(1, len(rows)) if rows[-back] != rows[0]), None)
