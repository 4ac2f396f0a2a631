"""Columns of texts, as a CSV has them, to columns of values."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from tap_eventexport.engine.bodies.surrogates import replacing_lone_surrogates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Convert = Callable[[Sequence[str]], Sequence[Any]]

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
_number = re.compile(r"-?(?:0|[1-9]\d{0,299})(?:\.\d+)?", re.ASCII)  # less than the largest double
_long_number = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_standard = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:[0-5]\d(?:\.\d{3})?", re.ASCII)
_iso = re.compile(
    r"""(?: \d{4}-\d\d-\d\d | \d{8} )
        (?: [T\ ] (?:[01]\d|2[0-3]) :? [0-5]\d (?: :? [0-5]\d (?:[.,]\d+)? )?
            (?: Z | [+-]\d\d (?: :? \d\d )? )? )?""",
    re.ASCII | re.VERBOSE,
)
_dotted = re.compile(r"(\d{4})\.(\d\d?)\.(\d\d?)(?: (\d\d?):(\d\d)(?::(\d\d))?)?", re.ASCII)
_decode_list = replacing_lone_surrogates(msgspec.json.Decoder(list[Any]).decode)


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


def texts(column: Sequence[str]) -> Sequence[str | None]:
    """Texts as they are; most columns of a block are full or empty."""
    if all(column):
        return column
    return [text or None for text in column] if any(column) else [None] * len(column)


def integer(text: str) -> int:
    """A whole number of up to 4,300 digits, which is Python's limit."""
    if _integer.fullmatch(text):
        return int(text)
    raise ValueError("no integer")


def number(text: str) -> msgspec.Raw:
    """A number with all of its digits, as it is in JSON; none that is too large for a double."""
    if _number.fullmatch(text) or (_long_number.fullmatch(text) and isfinite(float(text))):
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
        return _decode_list(text.encode())
    except (msgspec.DecodeError, RecursionError):
        return text


_CONVERTERS: dict[str, Callable[[str], Any]] = {
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "array": array,
}


class DateTimes:
    """Date-times to RFC 3339 in UTC, with three decimals.

    `yyyy-MM-dd HH:mm:ss[.fff]`, other forms of ISO 8601 with a calendar date, also with an offset,
    and `yyyy.M.d[ H:mm[:ss]]`. Further decimals are cut off.

    A local time that a clock change makes twice is the earlier one; one that it skips is as if
    the clock had not changed yet. In the usual form only minutes are looked at, and their UTC is
    remembered, unless the zone's offset then had seconds, as before standard times.

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
        minute = self._minutes.get(text[:16])
        if minute is None:
            minute = self._remember(text[:16])
        if not minute:
            return self._instant(text)
        has_decimals = text[-4] == "."
        return f"{minute}{text[16:]}Z" if has_decimals else f"{minute}{text[16:]}.000Z"

    def _remember(self, local: str) -> str:
        """The minute in UTC that a minute is; empty if it isn't a whole one."""
        if len(self._minutes) >= MINUTES:
            self._minutes.clear()
        start = self._instant(local)
        minute = self._minutes[local] = start[:16] if start[17:19] == "00" else ""
        return minute

    def _instant(self, text: str) -> str:
        text = text.strip()
        local = datetime.fromisoformat(text) if _iso.fullmatch(text) else _dotted_date(text)
        instant = local.replace(tzinfo=self._zone) if local.tzinfo is None else local
        try:
            return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"
        except OverflowError:
            raise ValueError("no year from 1 to 9999") from None


def _dotted_date(text: str) -> datetime:
    """`yyyy.M.d H:mm`, as a spreadsheet writes it."""
    found = _dotted.fullmatch(text)
    if not found:
        raise ValueError("no date-time")
    return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
