"""Errors that end a load with one line."""

from __future__ import annotations

from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException


class LoadError(Exception):
    """Something that ends the load; its text says what happened and what to do."""


class MisfitError(Exception):
    """A value that doesn't fit its SCHEMA; the text names the column."""


class NoSchemaError(LoadError, RecordsWithoutSchemaException):
    """A record came before the SCHEMA of its stream."""


class NoKeyError(LoadError, MissingKeyPropertiesError):
    """A record has no value for a key."""


def wrong_type(column: str, has: str, expected: str) -> LoadError:
    """Return the error for a column of a table whose type holds something else.

    Args:
        column: The stream, and the column with its table.
        has: Its type.
        expected: The type that it should have.
    """
    return LoadError(
        f"{column} has the type {has}, where {expected} is expected: change it, or load into "
        "another schema"
    )


def one_line(error: BaseException) -> str:
    """Describe an error in one line."""
    return " ".join(str(error).split()) or type(error).__name__
