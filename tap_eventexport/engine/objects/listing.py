"""Checks that a response is a page of a bucket's listing.

A wrong response without objects looks like the listing of an empty bucket. If it were accepted, the
bookmark would move past files that were never read.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus
from xml.etree.ElementTree import ParseError, iterparse

from tap_eventexport.engine.windows import FIRST, LAST

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = "ListBucketResult"
ALIASES = ("-s3alias", "--ol-s3")  # of access points, which may be listed under other names


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a listing.

    Attributes:
        key: Its key.
        size: Its size in bytes.
        etag: A tag that changes with its content; empty if the store has none.
        modified: The time when it was written, or its upload began.
    """

    key: str
    size: int
    etag: str
    modified: datetime

    @property
    def version(self) -> str:
        """A text that differs if the content of the key differs."""
        return self.etag or f"{self.size} bytes of {self.modified.isoformat()}"


@dataclass(frozen=True, slots=True)
class ListingPage:
    """One page of a listing.

    Attributes:
        objects: The objects, in the store's order.
        token: The continuation token of the next page; None if this is the last one.
    """

    objects: list[StoredObject]
    token: str | None


def fingerprint(text: str) -> int:
    """Return 64 bits of a text's hash."""
    return int.from_bytes(hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:8])


def root_of(document: bytes) -> str:
    """Return the name of an XML document's root, without its namespace; empty if it has none."""
    with suppress(ParseError, StopIteration):
        _, element = next(iter(iterparse(BytesIO(document), ["start"])))  # noqa: S314 - no more of it
        return str(element.tag).rpartition("}")[2]
    return ""


def read_page(response: Mapping[str, Any], root: str, bucket: str, prefix: str) -> ListingPage:
    """Return the page of the listing that was requested.

    Args:
        response: The response to ListObjectsV2, as boto3 parses it.
        root: The root of the document that it was parsed from.
        bucket: The bucket that was requested.
        prefix: The prefix that was requested.

    Raises:
        ValueError: If it is something else; the message quotes nothing from it.
    """
    if root != ROOT:
        raise ValueError(f"the document is not a {ROOT}")
    if response.get("Name") != bucket and not _is_alias(bucket):
        raise ValueError("it is of another bucket")
    echoed = response.get("Prefix", "")
    if prefix not in {echoed, unquote_plus(echoed)} and echoed != unquote_plus(prefix):
        raise ValueError("it is of another prefix")
    objects = [_object(found) for found in response.get("Contents", ())]
    if response.get("KeyCount", 0) > len(objects) + len(response.get("CommonPrefixes", ())):
        raise ValueError("it has fewer objects than it counts")
    if not all(found.key.startswith(prefix) for found in objects):
        raise ValueError("it has objects of another prefix")
    is_truncated, token = response.get("IsTruncated"), response.get("NextContinuationToken") or None
    if not isinstance(is_truncated, bool):
        raise ValueError("it doesn't say if there are more pages")  # noqa: TRY004 - it is data
    if is_truncated != (token is not None):
        raise ValueError("IsTruncated and NextContinuationToken contradict each other")
    return ListingPage(objects, token)


def _is_alias(bucket: str) -> bool:
    return ":" in bucket or bucket.endswith(ALIASES)


def _object(found: Mapping[str, Any]) -> StoredObject:
    try:
        key, size, modified = found["Key"], found["Size"], found["LastModified"]
    except KeyError as error:
        raise ValueError(f"it has an object without {error.args[0]}") from None
    return StoredObject(key, size, found.get("ETag") or "", _instant(modified))


def _instant(modified: datetime) -> datetime:
    """Return a time of the store in UTC; a time without an offset is in UTC already."""
    try:
        aware = modified if modified.tzinfo else modified.replace(tzinfo=UTC)
        instant = aware.astimezone(UTC)
    except OverflowError:
        instant = LAST
    if FIRST <= instant < LAST:
        return instant
    raise ValueError("it has an object whose time is outside the calendar")
