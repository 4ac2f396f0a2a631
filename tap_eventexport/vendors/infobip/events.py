"""Infobip: the rows of files that exports put into an S3 bucket.

https://www.infobip.com/docs/customer-profiles/events (events export: bucket, role, files)
"""

from __future__ import annotations

import re
from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_eventexport.engine.bodies.extra import COLUMN, NewNames
from tap_eventexport.engine.bodies.jsonspool import JsonSpool
from tap_eventexport.engine.names import quote_name
from tap_eventexport.engine.objects.s3 import Access, Bucket
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.vendors.infobip.rows import Record, RowKeys, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk import Tap

    from tap_eventexport.engine.http.client import HttpClient
    from tap_eventexport.engine.http.clocks import VendorClock
    from tap_eventexport.engine.objects.listing import StoredObject

FILE_NAME = re.compile(r"(?P<request_id>[0-9A-Fa-f-]{36})-events-(?P<window>.+)\.json\.gz")


class InfobipEvents(EventStream):
    """Events of the account's customers, as rows of the files that exports put into a bucket.

    Not documented: the order of rows, how several files of one export differ, and whether a
    window's ends are inclusive. Rows of the current form have no id.
    """

    name = "infobip_events"
    record = "one row of an export file"
    primary_keys = ("event_key",)
    replication_key = "timestamp"
    source_column = "_file"
    lookback: ClassVar = timedelta(minutes=60)
    keeps = "all"  # see `is_wanted`: files and exports may select by the time of arrival
    columns: ClassVar = th.PropertiesList(
        th.Property(
            "event_key",
            th.StringType,
            required=True,
            description="of the eventId, or the content",
        ),
        th.Property(
            "definitionId",
            th.StringType,
            description="the kind of event: a definitionId of infobip_event_definitions",
        ),
        th.Property("personId", th.StringType, description="Infobip's id of the customer"),
        th.Property(
            "externalPersonId", th.StringType, description="the account's own id of the customer"
        ),
        th.Property("timestamp", th.DateTimeType, required=True, description="when it happened"),
        th.Property(
            "properties",
            th.ObjectType(additional_properties=True),
            description="the event's own fields, which its definition names",
        ),
        th.Property("_file", th.StringType, description="the key of its file in the bucket"),
        COLUMN,
    )

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self.bucket = Bucket(_access(self.config), client, self._store_clock)
        self._new_names = NewNames(self.name, self.logger)
        self._repeated = 0

    @property
    def _store_clock(self) -> VendorClock | None:
        """The clock to compare with the bucket's; None if the bucket's times aren't used."""
        return None

    @property
    def directory(self) -> str:
        """The directory as a prefix of keys: empty, or with a trailing slash."""
        path: str = self.config["infobip_s3_directory"].strip("/")
        return f"{path}/" if path else ""

    @abstractmethod
    def is_wanted(self, timestamp: str, definition: str | None) -> bool:
        """Whether this run keeps a row."""

    def export_files(
        self, found: Iterable[StoredObject], name: re.Pattern[str] = FILE_NAME
    ) -> Iterator[StoredObject]:
        """Yield the export files among some objects; log the others in one line."""
        others, example = 0, ""
        for stored in found:
            if name.fullmatch(base_name(stored)) and stored.size:
                yield stored
            elif not stored.key.endswith("/"):
                others, example = others + 1, example or stored.key
        if others:
            self.logger.warning(
                "%s: skipped %d objects under %s/%s that are empty or not export files, such as %s",
                self.name,
                others,
                self.bucket,
                self.directory,
                quote_name(example),
            )

    def file_page(
        self, file: StoredObject, keys: RowKeys, cursor: Mapping[str, Any] | None
    ) -> Page:
        """Make a page of a file's records, after checking the whole file."""
        spool = self._spool(file)
        return Page(
            self._records(spool, file, keys), cursor, disk_bytes=spool.size, source=file.key
        )

    def counted(self, files: Iterable[StoredObject]) -> RowKeys:
        """Return the keys of rows in files that were emitted before."""
        keys = RowKeys()
        for file in files:
            for rows in self._spool(file).blocks(lambda block: [read_rows(block)]):
                keys.keys(rows[0])
        return keys

    def log_findings(self) -> None:
        """Log events whose id another event also has."""
        if self._repeated:
            self.logger.warning(
                "%s: %d rows have the eventId of another row of the export but different content; "
                "each was sent with its own key",
                self.name,
                self._repeated,
            )

    def _spool(self, file: StoredObject) -> JsonSpool:
        spool = JsonSpool(self.bucket.open(file), self.bucket.named(file.key))
        spool.check()
        return spool

    def _records(
        self, spool: JsonSpool, file: StoredObject, keys: RowKeys
    ) -> Iterator[list[Record]]:
        def decode(block: bytes) -> list[Record]:
            rows = read_rows(block)
            repeated = keys.repeated
            made = keys.keys(rows)
            self._repeated += keys.repeated - repeated
            self._new_names.note(rows.names)
            return [
                Record(key, *columns, properties, file.key, extra)
                for key, columns, properties, extra in zip(
                    made, rows.columns, rows.properties, rows.extras, strict=False
                )
                if self.is_wanted(columns[-1], columns[0])
            ]

        return spool.blocks(decode)


def base_name(stored: StoredObject) -> str:
    """Return the part of a key after its last slash."""
    return stored.key.rpartition("/")[2]


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
