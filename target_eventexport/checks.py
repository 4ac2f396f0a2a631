"""Checks the settings before a load begins, and describes what is wrong, one line each."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.plugin_base import JSONSchemaValidator

from target_eventexport.destinations import EXPECTED, parsed
from target_eventexport.environment import PREFIX
from target_eventexport.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema import ValidationError

    Config = Mapping[str, Any]

NEAR = 0.65  # share of letters that two similar names have in common
LONGEST = 60  # characters of a name or a value that are shown
PRIVATE = {"stream_map_config"}  # may hold secrets
KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}
ELSEWHERE = {  # names that other loaders have for the same
    "add_record_metadata": "metadata_columns",
    "batch_size_rows": "batch_rows",
    "batch_wait_limit_seconds": "batch_seconds",
    "default_target_schema": "schema",
    "destination_path": "destination",
    "sqlalchemy_url": "destination",
}


def unknown_settings(config: Config, schema: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Yield a line for each unknown name, with the most similar setting.

    Args:
        config: The given settings, and variables that name no setting.
        schema: The settings' schema.
        prefix: The prefix of the loader's variables.
    """
    settings = {name: name for name in schema["properties"]} | ELSEWHERE
    variables = {
        f"{prefix}{name.upper()}": f"{prefix}{settings[name].upper()}" for name in settings
    }
    for name in (name for name in config if name not in schema["properties"]):
        is_variable = name.upper().startswith("TARGET_")
        known, given = (variables, name.upper()) if is_variable else (settings, name.lower())
        near = get_close_matches(given[:LONGEST], known, n=1, cutoff=NEAR)
        hint = f"; did you mean {known[near[0]]}?" if near else ""
        shown = name if name.isidentifier() and len(name) <= LONGEST else _shortened(name)
        yield f"{shown}: unknown, so it has no effect{hint}"


def problems(config: dict[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return a line for each setting that is wrong, and set the defaults of those that aren't set.

    What is inside of stream maps is left to the SDK, which checks it when it makes them.
    """
    errors = list(JSONSchemaValidator(schema).iter_errors(config))
    lines = {_line(error, schema["properties"]): None for error in errors}
    address = config.get("destination")
    if isinstance(address, str):
        try:
            parsed(address)
        except LoadError as error:
            lines[str(error)] = None
    return [line for line in lines if not line.startswith("stream_maps[")]


def _line(error: ValidationError, settings: Mapping[str, Any]) -> str:
    if not error.absolute_path:
        return f"{EXPECTED}; it is not set, nor is {PREFIX}DESTINATION"  # all else has a default
    name, *inside = map(str, error.absolute_path)
    is_hidden = settings[name].get("secret") or name in PRIVATE
    got = "a value that is not shown" if is_hidden else _shortened(error.instance)
    place = "".join((name, *(f"[{part!r}]" for part in inside)))
    return f"{place}: got {got}, expected {expected(error.schema)}"


def expected(rule: Any) -> str:  # noqa: ANN401 - a part of a JSON schema
    """Describe what a part of the schema expects."""
    if "enum" in rule:
        return "one of " + ", ".join(map(str, rule["enum"]))
    kind = next((KINDS[kind] for kind in KINDS if kind in rule.get("type", ())), "another value")
    if "minimum" not in rule:
        return kind
    return f"{kind} from {rule['minimum']} to {rule['maximum']}"


def _shortened(value: object) -> str:
    """Return a value as JSON, shortened."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
