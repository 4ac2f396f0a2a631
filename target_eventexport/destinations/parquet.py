"""Writes each batch to Parquet files, each complete or absent, and a view that reads them."""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from target_eventexport.destinations.csv_file import (
    MAX_NAME,
    connect,
    errors,
    give_memory,
    last_of_each_key,
    rows_as_query,
)
from target_eventexport.destinations.views import FILE, VIEWS, Views
from target_eventexport.errors import LoadError
from target_eventexport.names import columns_names, literal, marked, quoted
from target_eventexport.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_eventexport.columns import Column
    from target_eventexport.table import Rows

OPTIONS = "FORMAT parquet, COMPRESSION zstd"
RESERVED = ("rowid", FILE)  # the place of a row, and its file


class ParquetFiles:
    """Makes the files of a batch, in a folder of the machine.

    Args:
        reserved: Names that columns can't have.
    """

    def __init__(self, *reserved: str) -> None:
        self._reserved = (*RESERVED, *reserved)
        with errors("destination: Parquet files can't be made"):
            self._connection = connect(":memory:")
        self._started = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        self._numbers = itertools.count()

    def table(
        self,
        stream: str,
        columns: Sequence[Column],
        keys: Sequence[str],
        order: str | None,
        views: Views,
    ) -> Table:
        """Return the table of a stream: its name is a folder's.

        Raises:
            LoadError: If its columns can't be read together with those of earlier files.
        """
        name = folder_name(stream)
        names = columns_names(
            (column.name for column in columns),
            MAX_NAME,
            is_case_sensitive=False,
            reserved=self._reserved,
        )
        kinds = {
            names[column.name]: views.joined_kind(
                name, names[column.name], column.kind, is_key=column.name in keys
            )
            for column in columns
        }
        return Table.of(name, names, kinds, keys, order)

    def next_name(self) -> str:
        """Return the name of the next file; names sort in the order of their batches."""
        return f"{self._started}-{next(self._numbers):06}.parquet"

    def write(self, rows: Rows, path: Path, *, by_day: bool) -> None:
        """Write rows, sorted by the replication key: a file; or a folder of one for each day.

        Raises:
            LoadError: If they can't be written.
        """
        table = rows.table
        give_memory(self._connection, len(table.columns))
        with errors(f"{table.name} can't be written"), rows_as_query(rows) as source:
            self._connection.execute(f"CREATE TEMP TABLE stage AS SELECT * FROM {source}")
            try:
                query = last_of_each_key(table, "stage")
                options = OPTIONS
                if table.order and by_day:
                    day = f"strftime({quoted(table.order)}, '%Y-%m-%d')"
                    query = f"SELECT *, {day} AS day FROM ({query})"
                    options += ", PARTITION_BY (day), FILENAME_PATTERN 'part'"
                if table.order:
                    query += f" ORDER BY {quoted(table.order)}"
                self._connection.execute(f"COPY ({query}) TO {literal(str(path))} ({options})")
            finally:
                self._connection.execute("DROP TABLE stage")

    def close(self) -> None:
        """End."""
        self._connection.close()


class Folder:
    """A folder of Parquet files: one for each stream and batch.

    Args:
        path: The folder.
        schema: A folder in it; None for none.

    Raises:
        LoadError: If it can't be used.
    """

    def __init__(self, path: str, schema: str | None) -> None:
        self._folder = Path(path, folder_name(schema)) if schema else Path(path)
        with errors(f"destination: {self._folder} can't be written"):
            self._folder.mkdir(parents=True, exist_ok=True)
            views = self._folder / VIEWS
            self._views = Views(views.read_text() if views.exists() else "")
        self._files = ParquetFiles()

    def prepare(
        self, stream: str, columns: Sequence[Column], keys: Sequence[str], order: str | None
    ) -> Table:
        """Make the folder of a stream, and its view.

        Raises:
            LoadError: If that can't be done.
        """
        table = self._files.table(stream, columns, keys, order, self._views)
        with errors(f"{stream}: its folder can't be made"):
            (self._folder / table.name).mkdir(exist_ok=True)
            for left in (self._folder / table.name).glob(".*.tmp"):
                left.unlink()
        return table

    def write(self, batch: Sequence[Rows]) -> None:
        """Write a file for each stream.

        Raises:
            LoadError: If one can't be written.
        """
        for rows in batch:
            folder = self._folder / rows.table.name
            name = self._files.next_name()
            aside = folder / f".{name}.tmp"
            self._files.write(rows, aside, by_day=False)
            with errors(f"{folder} can't be written"):
                _keep(aside)
                aside.rename(folder / name)
                _keep(folder)
                self._write_views(rows.table)

    def _write_views(self, table: Table) -> None:
        if self._views.add(table, f"{self._folder.resolve()}/{table.name}/*.parquet"):
            aside = self._folder / f".{VIEWS}.tmp"
            aside.write_text(self._views.text)
            aside.rename(self._folder / VIEWS)

    def delete_other_versions(self, table: Table, version: int) -> None:
        """Files can't change: it is an error.

        Raises:
            LoadError: Always.
        """
        del version
        raise LoadError(f"{table.name}: hard_delete isn't possible in Parquet files: unset it")

    def close(self) -> None:
        """End."""
        self._files.close()


def folder_name(stream: str) -> str:
    """Return the folder of a stream, which has no slash and no leading dot or underscore."""
    safe = "".join(
        character if character.isalnum() or character in "-_." else "_" for character in stream
    )
    if safe == stream and safe[0] not in "._" and len(safe.encode()) <= MAX_NAME:
        return stream
    return marked(safe.strip("._") or "stream", MAX_NAME, of=stream)


def _keep(path: Path) -> None:
    """Let a file or a folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems can't do it with folders
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
