"""Names of tables and columns that a destination can hold and tell apart.

A name stays as it is wherever that is possible. Otherwise it is cut, and gets an underscore and
eight hexadecimal digits of its SHA-256: so the same name always becomes the same column.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DIGITS = 8


def quoted(name: str) -> str:
    """Quote an identifier for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def fitted(name: str, max_bytes: int) -> str:
    """Return a name that has at least one character, no NUL, and at most a number of bytes."""
    if name and "\0" not in name and len(name.encode()) <= max_bytes:
        return name
    return marked(name, max_bytes)


def marked(name: str, max_bytes: int, of: str | None = None) -> str:
    """Return the beginning of a name and digits of its digest, or of another's."""
    kept = name.replace("\0", "").encode()[: max_bytes - DIGITS - 1].decode(errors="ignore")
    return f"{kept}_{sha256((of or name).encode()).hexdigest()[:DIGITS]}"


def columns_names(
    names: Iterable[str], max_bytes: int, *, is_case_sensitive: bool
) -> dict[str, str]:
    """Return the column for each property of a stream.

    Args:
        names: The properties' names.
        max_bytes: How many bytes a name may have.
        is_case_sensitive: Whether the destination tells `a` from `A`. If not, properties whose
            names differ in nothing else all get the digits of their digest.
    """
    columns = {name: fitted(name, max_bytes) for name in names}
    if not is_case_sensitive:
        same = Counter(column.casefold() for column in columns.values())
        for name, column in columns.items():
            if same[column.casefold()] > 1:
                columns[name] = marked(name, max_bytes)
    return columns
