"""Loads messages in the tests' own process, or by the command, and reads tables back."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import psycopg
from psycopg.types.json import set_json_loads

from target_eventexport.destinations import open_destination
from target_eventexport.destinations.parquet import folder_name
from target_eventexport.load import Load, Options
from target_eventexport.names import fitted, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

from_json = partial(json.loads, parse_float=Decimal)  # a number is what its digits say

Message = dict[str, Any] | bytes
Row = dict[str, Any]


class Place(Protocol):
    """A destination, and how its tables are read."""

    schema: str | None

    @property
    def address(self) -> str:
        """Its address."""

    def read(self, stream: str) -> list[Row]:
        """The rows of a table, in the order of their contents; JSON as Python's values."""


@dataclass
class PostgresPlace:
    """A schema of a PostgreSQL server."""

    address: str
    schema: str | None = None

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query, in the order that they come."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute("SET timezone = 'UTC'")
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def wait(self) -> None:
        """Wait until the server takes connections, as after a crash."""
        while True:
            with suppress(psycopg.OperationalError), psycopg.connect(self.address):
                return

    def table(self, stream: str) -> str:
        return f"{quoted(self.schema or 'public')}.{quoted(fitted(stream, 63))}"

    def read(self, stream: str) -> list[Row]:
        with psycopg.connect(self.address, autocommit=True) as connection:
            set_json_loads(from_json, connection)
            connection.execute("SET timezone = 'UTC'")
            cursor = connection.execute(f"SELECT * FROM {self.table(stream)}".encode())
            names = [column.name for column in cursor.description or ()]
            return in_order(dict(zip(names, row, strict=True)) for row in cursor)


@dataclass
class DuckDbPlace:
    """A DuckDB file."""

    path: Path
    schema: str | None = None

    @property
    def address(self) -> str:
        return f"duckdb:///{self.path}"

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query, in the order that they come."""
        with closing(duckdb.connect(str(self.path))) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(query).fetchall()

    def table(self, stream: str) -> str:
        names = (self.path.stem, self.schema or "main", fitted(stream, 255))
        return ".".join(map(quoted, names))

    def read(self, stream: str) -> list[Row]:
        with closing(duckdb.connect(str(self.path))) as connection:
            return rows_of(connection, self.table(stream))


@dataclass
class ParquetPlace:
    """A folder of Parquet files, read through the views that lie beside them."""

    folder: Path
    schema: str | None = None

    @property
    def address(self) -> str:
        return f"parquet:///{self.folder}"

    @property
    def views(self) -> Path:
        return self.folder / (self.schema or "") / "views.sql"

    def read(self, stream: str) -> list[Row]:
        with closing(duckdb.connect()) as connection:
            connection.execute(self.views.read_text())
            return rows_of(connection, quoted(folder_name(stream)))


def rows_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[Row]:
    """The rows of a table or a view of DuckDB."""
    connection.execute("SET TimeZone = 'UTC'")
    types = connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
    instant = "TIMESTAMP WITH TIME ZONE"  # which DuckDB's package can't tell without another
    columns = ", ".join(
        f"epoch_us({quoted(name)})" if type_ == instant else quoted(name)
        for name, type_, *_ in types
    )
    read: dict[str, Callable[[Any], Any]] = {"JSON": from_json, instant: from_microseconds}
    return in_order(
        {
            name: read[type_](cell) if type_ in read and cell is not None else cell
            for (name, type_, *_), cell in zip(types, row, strict=True)
        }
        for row in connection.execute(f"SELECT {columns} FROM {table}").fetchall()
    )


def from_microseconds(number: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)


def in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=repr)


ID = {"type": "integer"}
TEXT = {"type": ["string", "null"]}
NUMBER = {"type": ["number", "null"]}
INSTANT = {"type": "string", "format": "date-time"}
PROPERTIES: dict[str, Any] = {"id": ID, "text": TEXT}


def line(message: Message) -> bytes:
    return message if isinstance(message, bytes) else json.dumps(message).encode()


def schema(
    properties: dict[str, Any], *keys: str, stream: str = "events", order: str | None = None
) -> Message:
    """A SCHEMA message."""
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": properties},
        "key_properties": list(keys),
        "bookmark_properties": [order] if order else [],
    }


SCHEMA = schema(PROPERTIES, "id")


def record(stream: str = "events", **values: Any) -> Message:
    """A RECORD message of values."""
    return {"type": "RECORD", "stream": stream, "record": values}


def of_record(values: dict[str, Any], stream: str = "events", **more: Any) -> Message:
    """A RECORD message of values by name."""
    return {"type": "RECORD", "stream": stream, "record": values, **more}


def state(value: Any) -> Message:
    """A STATE message."""
    return {"type": "STATE", "value": value}


@dataclass
class Loaded:
    """What a load wrote to stdout."""

    states: list[Any] = field(default_factory=list)


def load(place: Place, messages: Sequence[Message], **options: Any) -> Loaded:
    """Load messages.

    Raises:
        LoadError: If they can't be loaded.
    """
    loaded = Loaded()
    destination = open_destination(place.address, place.schema)
    load = Load(
        destination, lambda state: loaded.states.append(json.loads(state)), Options(**options)
    )
    try:
        load.take([line(message) for message in messages])
        load.finish()
    except BaseException:
        load.close()
        raise
    return loaded
