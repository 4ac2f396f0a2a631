"""The rows of Infobip's export files, in both of their forms.

https://www.infobip.com/docs/people/events (the older form: "events in external systems")

A row of the current form has a `timestamp` and `properties`. A row of the older form has an
`occuredTime` (sic), an `eventId`, and the event's own fields beside them.
"""

from __future__ import annotations

import json
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tap_eventexport.engine.bodies.disk_set import DiskHashSet
from tap_eventexport.engine.bodies.extra import NULL, ExtraDecoder, as_column
from tap_eventexport.engine.duplicates.identity import DuplicateKeys, content_key
from tap_eventexport.engine.windows import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    Columns = tuple[str | None, str | None, str | None, str]

CANONICAL = len("2026-03-01T00:00:00.000Z")
MOST_DIGITS = 4_000  # of an integer that Python can parse


class Row(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A row of the current form, with the usual types."""

    timestamp: str
    definitionId: str | None = None
    personId: str | None = None
    externalPersonId: str | None = None
    properties: msgspec.Raw = NULL


class AnyRow(msgspec.Struct, gc=False):
    """A row of either form, with its known fields; null is the same as missing."""

    timestamp: msgspec.Raw = NULL
    occuredTime: msgspec.Raw = NULL
    eventId: msgspec.Raw = NULL
    definitionId: msgspec.Raw = NULL
    personId: msgspec.Raw = NULL
    externalPersonId: msgspec.Raw = NULL
    properties: msgspec.Raw = NULL


class Record(msgspec.Struct, gc=False):
    """One record of `infobip_events`."""

    event_key: str
    definitionId: str | None
    personId: str | None
    externalPersonId: str | None
    timestamp: str
    properties: msgspec.Raw
    file: str = msgspec.field(name="_file")
    extra: msgspec.Raw = msgspec.field(name="_extra")


class Rows(NamedTuple):
    """Some rows of a file, as lists of the same length.

    Attributes:
        columns: The values of the columns from `definitionId` to `timestamp`.
        properties: The values of `properties`.
        extras: The values of `_extra`.
        contents: A key of each row's content.
        ids: A key of each row's id, None for a row without id; None if no row has an id.
        names: The names of the fields in `_extra`.
    """

    columns: Sequence[Columns]
    properties: Sequence[msgspec.Raw]
    extras: Iterable[msgspec.Raw]
    contents: Sequence[str]
    ids: Sequence[str | None] | None = None
    names: Collection[str] = ()


_decode = ExtraDecoder[list[Any]](
    AnyRow,
    strict=msgspec.json.Decoder(Row).decode_lines,
    lenient=msgspec.json.Decoder(AnyRow).decode_lines,
    raw=msgspec.json.Decoder(dict[str, msgspec.Raw]).decode_lines,
    events=lambda rows: rows,
)
_decode_object = msgspec.json.Decoder(dict[str, Any] | None, float_hook=str).decode
_decode_text = msgspec.json.Decoder(str).decode


def read_rows(block: bytes) -> Rows:
    """Parse rows, several JSON objects on one line.

    Raises:
        msgspec.DecodeError: If one isn't JSON, or has a field of the wrong type.
        ValueError: If a value can't be understood. The message doesn't quote it.
    """
    rows, others, _ = _decode(block)
    if rows and isinstance(rows[0], AnyRow):
        return _of_any_form(rows, others)
    columns = [
        (row.definitionId, row.personId, row.externalPersonId, instant(row.timestamp))
        for row in rows
    ]
    contents = [
        content_key((*values, _object(row.properties)))
        for row, values in zip(rows, columns, strict=True)
    ]
    return Rows(columns, [row.properties for row in rows], repeat(NULL), contents)


def _of_any_form(rows: Sequence[AnyRow], others: Iterable[Mapping[str, msgspec.Raw]]) -> Rows:
    columns: list[Columns] = []
    properties: list[msgspec.Raw] = []
    extras: list[msgspec.Raw] = []
    contents: list[str] = []
    ids: list[str | None] = []
    names: set[str] = set()
    for row, fields in zip(rows, others, strict=True):
        values = _columns(row)
        own, extra = _own_and_extra(row, fields)
        content: list[Any] = [*values, _object(own)]
        if extra:
            content.append({name: _any(value) for name, value in extra.items()})
            names.update(extra)
        identity = _id(row.eventId)
        columns.append(values)
        properties.append(own)
        extras.append(as_column(extra))
        contents.append(content_key(content))
        ids.append(content_key((identity,)) if identity else None)
    return Rows(columns, properties, extras, contents, ids, names)


def _columns(row: AnyRow) -> Columns:
    time = _text(row.occuredTime if _is_older(row) else row.timestamp, "a timestamp")
    if time is None:
        raise ValueError("it has no timestamp, nor an occuredTime")
    return (
        _text(row.definitionId, "definitionId"),
        _text(row.personId, "personId"),
        _text(row.externalPersonId, "externalPersonId"),
        instant(time),
    )


def _is_older(row: AnyRow) -> bool:
    return row.timestamp == NULL and row.occuredTime != NULL


def _own_and_extra(
    row: AnyRow, others: Mapping[str, msgspec.Raw]
) -> tuple[msgspec.Raw, dict[str, msgspec.Raw]]:
    """Return the event's own fields, and the fields without a column."""
    extra = {} if row.eventId == NULL else {"eventId": row.eventId}
    if not _is_older(row):
        if row.occuredTime != NULL:
            extra["occuredTime"] = row.occuredTime
        return row.properties, {**extra, **others}
    if bytes(row.properties)[:1] == b"{":
        return row.properties, {**extra, **others}
    own = dict(others)
    if row.properties != NULL:  # an event's own field with this name
        own["properties"] = row.properties
    return as_column(own), extra


def _id(raw: msgspec.Raw) -> str | None:
    """Return a text or a number that identifies an event; None for any other value."""
    try:
        return _text(raw, "eventId") or None
    except ValueError:
        return None


def _text(raw: msgspec.Raw, name: str) -> str | None:
    """Return a text, or a number as it is written."""
    if raw == NULL:
        return None
    value = bytes(raw)
    if value[:1] == b'"':
        return _decode_text(raw)
    if value[:1] in b"-0123456789":
        return value.decode()
    raise ValueError(f"{name} is neither a text nor a number")


def _object(raw: msgspec.Raw) -> dict[str, Any] | None:
    """Parse an object, or null; numbers with decimals stay as written."""
    try:
        value: dict[str, Any] | None = _decode_object(raw)
    except msgspec.ValidationError:  # a whole number with more digits than Python converts
        if bytes(raw)[:1] != b"{":
            raise
        value = _any(raw)
    return value


def _any(raw: msgspec.Raw) -> Any:  # noqa: ANN401 - whatever JSON holds
    return json.loads(bytes(raw), parse_int=_integer, parse_float=str)


def _integer(text: str) -> int | str:
    return int(text) if len(text) < MOST_DIGITS else text


def instant(text: str) -> str:
    """Convert an ISO 8601 date-time, with any offset and fraction, to UTC with milliseconds.

    Raises:
        ValueError: If it isn't one.
    """
    try:
        moment = parse_instant(text)
    except ValueError:
        raise ValueError("a timestamp is not an ISO 8601 date-time") from None
    is_canonical = len(text) == CANONICAL and text[10] == "T" and text[19] + text[-1] == ".Z"
    return text if is_canonical else format_instant(moment)


class RowKeys:
    """Keys for the rows of one export, read in any number of files.

    Equal rows without id are numbered. The key of a row with an id is made only from the id, so
    that the same event has the same key in both forms. Another row of the export with the same id
    but different content gets a key made from both.

    Attributes:
        repeated: The number of rows with the id of another row but different content.
    """

    def __init__(self) -> None:
        self.repeated = 0
        self._duplicates = DuplicateKeys()
        self._ids = DiskHashSet()

    def keys(self, rows: Rows) -> Sequence[str]:
        """Return the keys of the next rows."""
        if rows.ids is None:
            return self._duplicates.keys(rows.contents)
        return [
            self._of_id(identity, content) if identity else self._duplicates.key(content)
            for identity, content in zip(rows.ids, rows.contents, strict=True)
        ]

    def _of_id(self, identity: str, content: str) -> str:
        both = content_key((identity, content))
        if self._ids.add(_bits(identity)):
            self._ids.add(_bits(both))
        elif _bits(both) not in self._ids:
            self.repeated += 1
            return both
        return identity


def _bits(key: str) -> int:
    return int(key[:16], 16)
