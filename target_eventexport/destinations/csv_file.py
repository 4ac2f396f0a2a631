"""Hands rows of CSV to DuckDB, by a temporary file."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from target_eventexport.columns import Kind
from target_eventexport.errors import LoadError, one_line
from target_eventexport.names import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_eventexport.table import Rows, Table

MAX_NAME = 255  # bytes; DuckDB has no limit, Parquet's readers have some
BLOCK = 1024 * 1024  # bytes that are written at a time
MEMORY = 80  # MB of DuckDB, beyond which it uses temporary files
DESCRIPTORS = Path("/proc/self/fd")  # on Linux: files without a name, gone with the process
MANY_COLUMNS = 100  # for each one more, DuckDB reserves some more
MIN_LINE, MIN_BUFFER = 2_000_000, 8_000_000  # bytes, of a line and of a block of CSV
TYPES = {
    Kind.INTEGER: "BIGINT",
    Kind.BIG_INTEGER: "DECIMAL(38,0)",
    Kind.DECIMAL: "VARCHAR",  # DuckDB has none for any number of digits
    Kind.NUMBER: "DOUBLE",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.TEXT: "VARCHAR",
    Kind.INSTANT: "TIMESTAMP WITH TIME ZONE",
    Kind.DATE: "DATE",
    Kind.JSON: "JSON",
}


def compared(kind: Kind) -> Kind:
    """Return the kind as which the values of a kind are compared."""
    return Kind.TEXT if TYPES[kind] == TYPES[Kind.TEXT] else kind


def connect(path: str) -> duckdb.DuckDBPyConnection:
    """Open a database.

    Raises:
        duckdb.Error: If it can't be opened.
    """
    connection = duckdb.connect(path)
    give_memory(connection, 0)
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET threads = 1")
    return connection


def give_memory(connection: duckdb.DuckDBPyConnection, columns: int) -> None:
    """Let a connection have the memory that a table of so many columns needs."""
    more = max(0, columns - MANY_COLUMNS) // 2
    connection.execute(f"SET memory_limit = '{MEMORY + more}MB'")


@contextmanager
def rows_as_query(rows: Rows) -> Iterator[str]:
    """Write rows to a temporary file, and yield the table function that reads it."""
    has_name = not DESCRIPTORS.is_dir()
    made = tempfile.NamedTemporaryFile if has_name else tempfile.TemporaryFile
    with made(buffering=BLOCK) as file:  # each write waits for the thread that reads
        file.writelines(rows.all)
        file.flush()
        path = file.name if has_name else f"{DESCRIPTORS}/{file.fileno()}"
        yield _read_csv(path, rows.table, max(map(len, rows.all), default=0))


def _read_csv(path: str, table: Table, longest: int) -> str:
    columns = ", ".join(
        f"{literal(column)}: {literal(TYPES[kind])}"
        for column, kind in zip(table.columns, table.kinds, strict=True)
    )
    line = max(MIN_LINE, longest + 1)
    return (
        f"read_csv({literal(path)}, columns = {{{columns}}}, header = false, auto_detect = false, "
        f"delim = ',', quote = '\"', escape = '\"', new_line = '\\n', allow_quoted_nulls = false, "
        f"max_line_size = {line}, buffer_size = {max(MIN_BUFFER, 2 * line)})"
    )


def last_of_each_key(table: Table, source: str) -> str:
    """Return a query for the rows of a source, the last of each key."""
    columns = ", ".join(map(quoted, table.columns))
    if table.has_simple_keys:
        return f"SELECT {columns} FROM {source}"
    keys = ", ".join(map(quoted, table.keys))
    return (
        f"SELECT {columns} FROM {source} "
        f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY rowid DESC) = 1"
    )


CONVERSION = re.compile(
    r'when converting column "(?P<column>.*?)"\. (?P<reason>.*?) Column .* is being converted as'
)


@contextmanager
def errors(what: str) -> Iterator[None]:
    """Tell DuckDB's errors in one line."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        reason = one_line(error)
        if found := CONVERSION.search(reason):
            reason = f"{found['reason']}, in column {found['column']}"
        raise LoadError(f"{what}: {reason.partition(' LINE 1: ')[0][:300]}") from None
