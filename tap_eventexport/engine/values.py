"""Columns of texts, as a CSV has them, to columns of values."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Convert = Callable[[Sequence[str]], list[Any]]

MINUTES = 10_000  # minutes whose UTC is remembered, about a week

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
_standard = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:[0-5]\d(?:\.\d{3})?", re.ASCII)
_decode_list = msgspec.json.Decoder(list[Any]).decode


def converter(kind: str, zone: tzinfo) -> Convert:
    """What makes the values of a column from its texts; an empty text is None.

    Args:
        kind: A key of `SCHEMAS`.
        zone: The time zone of date-times that name none.

    Returns:
        A function that raises ValueError if a text doesn't fit.
    """
    if kind == "string":
        return texts
    convert = DateTimes(zone) if kind == "date-time" else _CONVERTERS[kind]
    return lambda column: [convert(text) if text else None for text in column]


def texts(column: Sequence[str]) -> list[str | None]:
    """Texts as they are."""
    return [text or None for text in column] if any(column) else [None] * len(column)


def integer(text: str) -> int:
    """A whole number of any size."""
    if _integer.fullmatch(text):
        return int(text)
    raise ValueError("no integer")


def number(text: str) -> msgspec.Raw:
    """A number with all of its digits, as it is in JSON."""
    if _number.fullmatch(text):
        return msgspec.Raw(text.encode())
    raise ValueError("no number")


def boolean(text: str) -> bool:
    """True or false, in any case."""
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError("no boolean") from None


def array(text: str) -> list[Any] | str | None:
    """A JSON array; a text if it is none, since the form of lists is not documented."""
    if text == "null":
        return None
    try:
        return _decode_list(text)
    except msgspec.DecodeError:
        return text


_CONVERTERS: dict[str, Callable[[str], Any]] = {
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "array": array,
}


class DateTimes:
    """Date-times to RFC 3339 in UTC, with three decimals.

    A local time that a clock change makes twice is the earlier one; one that it skips is as if
    the clock had not changed yet. In the usual form, `yyyy-MM-dd HH:mm:ss[.fff]`, only minutes are
    looked at, since clocks change at whole minutes; their UTC is remembered.

    Args:
        zone: The time zone of date-times that name none.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._minutes: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """A date-time's instant; raises ValueError if the text is none."""
        if not _standard.fullmatch(text):
            return self._instant(text)
        local = text[:16]
        minute = self._minutes.get(local)
        if minute is None:
            if len(self._minutes) >= MINUTES:
                self._minutes.clear()
            minute = self._minutes[local] = self._instant(local)[:16]
        has_decimals = text[-4] == "."
        return f"{minute}{text[16:]}Z" if has_decimals else f"{minute}{text[16:]}.000Z"

    def _instant(self, text: str) -> str:
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            instant = _dotted_date(text)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=self._zone)
        return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def _dotted_date(text: str) -> datetime:
    """`yyyy.M.d H:mm`, as a spreadsheet writes it."""
    found = _dotted.fullmatch(text)
    if not found:
        raise ValueError("no date-time")
    return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
