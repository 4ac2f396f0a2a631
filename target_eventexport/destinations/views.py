"""The views that read Parquet files, in one file of SQL beside them.

A line of each view says what its columns hold in the files so far, so that a later run writes
files that can be read together with them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from target_eventexport.columns import Kind, check_key_change, joined
from target_eventexport.destinations.csv_file import compared
from target_eventexport.errors import LoadError
from target_eventexport.names import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_eventexport.table import Table

VIEWS = "views.sql"
FILE = "parquet file"  # the column of a view that names a row's file
HEAD = "CREATE OR REPLACE VIEW"
VIEW = re.compile(rf'^(?={HEAD} "[^"]+" AS\n-- (?:.*)\n)', re.MULTILINE)
PARTS = re.compile(rf'{HEAD} "(?P<table>[^"]+)" AS\n-- (?P<kinds>.*)\n')


class Views:
    """The views of all streams.

    Args:
        text: What their file holds.
    """

    def __init__(self, text: str) -> None:
        self._views: dict[str, str] = {}
        self._kinds: dict[str, dict[str, Kind]] = {}
        for view in VIEW.split(text):
            if found := PARTS.match(view):
                self._views[found["table"]] = view
                self._kinds[found["table"]] = _kinds(found["kinds"])

    def joined_kind(self, table: str, column: str, kind: Kind, *, is_key: bool) -> Kind:
        """Return the kind that a column gets in the next file.

        Files stay as they are: DuckDB reads a column of two kinds as the wider one.

        Raises:
            LoadError: If nothing holds the values of both unchanged.
        """
        has = self._kinds.get(table, {}).get(column)
        if has is None:
            return kind
        both = joined(has, kind)
        if (has, both) == (Kind.TEXT, Kind.JSON):
            raise LoadError(
                f"{table}: column {column} is text in the files so far, and JSON now: load into "
                "another folder"
            )
        if is_key:
            check_key_change(f"{table}: key {column}", compared(has), compared(both))
        return both

    def add(self, table: Table, files: str) -> bool:
        """Add the view of a table.

        Returns:
            Whether the file of the views changes.
        """
        kinds = {
            **self._kinds.get(table.name, {}),
            **dict(zip(table.columns, table.kinds, strict=True)),
        }
        self._kinds[table.name] = kinds
        view = view_of(table, kinds, files)
        is_new = self._views.get(table.name) != view
        self._views[table.name] = view
        return is_new

    @property
    def text(self) -> str:
        """What their file is to hold."""
        return "".join(self._views.values())


def view_of(table: Table, kinds: Mapping[str, Kind], files: str) -> str:
    """Return the view that reads each key of a stream once: the row of its last batch."""
    source = (
        f"read_parquet({literal(files)}, union_by_name = true, hive_partitioning = false, "
        f"filename = {literal(FILE)})"
    )
    query = f"SELECT * EXCLUDE ({quoted(FILE)}) FROM {source}"
    if table.keys:
        keys = ", ".join(map(quoted, table.keys))
        query += (
            f"\nQUALIFY row_number() OVER (PARTITION BY {keys} "
            f"ORDER BY parse_filename({quoted(FILE)}) DESC) = 1"
        )
    names = {name: kind.value for name, kind in kinds.items()}
    told = msgspec.json.encode(names).decode()
    return f"{HEAD} {quoted(table.name)} AS\n-- {told}\n{query};\n"


def _kinds(text: str) -> dict[str, Kind]:
    try:
        return msgspec.json.decode(text, type=dict[str, Kind])
    except msgspec.MsgspecError:
        return {}  # somebody has edited it
