"""Checks that a file is a catalog, and returns a line for each problem."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from jsonschema import Draft202012Validator, FormatChecker

from tap_eventexport.engine.names import quote_name
from tap_eventexport.engine.singer.selection import property_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jsonschema import ValidationError

MAX_SHOWN = 60  # characters of a value that is wrong
METHOD = "replication-method"  # in metadata of older taps; the SDK ignores it
FORM = 'expected what --discover prints, {"streams": [{"tap_stream_id": …, "schema": …, …}]}'

_text_or_null = {"type": ["string", "null"], "description": "a text"}
_flag = {"type": ["boolean", "null"], "description": "true or false"}
_names = {
    "type": ["array", "null"],
    "items": {"type": "string", "description": "a column's name"},
    "description": "a list of columns",
}
_method = {
    "enum": ["INCREMENTAL", "FULL_TABLE", "", None],
    "description": "INCREMENTAL or FULL_TABLE",
}
_kinds = {"enum": ["string", "number", "integer", "boolean", "array", "object", "null"]}
_property = {
    "type": "object",
    "properties": {
        "type": {
            "anyOf": [_kinds, {"type": "array", "items": _kinds}],
            "description": "a type of JSON, or a list of them",
        },
        "properties": {
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/property"},
            "description": "an object of properties",
        },
        "items": {"$ref": "#/$defs/property"},
        "required": {
            "type": "array",
            "items": {"type": "string", "description": "a property's name"},
            "description": "a list of properties",
        },
    },
    "description": "a JSON schema, an object",
}
_metadata = {
    "type": "object",
    "properties": {
        "selected": _flag,
        "selected-by-default": _flag,
        "inclusion": {
            "enum": ["available", "automatic", "unsupported", None],
            "description": "available, automatic or unsupported",
        },
        "table-key-properties": _names,
        "replication-key": _text_or_null,
        "forced-replication-method": _method,
        METHOD: _method,
    },
    "description": "an object",
}
_entry = {
    "type": "object",
    "required": ["breadcrumb", "metadata"],
    "properties": {
        "breadcrumb": {
            "type": "array",
            "items": {"type": "string", "description": "a text"},
            "format": "breadcrumb",
            "description": 'a list such as ["properties", "id"]',
        },
        "metadata": _metadata,
    },
    "description": 'an object such as {"breadcrumb": [], "metadata": {"selected": true}}',
}
_stream = {
    "type": "object",
    "required": ["tap_stream_id", "schema"],
    "properties": {
        "tap_stream_id": {"type": "string", "description": "a stream's name"},
        "stream": _text_or_null,
        "schema": {
            "allOf": [{"$ref": "#/$defs/property"}],
            "required": ["properties"],
        },
        "metadata": {
            "type": "array",
            "items": _entry,
            "description": 'a list of {"breadcrumb": …, "metadata": …}',
        },
        "key_properties": _names,
        "replication_key": _text_or_null,
        "replication_method": _method,
    },
    "description": "an object",
}
SCHEMA = {
    "type": "object",
    "required": ["streams"],
    "properties": {
        "streams": {"type": "array", "items": _stream, "description": "a list of streams"}
    },
    "$defs": {"property": _property},
    "description": "an object",
}

_formats = FormatChecker(())


@_formats.checks("breadcrumb", raises=ValueError)
def _is_breadcrumb(value: object) -> bool:
    return not isinstance(value, list) or property_path(value) is not None


_validator = Draft202012Validator(SCHEMA, format_checker=_formats)


def catalog_problems(value: object) -> list[str]:
    """Return a line for each problem in a catalog; each names the stream, if there is one."""
    if not isinstance(value, dict) or "streams" not in value:
        hint = "; this is a state" if isinstance(value, dict) and "bookmarks" in value else ""
        return [f"the file isn't a catalog{hint}; {FORM}"]
    try:
        problems = [_line(value, error) for error in _validator.iter_errors(value)]
    except RecursionError:
        return [f"the file is nested too deeply to be a catalog; {FORM}"]
    return list(dict.fromkeys(problems)) or list(_repeated(value["streams"]))


def with_methods(catalog: Mapping[str, Any]) -> dict[str, Any]:
    """Return a catalog whose streams have the replication methods from their metadata."""
    streams = [{**stream, **_method_of(stream)} for stream in catalog["streams"]]
    return {**catalog, "streams": streams}


def _method_of(stream: Mapping[str, Any]) -> dict[str, Any]:
    named = [
        entry["metadata"].get(METHOD)
        for entry in stream.get("metadata", ())
        if not entry["breadcrumb"]
    ]
    return {"replication_method": named[-1]} if any(named[-1:]) else {}


def _repeated(streams: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = Counter(stream["tap_stream_id"] for stream in streams)
    for name, count in names.items():
        if count > 1:
            yield f"{quote_name(name)} appears {count} times; expected once"


def _line(catalog: Mapping[str, Any], error: ValidationError) -> str:
    path = list(error.absolute_path)
    stream = _stream_name(catalog, int(path[1])) if len(path) > 1 else ""
    path = path[2:] if stream else path
    if error.validator == "required":
        wanted = cast("list[str]", error.validator_value)
        lacking = [name for name in wanted if name not in cast("list[str]", error.instance)]
        found = f"has no {', '.join(lacking)}"
    else:
        expected = cast("Mapping[str, Any]", error.schema)["description"]
        found = f"got {_quoted(error.instance)}, expected {expected}"
    where = ".".join(quote_name(f"{part}") for part in path)
    return ": ".join(filter(None, [stream, where, found]))


def _stream_name(catalog: Mapping[str, Any], index: int) -> str:
    stream = catalog["streams"][index]
    name = stream.get("tap_stream_id") if isinstance(stream, dict) else None
    return quote_name(name) if isinstance(name, str) else f"streams[{index}]"


def _quoted(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
