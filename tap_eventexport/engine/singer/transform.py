"""Stream maps: checked before anything is read, then applied to each record."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import simpleeval
import simplejson
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.mapper import (
    MAPPER_ALIAS_OPTION,
    MAPPER_ELSE_OPTION,
    MAPPER_KEY_PROPERTIES_OPTION,
    MAPPER_SOURCE_OPTION,
    NULL_STRING,
    CustomStreamMap,
)

from tap_eventexport.engine.errors import StreamMapError
from tap_eventexport.engine.singer.messages import encoder
from tap_eventexport.engine.singer.sdk import evaluate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from singer_sdk.mapper import PluginMapper, StreamMap

    Definitions = Mapping[str, Any]  # the setting stream_maps

REMOVED = (None, NULL_STRING)
OPTIONS = {
    MAPPER_ALIAS_OPTION,
    MAPPER_ELSE_OPTION,
    MAPPER_KEY_PROPERTIES_OPTION,
    MAPPER_SOURCE_OPTION,
}
JSON = simpleeval.ModuleWrapper(simplejson, {"dumps", "loads"})  # which keeps all digits of numbers
KINDS: tuple[tuple[type | tuple[type, ...], tuple[str, ...]], ...] = (
    (bool, ("boolean",)),
    (int, ("integer", "number")),
    ((float, Decimal), ("number",)),
    (str, ("string",)),
    (dict, ("object",)),
    ((list, tuple, set), ("array",)),
)


def definitions_of(stream: str, maps: Definitions) -> dict[str, Any]:
    """Return the stream maps of one stream, by their name in the setting."""
    return {name: maps[name] for name in maps if fnmatchcase(stream, _source(name, maps[name]))}


def maps_of_nothing(streams: Iterable[str], maps: Definitions) -> list[str]:
    """Return the names of stream maps that match no stream."""
    used = {name for stream in streams for name in definitions_of(stream, maps)}
    return [name for name in maps if name not in used and name != MAPPER_ELSE_OPTION]


def unknown_removals(stream: str, maps: Definitions, columns: Collection[str]) -> list[str]:
    """Return the columns that a stream's own maps remove, but that it doesn't have."""
    removed = {
        column
        for name, definition in definitions_of(stream, maps).items()
        if isinstance(definition, dict) and _source(name, definition) == stream
        for column, value in definition.items()
        if value in REMOVED and not column.startswith("__")
    }
    return sorted(removed - set(columns))


def _source(name: str, definition: object) -> str:
    source = definition.get(MAPPER_SOURCE_OPTION) if isinstance(definition, dict) else None
    return str(source or name)


def general_problems(maps: Definitions) -> Iterator[str]:
    """Yield a line for each wrong option that belongs to no stream."""
    for name, value in maps.items():
        if name == MAPPER_ELSE_OPTION:
            if value not in REMOVED:
                yield f"stream_maps: {name}: expected null, which leaves out all streams not named"
        elif name.startswith("__"):
            yield f"stream_maps: {name}: expected the name of a stream, or {MAPPER_ELSE_OPTION}"


def make_maps(
    stream: str,
    mapper: PluginMapper,
    schema: dict[str, Any],
    keys: Sequence[str],
    maps: Definitions,
) -> list[StreamMap]:
    """Make the stream maps of one stream.

    Args:
        stream: The stream's name.
        mapper: The SDK's mapper, which makes them.
        schema: The schema of records before the maps.
        keys: The stream's primary keys.
        maps: The setting.

    Raises:
        ConfigValidationError: If they are wrong, with a line for each problem.
    """
    definitions = definitions_of(stream, maps)
    problems = list(_problems(definitions))
    made: list[StreamMap] = []
    if not problems:
        try:
            mapper.register_raw_stream_schema(stream, schema, keys)
        except Exception as error:  # noqa: BLE001 - the SDK lets any through
            problems.append(" ".join(str(error).split()) or type(error).__name__)
        else:
            made = mapper.stream_maps[stream]
            problems += _problems_of_made(made, definitions)
    if problems:
        setting = "stream_maps" if definitions else "flattening"
        lines = [f"{setting}: {stream}: {problem}" for problem in problems]
        raise ConfigValidationError("The stream maps are wrong", errors=lines, schema={})
    return made


def _problems(definitions: Mapping[str, Any]) -> Iterator[str]:
    for name, definition in definitions.items():
        if not isinstance(definition, dict):
            if definition not in REMOVED:
                yield f"{name}: expected an object, or null, which leaves the stream out"
            continue
        for key, value in definition.items():
            if expected := _expected(key, value):
                yield f"{key}: expected {expected}"


def _expected(key: str, value: object) -> str | None:
    """Return what is expected in a stream map instead of a value; None if the value is fine."""
    if key in {MAPPER_ALIAS_OPTION, MAPPER_SOURCE_OPTION}:
        return None if isinstance(value, str) and value else "the name of a stream"
    if key == MAPPER_ELSE_OPTION:
        return None if value in REMOVED else "null, which leaves out all properties not named"
    if key == MAPPER_KEY_PROPERTIES_OPTION:
        is_list = isinstance(value, list) and all(isinstance(name, str) for name in value)
        return None if is_list and value else "a list of one property or more"
    if value in REMOVED:
        return None
    return None if _is_expression(value) else "an expression, such as str(timestamp), or null"


def _is_expression(value: object) -> bool:
    try:
        statements = ast.parse(str(value)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return isinstance(value, str) and [type(one) for one in statements] == [ast.Expr]


def _problems_of_made(made: Sequence[StreamMap], definitions: Mapping[str, Any]) -> Iterator[str]:
    """Yield problems that need the made maps: functions, keys, duplicate names."""
    names = [stream_map.stream_alias for stream_map in made]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two maps have the name {name}: expected different names"
    for stream_map in made:
        schema = stream_map.transformed_schema
        needed = {*(stream_map.transformed_key_properties or ()), *schema.get("required", ())}
        for name in sorted(needed - schema["properties"].keys()):
            yield (
                f"{name}: no column has this name any more; expected a greater "
                "flattening_max_key_length, or a map that keeps it"
            )
    known = {"fake"}.union(*(m.functions for m in made if isinstance(m, CustomStreamMap)))
    properties = [value for value in definitions.values() if isinstance(value, dict)]
    for definition in properties:
        for key, value in definition.items():
            for name in sorted(_functions(key, value) - known):
                yield f"{key}: there is no function {name}, expected {', '.join(sorted(known))}"


def _functions(key: str, value: Any) -> set[str]:  # noqa: ANN401
    """Return the functions that an expression calls by name."""
    if key in OPTIONS or value in REMOVED:
        return set()
    calls = (node.func for node in ast.walk(ast.parse(value)) if isinstance(node, ast.Call))
    return {function.id for function in calls if isinstance(function, ast.Name)}


class Transform:
    """One of a stream's maps, ready for records.

    Args:
        stream_map: The map.
        definitions: The definitions of the stream's maps, to find the expression that fails.

    Attributes:
        name: The stream name that its records are sent under.
    """

    def __init__(self, stream_map: StreamMap, definitions: Mapping[str, Any]) -> None:
        self.name: str = stream_map.stream_alias
        if isinstance(stream_map, CustomStreamMap):
            stream_map.expr_evaluator.functions["json"] = JSON
        self._map = stream_map
        self._definitions = [each for each in definitions.values() if isinstance(each, dict)]
        self._is_custom = isinstance(stream_map, CustomStreamMap)
        self._keys = stream_map.transformed_key_properties or ()
        columns = stream_map.transformed_schema.get("properties", {})
        computed = {name for each in self._definitions for name in each}
        self._computed = {
            name: columns[name].get("type", ()) for name in sorted(computed & columns.keys())
        }

    def apply(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """Return the record to send; None if it is removed.

        Raises:
            StreamMapError: If an expression fails for this record, or its value has the wrong type.
        """
        try:
            mapped = self._map.transform(record)
        except Exception as error:
            raise StreamMapError(self._failure(record, error)) from error
        if mapped and self._is_custom:
            self._fit(mapped, record)
        return mapped

    def _fit(self, mapped: dict[str, Any], record: Mapping[str, Any]) -> None:
        """Convert computed values to their columns' types: to text, if the column is text."""
        for name, types in self._computed.items():
            value = mapped.get(name)
            if value is not None and value is not record.get(name):
                mapped[name] = _fitting(name, value, types)
        for key in self._keys:
            if mapped.get(key) in (None, ""):
                raise StreamMapError(
                    f"stream_maps: {key} is a key, but it is empty for a record; expected a value "
                    "for every record"
                )

    def _failure(self, record: dict[str, Any], error: Exception) -> str:
        name, error = self._culprit(record, error)
        return (
            f"stream_maps: {name} can't be computed for a record ({_reason(error)}); expected an "
            "expression that works for every record: record.get('…') if a field may be missing"
        )

    def _culprit(self, record: dict[str, Any], error: Exception) -> tuple[str, Exception]:
        """Find the property whose expression fails, with its error."""
        for definition in self._definitions:
            for key, value in definition.items():
                if key in OPTIONS or value in REMOVED:
                    continue
                try:
                    evaluate(self._map, key, value, record)
                except Exception as its:  # noqa: BLE001
                    return key, its
        return self.name, error


def _reason(error: Exception) -> str:
    """Describe an error without any value of the record."""
    cause = error.__cause__ or error
    if isinstance(cause, simpleeval.NameNotDefined):
        return f"it has no {cause.name}"
    if isinstance(cause, simpleeval.AttributeDoesNotExist):
        return f"there is no {cause.attr}"
    return type(cause).__name__


@lru_cache(maxsize=100)
def _kinds(own: type) -> frozenset[str]:
    """Return the types of JSON that values of a type may have; none for text that it becomes."""
    return frozenset(next((kinds for kind, kinds in KINDS if issubclass(own, kind)), ()))


def _fitting(name: str, value: Any, types: Sequence[str]) -> Any:  # noqa: ANN401
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)  # as all instants of records are
    kinds = _kinds(value.__class__)
    if not types or not kinds.isdisjoint(types):
        return value
    if "string" not in types:
        raise StreamMapError(
            f"stream_maps: {name} was computed as {type(value).__name__} for a record; expected "
            f"{' or '.join(kind for kind in types if kind != 'null')}"
        )
    return value if not kinds else encoder.encode(value).decode()
