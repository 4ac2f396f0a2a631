"""What a run learns of how a vendor pages. Nothing of it is taken on trust.

A vendor may count the rows of an answer instead of all, give fewer rows than were asked for, or
take no notice of an offset. Where rows don't tell, a request does that a true answer differs in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tap_eventexport.engine.errors import FatalVendorError

FAR = 10**9  # an offset at which no list has rows

Row = TypeVar("Row")

Fetch = Callable[[int, int], tuple[Sequence[Row], int | None]]
"""Returns the rows from an offset on, at most as many as a limit says, and the list's total.

The total is None if the vendor tells none. A refusal of the offset `FAR` is no row.
"""


class PagingError(FatalVendorError):
    """The vendor's answers don't follow from their offsets. The text says what was seen."""


@dataclass(slots=True)
class Paging:
    """What is known of a vendor; all lists and threads of a run share it.

    Attributes:
        longest: How many rows the longest answer had. Another that is as long may have been cut.
        counts_all: Whether a total was seen to count more rows than its answer has.
        heeds_offsets: Whether an offset was seen to make a difference.
        is_total_wrong: Whether a total was seen to be less than there are, or to fall.
    """

    longest: int = 0
    counts_all: bool = False
    heeds_offsets: bool = False
    is_total_wrong: bool = False

    def note(self, rows: int, total: int | None) -> None:
        """Learn from an answer with so many rows."""
        self.longest = max(self.longest, rows)
        if total is not None and total > rows > 0:
            self.counts_all = True

    def proves_total(self, fetch: Fetch[Row], total: int) -> bool:
        """Whether a total counts all rows: then it is no less for an answer of one row."""
        if not self.counts_all and total > 1:
            rows, same = fetch(0, 1)
            self.counts_all = len(rows) == 1 and same is not None and same >= total
        return self.counts_all

    def prove_offsets(self, fetch: Fetch[Row], limit: int) -> None:
        """Ask where no list has rows.

        Raises:
            PagingError: If there are some, so that an offset makes no difference.
        """
        if not self.heeds_offsets:
            rows, _ = fetch(FAR, limit)
            if rows:
                raise PagingError(f"offset {FAR} gives events like any other offset")
            self.heeds_offsets = True
