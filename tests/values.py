"""What a table holds, column by column: how many values it has, and a digest of them.

Counting rows doesn't see a loader that loses a column, shifts its times or cuts its digits.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Schema = Mapping[str, Any]

DIGITS = Context(prec=10_000)  # more than any number has
NESTED = {"object", "array"}  # what some loaders keep as JSON text


class Column(NamedTuple):
    """The values of a column that aren't null.

    Attributes:
        values: Their number.
        digest: A digest of each with its row's key, whatever order the rows have.
    """

    values: int
    digest: str


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a stream, each key once.

    Attributes:
        rows: Their number.
        columns: The columns that have values, by name.
    """

    rows: int
    columns: Mapping[str, Column]


@dataclass(slots=True)
class Emitted:
    """What a tap has emitted of one stream: its last SCHEMA, and the last record of each key."""

    schema: Schema
    keys: tuple[str, ...]
    records: dict[str, dict[str, Any]] = field(default_factory=dict)


def emitted(lines: Iterable[str | bytes]) -> dict[str, Emitted]:
    """Return what some lines of a tap say, by stream."""
    streams: dict[str, Emitted] = {}
    for message in map(parsed, lines):
        if message["type"] == "SCHEMA":
            before = streams.get(message["stream"])
            keys = tuple(message["key_properties"])
            records = before.records if before else {}
            streams[message["stream"]] = Emitted(message["schema"], keys, records)
        elif message["type"] == "RECORD":
            stream, record = streams[message["stream"]], message["record"]
            stream.records[_key(record, stream.keys)] = record
    return streams


def parsed(line: str | bytes) -> Any:
    """Parse JSON with all digits of its numbers."""
    return json.loads(line, parse_float=Decimal)


def keyed(stream: Emitted, rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return rows by their key; of several with one key the last one counts."""
    return {_key(row, stream.keys): row for row in rows}


def table(stream: Emitted, rows: Iterable[Mapping[str, Any]], without: Iterable[str] = ()) -> Table:
    """Tally rows.

    Args:
        stream: What was emitted: it knows the keys, and the types of the columns.
        rows: The rows; of several with one key the last one counts.
        without: Columns that are left out.
    """
    by_key = keyed(stream, rows)
    properties = stream.schema["properties"]
    return Table(
        len(by_key),
        {
            name: column
            for name in sorted(properties.keys() - set(without))
            if (column := _column(name, properties[name], by_key)).values
        },
    )


def differences(stream: str, found: Table, expected: Table) -> list[str]:
    """Return a line for each column of a stream that has other values than expected."""
    lines = []
    if found.rows != expected.rows:
        lines.append(f"{stream}: {found.rows} rows, expected {expected.rows}")
    for name in sorted({*found.columns, *expected.columns}):
        one, other = found.columns.get(name), expected.columns.get(name)
        if one != other:
            lines.append(f"{stream}.{name}: {_told(one)}, expected {_told(other)}")
    return lines


def _told(column: Column | None) -> str:
    return f"{column.values} values {column.digest[:8]}" if column else "no values"


def _key(row: Mapping[str, Any], keys: Iterable[str]) -> str:
    return json.dumps([row[name] for name in keys])


def _column(name: str, schema: Schema, rows: Mapping[str, Mapping[str, Any]]) -> Column:
    cells = sorted(
        f"{key} {_canonical(row[name], schema)}\n"
        for key, row in rows.items()
        if row.get(name) is not None
    )
    return Column(len(cells), hashlib.sha256("".join(cells).encode()).hexdigest())


def _canonical(value: Any, schema: Schema) -> str:
    """Return one text for a value, whichever way a loader keeps it."""
    if schema.get("format") == "date-time":
        return _instant(value)
    if isinstance(value, str) and not NESTED.isdisjoint(schema["type"]):
        with suppress(ValueError):  # else it is no JSON, which is another value
            value = parsed(value)
    return json.dumps(_exact(value), sort_keys=True)


def _instant(value: str | datetime) -> str:
    """Return a time in UTC; one without an offset is taken for UTC, as the tap's are."""
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def _exact(value: Any) -> Any:
    """Return the same value with one form for equal numbers, in whatever they are written."""
    match value:
        case dict():
            return {name: _exact(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_exact(inner) for inner in value]
        case bool() | None | str():
            return value
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    return {"number": str(number.normalize(DIGITS))}
