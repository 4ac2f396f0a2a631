"""Converts columns of texts, as in a CSV, to columns of values."""

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

MINUTES = 10_000  # minutes whose UTC is cached, about a week
FEW_MINUTES = 10  # of a column, which are replaced one after the other

SCHEMAS: dict[str, dict[str, Any]] = {
    "string": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "date-time": {"type": ["string", "null"], "format": "date-time"},
    "array": {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
}

_integer = re.compile(r"-?\d+", re.ASCII)
_NUMBER = r"-?(?:0|[1-9]\d{0,299})(?:\.\d+)?"  # less than the largest double
_number = re.compile(_NUMBER, re.ASCII)
_numbers = re.compile(rf"(?:{_NUMBER}\n)*", re.ASCII)
_long_number = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_standard = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:[0-5]\d(?:\.\d{3})?", re.ASCII)
_USUAL = "0000-00-00 00:00:50.000"
_DIGITS = {"0": set("0123456789"), "5": set("012345")}
_iso = re.compile(
    r"""(?: \d{4}-\d\d-\d\d | \d{8} )
        (?: [T\ ] (?:[01]\d|2[0-3]) :? [0-5]\d (?: :? [0-5]\d (?:[.,]\d+)? )?
            (?: Z | [+-]\d\d (?: :? \d\d )? )? )?""",
    re.ASCII | re.VERBOSE,
)
_dotted = re.compile(r"(\d{4})\.(\d\d?)\.(\d\d?)(?: (\d\d?):(\d\d)(?::(\d\d))?)?", re.ASCII)
_decode_texts = msgspec.json.Decoder(list[str | None]).decode
_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str | None).decode


def converter(kind: str, zone: tzinfo) -> Convert:
    """Return a function that converts a column's texts to values; an empty text is None.

    Args:
        kind: A key of `SCHEMAS`.
        zone: The time zone of date-times without an offset.

    Returns:
        A function that raises ValueError if a text doesn't fit.
    """
    if kind == "string":
        return texts
    if kind == "date-time":
        return DateTimes(zone)
    if kind == "number":
        return numbers
    convert = _CONVERTERS[kind]
    return lambda column: [convert(text) if text else None for text in column]


def texts(column: Sequence[str]) -> Sequence[str | None]:
    """Return the texts unchanged, with None for empty ones; fast if all or none are empty."""
    if all(column):
        return column
    return [text or None for text in column] if any(column) else [None] * len(column)


def integer(text: str) -> int:
    """Convert an integer of up to 4,300 digits, which is Python's limit."""
    if _integer.fullmatch(text):
        return int(text)
    raise ValueError("not an integer")


def number(text: str) -> msgspec.Raw:
    """Convert a number to raw JSON with all its digits; it must not be too large for a double."""
    if _number.fullmatch(text) or (_long_number.fullmatch(text) and isfinite(float(text))):
        return msgspec.Raw(text.encode())
    raise ValueError("not a number")


def numbers(column: Sequence[str]) -> Sequence[msgspec.Raw | None]:
    """Convert a column of numbers; in one step if none is empty, very long or has an exponent."""
    lines = "\n".join((*column, ""))
    if lines.count("\n") == len(column) and _numbers.fullmatch(lines):
        return list(map(msgspec.Raw, lines.encode().split(b"\n")[:-1]))
    return [number(text) if text else None for text in column]


def boolean(text: str) -> bool:
    """Convert true or false, in upper or lower case."""
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError("not a boolean") from None


def array(text: str) -> list[str | None] | None:
    """Convert a JSON array to its items; another text is the only item.

    The form of lists isn't documented. An item that is no text becomes its JSON, with all digits of
    a number.
    """
    if text == "null":
        return None
    try:
        return _decode_items(text.encode())
    except (msgspec.DecodeError, RecursionError):
        return [text]


@replacing_lone_surrogates
def _decode_items(body: bytes) -> list[str | None]:
    try:
        return _decode_texts(body)
    except msgspec.ValidationError:
        return [
            _decode_text(raw) if raw[:1] in b'"n' else raw.decode()
            for raw in map(bytes, _decode_raw(body))
        ]


_CONVERTERS: dict[str, Callable[[str], Any]] = {
    "integer": integer,
    "boolean": boolean,
    "array": array,
}


class DateTimes:
    """Converts columns of date-times to RFC 3339 in UTC, with three decimals.

    `yyyy-MM-dd HH:mm:ss[.fff]`, other forms of ISO 8601 with a calendar date, also with an offset,
    and `yyyy.M.d[ H:mm[:ss]]`. Further decimals are cut off.

    If a clock change repeats a local time, the earlier one is taken. If it skips a local time, the
    offset from before the change is used. In the usual form, the UTC of each minute is cached,
    unless the zone's offset had seconds then, as before standard times.

    Args:
        zone: The time zone of date-times without an offset.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._minutes: dict[str, str] = {}

    def __call__(self, column: Sequence[str]) -> Sequence[str | None]:
        """Convert a column of texts; raises ValueError if one isn't a date-time.

        If all have the usual form with decimals, and are of few minutes, it is done in few steps.
        """
        if _are_usual(column):
            minutes = {minute: self._minute(minute) for minute in {text[:16] for text in column}}
            if len(minutes) <= FEW_MINUTES and all(minutes.values()):
                lines = "\n".join(column)
                for local, minute in minutes.items():
                    lines = lines.replace(local, minute)
                return f"{lines}Z".replace("\n", "Z\n").split("\n")
        return [self._converted(text) if text else None for text in column]

    def _converted(self, text: str) -> str:
        if not _standard.fullmatch(text):
            return self._instant(text)
        minute = self._minute(text[:16])
        if not minute:
            return self._instant(text)
        has_decimals = text[-4] == "."
        return f"{minute}{text[16:]}Z" if has_decimals else f"{minute}{text[16:]}.000Z"

    def _minute(self, local: str) -> str:
        """Return a local minute in UTC; empty if it isn't a whole minute."""
        minute = self._minutes.get(local)
        return self._remember(local) if minute is None else minute

    def _remember(self, local: str) -> str:
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
            raise ValueError("a date outside the years 1 to 9999") from None


def _are_usual(column: Sequence[str]) -> bool:
    """Whether all texts are `yyyy-MM-dd HH:mm:ss.fff`, as far as digits and signs tell."""
    if set(map(len, column)) != {len(_USUAL)}:
        return False
    text = "".join(column)
    places = ((text[place :: len(_USUAL)], sign) for place, sign in enumerate(_USUAL))
    return all(
        set(found) <= _DIGITS[sign] if sign in _DIGITS else found == sign * len(column)
        for found, sign in places
    )


def _dotted_date(text: str) -> datetime:
    """Parse `yyyy.M.d H:mm`, as spreadsheets write it."""
    found = _dotted.fullmatch(text)
    if not found:
        raise ValueError("not a date-time")
    return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
