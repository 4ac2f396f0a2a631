"""Proves that an answer is a page of a bucket's listing.

A listing is data too. One that says of no object that it is there looks like one of an empty
bucket; believed, it would move the bookmark over files that were never read.
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
    """An object as a listing tells of it.

    Attributes:
        key: Its key.
        size: Its bytes.
        etag: What changes with its content; empty if the store doesn't tell.
        modified: When it was written, or its upload began.
    """

    key: str
    size: int
    etag: str
    modified: datetime

    @property
    def version(self) -> str:
        """What differs between two contents of one key."""
        return self.etag or f"{self.size} bytes of {self.modified.isoformat()}"


@dataclass(frozen=True, slots=True)
class ListingPage:
    """One page of a listing.

    Attributes:
        objects: The objects, in the store's order.
        token: What the next page is asked for with; None if this is the last one.
    """

    objects: list[StoredObject]
    token: str | None


def fingerprint(text: str) -> int:
    """64 bits of a text's hash."""
    return int.from_bytes(hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:8])


def root_of(document: bytes) -> str:
    """The name of an XML document's root, without its namespace; empty if it has none."""
    with suppress(ParseError, StopIteration):
        _, element = next(iter(iterparse(BytesIO(document), ["start"])))  # noqa: S314 - no more of it
        return str(element.tag).rpartition("}")[2]
    return ""


def read_page(answer: Mapping[str, Any], root: str, bucket: str, prefix: str) -> ListingPage:
    """A page of the listing that was asked for.

    Args:
        answer: The answer to ListObjectsV2, as boto3 parses it.
        root: The root of the document that it was parsed from.
        bucket: The bucket that was asked for.
        prefix: The prefix that was asked for.

    Raises:
        ValueError: If it is anything else; the text quotes nothing of it.
    """
    if root != ROOT:
        raise ValueError(f"the document is no {ROOT}")
    if answer.get("Name") != bucket and not _is_alias(bucket):
        raise ValueError("it is of another bucket")
    echoed = answer.get("Prefix", "")
    if prefix not in {echoed, unquote_plus(echoed)} and echoed != unquote_plus(prefix):
        raise ValueError("it is of another prefix")
    objects = [_object(found) for found in answer.get("Contents", ())]
    if answer.get("KeyCount", 0) > len(objects) + len(answer.get("CommonPrefixes", ())):
        raise ValueError("it has fewer objects than it counts")
    if not all(found.key.startswith(prefix) for found in objects):
        raise ValueError("it has objects of another prefix")
    is_truncated, token = answer.get("IsTruncated"), answer.get("NextContinuationToken") or None
    if not isinstance(is_truncated, bool):
        raise ValueError("it doesn't say whether it goes on")  # noqa: TRY004 - it is data
    if is_truncated != (token is not None):
        raise ValueError("it says that it goes on, or where, but not both")
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
    """A time of the store in UTC; without an offset it is meant so."""
    try:
        aware = modified if modified.tzinfo else modified.replace(tzinfo=UTC)
        instant = aware.astimezone(UTC)
    except OverflowError:
        instant = LAST
    if FIRST <= instant < LAST:
        return instant
    raise ValueError("it has an object whose time no calendar has")
