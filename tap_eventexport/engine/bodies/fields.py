"""Makes records of JSON objects field by field, keeping raw JSON where nothing changes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tap_eventexport.engine.bodies.extra import COLUMN, as_column

Item = dict[str, msgspec.Raw]
Convert = Callable[[msgspec.Raw, str], Any]
"""Makes a column's value of a field's JSON.

It gets the field's place in the body for the error: msgspec.ValidationError, if the JSON doesn't
fit.
"""


class _Object(msgspec.Struct):
    """An object whose fields aren't read."""


def record_of(item: Item, columns: Mapping[str, Convert], path: str) -> dict[str, Any]:
    """Make a record, and take what it is made of out of the item.

    Args:
        item: An object of the body; the fields that are left in it become `_extra`.
        columns: Makes the values of the columns, by name; null if there is no such field.
        path: The object's place in the body.
    """
    record = {
        name: convert(item.pop(name), f"{path}.{name}") if name in item else None
        for name, convert in columns.items()
    }
    return {**record, COLUMN.name: as_column(item)}


def value_of(raw: msgspec.Raw, kind: Any, path: str) -> Any:  # noqa: ANN401 - of that type
    """Decode the JSON of a field, which must be of a type.

    Raises:
        msgspec.ValidationError: If it isn't. The text names the place.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(f"{error} in `{path}`") from None


def text(raw: msgspec.Raw, path: str) -> str | None:
    """Make a text; a number instead of a text is its digits."""
    digits = bytes(raw).decode()
    if digits[0] in "-0123456789":
        return digits
    said: str | None = value_of(raw, str | None, path)
    return said


def whole_number(raw: msgspec.Raw, path: str) -> int:
    """Make a whole number."""
    number: int = value_of(raw, int, path)
    return number


def boolean(raw: msgspec.Raw, path: str) -> bool | None:
    """Make a boolean."""
    said: bool | None = value_of(raw, bool | None, path)
    return said


def open_object(raw: msgspec.Raw, path: str) -> msgspec.Raw:
    """Keep an object, or null, as it is."""
    value_of(raw, _Object | None, path)
    return raw


def open_list(raw: msgspec.Raw, path: str) -> msgspec.Raw:
    """Keep a list of objects, or null, as it is."""
    value_of(raw, list[_Object] | None, path)
    return raw
