"""Reads the input files of a run: JSON, or an error that says what is wrong."""

from __future__ import annotations

import json
import re
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from tap_eventexport.engine.names import quote_name

KINDS = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}

_not_json = re.compile(r"\s*(?:#|---|[\w.-]+\s*[:=])")
_comma_before_end = re.compile(r",\s*[}\]]")


class InputError(ValueError):
    """A file can't be used; the text names it and says why."""


def read_text(path: str) -> str:
    """Read the text of a file, or of stdin if the path is `-`.

    Raises:
        InputError: If it can't be read, or is in another encoding than UTF-8.
    """
    name = quote_name(path)
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"there is no file {name}") from None
    except IsADirectoryError:
        raise InputError(f"{name} is a folder, expected a file") from None
    except OSError as error:
        raise InputError(f"{name} can't be read: {error.strerror}") from None
    if data.startswith((BOM_UTF16_BE, BOM_UTF16_LE)):
        raise InputError(f"{name} is UTF-16, as PowerShell's > writes it; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8, because of its byte {error.start + 1}; save it as UTF-8"
        ) from None


def read_object(path: str) -> dict[str, Any]:
    """Read the JSON object in a file.

    Raises:
        InputError: If the file isn't a JSON object.
    """
    return object_in(read_text(path), path)


def object_in(text: str, path: str) -> dict[str, Any]:
    """Parse a file's text, which must be a JSON object.

    Args:
        text: The text.
        path: The file's path, for the error.

    Raises:
            InputError: If it isn't one.
    """
    name = quote_name(path)
    try:
        value = parse_json(text)
    except InputError as error:
        raise InputError(f"{name} can't be read as JSON: {error}") from None
    if isinstance(value, dict):
        return value
    raise InputError(f"{name} holds {KINDS.get(type(value), 'a number')}, expected a JSON object")


def parse_json(text: str) -> Any:  # noqa: ANN401 - whatever it holds
    """Parse a JSON text; numbers keep their digits.

    Raises:
        InputError: If it isn't JSON, or has a name twice in an object.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_once, parse_float=Decimal, parse_constant=_refuse
        )
    except json.JSONDecodeError as error:
        raise InputError(_json_problem(error)) from None
    except RecursionError:
        raise InputError("it is nested too deeply") from None
    except ValueError as error:
        raise InputError(str(error).partition(";")[0]) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"it has {quote_name(twice)} twice")
    return made


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number in JSON")


def _json_problem(error: json.JSONDecodeError) -> str:
    text, place = error.doc, f"line {error.lineno}, column {error.colno}"
    if not text.strip():
        return "it is empty"
    if error.msg == "Extra data":
        return f"it has more than one value, the second at {place}; of several states keep the last"
    before = len(text[: error.pos].rstrip()) - 1
    for comma in (error.pos, before):  # Pythons report the comma, or the next character
        if _comma_before_end.match(text, comma):
            error = json.JSONDecodeError(error.msg, text, comma)
            return f"an extra comma at line {error.lineno}, column {error.colno}"
    if _not_json.match(text):
        return "it looks like YAML or a .env file; --config=ENV reads a .env"
    return f"{error.msg} at {place}"
