"""Which partitions are complete: a small JSON file for each, in a folder or in S3."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import fsspec
from obstore.exceptions import BaseError

from tap_eventexport.engine.windows import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_eventexport.backfill.plan import Partition

SUFFIX = ".json"


class DoneError(Exception):
    """The place can't be used; the text says why."""


class Done:
    """The partitions that were loaded.

    A file's name is what counts; what it says is for people. So one that was half written when
    the machine went down is right too: it was begun when the loader had ended well.

    Args:
        place: A folder, or the address of one that fsspec knows, such as `s3://bucket/folder`.

    Raises:
        DoneError: Now and later, if the place can't be used.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        with self._told():
            self._files, self._folder = _opened(place)
            self._files.makedirs(self._folder, exist_ok=True)

    def ids(self) -> set[str]:
        """The partitions that were loaded, by their ids."""
        with self._told():
            try:
                names = self._files.ls(self._folder, detail=False)
            except FileNotFoundError:  # a store has no empty folders
                return set()
        paths = map(PurePosixPath, names)
        return {path.stem for path in paths if path.suffix == SUFFIX}

    def add(self, partition: Partition) -> None:
        """Remember that a partition was loaded."""
        values = {**partition.values, "completed": format_instant(datetime.now(UTC))}
        path = f"{self._folder}/{partition.id}{SUFFIX}"
        with self._told():
            self._files.pipe_file(path, json.dumps(values).encode())

    @contextmanager
    def _told(self) -> Iterator[None]:
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
