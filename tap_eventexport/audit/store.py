"""Counts what the warehouse has of a stream, and fetches digests of it."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_eventexport.audit import statements
from tap_eventexport.audit.content import content_digest
from tap_eventexport.audit.digests import CHUNK, SEPARATOR, key_digest
from tap_eventexport.engine.sent.spans import MODULUS, Tally
from tap_eventexport.engine.windows import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_eventexport.audit.digests import DigestFiles
    from tap_eventexport.audit.reading import Columns
    from tap_eventexport.audit.scope import Scope
    from tap_eventexport.audit.tables import Table, Warehouse


class Stored(NamedTuple):
    """The rows of a day, and the tally of their keys, each once."""

    rows: int = 0
    keys: Tally = Tally()


@dataclass(frozen=True, slots=True)
class Store:
    """The table of a stream in the warehouse.

    Attributes:
        warehouse: The warehouse.
        scope: What is looked at.
        table: The table.
        columns: The columns to compare, by the stream's names; None if only keys are.
    """

    warehouse: Warehouse
    scope: Scope
    table: Table
    columns: Columns | None

    @property
    def can_count(self) -> bool:
        """Whether the warehouse can make digests of what is compared."""
        return self.columns is None and self.warehouse.dialect in statements.BITS

    def check(self) -> None:
        """Check that the table may be read.

        Raises:
            WarehouseError: If it may not.
        """
        list(self.warehouse.rows(statements.first_row(self.table)))

    def counted(self) -> Mapping[int, Stored]:
        """Count all days, by their numbers; a day without rows is left out.

        Raises:
            WarehouseError: If the warehouse refuses it.
        """
        asked = statements.tallies(self.table, self.scope.whole, self.warehouse.dialect)
        found: defaultdict[int, Stored] = defaultdict(Stored)
        day_of = _day_of_quarter(self.scope)
        for quarter, rows, keys, digest in self.warehouse.rows(asked):
            before = found[day_of(quarter)]
            tally = before.keys.plus(Tally(int(keys), int(digest) % MODULUS))
            found[day_of(quarter)] = Stored(before.rows + int(rows), tally)
        return found

    def fetch(self, days: Sequence[int], files: DigestFiles, first: int) -> None:
        """Fetch the entries of some days' rows.

        Args:
            days: The days.
            files: Where entries go.
            first: The number of the first day's file.

        Raises:
            WarehouseError: If the warehouse refuses it.
        """
        columns = self.columns or ()
        asked = statements.rows(
            self.table,
            [self.scope.days[day] for day in days],
            self.warehouse.dialect,
            [(self.table.columns.get(name), kind) for name, kind in columns],
        )
        rows = self.warehouse.rows(asked)
        wanted = set(days)
        while some := list(islice(rows, CHUNK)):
            entries: defaultdict[int, list[bytes]] = defaultdict(list)
            for day, entry in self._entries(some):
                if day in wanted:
                    entries[day].append(entry)
            for day, each in entries.items():
                files.add(first + day, each)

    def _entries(self, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[int | None, bytes]]:
        width = len(self.table.keys)
        is_quarter = self.warehouse.dialect in statements.BITS
        day_of = _day_of_quarter(self.scope) if is_quarter else _day_of_time(self.scope)
        kinds = [kind for _, kind in self.columns or ()]
        for row in rows:
            if None in row[: width + 1]:
                continue
            entry = key_digest(SEPARATOR.join(map(str, row[:width])))
            if self.columns is not None:
                entry += content_digest(zip(kinds, row[width + 1 :], strict=True))
            yield day_of(row[width]), entry


def _day_of_quarter(scope: Scope) -> Callable[[Any], int]:
    """Return a function that tells the day of a quarter of an hour."""
    starts = [day.start.timestamp() for day in scope.days]

    def day(quarter: Any) -> int:  # noqa: ANN401 - a whole number of any type
        return max(bisect_right(starts, int(quarter) * statements.QUARTER) - 1, 0)

    return day


def _day_of_time(scope: Scope) -> Callable[[Any], int | None]:
    """Return a function that tells the day of a time in the warehouse's form."""

    def day(time: Any) -> int | None:  # noqa: ANN401
        if isinstance(time, datetime):
            time = format_instant(time if time.tzinfo else time.replace(tzinfo=UTC))
        elif isinstance(time, date):
            time = f"{time}"
        return scope.day_of(f"{time}")

    return day
