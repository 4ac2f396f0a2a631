"""Describes values that don't fit the settings' schema, in one readable line each."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from tap_eventexport.engine.names import LONGEST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jsonschema import ValidationError

MOST_LINES = 5  # about one setting
LONGEST_VALUE = 60  # characters of a value that are shown
NEAR = 0.65  # share of letters that two similar names have in common
HIDDEN = "a value that is not shown"
PRIVATE = {"stream_map_config", "params"}  # may hold secrets
DATE = "a date or date-time such as 2026-03-01 or 2026-03-01T00:00:00+09:00"
KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def schema_problems(
    errors: Iterable[ValidationError], schema: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Return the lines about each setting that doesn't fit the schema, by its name."""
    problems: dict[str, dict[str, None]] = {}
    for error in errors:
        path = list(error.absolute_path)
        name = str(path[0])
        setting = schema["properties"][name]
        problems.setdefault(name, {}).update(dict.fromkeys(_lines(path, error, setting)))
    return {name: _first(list(lines)) for name, lines in problems.items()}


def _first(lines: list[str]) -> list[str]:
    rest = len(lines) - MOST_LINES
    more = f"{lines[0].partition(':')[0].partition('[')[0]}: {rest} more of its values are wrong"
    return [*lines[:MOST_LINES], more] if rest > 0 else lines


def _lines(
    path: Sequence[str | int], error: ValidationError, setting: Mapping[str, Any]
) -> Iterator[str]:
    place = "".join((str(path[0]), *(f"[{json.dumps(part)}]" for part in path[1:])))
    rule, value = cast("tuple[Mapping[str, Any], Any]", (error.schema, error.instance))
    if error.validator == "required":
        missing = [name for name in rule["required"] if name not in value]
        yield f"{place}: expected {' and '.join(missing)} in it"
    elif error.validator == "additionalProperties":
        for name in sorted(value.keys() - rule["properties"].keys()):
            yield f"{place}[{json.dumps(name)}]: unknown{meant(name, rule['properties'])}"
    else:
        expected = f"{expectation(rule)}{_nearest_value(value, rule)}"
        yield f"{place}: got {_given(path, value, setting)}, expected {expected}"


def _given(path: Sequence[str | int], value: object, setting: Mapping[str, Any]) -> str:
    if is_secret(setting) or PRIVATE.intersection(path):
        return HIDDEN
    if isinstance(value, dict):
        return KINDS["object"]
    if isinstance(value, str) and "object" in setting.get("type", ()) and len(path) == 1:
        return "a text that is not a JSON object"
    return format_value(value)


def format_value(value: object) -> str:
    """Return a value as JSON, shortened."""
    if isinstance(value, str):
        value = value[: LONGEST_VALUE + 1]  # the rest isn't shown
    text = json.dumps(value, ensure_ascii=False, default=float)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def expectation(rule: Mapping[str, Any]) -> str:
    """Describe what a part of the schema expects."""
    choices = rule.get("anyOf") or rule.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(map(expectation, choices)))
    if "const" in rule:
        return format_value(rule["const"])
    if "enum" in rule:
        return "one of " + ", ".join(str(value) for value in rule["enum"])
    if rule.get("format") == "date-time":
        return DATE
    types = rule.get("type", ())
    text = next((words for kind, words in KINDS.items() if kind in types), "another value")
    if "pattern" in rule:
        return f"{text} such as {rule['examples'][0]}"
    return f"{text}{_bounds(rule)}"


def _bounds(rule: Mapping[str, Any]) -> str:
    if "minimum" not in rule:
        return ""
    least = rule["minimum"]
    return f" from {least} to {rule['maximum']}" if "maximum" in rule else f" of at least {least}"


def _nearest_value(value: object, rule: Mapping[str, Any]) -> str:
    known = [each for each in rule.get("enum", ()) if isinstance(each, str)]
    return meant(value, known) if isinstance(value, str) else ""


def meant(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` with the most similar known name; empty if none is similar."""
    plain, given = {_plain(each): each for each in known}, _plain(name[:LONGEST_NAME])
    longer = [each for each in plain if given and each.startswith(f"{given}_")]
    near = longer or get_close_matches(given, plain, n=1, cutoff=NEAR)
    return f"; did you mean {plain[near[0]]}?" if near else ""


def _plain(name: str) -> str:
    return name.strip().casefold().replace("-", "_")


def is_secret(setting: Mapping[str, Any]) -> bool:
    """Whether a setting's value must never be shown."""
    return bool(setting.get("secret"))
