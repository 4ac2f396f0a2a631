"""Writes rows to PostgreSQL: COPY into a temporary table, then one upsert of what differs."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from target_eventexport.columns import Column, Kind, check_key_change, joined
from target_eventexport.errors import LoadError, one_line, wrong_type
from target_eventexport.names import columns_names, fitted, quoted
from target_eventexport.table import VERSION, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_eventexport.table import Rows

MAX_NAME = 63  # bytes
# https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
SYSTEM_COLUMNS = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")
BLOCK = 256 * 1024  # bytes that are handed to COPY at a time
TYPES = {
    Kind.INTEGER: "bigint",
    Kind.BIG_INTEGER: "numeric",
    Kind.DECIMAL: "numeric",
    Kind.NUMBER: "double precision",
    Kind.BOOLEAN: "boolean",
    Kind.TEXT: "text",
    Kind.INSTANT: "timestamp with time zone",
    Kind.DATE: "date",
    Kind.JSON: "jsonb",
}
KINDS = {
    **{type_: kind for kind, type_ in TYPES.items()},
    "integer": Kind.INTEGER,
    "smallint": Kind.INTEGER,
    "character varying": Kind.TEXT,
}
LOCK = 7103301945  # of this loader, while it changes tables
SESSION = """
    SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET client_min_messages = 'warning';
    SET extra_float_digits = 1
"""
NARROW = re.compile(r"(numeric|character varying)\(.*\)")  # which would round or cut values
COLUMNS = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
    WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""
KEYS = """
    SELECT array_agg(a.attname::text) FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = i.indrelid
        AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
    WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indisvalid AND i.indimmediate
        AND i.indpred IS NULL AND i.indexprs IS NULL
    GROUP BY i.indexrelid
