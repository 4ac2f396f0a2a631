"""Settings in environment variables, and in a `.env` file here or above."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotenv import find_dotenv, load_dotenv

from tap_eventexport.inputs import InputError, parse_json, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OTHERS = ("LOGLEVEL",)  # other variables that the SDK reads
OTHERS_MAY = 0o077  # the bits of a file's mode for its group and for all
MISSPELT = 0.9  # share of letters that a variable has in common with the one that was meant
BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def from_environment(schema: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Read the settings from environment variables; a text of the wrong type stays a text.

    A variable that looks like the tap's own, but names no setting, is included under its own name
    and without its value, so that it is reported like any unknown name.

    Args:
        schema: The settings' schema.
        prefix: The prefix of the tap's variables, such as `TAP_EVENTEXPORT_`.

    Raises:
        InputError: If the `.env` file can't be read.
    """
    if path := find_dotenv(usecwd=True):
        try:
            load_dotenv(stream=StringIO(read_text(path)))
        except InputError:
            raise
        except ValueError as error:  # the system refuses NUL
            raise InputError(f"{path} can't be read: {error}") from None
    settings = schema["properties"]
    texts = {name: os.environ.get(f"{prefix}{name.upper()}", "") for name in settings}
    return {
        **{name: _typed(text, settings[name]) for name, text in texts.items() if text},
        **dict.fromkeys(_unknown(settings, prefix)),
    }


def file_for_all() -> str | None:
    """Return the path of the `.env` file if other users of this machine may read or change it."""
    path = find_dotenv(usecwd=True)
    return path if path and Path(path).stat().st_mode & OTHERS_MAY else None


def _unknown(settings: Mapping[str, Any], prefix: str) -> Iterator[str]:
    known = [f"{prefix}{name.upper()}" for name in (*settings, *OTHERS)]
    for variable in sorted(os.environ.keys() - set(known)):
        is_meltanos = variable.startswith(f"{prefix}_")  # for extras, and for inherited plugins
        if is_like(variable, prefix, known) and not is_meltanos:
            yield variable


def is_like(name: str, prefix: str, variables: Sequence[str]) -> bool:
    """Whether a name is a variable of the tap, or was meant to be one."""
    if _letters(name).startswith(_letters(prefix)):
        return True
    kind, _, _ = prefix.partition("_")
    is_of_this_kind = name.upper().startswith(kind)  # all others would take time to compare
    return is_of_this_kind and bool(get_close_matches(name.upper(), variables, 1, MISSPELT))


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name).upper()


def _typed(text: str, setting: Mapping[str, Any]) -> Any:  # noqa: ANN401 - of the setting's type
    types = setting.get("type", [])
    if "string" in types:
        return text
    if "boolean" in types:
        return BOOLEANS.get(text.strip().lower(), text)
    if "array" in types and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",")]
    try:
        return parse_json(text)
    except InputError:
        return text
