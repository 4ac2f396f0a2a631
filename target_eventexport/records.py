"""Reads the records of one stream, checks them, and encodes them as rows of CSV.

CSV is what PostgreSQL and DuckDB both read fastest. A text or a JSON value is always quoted, and
nothing else is; nothing at all is null. A record is decoded and checked by msgspec, into a class
that is made of the stream's SCHEMA; then each column is encoded at once, which is several times as
fast as record by record.
"""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
from jsonschema import Draft7Validator
from jsonschema.validators import validator_for
from referencing import Registry

from target_eventexport.columns import Column, Kind, types_of
from target_eventexport.errors import LoadError, NoKeyError, one_line
from target_eventexport.unstorable import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    Values = Sequence[Any]

EXACT = 2**53  # up to here a double holds every integer
LIMITS = {  # the greatest integer that a column holds, and what it becomes beyond
    Kind.INTEGER: (2**63 - 1, Kind.BIG_INTEGER),
    Kind.BIG_INTEGER: (10**38 - 2, Kind.DECIMAL),
    Kind.NUMBER: (EXACT, Kind.DECIMAL),
}
FRACTIONS = {Kind.DECIMAL, Kind.NUMBER}
WRITTEN = {Kind.DECIMAL, Kind.TEXT}  # which some destinations compare as texts
MOST_ZEROS = 40  # of a key that is a decimal
ALL_DIGITS = Context(MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)
NUMBER = re.compile(rb"-?\d")
WHOLE = re.compile(rb"(-?\d+)\.0+")
DAY = r"\d{4}-\d\d-\d\d"
INSTANT = re.compile(
    DAY + r"(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)?)?",
    re.ASCII,
)
PATTERNS = {Kind.INSTANT: INSTANT, Kind.DATE: re.compile(DAY, re.ASCII)}
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
STARTS: dict[str | None, str] = {
    "object": "{",
    "array": "[",
    "string": '"',
    "integer": "-0123456789",
    "number": "-0123456789",
    "boolean": "tf",
    "null": "n",
}
BARE = {"type", "format", "title", "description", "default", "examples", "multipleOf"}
NULL = msgspec.Raw(b"null")


class TooWideError(Exception):
    """A column needs a wider kind for a value.

    Args:
        name: The property.
        kind: The kind that it needs.
    """

    def __init__(self, name: str, kind: Kind) -> None:
        super().__init__(name)
        self.name = name
        self.kind = kind


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
            if column.kind == Kind.JSON and (starts := _starts(schema["properties"][column.name]))
        }
        validators = _validators(schema) if is_validated else {}
        self._validators = {
            number: validators[column.name]
            for number, column in enumerate(columns)
            if column.name in validators
        }

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
        for number, validator in self._validators.items():
            self._validate(number, validator, columns[number])
        try:
            cells = [
                self._cells(column, kind, values)
                for column, kind, values in zip(self._columns, kinds, columns, strict=False)
            ]
        except UnicodeDecodeError as error:
            raise self._misfit(f"it isn't UTF-8: {error.reason}") from None
        for number in self._keys:
            if self._columns[number].kind in FRACTIONS and kinds[number] in WRITTEN:
                cells[number] = [_same_number(cell) for cell in cells[number]]
        lines = map(",".join, zip(*cells, *more, strict=True))
        rows = [f"{line}\n".encode() for line in lines]
        if not self._keys:
            return rows, None
        if len(self._keys) == 1:
            return rows, cells[self._keys[0]]
        return rows, list(zip(*(cells[number] for number in self._keys), strict=True))

    def _validate(self, number: int, validator: Any, values: Values) -> None:  # noqa: ANN401
        is_raw = PYTHON[self._columns[number].kind] is msgspec.Raw
        name = self._columns[number].name
        for value in values:
            try:
                python = msgspec.json.decode(value) if is_raw else value
                wrong = next(validator.iter_errors(python), None) if python is not None else None
            except Exception as error:  # noqa: BLE001 - a SCHEMA may be wrong in any way
                raise LoadError(
                    f"{self._stream}: a value of {name} can't be compared with its SCHEMA: "
                    f"{one_line(error)[:200]}; with validate_records: false it is loaded"
                ) from None
            if wrong:
                path = "".join(f".{part}" for part in wrong.absolute_path)
                raise self._misfit(f"{name}{path}: {wrong.message}")

    def _misfit(self, reason: str) -> LoadError:
        text = " ".join(reason.split())[:300]
        return LoadError(f"{self._stream}: a record doesn't fit its SCHEMA: {text}")

    def _cells(self, column: Column, kind: Kind, values: Values) -> list[str]:
        """Encode the values of a column."""
        own = column.kind
        if own in PATTERNS:
            self._check_times(column, values)
        if own == Kind.DECIMAL:
            self._check_numbers(column, values)
        self._check_width(column, kind, values)
        if own == Kind.JSON and not column.is_nullable and NULL in values:
            raise self._misfit(f"{column.name} is null")
        if kind == Kind.JSON and own not in {Kind.JSON, Kind.DECIMAL}:
            values = [NULL if value is None else msgspec.json.encode(value) for value in values]
            own = Kind.JSON
        cells = QUOTED[own](values) if kind in {Kind.TEXT, Kind.JSON} else PLAIN[own](values)
        if starts := self._starts.get(column.name):
            self._check_starts(column, starts, cells)
        return cells

    def _check_starts(self, column: Column, starts: str, cells: Sequence[str]) -> None:
        """Check that JSON has one of its types; null, whose cell is empty, was checked before."""
        if found := {cell[1:2] for cell in cells} - {*starts, ""}:
            raise self._misfit(f"{column.name} is of another type, and begins with {min(found)}")

    def _check_width(self, column: Column, kind: Kind, values: Values) -> None:
        """Check that a column of the table can hold numbers unchanged."""
        own = column.kind
        if own == Kind.INTEGER and kind in LIMITS:
            most, wider = LIMITS[kind]
            if any(value is not None and not -most - 1 <= value <= most for value in values):
                raise TooWideError(column.name, wider)
        is_number = own == Kind.NUMBER and kind == Kind.NUMBER
        if is_number and any(type(value) is int and not _is_double(value) for value in values):
            raise TooWideError(column.name, Kind.DECIMAL)

    def _check_times(self, column: Column, values: Values) -> None:
        fits = PATTERNS[column.kind].fullmatch
        wrong = next((value for value in values if value is not None and not fits(value)), None)
        if wrong is not None:
            what = "an instant" if column.kind == Kind.INSTANT else "a date"
            raise self._misfit(f"{column.name} is not {what}")

    def _check_numbers(self, column: Column, values: Values) -> None:
        for value in values:
            is_null = value == NULL
            if (is_null and not column.is_nullable) or not (is_null or NUMBER.match(bytes(value))):
                raise self._misfit(f"{column.name} is not a number")


