"""The rows of one day's CSV: compared by their fields, and made into records if they are sent."""

from __future__ import annotations

from contextlib import closing
from itertools import compress
from typing import TYPE_CHECKING

from tap_eventexport.engine.bodies.values import converter
from tap_eventexport.engine.page import RowDigests
from tap_eventexport.engine.sent.digests import row_digests, seed_of
from tap_eventexport.engine.singer.keys import values_of
from tap_eventexport.vendors.dfinery.columns import ARRIVAL
from tap_eventexport.vendors.dfinery.ids import DayIds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_eventexport.engine.bodies.csvspool import CsvSpool
    from tap_eventexport.engine.page import Choice, Record
    from tap_eventexport.vendors.dfinery.findings import Findings
    from tap_eventexport.vendors.dfinery.rows import Csv, Rows


class DayRows:
    """The rows of one day.

    A row's digest is that of its fields under their names, and of the number that its id gets.

    Args:
        spool: The CSV; closed after its records were made.
        day: The facts about it.
        findings: What is found in it.
        poll: Called often; may raise to end the run.
        is_numbering: Whether the ids of different rows get numbers.
    """

    def __init__(
        self,
        spool: CsvSpool,
        day: Csv,
        findings: Findings,
        poll: Callable[[], None],
        *,
        is_numbering: bool,
    ) -> None:
        self._spool = spool
        self._day = day
        self._findings = findings
        self._poll = poll
        self._is_numbering = is_numbering
        self._is_numbered = False
        self._arrival = day.names.index(ARRIVAL)
        self._instants = converter("date-time", day.zone)
        self._seed = seed_of(day.names)

    def digests(self) -> Iterator[RowDigests]:
        """Read all rows; yield the digests of some rows at a time."""
        for block in self._all():
            yield RowDigests(self._times(block), row_digests(block, self._seed))

    def batches(
        self, choice: Choice | None
    ) -> Iterator[tuple[Sequence[Record], RowDigests | None]]:
        """Read the rows; yield batches of records, with the digests of their rows.

        Args:
            choice: The rows that are needed, after `digests` has read all; None if all are.
                With a choice, there are no digests.

        Raises:
            FatalVendorError: If a value doesn't fit its column's type, or the key is missing.
        """
        make = self._day.record_maker()
        before = 0
        with closing(self._spool):
            blocks = self._again(choice.blocks) if choice else self._all()
            for number, block in enumerate(blocks):
                numbers: Sequence[int] = range(before + 1, before + len(block) + 1)
                before += len(block)
                if choice and not choice.blocks[number]:
                    continue
                if choice:
                    chosen = [choice.is_wanted(time) for time in self._times(block)]
                    rows, numbers = list(compress(block, chosen)), list(compress(numbers, chosen))
                    yield make(rows, numbers), None
                else:
                    records = make(block, numbers)
                    times = [time or "" for time in values_of(records, ARRIVAL)]
                    yield records, RowDigests(times, row_digests(block, self._seed))

    def _all(self) -> Iterator[Rows]:
        """Read the rows for the first time."""
        self._findings.note_names(self._spool.header, self._day.names)
        ids = self._new_ids()
        for number, block in enumerate(ids.numbered() if self._is_numbering else ids.counted()):
            if number == 0:
                self._findings.compare_clocks(dict(zip(self._day.names, block[0], strict=True)))
            yield block
        self._findings.count(ids.found)
        self._is_numbered = self._is_numbering and ids.found.keys > 0

    def _again(self, is_needed: Sequence[bool]) -> Iterator[Rows]:
        """Read the rows once more, with the same numbers."""
        return self._new_ids().numbered() if self._is_numbered else self._spool.blocks(is_needed)

    def _new_ids(self) -> DayIds:
        return DayIds(self._day.names, self._spool.blocks, self._poll)

    def _times(self, block: Rows) -> Sequence[str]:
        """Return the rows' arrivals; empty where there is none, or none that can be read."""
        texts = [row[self._arrival] for row in block]
        try:
            return [time or "" for time in self._instants(texts)]
        except ValueError:
            return [""] * len(texts)
