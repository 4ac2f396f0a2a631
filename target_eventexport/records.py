"""Reads the records of one stream, checks them, and encodes them as rows of CSV.

CSV is what PostgreSQL and DuckDB both read fastest. A record is decoded and checked by msgspec,
into a class that is made of the stream's SCHEMA; then each column is encoded at once (`cells.py`),
which is several times as fast as record by record.
"""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from target_eventexport.cells import NULL, cells_of, same_number, starts_of
from target_eventexport.columns import Column, Kind
from target_eventexport.errors import LoadError, MisfitError, NoKeyError, one_line
from target_eventexport.unstorable import storable
from target_eventexport.validation import Validation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

WHOLE = re.compile(rb"(-?\d+)\.0+")
FRACTIONS = {Kind.DECIMAL, Kind.NUMBER}
WRITTEN = {Kind.DECIMAL, Kind.TEXT}  # which some destinations compare as texts
PYTHON: dict[Kind, Any] = {
    Kind.INTEGER: int,
    Kind.BIG_INTEGER: int,
    Kind.DECIMAL: msgspec.Raw,
    Kind.NUMBER: int | float,
    Kind.BOOLEAN: bool,
    Kind.TEXT: str,
    Kind.INSTANT: str,
    Kind.DATE: str,
    Kind.JSON: msgspec.Raw,
}


class Message(msgspec.Struct):
    """What a RECORD message has beside its record."""

    record: Any
    time_extracted: str | None = None
    version: int | None = None


