"""Checks values by what a SCHEMA says beyond the kinds of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from jsonschema import Draft7Validator
from jsonschema.validators import validator_for
from referencing import Registry

from target_eventexport.errors import LoadError, MisfitError, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BARE = {"type", "format", "title", "description", "default", "examples", "multipleOf"}
SHOWN = 200  # characters of an error


class Validation:
    """Checks the values of columns whose SCHEMA says more than their kind.

    Args:
        schema: The JSON schema of a stream's records.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        known = schema if isinstance(schema.get("$schema"), str) else {}
        dialect = validator_for(known, default=Draft7Validator)
        whole = dialect(_without_steps(schema), registry=Registry())  # looks nothing up elsewhere
        self._validators = {
            name: whole.evolve(schema=_without_steps(definition))
            for name, definition in schema["properties"].items()
            if _says_more(definition)
        }

    def check(self, name: str, values: Sequence[Any]) -> None:
        """Check the values of a column, which may be raw JSON.

        Raises:
            MisfitError: If one doesn't fit.
            LoadError: If the SCHEMA itself is wrong.
        """
        validator = self._validators.get(name)
        if validator is None:
            return
        for value in values:
            try:
                python = msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
                wrong = next(validator.iter_errors(python), None) if python is not None else None
            except Exception as error:  # noqa: BLE001 - a SCHEMA may be wrong in any way
                raise LoadError(
                    f"a value of {name} can't be compared with its SCHEMA: "
                    f"{one_line(error)[:SHOWN]}; with validate_records: false it is loaded"
                ) from None
            if wrong:
                path = "".join(f".{part}" for part in wrong.absolute_path)
                raise MisfitError(f"{name}{path}: {wrong.message}")


def _says_more(definition: Any) -> bool:  # noqa: ANN401
    if not isinstance(definition, dict):
        return False
    alternatives = definition.get("anyOf") or definition.get("oneOf")
    if isinstance(alternatives, list):
        kinds = [each for each in alternatives if each != {"type": "null"}]
        return len(kinds) != 1 or _says_more(kinds[0])
    types = definition.get("type")
    several = isinstance(types, list) and len([each for each in types if each != "null"]) > 1
    return several or any(
        name not in BARE and value not in ({}, True) for name, value in definition.items()
    )


def _without_steps(definition: Any) -> Any:  # noqa: ANN401
    """Return a schema without `multipleOf`, which no double can be checked against."""
    if isinstance(definition, dict):
        return {
            name: _without_steps(value)
            for name, value in definition.items()
            if name != "multipleOf" or isinstance(value, dict)  # a property of that name
        }
    if isinstance(definition, list):
        return [_without_steps(each) for each in definition]
    return definition
