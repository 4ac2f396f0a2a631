"""The columns of a stream, as its SCHEMA describes them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import reduce
from typing import TYPE_CHECKING, Any

from target_eventexport.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ALTERNATIVES = ("anyOf", "oneOf")


class Kind(Enum):
    """What a column holds."""

    INTEGER = "integer"  # of 64 bits
    BIG_INTEGER = "big integer"  # with all its digits
    DECIMAL = "decimal"  # any number, with all its digits
    NUMBER = "number"  # a double
    BOOLEAN = "boolean"
    TEXT = "text"
    INSTANT = "instant"
    DATE = "date"
    JSON = "JSON"  # any value


FORMATS = {"date-time": Kind.INSTANT, "date": Kind.DATE}
TYPES: dict[str | None, Kind] = {
    "boolean": Kind.BOOLEAN,
    "integer": Kind.INTEGER,
    "number": Kind.NUMBER,
}
INTEGERS = {Kind.INTEGER, Kind.BIG_INTEGER}
NUMBERS = {*INTEGERS, Kind.DECIMAL, Kind.NUMBER}
TIMES = {Kind.DATE, Kind.INSTANT}
TEXTS = {Kind.TEXT, *TIMES}
WRITTEN_ONCE = {Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN, Kind.DATE}  # a value has one text


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a stream.

    Attributes:
        name: The property's name.
        kind: What its values are.
        is_nullable: Whether a value may be null.
        is_required: Whether each record must have it.
    """

    name: str
    kind: Kind
    is_nullable: bool = True
    is_required: bool = False


def columns_of(schema: Mapping[str, Any], keys: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of a stream's records.

    Args:
        schema: The JSON schema of its records; each of its `properties` is a column.
        keys: The names of the keys, which are never null.
    """
    required = schema.get("required")
    required = {*keys, *filter(_is_text, required if isinstance(required, list) else ())}
    return tuple(
        Column(
            name,
            kind_of(definition),
            is_nullable=name not in keys and _is_nullable(definition),
            is_required=name in required,
        )
        for name, definition in schema["properties"].items()
    )


def kind_of(definition: Any) -> Kind:  # noqa: ANN401 - of whoever wrote the schema
    """Return the kind of a property: the narrowest that holds all its values unchanged."""
    kinds = {_kind(type_, each) for type_, each in _types(definition) if type_ != "null"}
    if len(kinds) == 1 or any(kinds and kinds <= group for group in (NUMBERS, TEXTS)):
        return reduce(joined, kinds)
    return Kind.JSON


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def types_of(definition: object) -> set[str | None]:
    """Return the types that a property may have; None among them means any."""
    return {type_ for type_, _ in _types(definition)}


def _is_nullable(definition: object) -> bool:
    return bool(types_of(definition) & {"null", None})


def _types(definition: object) -> Iterator[tuple[str | None, Mapping[str, Any]]]:
    """Yield the types that a property may have, each with its definition; None means any."""
    if not isinstance(definition, dict):
        yield None, {}
        return
    for name in ALTERNATIVES:
        if isinstance(alternatives := definition.get(name), list):
            for each in alternatives:
                yield from _types(each)
            return
    types = definition.get("type")
    for type_ in types if isinstance(types, list) else [types]:
        yield (type_ if isinstance(type_, str) else None), definition


def _kind(type_: str | None, definition: Mapping[str, Any]) -> Kind:
    step = definition.get("multipleOf")
    if type_ == "number" and isinstance(step, float) and step < 1:
        return Kind.DECIMAL
    if type_ == "string":
        return FORMATS.get(str(definition.get("format")), Kind.TEXT)
    return TYPES.get(type_, Kind.JSON)


def joined(one: Kind, other: Kind) -> Kind:
    """Return the kind of a column that holds the values of two kinds unchanged."""
    both = {one, other}
    if len(both) == 1:
        return one
    if both <= INTEGERS:
        return Kind.BIG_INTEGER
    if both <= NUMBERS:
        return Kind.DECIMAL
    if both <= TIMES:
        return Kind.INSTANT
    return Kind.JSON if Kind.JSON in both else Kind.TEXT


def check_key_change(what: str, has: Kind, wanted: Kind) -> None:
    """Check that keys stay the same when their column changes.

    Raises:
        LoadError: If one value may be written in several ways, and texts would be compared.
    """
    if has != wanted and wanted in {Kind.TEXT, Kind.JSON} and has not in WRITTEN_ONCE:
        raise LoadError(
            f"{what} can't change from {has.value} to {wanted.value}: the same key would be there "
            "twice; load into another schema"
        )