"""


class Postgres:
    """A database of PostgreSQL.

    Args:
        address: Its address.
        schema: The schema of its tables; None for the connection's own.

    Raises:
        LoadError: If it can't be reached.
    """

    def __init__(self, address: str, schema: str | None) -> None:
        if address.partition("?")[0].count("@") > 1:
            raise LoadError("destination: write the @ of a user or a password as %40")
        with _errors("destination: the database can't be reached"):
            self._connection = psycopg.connect(
                address,
                autocommit=True,
                application_name="target-eventexport",
                client_encoding="UTF8",
            )
            self._run(SESSION)
            own = self._run("SELECT current_schema()")[0][0]
        if not (schema or own):
            raise LoadError("destination: the user's search_path has no schema: set schema")
        self._schema = fitted(schema or own, MAX_NAME)
        self._stages: dict[str, str] = {}

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
            is_case_sensitive=True,
            reserved=SYSTEM_COLUMNS,
        )
        wanted = {names[column.name]: column.kind for column in columns}
        with _errors(f"{stream}: its table can't be made"), self._connection.transaction():
            self._run(f"SELECT pg_advisory_xact_lock({LOCK})")
            self._make_schema()
            kinds = self._changed(
                stream, self._qualified(name), wanted, [names[key] for key in keys]
            )
        table = Table.of(self._qualified(name), names, kinds, keys, order)
        self._make_stage(table)
        return table

    def _qualified(self, name: str) -> str:
        return f"{quoted(self._schema)}.{quoted(name)}"

    def _run(self, query: str, *values: object) -> list[Any]:
        cursor = self._connection.execute(query, values or None)
        return cursor.fetchall() if cursor.description else []

    def _make_schema(self) -> None:
        """Make the schema, unless it is there: a user without the right to make one may use it."""
        if not self._run("SELECT 1 FROM pg_namespace WHERE nspname = %s", self._schema):
            self._run(f"CREATE SCHEMA {quoted(self._schema)}")

    def _changed(
        self, stream: str, table: str, wanted: Mapping[str, Kind], keys: Sequence[str]
    ) -> dict[str, Kind]:
        """Make or change a table; returns the kinds of the wanted columns."""
        present = dict(self._run(COLUMNS, table))
        if not present:
            definitions = [f"{quoted(column)} {TYPES[kind]}" for column, kind in wanted.items()]
            if keys:
                definitions.append(f"PRIMARY KEY ({', '.join(map(quoted, keys))})")
            self._run(f"CREATE TABLE {table} ({', '.join(definitions)})")
            return dict(wanted)
        if keys and not any({*index} == {*keys} for (index,) in self._run(KEYS, table)):
            raise LoadError(
                f"{stream}: table {table} has no unique index of its key ({', '.join(keys)}): "
                "make one, or load into another schema"
            )
        kinds, changes = {}, []
        for column, kind in wanted.items():
            if column not in present:
                changes.append(f"ADD COLUMN {quoted(column)} {TYPES[kind]}")
                kinds[column] = kind
                continue
            narrow = NARROW.fullmatch(present[column])
            has = KINDS.get(narrow[1] if narrow else present[column])
            if has is None:
                what = f"{stream}: column {column} of table {table}"
                raise wrong_type(what, present[column], TYPES[kind])
            kinds[column] = joined(has, kind)
            if column in keys:
                check_key_change(f"{stream}: key {column} of table {table}", has, kinds[column])
            if narrow or kinds[column] != has:
                using = _converted(quoted(column), has, kinds[column])
                changes.append(
                    f"ALTER COLUMN {quoted(column)} TYPE {TYPES[kinds[column]]} USING {using}"
                )
        if changes:
            self._run(f"ALTER TABLE {table} {', '.join(changes)}")
        return kinds

    def _make_stage(self, table: Table) -> None:
        stage = self._stages.setdefault(table.name, f"pg_temp.stage_{len(self._stages)}")
        columns = ", ".join(map(quoted, table.columns))
        with _errors(f"table {table.name} can't be read"), self._connection.transaction():
            self._run(f"DROP TABLE IF EXISTS {stage}")
            self._run(
                f"CREATE TEMP TABLE {stage.removeprefix('pg_temp.')} ON COMMIT DELETE ROWS AS "
                f"SELECT {columns} FROM {table.name} LIMIT 0"
            )

    def write(self, batch: Sequence[Rows]) -> None:
        """Write rows in one transaction.

        Raises:
            LoadError: If they can't be written; then none is.
        """
        with _errors("a batch can't be committed"), self._connection.transaction():
            for rows in batch:
                self._write(rows)

    def _write(self, rows: Rows) -> None:
        with _errors(f"table {rows.table.name} can't be written"):
            self._copy(rows)
            self._upsert(rows.table)

    def _copy(self, rows: Rows) -> None:
        stage = self._stages[rows.table.name]
        query = f"COPY {stage} FROM STDIN (FORMAT csv)"
        with self._connection.cursor().copy(query) as copy:
            for block in _blocks(rows.all):
                copy.write(block)

    def _upsert(self, table: Table) -> None:
        columns = ", ".join(map(quoted, table.columns))
        stage = self._stages[table.name]
        if not table.keys:
            self._run(f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {stage}")
            return
        keys = ", ".join(map(quoted, table.keys))
        last = f"SELECT {columns} FROM {stage}"
        if not table.has_simple_keys:
            last = f"SELECT DISTINCT ON ({keys}) {columns} FROM {stage} ORDER BY {keys}, ctid DESC"
        self._run(
            f"INSERT INTO {table.name} AS t ({columns}) {last} "
            f"ON CONFLICT ({keys}) DO {_update(table)}"
        )

    def delete_other_versions(self, table: Table, version: int) -> None:
        """Delete the rows of a table that don't have a version.

        Raises:
            LoadError: If that can't be done.
        """
        with _errors(f"table {table.name} can't be written"):
            self._run(
                f"DELETE FROM {table.name} WHERE {quoted(VERSION)} IS DISTINCT FROM {version:d}"
            )

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def _update(table: Table) -> str:
    """Return what is done with a row whose key is there: it changes only if it differs."""
    others = [column for column in table.columns if column not in table.keys]
    if not table.compared:
        return "NOTHING"
    changes = ", ".join(f"{quoted(column)} = excluded.{quoted(column)}" for column in others)
    before = ", ".join(f"t.{quoted(column)}" for column in table.compared)
    after = ", ".join(f"excluded.{quoted(column)}" for column in table.compared)
    return f"UPDATE SET {changes} WHERE ({before}) IS DISTINCT FROM ({after})"


def _converted(column: str, has: Kind, wanted: Kind) -> str:
    """Return the expression that widens a column's values."""
    if wanted == Kind.JSON:
        return f"to_jsonb({column})"
    if has == Kind.NUMBER and wanted == Kind.DECIMAL:  # the cast alone would keep 15 digits
        return f"{column}::text::numeric"
    return f"{column}::{TYPES[wanted]}"


def _blocks(rows: Any) -> Iterator[bytes]:  # noqa: ANN401 - a view of a dict, or a list
    block: list[bytes] = []
    size = 0
    for row in rows:
        block.append(row)
        size += len(row)
        if size >= BLOCK:
            yield b"".join(block)
            block, size = [], 0
    yield b"".join(block)


@contextmanager
def _errors(what: str) -> Iterator[None]:
    """Tell the database's errors in one line."""
    try:
        yield
    except psycopg.ProgrammingError as error:
        if error.diag.sqlstate is None:  # of the address, whose parts may be secret
            raise LoadError("destination: it isn't an address of PostgreSQL") from None
        raise _told(what, error) from None
    except psycopg.Error as error:
        raise _told(what, error) from None


def _told(what: str, error: psycopg.Error) -> LoadError:
    reason = error.diag.message_primary or one_line(error)
    column = re.match(r"COPY .*, column ([^:]+)", error.diag.context or "")
    where = f", in column {column[1]}" if column else ""
    if isinstance(error, psycopg.errors.FeatureNotSupported) and error.diag.message_detail:
        where += f" ({error.diag.message_detail})"  # such as the view that stands in the way
    return LoadError(f"{what}: {' '.join(reason.split())}{where}")
