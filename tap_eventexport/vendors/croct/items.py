"""Parses exports whose items become records field by field: sessions and users.

An item is a snapshot: it comes again, with a later time, when it has changed. So one key with
different contents is no fault, and the last one that is sent is the newest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_eventexport.engine.bodies.fields import Item, record_of, text, value_of, whole_number
from tap_eventexport.engine.windows import format_milliseconds
from tap_eventexport.vendors.croct.responses import (
    Answered,
    Export,
    check_times,
    span_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_eventexport.engine.bodies.fields import Convert

_decode_export = msgspec.json.Decoder(Export[Item]).decode


def decoder(key: str, time: str, columns: Mapping[str, Convert]) -> Callable[[bytes], Answered]:
    """Return a parser for the body of a response.

    Args:
        key: The field that is an item's id.
        time: The field with the time that windows select by, in milliseconds.
        columns: Makes the values of all other columns, by name. Other fields become `_extra`.
    """
    conversions = {key: text, time: whole_number, **columns}

    def decode(body: bytes) -> Answered:
        export = _decode_export(body)
        records = [
            record_of(item, conversions, f"$.items[{number}]")
            for number, item in enumerate(export.items)
        ]
        times = [record[time] for record in records]
        if None in times:
            raise msgspec.ValidationError(
                f"missing required field `{time}` - at `$.items[{times.index(None)}]`"
            )
        check_times(times, time)
        for record in records:
            record[time] = format_milliseconds(record[time])
        return Answered(
            cursor=export.cursor,
            times=times,
            span=span_of(times),
            ids=[str(record[key]) for record in records],
            named=((), ()),
            records=records,
            unnamed=[],
            new_names=set().union(*export.items),  # what has a column was taken out
            size=len(body),
        )

    return decode


def instants(raw: msgspec.Raw, path: str) -> dict[str, Any] | None:
    """Make instants of the milliseconds `start` and `end` in an object; keep its other fields."""
    fields: dict[str, Any] | None = value_of(raw, dict[str, msgspec.Raw] | None, path)
    for name in ("start", "end"):
        if fields and name in fields:
            fields[name] = instant(fields[name], f"{path}.{name}")
    return fields


def instant(raw: msgspec.Raw, path: str) -> str | None:
    """Make an instant of milliseconds since 1970."""
    time: int | None = value_of(raw, int | None, path)
    try:
        return None if time is None else format_milliseconds(time)
    except ValueError:
        raise msgspec.ValidationError(
            f"{time} is not a time in milliseconds since 1970 - at `{path}`"
        ) from None


def day(raw: msgspec.Raw, path: str) -> str | None:
    """Make a date of milliseconds since 1970, which may be before that."""
    time = instant(raw, path)
    return time and time[:10]


def texts(raw: msgspec.Raw, path: str) -> list[str] | None:
    """Make a list of texts; a text alone, as before the vendor's spec 0.6.0, is a list of one."""
    said: list[str] | str | None = value_of(raw, list[str] | str | None, path)
    if isinstance(said, str):
        return [said] if said else []
    return said
