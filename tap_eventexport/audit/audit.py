"""Audits the streams: counts first, and compares key by key only where counts differ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tap_eventexport.audit.comparison import Counts, Day, compare
from tap_eventexport.audit.content import kind_of
from tap_eventexport.audit.digests import CONTENT, KEY, DigestFiles
from tap_eventexport.audit.reading import Part, Reading, read
from tap_eventexport.audit.store import Store, Stored
from tap_eventexport.engine.sent.spans import Tally

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tap_eventexport.audit.reading import Columns
    from tap_eventexport.audit.scope import Scope
    from tap_eventexport.audit.tables import Table, Warehouse
    from tap_eventexport.tap import TapEventExport


@dataclass(frozen=True, slots=True)
class Audit:
    """What the vendors have, ready to be compared with the warehouse, once or again.

    Attributes:
        parts: What is looked at.
        reading: What the vendors have.
        files: The entries of what they have.
        warehouse: The warehouse.
    """

    parts: Sequence[Part]
    reading: Reading
    files: DigestFiles
    warehouse: Warehouse

    def days(self, part: Part, chosen: Collection[int] | None = None) -> dict[int, Day]:
        """Compare the days of a stream with the warehouse as it is now.

        Args:
            part: What to look at.
            chosen: Numbers of days; None for all.

        Raises:
            WarehouseError: If the warehouse can't be looked at.
        """
        scope = part.scope
        days = range(len(scope.days)) if chosen is None else sorted(chosen)
        table = self.warehouse.table(scope)
        store = table and Store(self.warehouse, scope, table, part.columns)
        counts = dict(self._alike(part, store, days)) if store and store.can_count else {}
        with TemporaryDirectory() as folder:
            fetched = DigestFiles(Path(folder), self.files.width)
            others = [day for day in days if day not in counts]
            if store and others:
                store.fetch(others, fetched, part.first)
            for day in others:
                counts[day] = compare(self.files, fetched, part.first + day)
                fetched.remove(part.first + day)
        return {day: Day(scope.name, scope.date(day), counts[day]) for day in days}

    def _alike(
        self, part: Part, store: Store, days: Collection[int]
    ) -> Iterator[tuple[int, Counts]]:
        """Yield the days whose keys are the same on both sides."""
        stored = store.counted()
        for day in days:
            rows, keys = stored.get(day, Stored())
            if keys == self.reading.tallies.get(part.first + day, Tally()):
                yield day, Counts(keys.records, rows, doubled=rows - keys.records)


def parts_of(
    scopes: Sequence[Scope], tables: Mapping[str, Table | None], *, is_content: bool
) -> Iterator[Part]:
    """Yield what to read of each stream, with the columns that its table has.

    Args:
        scopes: What is looked at.
        tables: The tables by the names of scopes.
        is_content: Whether contents are compared.
    """
    first = 0
    for scope in scopes:
        columns = _columns(scope, tables[scope.name]) if is_content else None
        yield Part(scope, first, columns)
        first += len(scope.days)


def _columns(scope: Scope, table: Table | None) -> Columns:
    names = table.columns if table else scope.properties
    return tuple(
        (name, kind_of(scope.properties.get(name, {"type": "string"})))
        for name in sorted(names)
        if name != scope.stream.source_column and name not in scope.keys
    )


def begin(tap: TapEventExport, parts: Sequence[Part], warehouse: Warehouse, folder: Path) -> Audit:
    """Read the vendors.

    Args:
        tap: The tap.
        parts: What to read.
        warehouse: What to compare with.
        folder: An empty folder for entries.
    """
    width = KEY if parts[0].columns is None else KEY + CONTENT
    files = DigestFiles(folder, width)
    return Audit(parts, read(tap, parts, files), files, warehouse)
