"""Dfinery: one CSV for each day of the service.

Its limit of requests an hour is an account's own, so it isn't counted: a 429 is waited for.

https://docs.dfinery.ai/api-guide/api/export-api (POST: event export, responses, rate limit)
"""

from __future__ import annotations

from datetime import date, timedelta, tzinfo
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.http.response import Response, error_body
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.windows import Window, calendar_days, format_instant
from tap_eventexport.vendors.dfinery.columns import ARRIVAL, KEY, TYPES, documented
from tap_eventexport.vendors.dfinery.day_rows import DayRows
from tap_eventexport.vendors.dfinery.exports import DfineryExport
from tap_eventexport.vendors.dfinery.findings import Findings
from tap_eventexport.vendors.dfinery.rows import Csv, column_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from singer_sdk import Tap

    from tap_eventexport.engine.http.client import HttpClient

KEPT_DAYS = 30  # "only data up to 30 days before today"; perhaps including that day
DAY = timedelta(days=1)
EDGE_DAYS = 2  # the oldest days, for which a refusal isn't an error
FILTERS = tuple(
    f"dfinery_{name}{end}"
    for name in ("event_names", "properties")
    for end in ("", "_condition_type")
)


class DateRangeError(FatalVendorError):
    """The requested day is older than the vendor keeps."""


class DfineryEvents(DfineryExport):
    """Events, with one row for each item of a purchase.

    `POST /api/v1/export/event`. It is not documented which of a row's times the period selects by,
    so all rows of the requested day are kept. The order of rows, quoting and line ends are not
    documented either. At most 5 requests at the same time.
    """

    name = "dfinery_events"
    record = "one row of the CSV: an event, or one item of a purchase"
    primary_keys = (KEY,)
    replication_key = ARRIVAL
    happened_column = "df_event_datetime"
    lookback: ClassVar = timedelta(days=1)
    is_by_day = True
    keeps = "all"  # by which time a day selects isn't documented
    path = "/api/v1/export/event"
    types: ClassVar = TYPES
    filter_settings: ClassVar = FILTERS
    columns: ClassVar = th.PropertiesList(
        *(
            th.Property(name, documented(name, kind), required=name in {KEY, ARRIVAL})
            for name, kind in TYPES.items()
        )
    )

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self._findings = Findings(self, self.day_zone)

    @property
    def retention_start(self) -> datetime:
        """The first instant of the oldest day that the vendor may still keep."""
        edge = self.now - timedelta(days=KEPT_DAYS)
        return next(iter(calendar_days(Window(edge, self.now), self.day_zone))).start

    @property
    def day_zone(self) -> tzinfo:
        """The service's time zone."""
        return self.zone

    @property
    def _today(self) -> date:
        return self.now.astimezone(self.day_zone).date()

    def windows(self, whole: Window) -> Iterator[Window]:
        """The service's whole days; with settle_minutes only days that are over."""
        is_settling = self.config["settle_minutes"] > 0
        for day in calendar_days(whole, self.day_zone):
            if not (is_settling and day.end > whole.end):
                yield day

    def pages(self, window: Window, cursor: Mapping[str, Any] | None) -> Iterator[Page]:  # noqa: ARG002
        """Read the day with one request. A day that the vendor refuses as too old is a gap."""
        day = window.start.astimezone(self.day_zone).date()
        try:
            spool = self.export(self._asked(day))
        except DateRangeError as error:
            self._accept_gap(window, day, error)
            yield Page([], None)
            return
        if not spool.header:
            spool.close()
            yield Page([], None)
            return
        names = column_names(spool.header)
        read = Csv(f"Dfinery's CSV of {day}", names, self._types, self.zone, (KEY, ARRIVAL))
        columns = self._types.schemas(read.names)
        rows = DayRows(
            spool,
            read,
            self._findings,
            self.client.shutdown.check,
            is_numbering=self.config["dfinery_repeated_ids"] == "number",
        )
        yield Page((), None, disk_bytes=spool.size, columns=columns, rows=rows)

    def log_findings(self) -> None:
        """Log different rows with the same id."""
        self._findings.log()

    def check_connection(self) -> None:
        """Request today's events, and read only the header."""
        self.header(self._asked(self._today))

    def discover_columns(self) -> None:
        """Request the header of a day's CSV, which has all columns of the service."""
        header = self.header(self._asked(self._today)) or self.header(
            self._asked(self._today - timedelta(days=1))
        )
        new = column_names(header) - self.schema["properties"].keys()
        self.schema["properties"].update(self._types.schemas(sorted(new)))

    def _accept_gap(self, window: Window, day: date, error: DateRangeError) -> None:
        if day > self._today - timedelta(days=KEPT_DAYS - EDGE_DAYS):
            raise error
        gap = (
            f"events from {format_instant(window.start)} to {format_instant(window.end)} are no "
            "longer kept by the vendor and can't be read"
        )
        if self.config["on_gap"] == "fail":
            raise FatalVendorError(f"{gap}; on_gap=fail ends the stream here") from error
        self.logger.warning("%s: %s; continuing with the next day", self.name, gap)

    def _asked(self, day: date) -> dict[str, Any]:
        """Return the body of the request for a day."""
        body = {
            **self.chosen("dfinery_event_names", "events"),
            **self.chosen("dfinery_properties", "properties"),
            "from_date": f"{day}",
        }
        return {**body, "to_date": f"{day + DAY}"} if day < self._today else body

    def _refusal(self, response: Response, body: Mapping[str, Any]) -> Exception:
        """Return the error for a response without a CSV."""
        code = error_body(response).get("message")
        day = body.get("from_date")
        if response.status == HTTPStatus.BAD_REQUEST and code == "exceed_date_range_limit":
            return DateRangeError(
                f"Dfinery says that {day} is too old (HTTP {response.status}, {code}); if it "
                f"isn't, check this machine's clock{self._if_set(' and ', 'dfinery_timezone')}"
            )
        return super()._refusal(response, body)
