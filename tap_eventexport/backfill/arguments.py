"""Reads the arguments that a backfill and an audit share: settings and instants."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tap_eventexport.engine.reasons import describe
from tap_eventexport.engine.windows import parse_instant
from tap_eventexport.inputs import InputError, read_object
from tap_eventexport.tap import TapEventExport

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

CONFIG = (
    "the tap's settings: a JSON file, or ENV for the environment and a .env file, here or in a "
    "folder above; may be repeated"
)
TIME = "a date (in UTC), or a time such as 2026-03-01T00:00:00+09:00"


class WrongUseError(Exception):
    """The command was used in a wrong way; the text says how."""


def instant(text: str) -> datetime:
    """Read an instant.

    Raises:
        argparse.ArgumentTypeError: If the text isn't one.
    """
    try:
        return parse_instant(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"got {text}, expected a date or date-time such as 2026-03-01 or "
            "2026-03-01T00:00:00+09:00"
        ) from None


def tap_of(settings: Iterable[str], catalog: str | None = None) -> TapEventExport:
    """Make the tap of some settings.

    Args:
        settings: Files, or `ENV`.
        catalog: A file, for what is selected.

    Raises:
        WrongUseError: If a file can't be used.
        ConfigValidationError: If the settings are wrong.
    """
    config: dict[str, Any] = {}
    paths = list(settings)
    options = "--config, --catalog" if catalog else "--config"
    try:
        for path in paths:
            config |= {} if path == "ENV" else read_object(path)
        chosen = read_object(catalog) if catalog else None
    except InputError as error:
        raise WrongUseError(f"{options}: {error}") from None
    try:
        return TapEventExport(config=config, catalog=chosen, parse_env_config="ENV" in paths)
    except (ValueError, TypeError) as error:
        raise WrongUseError(f"{options}: {describe(error)}") from None
