"""Infobip: the rows of the files that exports put into an S3 bucket.

https://www.infobip.com/docs/customer-profiles/events (events export: bucket, role, files)
"""

from __future__ import annotations

import re
from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk import typing as th

from tap_eventexport.engine.identity import TwinKeys, content_key
from tap_eventexport.engine.jsonspool import JsonSpool
from tap_eventexport.engine.names import shown_name
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.s3 import Access, Bucket
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk import Tap

    from tap_eventexport.engine.clocks import VendorClock
    from tap_eventexport.engine.http import HttpClient
    from tap_eventexport.engine.listing import StoredObject

FILE_NAME = re.compile(r"(?P<request_id>[0-9A-Fa-f-]{36})-events-(?P<window>.+)\.json\.gz")
CANONICAL = len("2026-03-01T00:00:00.000Z")


class Row(msgspec.Struct, gc=False):
    """One row of a file. The offset of `timestamp` may be written in any way of ISO 8601."""

    timestamp: str
    definitionId: str | None = None
    personId: str | None = None
    externalPersonId: str | None = None
    properties: msgspec.Raw = msgspec.Raw(b"null")


class Record(msgspec.Struct, gc=False):
    """One record of `infobip_events`."""

    event_key: str
    definitionId: str | None
    personId: str | None
    externalPersonId: str | None
    timestamp: str
    properties: msgspec.Raw
    file: str = msgspec.field(name="_file")


_decode_rows = msgspec.json.Decoder(Row).decode_lines
_decode_properties = msgspec.json.Decoder(dict[str, Any] | None, float_hook=str).decode


class InfobipEvents(EventStream):
    """Events of the account's customers, as rows of the files that exports put into a bucket.

    Infobip doesn't say how rows are ordered, what tells several files of one export apart, nor
    whether a window's ends are inclusive. Rows have no id.
    """

    name = "infobip_events"
    primary_keys = ("event_key",)
    replication_key = "timestamp"
    lookback: ClassVar = timedelta(minutes=60)
    columns: ClassVar = th.PropertiesList(
        th.Property("event_key", th.StringType, required=True, description="of the content"),
        th.Property("definitionId", th.StringType, description="The kind of event."),
        th.Property("personId", th.StringType),
        th.Property("externalPersonId", th.StringType),
        th.Property("timestamp", th.DateTimeType, required=True),
        th.Property("properties", th.ObjectType(additional_properties=True)),
        th.Property("_file", th.StringType, description="The file's key in the bucket."),
    )

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self.bucket = Bucket(_access(self.config), client, self._store_clock)

    @property
    def _store_clock(self) -> VendorClock | None:
        """What is compared with the bucket's clock; None where the bucket's times don't count."""
        return None

    @property
    def directory(self) -> str:
        """The directory as a prefix of keys: empty, or with a slash at its end."""
        path: str = self.config["infobip_s3_directory"].strip("/")
        return f"{path}/" if path else ""

    @abstractmethod
    def is_wanted(self, timestamp: str, definition: str | None) -> bool:
        """Whether a row is one of this run's."""

    def export_files(
        self, found: Iterable[StoredObject], name: re.Pattern[str] = FILE_NAME
    ) -> Iterator[StoredObject]:
        """The export files among some objects; all others are told of in one line."""
        others, example = 0, ""
        for stored in found:
            if name.fullmatch(base_name(stored)) and stored.size:
                yield stored
            elif not stored.key.endswith("/"):
                others, example = others + 1, example or stored.key
        if others:
            self.logger.warning(
                "%s: skipped %d objects under %s/%s that are empty or no export files, such as %s",
                self.name,
                others,
                self.bucket,
                self.directory,
                shown_name(example),
            )

    def file_page(
        self, file: StoredObject, twins: TwinKeys, place: Mapping[str, Any] | None
    ) -> Page:
        """A page of a file's records, the file being checked whole."""
        spool = self._spool(file)
        return Page(self._records(spool, file, twins), place, spooled=spool.size)

    def counted(self, files: Iterable[StoredObject]) -> TwinKeys:
        """The twins in files that were emitted before; more of them may be in others."""
        twins = TwinKeys()
        for file in files:
            for _ in self._records(self._spool(file), file, twins):
                pass
        return twins

    def _spool(self, file: StoredObject) -> JsonSpool:
        spool = JsonSpool(self.bucket.open(file), self.bucket.named(file.key))
        spool.check()
        return spool

    def _records(
        self, spool: JsonSpool, file: StoredObject, twins: TwinKeys
    ) -> Iterator[list[Record]]:
        def decode(block: bytes) -> list[Record]:
            # Raw line ends can only be white space between values; one would break a record's line.
            rows = _decode_rows(block.replace(b"\n", b" ").replace(b"\r", b" "))
            fields = [
                (row.definitionId, row.personId, row.externalPersonId, instant(row.timestamp))
                for row in rows
            ]
            keys = twins.keys(
                [
                    content_key((*values, _decode_properties(row.properties)))
                    for row, values in zip(rows, fields, strict=True)
                ]
            )
            return [
                Record(key, *values, row.properties, file.key)
                for row, values, key in zip(rows, fields, keys, strict=True)
                if self.is_wanted(values[-1], row.definitionId)
            ]

        return spool.blocks(decode)


def base_name(stored: StoredObject) -> str:
    """The part of a key behind its last slash."""
    return stored.key.rpartition("/")[2]


def instant(text: str) -> str:
    """An ISO 8601 date-time, with any offset and fraction, in UTC with milliseconds.

    Raises:
        ValueError: If it is none.
    """
    try:
        moment = parse_instant(text)
    except ValueError:
        raise ValueError("a timestamp is no ISO 8601 date-time") from None
    is_canonical = len(text) == CANONICAL and text[10] == "T" and text[19] + text[-1] == ".Z"
    return text if is_canonical else format_instant(moment)


def _access(config: Mapping[str, Any]) -> Access:
    region = config.get("infobip_s3_region")
    return Access(
        setting="infobip_s3",
        bucket=config["infobip_s3_bucket"],
        region=region and region.lower().replace("_", "-"),
        access_key_id=config.get("aws_access_key_id"),
        secret_access_key=config.get("aws_secret_access_key"),
        session_token=config.get("aws_session_token"),
        profile=config.get("aws_profile"),
        role_arn=config.get("aws_role_arn"),
        external_id=config.get("aws_external_id"),
        endpoint_url=config.get("aws_endpoint_url"),
    )