def _is_plain(name: str) -> bool:
    """Whether msgspec can have a field of this name."""
    return not re.search(r'["\\\x00-\x1f]', name)


def _is_double(value: int) -> bool:
    try:
        return abs(value) <= EXACT or int(float(value)) == value
    except OverflowError:
        return False


def _same_number(cell: str) -> str:
    """Return a number as it is always written, of all the ways in which it may be written."""
    decimal = Decimal(cell.strip('"')).normalize(ALL_DIGITS) or Decimal(0)
    text = f"{decimal:f}" if abs(decimal.adjusted()) < MOST_ZEROS else str(decimal)
    return f'"{text}"' if cell.startswith('"') else text


def _unlike(names: Collection[str], name: str) -> str:
    """Return a name that is none of those."""
    while name in names:
        name += "_"
    return name


def _starts(definition: object) -> str | None:
    """Return how the values of a property may begin in JSON; None if in any way."""
    starts = [STARTS.get(type_) for type_ in types_of(definition)]
    return None if None in starts else "".join(filter(None, starts))


def _validators(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a validator for each property whose SCHEMA says more than a column's kind."""
    known = schema if isinstance(schema.get("$schema"), str) else {}
    dialect = validator_for(known, default=Draft7Validator)
    whole = dialect(_without_steps(schema), registry=Registry())  # which looks nothing up elsewhere
    return {
        name: whole.evolve(schema=_without_steps(definition))
        for name, definition in schema["properties"].items()
        if _says_more(definition)
    }


def _says_more(definition: Any) -> bool:  # noqa: ANN401
    if not isinstance(definition, dict):
        return False
    alternatives = definition.get("anyOf") or definition.get("oneOf")
    if isinstance(alternatives, list):
        kinds = [each for each in alternatives if each != {"type": "null"}]
        return len(kinds) != 1 or _says_more(kinds[0])
    types = definition.get("type")
    several = isinstance(types, list) and len([each for each in types if each != "null"]) > 1
    return several or any(
        name not in BARE and value not in ({}, True) for name, value in definition.items()
    )


def _without_steps(definition: Any) -> Any:  # noqa: ANN401
    """Return a schema without `multipleOf`, which no double can be checked against."""
    if isinstance(definition, dict):
        return {
            name: _without_steps(value)
            for name, value in definition.items()
            if name != "multipleOf" or isinstance(value, dict)  # a property of that name
        }
    if isinstance(definition, list):
        return [_without_steps(each) for each in definition]
    return definition


def _texts(values: Values) -> list[str]:
    return ["" if value is None else '"' + value.replace('"', '""') + '"' for value in values]


def _json(values: Values) -> list[str]:
    return [
        "" if value == NULL else '"' + str(value, "utf-8").replace('"', '""') + '"'
        for value in values
    ]


def _decimals(values: Values) -> list[str]:
    return ["" if value == NULL else str(value, "utf-8") for value in values]


def _numbers(values: Values) -> list[str]:
    return ["" if value is None else repr(value) for value in values]


def _booleans(values: Values) -> list[str]:
    names = {None: "", True: "true", False: "false"}
    return [names[value] for value in values]


def _plain(values: Values) -> list[str]:
    return ["" if value is None else value for value in values]


def _instants(values: Values) -> list[str]:
    return ["" if value is None else value.upper() for value in values]


def _quoted(encode: Callable[[Values], list[str]]) -> Callable[[Values], list[str]]:
    return lambda values: [cell and f'"{cell}"' for cell in encode(values)]


PLAIN: dict[Kind, Callable[[Values], list[str]]] = {
    Kind.INTEGER: _numbers,
    Kind.BIG_INTEGER: _numbers,
    Kind.DECIMAL: _decimals,
    Kind.NUMBER: _numbers,
    Kind.BOOLEAN: _booleans,
    Kind.TEXT: _texts,
    Kind.INSTANT: _instants,
    Kind.DATE: _plain,
    Kind.JSON: _json,
}
QUOTED = {
    kind: encode if kind in {Kind.TEXT, Kind.JSON} else _quoted(encode)
    for kind, encode in PLAIN.items()
}
