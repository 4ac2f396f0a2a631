"""A warehouse that DuckDB reads: a folder of JSONL or Parquet files, or a database of its own."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

import duckdb
from sqlalchemy.dialects import postgresql

from tap_eventexport.audit.tables import Table, Warehouse, WarehouseError, matching, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy.sql import ClauseElement, Delete, Select

    from tap_eventexport.audit.scope import Scope

BATCH = 10_000  # rows that are fetched at once
MEMORY = "120MB"  # what needs more goes to the disk; a thread takes 32 MB to read JSONL
JSONL, PARQUET = ".jsonl", ".parquet"
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call] # DuckDB's own is like it


class _DuckDb(Warehouse):
    """What DuckDB reads, in any form."""

    dialect = "duckdb"

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    @abstractmethod
    def _connected(self, *, is_read_only: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection, whose errors become `WarehouseError`."""

    def rows(self, statement: Select[Any]) -> Iterator[Sequence[Any]]:
        """Yield the rows of a statement."""
        with self._connected() as connection:
            connection.execute(_text(statement))
            while batch := connection.fetchmany(BATCH):
                yield from batch

    def _error(self, error: duckdb.Error) -> WarehouseError:
        said = str(error).partition("\n")[0]  # the rest recommends settings of DuckDB
        return WarehouseError(f"{self._path} can't be read: {said}")


class DuckDbFile(_DuckDb):
    """A database of DuckDB. It is opened for each use: meanwhile no loader can write to it.

    Args:
        path: The file.
        schema: The schema with the tables; None for the usual one.

    Raises:
        WarehouseError: If it can't be opened.
    """

    is_of_files = False

    def __init__(self, path: Path, schema: str | None) -> None:
        super().__init__(path)
        self._schema = schema or "main"
        if not path.is_file():
            raise WarehouseError(f"--warehouse: there is no file {path}")
        with self._connected():
            pass

    @contextmanager
    def _connected(self, *, is_read_only: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with _opened(f"{self._path}", is_read_only=is_read_only) as connection:
                yield _in_utc(connection)
        except duckdb.Error as error:
            raise self._error(error) from None

    def table(self, scope: Scope) -> Table | None:
        """Find the table or view of a stream."""
        query = (
            "select table_name, column_name from duckdb_columns() "
            "where schema_name = ? and not internal order by column_index"
        )
        found: dict[str, list[str]] = {}
        with self._connected() as connection:
            for name, column in connection.execute(query, [self._schema]).fetchall():
                found.setdefault(name, []).append(column)
        name = matching(scope.name, list(found))
        if name is None:
            return None
        return table_of(scope, name, dict.fromkeys(found[name]), self._schema)

    def delete(self, statement: Delete) -> int:
        """Delete rows."""
        with self._connected(is_read_only=False) as connection:
            ((deleted,),) = connection.execute(_text(statement)).fetchall()
        return int(deleted)


class Folder(_DuckDb):
    """A folder of files, named after their streams, or in folders named after them.

    Args:
        path: The folder.

    Raises:
        WarehouseError: If there is no such folder.
    """

    is_of_files = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if not path.is_dir():
            raise WarehouseError(f"--warehouse: there is no folder {path}")
        self._views = _opened()

    @contextmanager
    def _connected(self, *, is_read_only: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:  # noqa: ARG002 - files are only read
        try:
            with self._views.cursor() as connection:
                yield _in_utc(connection)
        except duckdb.Error as error:
            raise self._error(error) from None

    def table(self, scope: Scope) -> Table | None:
        """Make a view of a stream's files, as they are now."""
        files = [file for file in sorted(self._path.rglob("*")) if self._is_of(file, scope.name)]
        suffixes = {file.suffix for file in files}
        if not files:
            return None
        if len(suffixes) > 1:
            raise WarehouseError(
                f"{scope.name}: {self._path} has JSONL and Parquet files of it; give a folder with "
                "files of one kind"
            )
        with self._connected() as connection:
            source = _source(connection, scope, files)
            view = _quoted(scope.name)
            connection.execute(f"create or replace view {view} as from {source}")
            described = connection.execute(f"describe {view}").fetchall()
        return table_of(scope, scope.name, {name: None for name, *_ in described})

    def _is_of(self, file: Path, stream: str) -> bool:
        if file.suffix not in {JSONL, PARQUET} or not file.is_file():
            return False
        folders = file.relative_to(self._path).parts[:-1]
        return stream in folders or file.stem.partition("-")[0] == stream

    def delete(self, statement: Delete) -> int:  # noqa: ARG002 - files are only read
        """Refuse to change files."""
        raise WarehouseError(f"{self._path}: nothing can be deleted from files")


def _source(connection: duckdb.DuckDBPyConnection, scope: Scope, files: Sequence[Path]) -> str:
    """Return what reads files: a column of JSONL is a text, or the text of its JSON."""
    names = "[" + ", ".join(_literal(f"{file}") for file in files) + "]"
    if files[0].suffix == PARQUET:
        return f"read_parquet({names}, union_by_name = true)"
    columns = list(scope.properties)
    if scope.stream.is_growing:
        query = f"select distinct unnest(json_keys(json)) from read_ndjson_objects({names})"  # noqa: S608 - quoted
        columns = list(dict.fromkeys([*columns, *(row[0] for row in _all(connection, query))]))
    kinds = ", ".join(f"{_literal(name)}: 'varchar'" for name in columns)
    return f"read_json({names}, format = 'newline_delimited', columns = {{{kinds}}})"


def _all(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return sorted(connection.execute(query).fetchall())


def _opened(path: str = ":memory:", *, is_read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a database in bounded memory; it keeps order only where that is asked for."""
    config: dict[str, Any] = {
        "memory_limit": MEMORY,
        "threads": 1,
        "temp_directory": gettempdir(),
        "preserve_insertion_order": False,
    }
    return duckdb.connect(path, read_only=is_read_only, config=config)


def _in_utc(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    connection.execute("set timezone = 'UTC'")
    return connection


def _text(statement: ClauseElement) -> str:
    compiled = statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True})
    return str(compiled).replace("%%", "%")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
