"""The tables that hold the streams, and the errors of a warehouse."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, TableClause, column, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnClause
    from sqlalchemy.sql import Delete, Select
    from sqlalchemy.types import TypeEngine

    from tap_eventexport.audit.scope import Scope

ADDED = "_sdc_"  # the beginning of columns that loaders add


class WarehouseError(Exception):
    """The warehouse can't be looked at; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Table:
    """The table of a stream.

    Attributes:
        clause: The table, with its columns, for statements.
        keys: The columns of the primary key.
        time: The column with the time.
        columns: The column of each name that the stream's records may have.
        time_type: The type of `time`, if the warehouse says that it is one of times.
        is_unique: Whether the warehouse lets no key be there twice.
    """

    clause: TableClause
    keys: tuple[str, ...]
    time: str
    columns: Mapping[str, str]
    time_type: DateTime | None = None
    is_unique: bool = False

    def column(self, name: str) -> ColumnClause[Any]:
        """A column, by the warehouse's name."""
        found: ColumnClause[Any] = self.clause.c[name]
        return found


class Warehouse(ABC):
    """Where the loader has put the records.

    Attributes:
        dialect: The name of its dialect in SQLAlchemy.
    """

    dialect: str

    @abstractmethod
    def table(self, scope: Scope) -> Table | None:
        """Find the table of a stream; None if there is none.

        Raises:
            WarehouseError: If the warehouse can't be used, or if the table lacks a column.
        """

    @abstractmethod
    def rows(self, statement: Select[Any]) -> Iterator[Sequence[Any]]:
        """Yield the rows of a statement, in bounded memory.

        Raises:
            WarehouseError: If the warehouse refuses it.
        """

    @abstractmethod
    def delete(self, statement: Delete) -> int:
        """Delete rows, and return their number.

        Raises:
            WarehouseError: If the warehouse refuses it.
        """

    @property
    @abstractmethod
    def is_of_files(self) -> bool:
        """Whether the records are in files, from which nothing can be deleted."""


def table_of(
    scope: Scope,
    name: str,
    columns: Mapping[str, TypeEngine[Any] | None],
    schema: str | None = None,
    *,
    uniques: Iterable[Sequence[str]] = (),
) -> Table:
    """Make the table of a stream.

    Args:
        scope: The stream.
        name: The table's name in the warehouse.
        columns: Its columns there, with their types if they are known.
        schema: The schema that it is in.
        uniques: Lists of columns whose values are there once.

    Raises:
        WarehouseError: If it lacks a column of the key, or that with the time.
    """
    found = list(columns)
    names = (*scope.keys, scope.time, *scope.properties)
    matched = {wanted: match for wanted in names if (match := matching(wanted, found))}
    if missing := [wanted for wanted in (*scope.keys, scope.time) if wanted not in matched]:
        raise WarehouseError(
            f"{scope.name}: table {name} has no column {missing[0]}: is it the table that the "
            "loader fills, with the same stream maps?"
        )
    if scope.stream.is_growing:
        taken = {*matched.values()}
        matched |= {own: own for own in found if own not in taken and not own.startswith(ADDED)}
    keys = tuple(matched[key] for key in scope.keys)
    time_type = columns[matched[scope.time]]
    return Table(
        table(name, *map(column, found), schema=schema),
        keys,
        matched[scope.time],
        matched,
        time_type if isinstance(time_type, DateTime) else None,
        is_unique=any(set(unique) == set(keys) for unique in uniques),
    )


def matching(name: str, found: Sequence[str]) -> str | None:
    """Return the name that loaders make of a name: itself, in another case, or in snake case."""
    for alike in (str, str.lower, _letters):
        for each in found:
            if alike(each) == alike(name):
                return each
    return None


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