class Records:
    """The records of one stream, as one SCHEMA describes them.

    Args:
        stream: The stream's name.
        schema: The JSON schema of its records.
        columns: Its columns.
        keys: The names of its keys.
        is_validated: Whether what is inside a column is checked, too, where SCHEMA describes it.
    """

    def __init__(
        self,
        stream: str,
        schema: Mapping[str, Any],
        columns: Sequence[Column],
        keys: Sequence[str],
        *,
        is_validated: bool,
    ) -> None:
        self._stream = stream
        self._columns = columns
        self._keys = [[column.name for column in columns].index(key) for key in keys]
        self._fields = [f"c{number}" for number in range(len(columns))]
        names = {column.name for column in columns}
        self._odd = {
            column.name: _unlike(names, field)
            for column, field in zip(columns, self._fields, strict=True)
            if not _is_plain(column.name)
        }
        record = self._record_type(is_open=schema.get("additionalProperties") is not False)
        message = msgspec.defstruct(
            "Message",
            [
                ("record", record),
                ("time_extracted", str | None, None),
                ("version", int | None, None),
            ],
        )
        self._decode_record = msgspec.json.Decoder(record).decode
        self._decode_message = msgspec.json.Decoder(message).decode
        self._starts = {
            column.name: starts
            for column in columns
            if column.kind == Kind.JSON and (starts := starts_of(schema["properties"][column.name]))
        }
        self._validation = Validation(schema) if is_validated else None

    def _record_type(self, *, is_open: bool) -> Any:  # noqa: ANN401 - made by msgspec
        fields = []
        for column, field in zip(self._columns, self._fields, strict=True):
            python = PYTHON[column.kind]
            is_raw = python is msgspec.Raw
            type_ = python | None if column.is_nullable and not is_raw else python
            name = self._odd.get(column.name, column.name)
            default = NULL if is_raw else None
            options = {} if column.is_required else {"default": default}
            fields.append((field, type_, msgspec.field(name=name, **options)))
        return msgspec.defstruct(
            "Record", fields, kw_only=True, forbid_unknown_fields=not is_open, gc=False
        )

    def of_messages(self, lines: Sequence[bytes]) -> list[Any]:
        """Decode RECORD messages.

        Returns:
            A message for each line, with `record`, `time_extracted` and `version`.

        Raises:
            LoadError: If one isn't JSON, or doesn't fit the SCHEMA.
        """
        if self._odd:
            lines = [self._renamed(line, "record") for line in lines]
        return self._decoded(lines, self._decode_message)

    def of_lines(self, lines: Sequence[bytes]) -> list[Any]:
        """Decode records of a BATCH file, one on each line, as messages without a time.

        Raises:
            LoadError: If one isn't JSON, or doesn't fit the SCHEMA.
        """
        if self._odd:
            lines = [self._renamed(line) for line in lines]
        return [Message(record) for record in self._decoded(lines, self._decode_record)]

    def _decoded(self, lines: Sequence[bytes], decode: Callable[[bytes], Any]) -> list[Any]:
        try:
            return [decode(line) for line in lines]
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return [self._decoded_alone(line, decode) for line in lines]

    def _decoded_alone(self, line: bytes, decode: Callable[[bytes], Any]) -> Any:  # noqa: ANN401
        line = storable(line)
        try:
            return decode(self._with_integers(line))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            self._check_keys(line)
            reason = one_line(error).replace("`$.record", "`$")
            raise self._misfit(self._named(reason)) from None

    def _check_keys(self, line: bytes) -> None:
        try:
            record = msgspec.json.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return
        record = record.get("record", record) if isinstance(record, dict) else {}
        for number in self._keys if isinstance(record, dict) else ():
            name = self._columns[number].name
            if record.get(self._odd.get(name, name)) is None:
                raise NoKeyError(f"{self._stream}: a record has no value for its key {name}")

    def _named(self, reason: str) -> str:
        for name, field in self._odd.items():
            reason = reason.replace(f"`{field}`", f"`{name}`").replace(f".{field}`", f".{name}`")
        return reason

    def _with_integers(self, line: bytes) -> bytes:
        """Write 1.0 as 1 in columns of integers, whose SCHEMA lets both stand."""
        message = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        inner = message.get("record")
        record = msgspec.json.decode(inner, type=dict[str, msgspec.Raw]) if inner else message
        for column in self._columns:
            name = self._odd.get(column.name, column.name)
            if column.kind == Kind.INTEGER and name in record:
                whole = WHOLE.fullmatch(bytes(record[name]))
                record[name] = msgspec.Raw(whole[1]) if whole else record[name]
        if inner:
            message["record"] = msgspec.Raw(msgspec.json.encode(record))
        return msgspec.json.encode(message)

    def _renamed(self, line: bytes, *path: str) -> bytes:
        """Give properties whose names msgspec can't hold their fields' names."""
        try:
            message = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            for part in path:
                inner = msgspec.json.decode(message[part], type=dict[str, msgspec.Raw])
                renamed = {self._odd.get(name, name): value for name, value in inner.items()}
                message[part] = msgspec.Raw(msgspec.json.encode(renamed))
            if not path:
                message = {self._odd.get(name, name): value for name, value in message.items()}
            return msgspec.json.encode(message)
        except (msgspec.MsgspecError, KeyError, RecursionError, UnicodeDecodeError):
            return line

    def rows(
        self,
        records: Sequence[Any],
        kinds: Sequence[Kind],
        more: Sequence[Sequence[str]] = (),
    ) -> tuple[list[bytes], Sequence[Any] | None]:
        """Encode records.

        Args:
            records: The decoded records.
            kinds: The kind of each column in the table; further columns are the last.
            more: Cells of further columns.

        Returns:
            A row of CSV for each record, and its key: a value, or a tuple of several; None for a
            stream without keys.

        Raises:
            LoadError: If a value doesn't fit the SCHEMA.
            TooWideError: If a table's column can't hold a value unchanged.
        """
        columns = [list(map(attrgetter(field), records)) for field in self._fields]
        try:
            cells = [
                self._cells(column, kind, values)
                for column, kind, values in zip(self._columns, kinds, columns, strict=False)
            ]
        except UnicodeDecodeError as error:
            raise self._misfit(f"it isn't UTF-8: {error.reason}") from None
        except MisfitError as error:
            raise self._misfit(str(error)) from None
        except LoadError as error:
            raise LoadError(f"{self._stream}: {error}") from None
        for number in self._keys:
            if self._columns[number].kind in FRACTIONS and kinds[number] in WRITTEN:
                cells[number] = [same_number(cell) for cell in cells[number]]
        lines = map(",".join, zip(*cells, *more, strict=True))
        rows = [f"{line}\n".encode() for line in lines]
        if not self._keys:
            return rows, None
        if len(self._keys) == 1:
            return rows, cells[self._keys[0]]
        return rows, list(zip(*(cells[number] for number in self._keys), strict=True))

    def _cells(self, column: Column, kind: Kind, values: Sequence[Any]) -> list[str]:
        if self._validation:
            self._validation.check(column.name, values)
        return cells_of(column, kind, values, self._starts.get(column.name))

    def _misfit(self, reason: str) -> LoadError:
        text = " ".join(reason.split())[:300]
        return LoadError(f"{self._stream}: a record doesn't fit its SCHEMA: {text}")


def _is_plain(name: str) -> bool:
    """Whether msgspec can have a field of this name."""
    return not re.search(r'["\\\x00-\x1f]', name)


def _unlike(names: Collection[str], name: str) -> str:
    """Return a name that is none of those."""
    while name in names:
        name += "_"
    return name
