"""Reads the files that BATCH messages name."""

from __future__ import annotations

import gzip
import io
import zlib
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from target_eventexport.errors import LoadError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OURS = "tap-eventexport--"  # how the names of the tap's files begin, after a prefix that is given
READ_LINES = 2000
COMPRESSIONS = (None, "none", "gzip")


class BatchFile:
    """A file of records, one on each line.

    Args:
        url: Its address: `file://` or `s3://`.
        encoding: Its `format`, and its `compression`.

    Attributes:
        is_ours: Whether the tap of this project made it, so that it can go after the commit.

    Raises:
        LoadError: If it has an unknown form.
    """

    def __init__(self, url: str, encoding: Mapping[str, Any]) -> None:
        self._url = url
        parts = urlsplit(url)
        self._scheme, self._bucket, self._path = parts.scheme, parts.netloc, unquote(parts.path)
        self._compression = encoding.get("compression")
        self.is_ours = OURS in self._path.rsplit("/", 1)[-1]
        if encoding.get("format") != "jsonl" or self._compression not in COMPRESSIONS:
            raise LoadError(f"{url}: expected the format jsonl, with gzip or without compression")
        if self._scheme not in {"", "file", "s3"}:
            raise LoadError(f"{url}: expected an address that begins with file:// or s3://")

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open it.

        Raises:
            LoadError: If it can't be read.
        """
        try:
            with self._opened() as file:
                is_gzip = self._compression == "gzip"
                yield io.BufferedReader(gzip.GzipFile(fileobj=file)) if is_gzip else file
        except (OSError, EOFError, zlib.error) as error:
            raise LoadError(f"{self._url} can't be read: {one_line(error)}") from None

    def _opened(self) -> IO[bytes]:
        if self._scheme == "s3":
            from target_eventexport.object_store import open_object  # noqa: PLC0415 - needs boto3

            return open_object(self._bucket, self._path.lstrip("/"))
        return Path(self._path).open("rb")

    def delete(self) -> None:
        """Delete it.

        Raises:
            LoadError: If that can't be done.
        """
        try:
            if self._scheme == "s3":
                from target_eventexport.object_store import delete_object  # noqa: PLC0415

                delete_object(self._bucket, self._path.lstrip("/"))
            else:
                Path(self._path).unlink(missing_ok=True)
        except OSError as error:
            raise LoadError(f"{self._url} can't be deleted: {one_line(error)}") from None


def read_batches(file: BatchFile, most: int) -> Iterator[list[bytes]]:
    """Yield the lines of a file, some at a time."""
    with file.open() as text:
        while some := list(islice(text, min(most, READ_LINES))):
            yield [line for line in some if line.strip()]
