"""A `.env` file with the settings of the sandbox for the tap, and a place for the loader."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MARK = "# Made by tap-eventexport-sandbox --env, which writes it again at each start.\n"
LOADER = "TARGET_EVENTEXPORT_DESTINATION=duckdb:///output/events.duckdb\n"


class NotOursError(Exception):
    """The existing file was not made by the sandbox."""


def check(file: Path) -> None:
    """Refuse a file that the sandbox has not made.

    Raises:
        NotOursError: If there is such a file.
        OSError: If it can't be read.
    """
    if file.exists() and not file.read_bytes().startswith(MARK.encode()):
        raise NotOursError


def write(file: Path, settings: Mapping[str, str]) -> None:
    """Write the settings to a file that only its owner can read.

    Raises:
        NotOursError: If the existing file was not made by the sandbox.
        OSError: If it can't be written.
    """
    check(file)
    lines = [f"{name}={value}\n" for name, value in environment(settings).items()]
    descriptor, name = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as made:  # noqa: PTH123 - of a descriptor
            made.writelines([MARK, *lines, LOADER])
        os.replace(name, file)  # noqa: PTH105
    except BaseException:
        os.unlink(name)  # noqa: PTH108
        raise


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return settings of the tap as environment variables."""
    return {f"TAP_EVENTEXPORT_{name.upper()}": value for name, value in settings.items()}
