"""Names of tables and columns that a destination can hold and tell apart.

A name stays as it is wherever that is possible. Otherwise it is cut, and gets an underscore and
eight hexadecimal digits of its SHA-256: so the same name always becomes the same column, unless
another one comes that differs in nothing but its case.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING

from target_eventexport.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

DIGITS = 8
MOST_MARKS = 4  # how often a name is marked at most


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
    names: Iterable[str],
    max_bytes: int,
    *,
    is_case_sensitive: bool,
    reserved: Collection[str] = (),
) -> dict[str, str]:
    """Return the column for each property of a stream.

    Args:
        names: The properties' names.
        max_bytes: How many bytes a name may have.
        is_case_sensitive: Whether the destination tells `a` from `A`. If not, properties whose
            names differ in nothing else all get the digits of their digest.
        reserved: Names, in lower case, that the destination gives to something else.

    Raises:
        LoadError: If names have been made up so that their digits are the same, too.
    """

    def same(column: str) -> str:
        return column if is_case_sensitive else column.casefold()

    columns = {name: fitted(name, max_bytes) for name in names}
    for _ in range(MOST_MARKS):
        counts = Counter([*reserved, *map(same, columns.values())])
        alike = {name: column for name, column in columns.items() if counts[same(column)] > 1}
        if not alike:
            return columns
        for name, column in alike.items():
            columns[name] = marked(column, max_bytes, of=name)
    raise LoadError(f"the columns {', '.join(alike)!r} can't be told apart: rename one")
