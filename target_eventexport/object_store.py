"""Objects in a store that speaks the protocol of S3.

Credentials, region and `AWS_ENDPOINT_URL` come from where AWS's own tools take them.
"""

from __future__ import annotations

from functools import cache
from typing import IO, TYPE_CHECKING, Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from pathlib import Path


class _Errors:
    """Turns the errors of the library into `OSError`."""

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BotoCoreError | ClientError | Boto3Error):
            raise OSError(str(error)) from None


@cache
def _client() -> Any:  # noqa: ANN401 - boto3 has no types
    return boto3.client("s3")


def open_object(bucket: str, key: str) -> IO[bytes]:
    """Open an object to read it from its beginning to its end.

    Raises:
        OSError: If it can't be read.
    """
    with _Errors():
        body: IO[bytes] = _client().get_object(Bucket=bucket, Key=key)["Body"]
        return body


def read_object(bucket: str, key: str) -> str | None:
    """Return the text of an object; None if there is none.

    Raises:
        OSError: If it can't be read.
    """
    with _Errors():
        try:
            body: IO[bytes] = _client().get_object(Bucket=bucket, Key=key)["Body"]
        except _client().exceptions.NoSuchKey:
            return None
        return body.read().decode()


def delete_object(bucket: str, key: str) -> None:
    """Delete an object.

    Raises:
        OSError: If that can't be done.
    """
    with _Errors():
        _client().delete_object(Bucket=bucket, Key=key)


def upload(path: Path, bucket: str, key: str) -> None:
    """Upload a file; the object is there completely, or not at all.

    Raises:
        OSError: If that can't be done.
    """
    with _Errors():
        _client().upload_file(str(path), bucket, key)


def check_bucket(bucket: str) -> None:
    """Ask whether a bucket is there.

    Raises:
        OSError: If it isn't, or can't be reached.
    """
    with _Errors():
        _client().head_bucket(Bucket=bucket)
