"""What a destination knows of a stream: its table, and the rows of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from target_eventexport.columns import WRITTEN_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any

    from target_eventexport.columns import Column, Kind

EXTRACTED, RECEIVED, BATCHED, DELETED, SEQUENCE, VERSION = METADATA = (
    "_sdc_extracted_at",
    "_sdc_received_at",
    "_sdc_batched_at",
    "_sdc_deleted_at",
    "_sdc_sequence",
    "_sdc_table_version",
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is ready for rows.

    Attributes:
        name: Its name.
        columns: The names of its columns, in the order of a row's cells.
        kinds: What each of them holds.
        keys: The columns that identify a row.
        order: The column that rows are sorted by in files; None if there is none.
    """

    name: str
    columns: tuple[str, ...]
    kinds: tuple[Kind, ...]
    keys: tuple[str, ...]
    order: str | None = None

    @classmethod
    def of(
        cls,
        name: str,
        names: Mapping[str, str],
        kinds: Mapping[str, Kind],
        keys: Sequence[str],
        order: str | None,
    ) -> Table:
        """Make the table of a stream.

        Args:
            name: Its name.
            names: The column of each property.
            kinds: What each column holds.
            keys: The properties that are keys.
            order: The property that rows are sorted by.
        """
        return cls(
            name,
            tuple(names.values()),
            tuple(kinds[column] for column in names.values()),
            tuple(names[key] for key in keys),
            names[order] if order else None,
        )

    @property
    def has_simple_keys(self) -> bool:
        """Whether each key can be written in one way only.

        Keys of a batch are compared as texts, and two texts may be one instant or one number.
        """
        kinds = dict(zip(self.columns, self.kinds, strict=True))
        return all(kinds[key] in WRITTEN_ONCE for key in self.keys)

    @property
    def compared(self) -> list[str]:
        """The columns in which a row differs from another: neither keys nor times of the load."""
        ignored = {*self.keys, *METADATA} - {VERSION}
        return [column for column in self.columns if column not in ignored]


@dataclass(slots=True)
class Rows:
    """The rows of a table that wait for the commit; of each key, the last one."""

    table: Table
    by_key: dict[Any, bytes] = field(default_factory=dict)
    without_key: list[bytes] = field(default_factory=list)

    def add(self, rows: Sequence[bytes], keys: Sequence[Any] | None) -> None:
        """Add rows of CSV with their keys."""
        if keys is None:
            self.without_key.extend(rows)
        else:
            self.by_key.update(zip(keys, rows, strict=True))

    @property
    def all(self) -> Collection[bytes]:
        """The rows, in the order of their first coming."""
        return self.by_key.values() if self.table.keys else self.without_key


@dataclass(slots=True)
class Batch:
    """What is committed in one transaction.

    Attributes:
        rows: The rows, by stream.
        state: The last STATE that came, which is true once they are committed.
        count: The number of records.
        size: Their size in bytes.
        committed: Called after the commit.
    """

    rows: dict[str, Rows] = field(default_factory=dict)
    state: bytes | None = None
    count: int = 0
    size: int = 0
    committed: list[Callable[[], None]] = field(default_factory=list)


class Destination(Protocol):
    """Where rows go. Called by one thread at a time."""

    def prepare(
        self, stream: str, columns: Sequence[Column], keys: Sequence[str], order: str | None
    ) -> Table:
        """Make the table of a stream, or give an existing one the columns that it lacks.

        Raises:
            LoadError: If that can't be done.
        """

    def write(self, batch: Sequence[Rows]) -> None:
        """Write rows, all or none.

        Raises:
            LoadError: If they can't be written.
        """

    def delete_other_versions(self, table: Table, version: int) -> None:
        """Delete the rows of a table that don't have a version."""

    def close(self) -> None:
        """End the connection."""
