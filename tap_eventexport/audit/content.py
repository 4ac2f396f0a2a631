"""Digests of the content of a record, the same for a vendor's record and for the row made of it.

Databases write numbers, times and JSON in forms of their own. Values are compared after such
differences are removed: numbers are floats, times are milliseconds, and names have no order.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import xxhash

from tap_eventexport.engine.windows import parse_instant, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_encode = msgspec.json.Encoder(order="deterministic", enc_hook=str).encode
TRUE = {"true", "t", "1"}


def kind_of(schema: Mapping[str, Any]) -> str:
    """Return the kind of a column by its JSON schema, a name in `KINDS`."""
    types = schema.get("type", [])
    types = {types} if isinstance(types, str) else set(types)
    types |= {kind for part in schema.get("anyOf", ()) for kind in [part.get("type")] if kind}
    formats = {schema.get("format"), *(part.get("format") for part in schema.get("anyOf", ()))}
    if types & {"object", "array"} or not types:
        return "json"
    if "string" in types:
        return "time" if "date-time" in formats else "text"
    for kind in ("number", "integer", "boolean"):
        if kind in types:
            return kind
    return "text"


def content_digest(values: Iterable[tuple[str, Any]]) -> bytes:
    """Return the digest of columns, each a kind and a value, in one order; null is a value too.

    A value that isn't of its kind is taken as a text.
    """
    made = [None if value is None else _comparable(kind, value) for kind, value in values]
    return xxhash.xxh3_64_digest(_encode(made))


def _comparable(kind: str, value: Any) -> Any:  # noqa: ANN401 - of any type
    try:
        return KINDS[kind](value)
    except (ArithmeticError, TypeError, ValueError):
        return str(value)


def _text(value: Any) -> str:  # noqa: ANN401
    text = value if isinstance(value, str) else _encode(value).decode()
    return text.replace("\0", "")  # which loaders take out for databases


def _time(value: Any) -> int:  # noqa: ANN401
    """Milliseconds since 1970, of a text, a number of seconds or a time."""
    if isinstance(value, str):
        return to_milliseconds(parse_instant(value))
    if isinstance(value, datetime):
        return to_milliseconds(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, date):
        return to_milliseconds(datetime(value.year, value.month, value.day, tzinfo=UTC))
    return round(float(value) * 1000)


def _boolean(value: Any) -> bool:  # noqa: ANN401
    return value.lower() in TRUE if isinstance(value, str) else bool(value)


def _json(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str | bytes):
        try:
            value = json.loads(value)
        except ValueError:
            return _text(value)
    return _plain(value)


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {_text(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        return _text(value)
    return value if isinstance(value, bool) or value is None else float(value)


KINDS: Mapping[str, Callable[[Any], Any]] = {
    "text": _text,
    "time": _time,
    "number": float,
    "integer": int,
    "boolean": _boolean,
    "json": _json,
}
