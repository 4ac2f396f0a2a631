"""Reads a list by offset, from a vendor whose paging must be checked.

If the newest rows come first, rows that arrive during the reading shift the others. Requesting some
rows again shows how far; if it doesn't, the list must be read from its start.

A list ends if no row follows its last one. This isn't checked with a request if the total counts
all rows and the last response was not full. If a page is equal to the one before, either the vendor
repeats a page, or there are many equal events; another request shows which. If the responses
contradict each other, the list can't be read. A list that was read before may be read in part, see
`Counted`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Generic

from tap_eventexport.engine.errors import RestartWindowError
from tap_eventexport.engine.paging.offset_facts import PagingError, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_eventexport.engine.paging.offset_facts import Fetch, Paging

OVERLAP = 20  # rows requested again, in a list that grows, to see how far they shifted
TAIL = 1_000  # rows kept for that: more than arrive between two requests
MAX_IDLE = 20  # responses in a row without a new row


@dataclass(frozen=True, slots=True)
class Counted:
    """The older rows of a list, counted when all of them were read.

    If no row is ever removed, a list of `total` rows has at most `total - count` that are not
    older. If that many were found, all were found, in any order of the list.

    Attributes:
        before: These rows are older than this time.
        count: The minimum number of these rows.
        newest_first: Whether the other rows are at the start of the list.
    """

    before: str
    count: int
    newest_first: bool


@dataclass(frozen=True, slots=True)
class OffsetPage(Generic[Row]):
    """The new rows of one response.

    Attributes:
        rows: The new rows.
        offset: The offset of the next rows.
        total: The number of rows in the list; None if the vendor's total is missing or wrong.
        is_ordered: Whether all rows so far are in order of time, one way or the other.
        is_last: Whether the list is complete.
        counted: The rows that the next reading can skip. Only with the last page, if the list is
            in order and was read as far as needed.
    """

    rows: Sequence[Row]
    offset: int
    total: int | None
    is_ordered: bool
    is_last: bool = False
    counted: Counted | None = None


@dataclass(frozen=True, slots=True)
class ResumePoint(Generic[Row]):
    """An offset to resume at, and a check that the list is still the same."""

    offset: int
    total: int
    is_last_row: Callable[[Row], bool]


class OffsetReader(Generic[Row]):
    """Reads a list page by page.

    Args:
        fetch: Requests rows from the vendor.
        time: Returns a row's time, as a text that sorts.
        limit: The number of rows to request.
        paging: The known facts about the vendor's paging, which are updated.
        boundary: The next reading doesn't need older rows.
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
        self._seen = 0  # rows yielded, and rows before the first of them
        self._shift = 0  # rows that have arrived before them since
        self._total: int | None = None
        self._response: Sequence[Row] = ()  # the last response
        self._longest_before = 0  # of the responses before it
        self._most = 0  # maximum rows in a response of this list
        self._grows = False
        self._tail: deque[Row] = deque(maxlen=TAIL)
        self._directions: set[str] = set()
        self._newer = {boundary: 0}  # rows not older than a time

    @property
    def _offset(self) -> int:
        """The offset of the next rows."""
        return self._seen + self._shift

    def parts(
        self, resume: ResumePoint[Row] | None = None, counted: Counted | None = None
    ) -> Iterator[OffsetPage[Row]]:
        """Read the list, from its start or from a resume point.

        After the list was seen to grow, each request starts with known rows, to see how far they
        have shifted.

        Args:
            resume: Where to resume.
            counted: Rows that need not be read, if there is no resume point.

        Raises:
            RestartWindowError: If the list is not the same as before, or changed in an unknown
                way; it must be read from its start.
            PagingError: If the vendor's responses contradict each other.
        """
        if resume:
            counted = None
            rows = self._resume(resume)
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
                    f"got only {self._offset} of {self._total} announced events"
                )

    def _part(
        self, rows: Sequence[Row], *, is_last: bool = False, counted: Counted | None = None
    ) -> OffsetPage[Row]:
        is_ordered = len(self._directions) <= 1
        return OffsetPage(rows, self._offset, self._total, is_ordered, is_last, counted)

    # Where to begin

    def _resume(self, resume: ResumePoint[Row]) -> Sequence[Row]:
        rows, total = self._page(resume.offset - 1, 2)
        if total != resume.total or not rows or not resume.is_last_row(rows[0]):
            raise RestartWindowError("the list of events has changed")
        self._begin_behind(rows[0], resume.offset, total)
        return rows[1:]

    def _start(self, counted: Counted | None) -> tuple[Sequence[Row], Counted | None]:
        """Return the first rows, and the counted rows if they can still be skipped."""
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

    # When to stop

    def _is_enough(self, counted: Counted) -> bool:
        """Whether all rows were found except the counted ones.

        Raises:
            RestartWindowError: If a list that was not read from its start has older rows there:
                then other rows may be before them.
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
        """Whether all announced rows were read, or the total is unknown."""
        if self._total is not None and self._offset > self._total:
            self._distrust_totals()
        return self._total is None or self._offset == self._total

    def _is_sure(self) -> bool:
        """Whether the list certainly ends here, so that no further request is needed.

        It does if the last response is not full. A response is full if it has as many rows as
        requested, or as many as an earlier one, since a vendor may return fewer rows than
        requested.
        """
        length = len(self._response)
        if self._seen == 0 or (self._offset == self._total == 1 < self._limit):
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
        """Count the rows older than the boundary, from an earlier count or from all rows read."""
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

    # How to continue

    def _page(self, offset: int, least: int = 1) -> tuple[Sequence[Row], int | None]:
        """Request a page, and record what it shows about the vendor."""
        rows, total = self._fetch(offset, max(self._limit, least))
        self._response, self._longest_before = rows, self._paging.longest
        self._most = max(self._most, len(rows))
        self._paging.note(len(rows), total)
        return rows, None if self._paging.is_total_wrong else total

    def _next(self) -> Sequence[Row]:
        """Return the next rows; none if the list has ended."""
        if not self._grows:
            before = self._response
            self._limit = min(self._limit, max(self._most, 1))
            rows, total = self._page(self._offset)
            if rows and total == self._total:
                self._refuse_repeated_page(rows, before)
                return rows
            self._response = before
            self._grows = total != self._total
        return self._following(self._overlap())

    def _beyond(self) -> Sequence[Row]:
        """Return rows that follow although all announced rows were read."""
        before = self._total
        rows = self._look_beyond()
        arrived = 0 if before is None or self._total is None else self._total - before
        return rows if len(rows) > arrived else ()

    def _look_beyond(self) -> Sequence[Row]:
        is_still = self._total is not None and not self._grows
        back = 1 if is_still else self._overlap()
        telling = _telling(self._response)
        if telling is not None:
            return self._following(max(back, telling))
        is_full = len(self._response) == self._limit
        if not is_full and self._counts_all():
            return ()
        self._paging.prove_offsets(self._fetch, self._limit)
        if not is_full:
            return self._following(back)
        rows, total = self._page(self._offset)
        self._take(total)
        return rows

    def _following(self, back: int) -> Sequence[Row]:
        """Return the rows after the last one, by requests that start with known rows."""
        for _ in range(MAX_IDLE + 1):
            shift = self._shift
            rows = self._overlapping(back)
            if rows or rows is None or len(self._response) < self._paging.longest:
                return rows or ()
            if self._shift == shift:  # the response has room only for known rows
                rows, total = self._page(self._offset)
                if total == self._total:
                    return rows
        raise RestartWindowError("events arrive faster than they are read")

    def _overlap(self) -> int:
        """Return how many rows to request again, to see how far the list has shifted."""
        return min(OVERLAP, max(1, len(self._response) // 2))

    def _overlapping(self, back: int) -> Sequence[Row] | None:
        """Return the next rows, from a response that starts with known rows.

        None if it doesn't start with them, but all rows were read: then no further offset is
        needed.
        """
        back = min(back, len(self._tail))
        before, total = self._response, self._total
        response, new_total = self._page(self._offset - back, back + 1)
        grown = new_total - total if new_total is not None and total is not None else None
        moved = self._moved(response, back, grown)
        if moved is None or (response and response == before):
            if self._is_reached() and self._counts_all():
                return None
            self._paging.prove_offsets(self._fetch, self._limit)
        self._grows = self._grows or bool(grown)
        if moved is None and (not self._grows or not response):
            raise PagingError(
                f"the response at offset {self._offset - back} doesn't begin with event "
                f"{self._offset - back + 1}"
            )
        if moved is None:
            raise RestartWindowError("the number of events changed while they were read")
        self._shift += moved
        self._take(new_total)
        return response[back + moved :]

    def _take(self, total: int | None) -> None:
        """Update the total; rows are added to a list, and never removed."""
        if total is not None and self._total is not None and total < self._total:
            self._distrust_totals()
        else:
            self._total = total

    def _moved(self, response: Sequence[Row], back: int, grown: int | None) -> int | None:
        """Return how far the known rows have shifted; some of them were requested again.

        The shift can't be larger than the growth of the list. None if it can't be determined.
        """
        most = len(self._tail) + len(response)
        if grown is not None:
            most = min(most, max(grown, 0))
        elif self._fits(response, self._seen - back):
            return 0
        fitting = [
            moved for moved in range(most + 1) if self._fits(response, self._seen - back - moved)
        ]
        return fitting[0] if len(fitting) == 1 else None

    def _fits(self, response: Sequence[Row], first: int) -> bool:
        """Whether a response can begin with row number `first`, as it was counted before.

        Before row number 0, there are only rows that arrived later.
        """
        if first >= self._seen:
            return True
        arrived = max(0, -first)
        start = first + arrived - (self._seen - len(self._tail))
        known = response[arrived : self._seen - first]
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

    # Whether the vendor uses offsets

    def _refuse_repeated_page(self, rows: Sequence[Row], before: Sequence[Row]) -> None:
        """Refuse a repeated page, but accept one that is full of equal events."""
        if rows != before:
            return
        self._paging.prove_offsets(self._fetch, self._limit)
        back = _telling(rows)
        if back is None:
            return
        response, _ = self._fetch(self._offset - back, self._limit)
        if response[:back] != rows[-back:]:
            raise PagingError(f"the events before offset {self._offset} are repeated after it")


def _telling(rows: Sequence[Row]) -> int | None:
    """Return how many of the last rows to request again, so that they differ from the first.

    None if all rows are equal.
    """
    return next((back for back in range(1, len(rows)) if rows[-back] != rows[0]), None)
