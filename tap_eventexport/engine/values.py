"""Texts of a CSV to the values of their types."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMAS: dict[str, dict[str, Any]] = {
    "string": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "date-time": {"type": ["string", "null"], "format": "date-time"},
    "array": {"type": ["array", "string", "null"], "items": {}},
}

_integer = re.compile(r"-?\d+", re.ASCII)
_number = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_dotted = re.compile(r"(\d{4})\.(\d\d?)\.(\d\d?)(?: (\d\d?):(\d\d)(?::(\d\d))?)?")
_BOOLEANS = {"true": True, "false": False}
_decode_list = msgspec.json.Decoder(list[Any]).decode


def converter(kind: str, zone: tzinfo) -> Callable[[str], Any]:
    """What makes a value of a type from its text; an empty text is None.

    Args:
        kind: A key of `SCHEMAS`.
        zone: The time zone of date-times that name none.

    Returns:
        A function that raises ValueError where a text doesn't fit.
    """
    if kind == "date-time":
        return _date_times(zone)
    return {
        "string": text,
        "integer": integer,
        "number": number,
        "boolean": boolean,
        "array": array,
    }[kind]


def text(value: str) -> str | None:
    """A text as it is."""
    return value or None


def integer(value: str) -> int | None:
    """A whole number of any size."""
    if not value:
        return None
    if _integer.fullmatch(value):
        return int(value)
    raise ValueError("no integer")


def number(value: str) -> msgspec.Raw | None:
    """A number with all of its digits, as it is in JSON."""
    if not value:
        return None
    if _number.fullmatch(value):
        return msgspec.Raw(value.encode())
    raise ValueError("no number")


def boolean(value: str) -> bool | None:
    """True or false, in any case."""
    if not value:
        return None
    try:
        return _BOOLEANS[value.lower()]
    except KeyError:
        raise ValueError("no boolean") from None


def array(value: str) -> list[Any] | str | None:
    """A JSON array; a text if it is none, since the form of lists is not documented."""
    if not value or value == "null":
        return None
    try:
        return _decode_list(value)
    except msgspec.DecodeError:
        return value


def _date_times(zone: tzinfo) -> Callable[[str], str | None]:
    """Date-times to RFC 3339 in UTC, with three decimals.

    A local time that a clock change makes twice is the earlier one; one that it skips is as if
    the clock had not changed yet.
    """

    def date_time(value: str) -> str | None:
        if not value:
            return None
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            instant = _dotted_date(value)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=zone)
        instant = instant.astimezone(UTC) if instant.tzinfo is not UTC else instant
        return instant.isoformat(timespec="milliseconds")[:23] + "Z"

    return date_time


def _dotted_date(value: str) -> datetime:
    """`yyyy.M.d H:mm`, as a spreadsheet writes it."""
    found = _dotted.fullmatch(value)
    if not found:
        raise ValueError("no date-time")
    return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
