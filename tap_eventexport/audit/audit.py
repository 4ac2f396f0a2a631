"""Audits the streams: counts first, and compares key by key only where counts differ."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from tap_eventexport.audit.comparison import Counts, Day, compare
from tap_eventexport.audit.content import kind_of
from tap_eventexport.audit.digests import CONTENT, KEY, DigestFiles
from tap_eventexport.audit.reading import Part, Reading, read
from tap_eventexport.audit.store import Store, Stored
from tap_eventexport.engine.sent.spans import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from tap_eventexport.audit.reading import Columns
    from tap_eventexport.audit.scope import Scope
    from tap_eventexport.audit.tables import Table, Warehouse
    from tap_eventexport.tap import TapEventExport

    Counted = Mapping[int, Stored]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Audit:
    """What the vendors have, ready to be compared with the warehouse, once or again.

    Attributes:
        reading: What the vendors have.
        files: The entries of what they have.
        warehouse: The warehouse.
        counted: What the warehouse has counted of each stream that it could count.
    """

    reading: Reading
    files: DigestFiles
    warehouse: Warehouse
    counted: Mapping[Part, Counted]

    def days(self, part: Part) -> dict[int, Day]:
        """Compare all days of a stream.

        Raises:
            WarehouseError: If the warehouse can't be looked at.
        """
        days = range(len(part.scope.days))
        return self._compared(part, days, self.counted.get(part))

    def days_again(self, part: Part, days: Collection[int]) -> dict[int, Day]:
        """Compare some days of a stream with the warehouse as it is now.

        Raises:
            WarehouseError: If the warehouse can't be looked at.
        """
        return self._compared(part, days, None)

    def _compared(
        self, part: Part, days: Collection[int], counted: Counted | None
    ) -> dict[int, Day]:
        scope = part.scope
        store = store_of(part, self.warehouse)
        counts = dict(self._alike(part, counted, days)) if counted is not None else {}
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
        self, part: Part, counted: Counted, days: Iterable[int]
    ) -> Iterator[tuple[int, Counts]]:
        """Yield the days whose keys are the same on both sides."""
        for day in days:
            rows, keys = counted.get(day, Stored())
            if keys == self.reading.tallies.get(part.first + day, Tally()):
                yield day, Counts(keys.records, rows, doubled=rows - keys.records)


def store_of(part: Part, warehouse: Warehouse) -> Store | None:
    """Return what the warehouse has of a stream; None if it has no table of it.

    Raises:
        WarehouseError: If the table can't be used.
    """
    table = warehouse.table(part.scope)
    return Store(warehouse, part.scope, table, part.columns) if table else None


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
    """Read the vendors, while the warehouse counts.

    What it counts is older than what is read. So days that are alike are complete, and only of the
    others the rows are fetched after the reading.

    Args:
        tap: The tap.
        parts: What to read.
        warehouse: What to compare with.
        folder: An empty folder for entries.

    Raises:
        WarehouseError: If the warehouse can't be looked at.
        LoadError: If the tap isn't installed.
    """
    stores = {part: store for part in parts if (store := store_of(part, warehouse))}
    for store in stores.values():
        store.check()
    counting = _in_background(
        lambda: {part: store.counted() for part, store in stores.items() if store.can_count}
    )
    files = DigestFiles(folder, KEY if parts[0].columns is None else KEY + CONTENT)
    reading = read(tap, parts, files)
    return Audit(reading, files, warehouse, counting.result())


def _in_background(function: Callable[[], Result]) -> Future[Result]:
    """Call a function on a thread that doesn't keep the process from ending."""
    future: Future[Result] = Future()

    def call() -> None:
        try:
            future.set_result(function())
        except Exception as error:  # noqa: BLE001 - for whoever waits
            future.set_exception(error)

    Thread(target=call, daemon=True).start()
    return future
