"""Dfinery: one CSV for each day of the service, under a quota of 100 requests an hour.

https://docs.dfinery.ai/api-guide/api/export-api (POST: event export, responses, rate limit)
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import requests
from singer_sdk import typing as th

from tap_eventexport.engine.answers import envelope, quoted
from tap_eventexport.engine.csvspool import CsvSpool
from tap_eventexport.engine.errors import (
    FatalVendorError,
    RateLimitedError,
    RetriableVendorError,
)
from tap_eventexport.engine.headers import named_wait
from tap_eventexport.engine.http import Answer, refuse_passing_faults
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.values import SCHEMAS, converter
from tap_eventexport.engine.windows import (
    Window,
    calendar_days,
    format_instant,
    from_milliseconds,
    time_zone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_eventexport.engine.values import Convert

PATH = "/api/v1/export/event"
KEPT_DAYS = 30  # "only data up to 30 days before today"; whether that day is included is not said
EDGE_DAYS = 2  # days at the edge that may be refused before it is an error
KEY, ARRIVAL, NAME = "df_event_detail_log_id", "df_server_datetime", "df_event_name"
OTHER_NAME = "event_name"  # what the documentation's table calls df_event_name
EARLIEST_ID, LATEST_ID = 10**12, 10**13  # epoch milliseconds, with which log ids begin
ODD = timedelta(hours=1)  # between a log id's time and the arrival, beyond which a zone is wrong

TYPES = {
    "df_unified_id": "string",
    "df_api_version": "string",
    NAME: "string",
    ARRIVAL: "date-time",
    "df_correction_datetime": "date-time",
    "df_event_datetime": "date-time",
    "df_event_log_id": "string",
    KEY: "string",
    "df_service_id": "string",
    "df_source_type": "string",
    "df_order_id": "string",
    "df_payment_method": "string",
    "df_sharing_channel": "string",
    "df_sign_channel": "string",
    "df_keyword": "string",
    "df_total_purchase_amount": "number",
    "df_total_refund_amount": "number",
    "df_delivery_charge": "number",
    "df_discount": "number",
    "df_items_df_item_id": "string",
    "df_items_df_item_name": "string",
    **{f"df_items_df_category{number}": "string" for number in range(1, 6)},
    "df_items_df_price": "number",
    "df_items_df_quantity": "number",
    "df_items_df_discount": "number",
}


class DateRangeError(FatalVendorError):
    """The day asked for is older than the vendor keeps."""


class DfineryEvents(EventStream):
    """Events, with one row for each item of a purchase.

    `POST /api/v1/export/event`. Which time the period selects is not documented, so rows of a
    day that was asked for are kept whatever their own times say. The order of rows, quoting and
    line ends are not documented either. At most 5 requests at once.
    """

    name = "dfinery_events"
    primary_keys = (KEY,)
    replication_key = ARRIVAL
    vendor = "Dfinery"
    lookback: ClassVar = timedelta(days=1)
    columns: ClassVar = th.PropertiesList(
        *(
            th.Property(name, th.CustomType(SCHEMAS[kind]), required=name in {KEY, ARRIVAL})
            for name, kind in TYPES.items()
        )
    )

    @property
    def oldest(self) -> datetime:
        """The first instant of the day that may be the oldest one kept."""
        edge = self.now - timedelta(days=KEPT_DAYS)
        return next(iter(calendar_days(Window(edge, self.now), self.zone))).start

    @property
    def zone(self) -> tzinfo:
        """The service's time zone."""
        return time_zone(self.config["dfinery_timezone"])

    @property
    def _today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def _types(self) -> dict[str, str]:
        return {**TYPES, **self.config["dfinery_property_types"]}

    def windows(self, whole: Window) -> Iterator[Window]:
        """The service's days, each whole; with a settle time only those that are over."""
        is_settling = self.config["settle_minutes"] > 0
        for day in calendar_days(whole, self.zone):
            if not (is_settling and day.end > whole.end):
                yield day

    def pages(self, window: Window, place: Mapping[str, Any] | None) -> Iterator[Page]:  # noqa: ARG002
        """One request for the day. A day that the vendor refuses as too old is a gap."""
        day = window.start.astimezone(self.zone).date()
        try:
            spool = self._export(day)
        except DateRangeError as error:
            self._accept_gap(window, day, error)
            yield Page([], None)
            return
        names = [NAME if name == OTHER_NAME else name for name in spool.header]
        if len(set(names)) < len(names):
            raise FatalVendorError(f"Dfinery's CSV of {day} has a column twice; please report it")
        schemas = {name: SCHEMAS[self._types.get(name, "string")] for name in names}
        yield Page(self._blocks(spool, names, day), None, spooled=spool.size, columns=schemas)

    def prove(self) -> None:
        """Ask for yesterday's log-ins: the least that is certain to be kept."""
        self._export(self._today - timedelta(days=1), events=["df_login"]).close()

    def learn_columns(self) -> None:
        """Ask for the header of a day's CSV, which has all columns of the service."""
        spool = self._export(self._today - timedelta(days=1), events=["df_login"])
        spool.close()
        names = {NAME if name == OTHER_NAME else name for name in spool.header}
        for name in sorted(names - self.schema["properties"].keys()):
            self.schema["properties"][name] = SCHEMAS[self._types.get(name, "string")]

    def _blocks(
        self, spool: CsvSpool, names: list[str], day: date
    ) -> Iterator[list[msgspec.Struct]]:
        """The rows as records; a value that doesn't fit its column's type fails the day."""
        converters = [converter(self._types.get(name, "string"), self.zone) for name in names]
        row = msgspec.defstruct(
            "Row",
            [f"column_{number}" for number in range(len(names))],
            rename={f"column_{number}": name for number, name in enumerate(names)},
            gc=False,
        )
        number = 0
        for block in spool.blocks():
            columns = []
            for name, convert, texts in zip(
                names, converters, zip(*block, strict=True), strict=True
            ):
                try:
                    columns.append(convert(texts))
                except ValueError:
                    raise self._misfit(day, name, number + _first_misfit(convert, texts)) from None
            if number == 0:
                self._compare_clocks(
                    {name: column[0] for name, column in zip(names, columns, strict=True)}
                )
            number += len(block)
            yield list(map(row, *columns))

    def _misfit(self, day: date, name: str, row: int) -> FatalVendorError:
        kind = self._types.get(name, "string")
        return FatalVendorError(
            f"Dfinery's CSV of {day}: column {name}, row {row}: a value that is no {kind}; correct "
            "dfinery_property_types, or report it if the column isn't named there"
        )

    def _compare_clocks(self, record: Mapping[str, Any]) -> None:
        """Log ids begin with the arrival in milliseconds: a cross-check of the time zone."""
        begin = (record.get("df_event_log_id") or "").partition(":")[0]
        if not (begin.isdecimal() and EARLIEST_ID <= int(begin) < LATEST_ID and record[ARRIVAL]):
            return
        logged = from_milliseconds(int(begin))
        difference = datetime.fromisoformat(record[ARRIVAL]) - logged
        if abs(difference) > ODD:
            self.logger.warning(
                "%s: %s is %s away from the time in the event's log id; is dfinery_timezone=%s "
                "the service's?",
                self.name,
                ARRIVAL,
                difference,
                self.config["dfinery_timezone"],
            )

    def _accept_gap(self, window: Window, day: date, error: DateRangeError) -> None:
        if day > self._today - timedelta(days=KEPT_DAYS - EDGE_DAYS):
            raise error
        gap = (
            f"events from {format_instant(window.start)} to {format_instant(window.end)} are no "
            "longer kept by the vendor and can't be read"
        )
        if self.config["on_gap"] == "fail":
            raise FatalVendorError(f"{gap}; on_gap=fail ends the stream here") from error
        self.logger.warning("%s: %s; going on with the next day", self.name, gap)

    def _export(self, day: date, events: list[str] | None = None) -> CsvSpool:
        """The CSV of a day.

        A day without events may be an empty body, and so may a fault be: it is believed if it
        comes twice.
        """
        for _ in range(2):
            spool = self.client.fetch(lambda: self._request(day, events), _read, is_spooled=True)
            if spool.header:
                break
        return spool

    def _request(self, day: date, events: list[str] | None) -> requests.Request:
        chosen = events or self.config["dfinery_event_names"]
        properties = self.config["dfinery_properties"]
        condition = "include" if events else self.config.get("dfinery_event_names_condition_type")
        body = {
            "events_condition_type": condition or ("include" if chosen else "all"),
            "properties_condition_type": self.config.get("dfinery_properties_condition_type")
            or ("include" if properties else "all"),
            "from_date": f"{day}",
        }
        if day < self._today:
            body["to_date"] = f"{day + timedelta(days=1)}"
        lists = {"events": chosen, "properties": properties}
        return requests.Request(
            "POST",
            self.config["dfinery_api_url"].rstrip("/") + PATH,
            params={"service_id": self.config["dfinery_service_id"]},
            json={**body, **{name: values for name, values in lists.items() if values}},
            headers={
                "Authorization": f"Bearer {self.config['dfinery_api_token']}",
                "Accept-Encoding": "gzip",  # checked to its end, as other encodings can't be
            },
        )


