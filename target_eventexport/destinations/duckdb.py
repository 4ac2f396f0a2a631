"""Writes rows to a DuckDB file: read from CSV, then changed rows are replaced and new ones added.

A table has no index: DuckDB would hold it in memory. Keys are compared by a join with the batch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_eventexport.columns import Column, Kind, check_key_change, joined
from target_eventexport.destinations.csv_file import (
    MAX_NAME,
    TYPES,
    compared,
    connect,
    errors,
    give_memory,
    last_of_each_key,
    rows_as_query,
)
from target_eventexport.errors import wrong_type
from target_eventexport.names import columns_names, fitted, quoted
from target_eventexport.table import VERSION, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_eventexport.table import Rows

KINDS = {
    **{type_: kind for kind, type_ in TYPES.items()},
    "VARCHAR": Kind.TEXT,
    "INTEGER": Kind.INTEGER,
    "SMALLINT": Kind.INTEGER,
    "TINYINT": Kind.INTEGER,
}
STAGE = "temp.main.stage"
RESERVED = ("rowid",)  # the place of a row


class DuckDb:
    """A DuckDB file.

    Args:
        path: Its path.
        schema: The schema of its tables; None for `main`.

    Raises:
        LoadError: If it can't be opened.
    """

    def __init__(self, path: str, schema: str | None) -> None:
        with errors("destination: the database can't be opened"):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._connection = connect(str(Path(path).absolute()))  # `:memory:` is a file, too
        self._schema = fitted(schema, MAX_NAME) if schema else "main"
        database = self._run("SELECT current_database()")[0][0]
        # In full: a schema may be named like a database, and temporary tables have a `main`, too.
        self._qualified_schema = f"{quoted(database)}.{quoted(self._schema)}"

    def _run(self, query: str, *values: object) -> list[Any]:
        return self._connection.execute(query, values or None).fetchall()

    def prepare(
        self, stream: str, columns: Sequence[Column], keys: Sequence[str], order: str | None
    ) -> Table:
        """Make the table of a stream, or give an existing one the columns that it lacks.

        Raises:
            LoadError: If that can't be done.
        """
        name = fitted(stream, MAX_NAME)
        names = columns_names(
            (column.name for column in columns),
            MAX_NAME,
            is_case_sensitive=False,
            reserved=RESERVED,
        )
        wanted = {names[column.name]: column.kind for column in columns}
        table = f"{self._qualified_schema}.{quoted(name)}"
        with errors(f"{stream}: its table can't be made"):
            self._run(f"CREATE SCHEMA IF NOT EXISTS {self._qualified_schema}")
            kinds = self._changed(stream, name, table, wanted, [names[key] for key in keys])
        return Table.of(table, names, kinds, keys, order)

    def _changed(
        self,
        stream: str,
        name: str,
        table: str,
        wanted: Mapping[str, Kind],
        keys: Sequence[str],
    ) -> dict[str, Kind]:
        """Make or change a table; returns the kinds of the wanted columns."""
        present = {
            column.casefold(): type_
            for column, type_ in self._run(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = "
                "current_database() AND schema_name = ? AND table_name = ?",
                self._schema,
                name,
            )
        }
        if not present:
            definitions = (f"{quoted(column)} {TYPES[kind]}" for column, kind in wanted.items())
            self._run(f"CREATE TABLE {table} ({', '.join(definitions)})")
            return dict(wanted)
        kinds = {}
        for column, kind in wanted.items():
            type_ = present.get(column.casefold())
            if type_ is None:
                self._run(f"ALTER TABLE {table} ADD COLUMN {quoted(column)} {TYPES[kind]}")
                kinds[column] = kind
                continue
            has = KINDS.get(type_)
            if has is None:
                what = f"{stream}: column {column} of table {table}"
                raise wrong_type(what, type_, TYPES[kind])
            kinds[column] = joined(has, kind)
            if column in keys:
                what = f"{stream}: key {column} of table {table}"
                check_key_change(what, has, compared(kinds[column]))
            if kinds[column] != has:
                self._run(
                    f"ALTER TABLE {table} ALTER {quoted(column)} TYPE {TYPES[kinds[column]]} "
                    f"USING {_converted(quoted(column), kinds[column])}"
                )
        return kinds

    def write(self, batch: Sequence[Rows]) -> None:
        """Write rows in one transaction.

        Raises:
            LoadError: If they can't be written; then none is.
        """
        with errors("a batch can't be committed"):
            self._run("BEGIN")
            for rows in batch:
                with errors(f"table {rows.table.name} can't be written"):
                    self._upsert(rows)
            self._run("COMMIT")

    def _upsert(self, rows: Rows) -> None:
        """Add rows with new keys, and replace those that have changed.

        Most batches have nothing but new keys: then no row of the table is compared.
        """
        table = rows.table
        columns = ", ".join(map(quoted, table.columns))
        give_memory(self._connection, len(table.columns))
        with rows_as_query(rows) as source:
            if not table.keys:
                self._run(f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {source}")
                return
            if table.has_simple_keys and self._add_new(table, source) == len(rows.all):
                return
            self._run(f"CREATE OR REPLACE TEMP TABLE {STAGE} AS SELECT * FROM {source}")
        if table.compared:
            before = ", ".join(f"t.{quoted(column)}" for column in table.compared)
            after = ", ".join(f"s.{quoted(column)}" for column in table.compared)
            self._run(
                f"DELETE FROM {table.name} AS t USING {STAGE} AS s "
                f"WHERE {_same_key(table)} AND ({before}) IS DISTINCT FROM ({after})"
            )
        self._add_new(table, f"({last_of_each_key(table, STAGE)})")
        self._run(f"DROP TABLE {STAGE}")

    def _add_new(self, table: Table, source: str) -> int:
        """Add the rows of a source whose keys the table doesn't have; returns their number."""
        columns = ", ".join(map(quoted, table.columns))
        ((added,),) = self._run(
            f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {source} AS s "
            f"WHERE NOT EXISTS (SELECT 1 FROM {table.name} AS t WHERE {_same_key(table)})"
        )
        return int(added)

    def delete_other_versions(self, table: Table, version: int) -> None:
        """Delete the rows of a table that don't have a version.

        Raises:
            LoadError: If that can't be done.
        """
        with errors(f"table {table.name} can't be written"):
            self._run(
                f"DELETE FROM {table.name} WHERE {quoted(VERSION)} IS DISTINCT FROM ?", version
            )

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def _same_key(table: Table) -> str:
    return " AND ".join(f"t.{quoted(key)} = s.{quoted(key)}" for key in table.keys)


def _converted(column: str, wanted: Kind) -> str:
    """Return the expression that widens a column's values."""
    return f"to_json({column})" if wanted == Kind.JSON else f"CAST({column} AS {TYPES[wanted]})"
