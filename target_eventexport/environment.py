"""Settings in environment variables, and in a `.env` file here or above."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import msgspec
from dotenv import find_dotenv, load_dotenv

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "TARGET_EVENTEXPORT_"
OTHERS = ("LOGLEVEL",)  # other variables that the SDK reads
MISSPELT = 0.9  # share of letters that a variable has in common with the one that was meant
BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def from_environment(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read the settings from environment variables; a text of the wrong type stays a text.

    A variable that looks like the loader's own, but names no setting, is included under its own
    name and without its value.
    """
    load_dotenv(find_dotenv(usecwd=True))
    texts = {name: os.environ.get(f"{PREFIX}{name.upper()}", "") for name in schema["properties"]}
    properties = schema["properties"]
    return {
        **{name: _typed(text, properties[name]) for name, text in texts.items() if text},
        **dict.fromkeys(_unknown([f"{PREFIX}{name.upper()}" for name in (*properties, *OTHERS)])),
    }


def _unknown(known: list[str]) -> Iterator[str]:
    for variable in sorted(os.environ.keys() - set(known)):
        name = variable.upper()
        is_meltanos = variable.startswith(f"{PREFIX}_")  # for extras, and for inherited plugins
        is_near = name.startswith("TARGET") and get_close_matches(name, known, 1, MISSPELT)
        if not is_meltanos and (name.startswith(PREFIX) or is_near):
            yield variable


def _typed(text: str, setting: Mapping[str, Any]) -> Any:  # noqa: ANN401 - of the setting's type
    types = setting.get("type", [])
    if "string" in types:
        return text
    if "boolean" in types:
        return BOOLEANS.get(text.strip().lower(), text)
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
