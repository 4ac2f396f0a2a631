"""Facts about a vendor's paging, which a run learns from its responses.

A vendor's total may count only the rows of a response. A vendor may return fewer rows than
requested, or ignore the offset. If the rows don't show this, an extra request does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tap_eventexport.engine.errors import FatalVendorError

FAR = 10**9  # an offset at which no list has rows

Row = TypeVar("Row")

Fetch = Callable[[int, int], tuple[Sequence[Row], int | None]]
"""Returns at most `limit` rows from an offset on, and the list's total.

The total is None if the vendor sends none. If it refuses the offset `FAR`, there are no rows.
"""


class PagingError(FatalVendorError):
    """The vendor's responses don't match their offsets. The text says how."""


@dataclass(slots=True)
class Paging:
    """Facts about a vendor's paging; all lists and threads of a run share them.

    Attributes:
        longest: The number of rows in the longest response. Another one with as many rows may be
            full.
        counts_all: Whether a total counted more rows than its response has.
        heeds_offsets: Whether an offset made a difference.
        is_total_wrong: Whether a total was too small, or became smaller.
    """

    longest: int = 0
    counts_all: bool = False
    heeds_offsets: bool = False
    is_total_wrong: bool = False

    def note(self, rows: int, total: int | None) -> None:
        """Learn from a response with a number of rows."""
        self.longest = max(self.longest, rows)
        if total is not None and total > rows > 0:
            self.counts_all = True

    def proves_total(self, fetch: Fetch[Row], total: int) -> bool:
        """Whether a total counts all rows: then it isn't smaller in a response of one row."""
        if not self.counts_all and total > 1:
            rows, same = fetch(0, 1)
            self.counts_all = len(rows) == 1 and same is not None and same >= total
        return self.counts_all

    def prove_offsets(self, fetch: Fetch[Row], limit: int) -> None:
        """Request an offset at which no list has rows.

        Raises:
            PagingError: If there are rows, so that the offset makes no difference.
        """
        if not self.heeds_offsets:
            rows, _ = fetch(FAR, limit)
            if rows:
                raise PagingError(f"offset {FAR} returns events, so the vendor ignores offsets")
            self.heeds_offsets = True
