"""Records completed partitions: a small JSON file for each, in a folder or in S3."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import fsspec
from fsspec.implementations.local import LocalFileSystem
from obstore.exceptions import BaseError

from tap_eventexport.engine.windows import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_eventexport.backfill.plan import Partition

SUFFIX, PART = ".json", ".part"


class DoneError(Exception):
    """The folder can't be used; the text says why."""


class CompletedStore:
    """The partitions that were loaded.

    A record is complete or absent: in a folder it is written under another name first, and a store
    writes an object completely or not at all. An empty file isn't a record. Only the file's name is
    used; its content is information for users.

    Args:
        place: A folder, or the address of one that fsspec knows, such as `s3://bucket/folder`.

    Raises:
        DoneError: Now and later, if the folder can't be used.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        with self._errors_named():
            self._files, self._folder = _opened(place)
            self._files.makedirs(self._folder, exist_ok=True)

    def ids(self) -> set[str]:
        """Return the ids of the partitions that were loaded."""
        with self._errors_named():
            try:
                listed = self._files.ls(self._folder, detail=True)
            except FileNotFoundError:  # a store has no empty folders
                return set()
        paths = (PurePosixPath(file["name"]) for file in listed if file["size"])
        return {path.stem for path in paths if path.suffix == SUFFIX}

    def add(self, partition: Partition) -> None:
        """Record that a partition was loaded."""
        values = {**partition.values, "completed": format_instant(datetime.now(UTC))}
        path = f"{self._folder}/{partition.id}{SUFFIX}"
        text = json.dumps(values).encode()
        with self._errors_named():
            if isinstance(self._files, LocalFileSystem):
                self._files.pipe_file(path + PART, text)
                Path(path + PART).replace(path)
            else:
                self._files.pipe_file(path, text)

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, ImportError, BaseError) as error:
            first = str(error).partition("\n")[0]
            raise DoneError(f"{self._place} can't be used: {first}") from error


def _opened(place: str) -> tuple[fsspec.AbstractFileSystem, str]:
    if not place.startswith("s3://"):
        files, folder = fsspec.url_to_fs(place)
        return files, folder
    from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415 - only for S3
    from obstore.fsspec import FsspecStore  # noqa: PLC0415

    store = FsspecStore("s3", credential_provider=Boto3CredentialProvider())
    return store, place.removeprefix("s3://").rstrip("/")
