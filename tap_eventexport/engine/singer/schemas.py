"""JSON schemas of records, in the form that loaders and flattening understand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Schema = dict[str, Any]

MADE_BY_THE_TAP = ("type", "format", "items")  # of a column; a catalog can't change these


def open_objects(schema: Mapping[str, Any]) -> Schema:
    """Return a schema without the empty `properties` of objects, and of a list's items.

    Flattening and some loaders read an empty list as "has no properties", and drop everything.
    """
    properties = schema.get("properties")
    kept = {key: value for key, value in schema.items() if key != "properties"}
    if properties:
        kept["properties"] = {name: open_objects(inner) for name, inner in properties.items()}
    if isinstance(items := schema.get("items"), dict):
        kept["items"] = open_objects(items)
    return kept


def with_types_of(own: Schema, given: Schema) -> Schema:
    """Return a catalog's schema, with the tap's own types for the columns that it makes.

    Args:
        own: The schema that the tap's records have.
        given: The catalog's schema, which may be older, or changed by hand.
    """
    columns = {
        name: _column(own["properties"].get(name, {}), inner)
        for name, inner in given.get("properties", {}).items()
    }
    required = [name for name in own.get("required", ()) if name in columns]
    return {**given, "type": own["type"], "properties": columns, "required": required}


def _column(own: Schema, given: Schema) -> Schema:
    if not own:
        return open_objects(given)
    added = {key: value for key, value in given.items() if key not in MADE_BY_THE_TAP}
    return open_objects({**own, **added})


def is_open_object(column: Mapping[str, Any]) -> bool:
    """Whether a column holds objects without known properties."""
    return "object" in column.get("type", ()) and not column.get("properties")
