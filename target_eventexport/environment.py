"""Settings in environment variables, and in a `.env` file here or above."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec
from dotenv import find_dotenv, load_dotenv

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "TARGET_EVENTEXPORT_"
BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def from_environment(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read the settings from environment variables; a text of the wrong type stays a text."""
    load_dotenv(find_dotenv(usecwd=True))
    texts = {name: os.environ.get(f"{PREFIX}{name.upper()}", "") for name in schema["properties"]}
    properties = schema["properties"]
    return {name: _typed(text, properties[name]) for name, text in texts.items() if text}


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
