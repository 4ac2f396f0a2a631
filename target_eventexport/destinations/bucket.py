"""Writes each batch to Parquet objects in a bucket, one for each day of the replication key."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from target_eventexport.columns import Column, Kind
from target_eventexport.destinations.csv_file import errors
from target_eventexport.destinations.parquet import (
    ParquetFiles,
    folder_name,
)
from target_eventexport.destinations.views import VIEWS, Views
from target_eventexport.errors import LoadError
from target_eventexport.object_store import check_bucket, read_object, upload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_eventexport.table import Rows, Table


DAY = "day"  # the column that the folders stand for


class Bucket:
    """A bucket, whose objects are named `<prefix>/<stream>/day=<YYYY-MM-DD>/<batch>.parquet`.

    Args:
        place: The bucket, and a prefix after a slash.
        schema: A folder below the prefix; None for none.

    Raises:
        LoadError: If it can't be used.
    """

    def __init__(self, place: str, schema: str | None) -> None:
        self._bucket, _, prefix = place.partition("/")
        parts = [prefix.strip("/"), folder_name(schema) if schema else ""]
        self._prefix = "".join(f"{part}/" for part in parts if part)
        with errors(f"destination: the bucket {self._bucket} can't be used"):
            check_bucket(self._bucket)
            self._views = Views(read_object(self._bucket, self._prefix + VIEWS) or "")
        self._files = ParquetFiles(DAY)

    def prepare(
        self, stream: str, columns: Sequence[Column], keys: Sequence[str], order: str | None
    ) -> Table:
        """Return the table of a stream; a bucket needs no preparation."""
        times = {column.name for column in columns if column.kind in {Kind.INSTANT, Kind.DATE}}
        return self._files.table(
            stream, columns, keys, order if order in times else None, self._views
        )

    def write(self, batch: Sequence[Rows]) -> None:
        """Write the objects of each stream.

        Raises:
            LoadError: If one can't be written.
        """
        for rows in batch:
            name = self._files.next_name()
            with tempfile.TemporaryDirectory() as folder:
                made = Path(folder, name)
                self._files.write(rows, made, by_day=True)
                with errors(f"the bucket {self._bucket} can't be written"):
                    self._upload(rows.table, made, name)

    def _upload(self, table: Table, made: Path, name: str) -> None:
        start = f"{self._prefix}{table.name}/"
        if made.is_file():
            upload(made, self._bucket, start + name)
        for file in sorted(made.glob("*/*")):
            upload(file, self._bucket, f"{start}{file.parent.name}/{name}")
        if self._views.add(table, f"s3://{self._bucket}/{start}**/*.parquet"):
            text = made.with_suffix(".sql")
            text.write_text(self._views.text)
            upload(text, self._bucket, self._prefix + VIEWS)

    def delete_other_versions(self, table: Table, version: int) -> None:
        """Objects can't change: it is an error.

        Raises:
            LoadError: Always.
        """
        del version
        raise LoadError(f"{table.name}: hard_delete isn't possible in Parquet files: unset it")

    def close(self) -> None:
        """End."""
        self._files.close()
