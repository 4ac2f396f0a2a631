"""Dfinery: one CSV for each day of the service.

Its limit of requests an hour is an account's own, so it isn't counted: a 429 is waited for.

https://docs.dfinery.ai/api-guide/api/export-api (POST: event export, responses, rate limit)
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

import requests
from singer_sdk import typing as th
from singer_sdk.singerlib import Schema

from tap_eventexport.engine.bodies.csvspool import HEAD, CsvSpool
from tap_eventexport.engine.bodies.values import SCHEMAS
from tap_eventexport.engine.errors import (
    FatalVendorError,
    RateLimitedError,
    RetriableVendorError,
)
from tap_eventexport.engine.http.client import endpoint
from tap_eventexport.engine.http.headers import retry_after
from tap_eventexport.engine.http.response import (
    Response,
    error_body,
    one_line,
    raise_for_transient_status,
)
from tap_eventexport.engine.names import quote_names
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import (
    Window,
    calendar_days,
    format_instant,
    time_zone,
)
from tap_eventexport.vendors.dfinery.day_rows import DayRows
from tap_eventexport.vendors.dfinery.findings import Findings
from tap_eventexport.vendors.dfinery.rows import (
    ARRIVAL,
    KEY,
    TYPES,
    ColumnTypes,
    Day,
    column_names,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from singer_sdk import Tap
    from singer_sdk.singerlib import Catalog

    from tap_eventexport.engine.http.client import HttpClient

PATH = "/api/v1/export/event"
KEPT_DAYS = 30  # "only data up to 30 days before today"; perhaps including that day
EDGE_DAYS = 2  # the oldest days, for which a refusal isn't an error
FILTERS = tuple(
    f"dfinery_{name}{end}"
    for name in ("event_names", "properties")
    for end in ("", "_condition_type")
)


class DateRangeError(FatalVendorError):
    """The requested day is older than the vendor keeps."""


class DfineryEvents(EventStream):
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
    vendor = "Dfinery"
    lookback: ClassVar = timedelta(days=1)
    is_by_day = True
    keeps = "all"  # by which time a day selects isn't documented
    is_growing: ClassVar = True
    columns: ClassVar = th.PropertiesList(
        *(
            th.Property(name, th.CustomType(SCHEMAS[kind]), required=name in {KEY, ARRIVAL})
            for name, kind in TYPES.items()
        )
    )

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self._types = ColumnTypes(self.config["dfinery_property_types"])
        properties = self.schema["properties"]
        properties.update(self._types.schemas(properties))
        self._findings = Findings(self, self.day_zone)

    @property
    def retention_start(self) -> datetime:
        """The first instant of the oldest day that the vendor may still keep."""
        edge = self.now - timedelta(days=KEPT_DAYS)
        return next(iter(calendar_days(Window(edge, self.now), self.day_zone))).start

    @property
    def day_zone(self) -> tzinfo:
        """The service's time zone."""
        return time_zone(self.config["dfinery_timezone"])

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
            spool = self._export(day)
        except DateRangeError as error:
            self._accept_gap(window, day, error)
            yield Page([], None)
            return
        if not spool.header:
            spool.close()
            yield Page([], None)
            return
        read = Day(day, column_names(spool.header), self._types, self.day_zone)
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
        self._header(self._today)

    def discover_columns(self) -> None:
        """Request the header of a day's CSV, which has all columns of the service."""
        header = self._header(self._today) or self._header(self._today - timedelta(days=1))
        new = column_names(header) - self.schema["properties"].keys()
        self.schema["properties"].update(self._types.schemas(sorted(new)))

    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog, except its types: the tap's own may be newer."""
        if entry := catalog.get_stream(self.name):
            schema = entry.schema.to_dict()
            named = schema.get("properties") or {}
            in_force = self._types.schemas(named)
            if other := {name for name in named if _kind(named[name]) != _kind(in_force[name])}:
                self.logger.info(
                    "%s: the catalog's types are not used, since the tap has other types for: %s",
                    self.name,
                    quote_names(other),
                )
            entry.schema = Schema.from_dict({**schema, "properties": in_force})
        super().apply_catalog(catalog)

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

    def _export(self, day: date) -> CsvSpool:
        """Return the CSV of a day.

        An empty body may mean a day without events, or a failure: it is accepted if it comes twice.
        """
        for _ in range(2):
            spool = self.client.fetch(
                lambda: self._request(day),
                lambda response: self._checked(response, day, CsvSpool.check),
                is_spooled=True,
            )
            if spool.header:
                break
        return spool

    def _header(self, day: date) -> Sequence[str]:
        """Return only the header of a day's CSV; empty if there is none."""
        spool = self.client.fetch(
            lambda: self._request(day),
            lambda response: self._checked(response, day, CsvSpool.read_header),
            is_spooled=True,
            most=HEAD,
        )
        spool.close()
        return spool.header

    def _request(self, day: date) -> requests.Request:
        chosen = self.config["dfinery_event_names"]
        properties = self.config["dfinery_properties"]
        body = {
            "events_condition_type": self.config.get("dfinery_event_names_condition_type")
            or ("include" if chosen else "all"),
            "properties_condition_type": self.config.get("dfinery_properties_condition_type")
            or ("include" if properties else "all"),
            "from_date": f"{day}",
        }
        if day < self._today:
            body["to_date"] = f"{day + timedelta(days=1)}"
        lists = {"events": chosen, "properties": properties}
        return requests.Request(
            "POST",
            endpoint(self.config["dfinery_api_url"], PATH),
            params={"service_id": self.config["dfinery_service_id"]},
            json={**body, **{name: values for name, values in lists.items() if values}},
            headers={
                "Authorization": f"Bearer {self.config['dfinery_api_token']}",
                "Accept-Encoding": "gzip",  # its end can be checked, unlike that of other encodings
            },
        )

    def _checked(
        self, response: Response, day: date, check: Callable[[CsvSpool, Sequence[str]], object]
    ) -> CsvSpool:
        """Return the checked CSV of a response.

        Raises:
            RateLimitedError: If the rate limit is reached.
            RetriableVendorError: If the response isn't a complete CSV. A success other than 200
                isn't: it is not documented what it means.
            DateRangeError: If the day is too old.
            FatalVendorError: If the user must do something.
        """
        if response.spool is None:
            raise self._refusal(response, day)
        if response.status != HTTPStatus.OK:
            response.spool.close()
            raise RetriableVendorError(
                f"{response}, which is not a complete CSV: the status must be 200"
            )
        spool = CsvSpool(response.spool)
        try:
            check(spool, (KEY, ARRIVAL))
        except RetriableVendorError as error:
            spool.close()
            raise RetriableVendorError(
                f"{response}, which is not a complete CSV: {error}"
            ) from None
        return spool

    def _refusal(self, response: Response, day: date) -> Exception:
        """Return the error for a response without a CSV."""
        code = one_line(error_body(response).get("message", ""))
        problem = f"HTTP {response.status}" + (f", {code}" if code else "")
        match response.status:
            case HTTPStatus.TOO_MANY_REQUESTS:
                return RateLimitedError(
                    f"Dfinery's rate limit for this service is reached ({problem})",
                    retry_after(response.headers),
                )
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
                return FatalVendorError(
                    f"Dfinery refused the token ({problem}): check dfinery_api_token; it must be "
                    "the service's Export token, not its Import token"
                )
            case HTTPStatus.BAD_REQUEST if code == "exceed_date_range_limit":
                return DateRangeError(
                    f"Dfinery says that {day} is too old ({problem}); if it isn't, check this "
                    f"machine's clock{self._if_set(' and ', 'dfinery_timezone')}"
                )
            case HTTPStatus.NOT_FOUND:
                return FatalVendorError(
                    f"Dfinery has no such address ({problem})"
                    f"{self._if_set(': check ', 'dfinery_api_url') or '; please report it'}"
                )
        raise_for_transient_status(response)
        filters = self._if_set(", ", *FILTERS)
        return FatalVendorError(
            f"Dfinery refused the request ({problem}): check dfinery_service_id{filters}"
        )

    def _if_set(self, before: str, *names: str) -> str:
        """Join the names of settings that aren't at their default; empty if there are none."""
        known = self.tap.config_jsonschema["properties"]
        changed = [name for name in names if self.config.get(name) != known[name].get("default")]
        return before + ", ".join(changed) if changed else ""


def _kind(schema: Mapping[str, Any]) -> tuple[Any, Any]:
    return schema.get("type"), schema.get("format")
