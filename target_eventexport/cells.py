"""Encodes the values of a column as cells of CSV, and checks that they fit.

A text or a JSON value is always quoted, and nothing else is; nothing at all is null.
"""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from target_eventexport.columns import Column, Kind, types_of
from target_eventexport.errors import MisfitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
DAY = r"\d{4}-\d\d-\d\d"
INSTANT = re.compile(
    DAY + r"(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)?)?",
    re.ASCII,
)
PATTERNS = {Kind.INSTANT: INSTANT, Kind.DATE: re.compile(DAY, re.ASCII)}
STARTS: dict[str | None, str] = {
    "object": "{",
    "array": "[",
    "string": '"',
    "integer": "-0123456789",
    "number": "-0123456789",
    "boolean": "tf",
    "null": "n",
}
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


def cells_of(column: Column, kind: Kind, values: Values, starts: str | None) -> list[str]:
    """Check and encode the values of a column.

    Args:
        column: The column, as SCHEMA has it.
        kind: The kind of the column in the table.
        values: Its values.
        starts: How JSON may begin; None if in any way.

    Raises:
        MisfitError: If a value doesn't fit.
        TooWideError: If the table's column can't hold a value unchanged.
        UnicodeDecodeError: If raw JSON isn't UTF-8.
    """
    own = column.kind
    if own in PATTERNS:
        _check_times(column, values)
    if own == Kind.DECIMAL:
        _check_numbers(column, values)
    _check_width(column, kind, values)
    if own == Kind.JSON and not column.is_nullable and NULL in values:
        raise MisfitError(f"{column.name} is null")
    if kind == Kind.JSON and own not in {Kind.JSON, Kind.DECIMAL}:
        values = [NULL if value is None else msgspec.json.encode(value) for value in values]
        own = Kind.JSON
    cells = QUOTED[own](values) if kind in {Kind.TEXT, Kind.JSON} else PLAIN[own](values)
    if starts:
        _check_starts(column, starts, cells)
    return cells


def _check_starts(column: Column, starts: str, cells: Sequence[str]) -> None:
    """Check that JSON has one of its types; null, whose cell is empty, was checked before."""
    if found := {cell[1:2] for cell in cells} - {*starts, ""}:
        raise MisfitError(f"{column.name} is of another type, and begins with {min(found)}")


def _check_width(column: Column, kind: Kind, values: Values) -> None:
    """Check that a column of the table can hold numbers unchanged."""
    own = column.kind
    if own == Kind.INTEGER and kind in LIMITS:
        most, wider = LIMITS[kind]
        if any(value is not None and not -most - 1 <= value <= most for value in values):
            raise TooWideError(column.name, wider)
    is_number = own == Kind.NUMBER and kind == Kind.NUMBER
    if is_number and any(type(value) is int and not _is_double(value) for value in values):
        raise TooWideError(column.name, Kind.DECIMAL)


def _check_times(column: Column, values: Values) -> None:
    fits = PATTERNS[column.kind].fullmatch
    wrong = next((value for value in values if value is not None and not fits(value)), None)
    if wrong is not None:
        what = "an instant" if column.kind == Kind.INSTANT else "a date"
        raise MisfitError(f"{column.name} is not {what}")


def _check_numbers(column: Column, values: Values) -> None:
    for value in values:
        is_null = value == NULL
        if (is_null and not column.is_nullable) or not (is_null or NUMBER.match(bytes(value))):
            raise MisfitError(f"{column.name} is not a number")


def starts_of(definition: object) -> str | None:
    """Return how the values of a property may begin in JSON; None if in any way."""
    starts = [STARTS.get(type_) for type_ in types_of(definition)]
    return None if None in starts else "".join(filter(None, starts))


def _is_double(value: int) -> bool:
    try:
        return abs(value) <= EXACT or int(float(value)) == value
    except OverflowError:
        return False


def same_number(cell: str) -> str:
    """Return a number as it is always written, of all the ways in which it may be written."""
    decimal = Decimal(cell.strip('"')).normalize(ALL_DIGITS) or Decimal(0)
    text = f"{decimal:f}" if abs(decimal.adjusted()) < MOST_ZEROS else str(decimal)
    return f'"{text}"' if cell.startswith('"') else text


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