def _first_misfit(convert: Convert, texts: Sequence[str]) -> int:
    """The number, from 1 on, of the first text that can't be converted."""
    for number, text in enumerate(texts, start=1):
        try:
            convert([text])
        except ValueError:
            return number
    return 0


def _read(answer: Answer) -> CsvSpool:
    """The checked CSV of an answer.

    Raises:
        RateLimitedError: If the quota is used up.
        RetriableVendorError: If the answer is no whole CSV.
        DateRangeError: If the day is too old.
        FatalVendorError: If a person must do something.
    """
    if answer.spool:
        spool = CsvSpool(answer.spool)
        try:
            spool.check((KEY, ARRIVAL))
        except RetriableVendorError as error:
            spool.close()
            raise RetriableVendorError(f"{answer}, which is no whole CSV: {error}") from None
        return spool
    code = quoted(envelope(answer).get("message", ""))
    problem = f"HTTP {answer.status}" + (f", {code}" if code else "")
    match answer.status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            raise RateLimitedError(
                f"Dfinery's quota of 100 requests an hour is used up ({problem})",
                named_wait(answer.headers),
            )
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            raise FatalVendorError(
                f"Dfinery refused the token ({problem}): check dfinery_api_token; it must be the "
                "service's Export token, not its Import token"
            )
        case HTTPStatus.BAD_REQUEST if code == "exceed_date_range_limit":
            raise DateRangeError(f"Dfinery says that the day is too old ({problem})")
        case HTTPStatus.NOT_FOUND:
            raise FatalVendorError(
                f"Dfinery has no such address ({problem}): check dfinery_api_url"
            )
    refuse_passing_faults(answer)
    raise FatalVendorError(
        f"Dfinery refused the request ({problem}): check dfinery_service_id, "
        "dfinery_event_names and dfinery_properties"
    )
