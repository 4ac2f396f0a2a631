"""Describes in one line why something failed."""

from __future__ import annotations

from singer_sdk.exceptions import SyncError

from tap_eventexport.engine.network import NO_FILES, TOO_MANY_FILES


def describe(error: Exception) -> str:
    """Describe an error in one line."""
    text = " ".join(str(error).split()) or "no further information"
    if isinstance(error, OSError) and error.errno in NO_FILES:
        return TOO_MANY_FILES
    return text if isinstance(error, SyncError) else f"{type(error).__name__}: {text}"
