"""Naver Cloud API Gateway: the events of the dashboard, searched by day and read by offset.

https://api.ncloud-docs.com/docs/apigateway-dashboardevent-events
https://api.ncloud-docs.com/docs/en/common-ncpapi (signature)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import urlsplit

import msgspec
import requests
from singer_sdk import typing as th

from tap_eventexport.engine.bodies.extra import COLUMN, NewNames, as_column
from tap_eventexport.engine.duplicates.identity import DuplicateKeys, content_key, parsed
from tap_eventexport.engine.errors import FatalVendorError, RestartWindowError
from tap_eventexport.engine.http.client import endpoint
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.paging.facts import FAR, Paging, PagingError
from tap_eventexport.engine.paging.offsets import Counted, OffsetPage, OffsetReader, ResumePoint
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import (
    EPOCH,
    Window,
    calendar_days,
    format_instant,
    parse_naive,
)
from tap_eventexport.vendors.ncp.responses import CLOCK_TOLERANCE, RefusedSearchError, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from singer_sdk import Tap

    from tap_eventexport.engine.http.client import HttpClient
    from tap_eventexport.vendors.ncp.responses import Event, Found

BASE = "/api/v1"
PATH = "/dashboards/events/search"
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
NO_PLACE = "the position in STATE can't be understood"
MAX_TWINS = 200  # contents of one second in STATE; with more the day is read from its start


class Record(msgspec.Struct, gc=False):
    """One record of `ncp_apigateway_events`."""

    event_key: str
    time: str
    level: str | None
    type: str | None
    message: str | None
    extra: msgspec.Raw = msgspec.field(name="_extra")


class Hint(msgspec.Struct):
    """What STATE keeps of a day that was read: see `Counted`."""

    query: str
    before: str
    count: Annotated[int, msgspec.Meta(ge=1)]
    newest_first: bool


class NcpApiGatewayEvents(EventStream):
    """Subscription requests, quota and throttle alarms of the account's API gateways.

    `POST /dashboards/events/search`. Events have no id; times have whole seconds. Not documented:
    whether `to` is inclusive, the order of events, the greatest `limit`, how far back events go.
    """

    name = "ncp_apigateway_events"
    record = "one event of the account's API gateways"
    primary_keys = ("event_key",)
    replication_key = "time"
    vendor = "Naver Cloud"
    lookback: ClassVar = timedelta(minutes=10)
    granularity: ClassVar = SECOND
    columns: ClassVar = th.PropertiesList(
        th.Property("event_key", th.StringType, required=True, description="of the content"),
        th.Property("time", th.DateTimeType, required=True),
        th.Property("level", th.StringType, description="EVENT, ALARM, ALERT"),
        th.Property("type", th.StringType, description="ES010, ES020, EU400, EU410, EU420"),
        th.Property("message", th.StringType),
        COLUMN,
    )

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self.paging = Paging()
        self._new_names = NewNames(self.name, self.logger)
        self.is_to_inclusive: bool | None = None
        self._is_told = False
        self._used_hints: set[str] = set()

    @property
    def filters(self) -> tuple[Any, ...]:
        """An offset holds for the same search only."""
        return (self._url, self.config["ncp_time_zone"], self._filter)

    @property
    def _filter(self) -> dict[str, list[str]]:
        chosen = {
            "level": self.config["ncp_event_levels"],
            "type": self.config["ncp_event_types"],
        }
        return {name: values for name, values in chosen.items() if values}

    @property
    def day_zone(self) -> timezone:
        """The time zone of requests and answers."""
        return fixed_zone(self.config["ncp_time_zone"])

    @property
    def _url(self) -> str:
        """The address, whether the setting has `/api/v1` at its end or not."""
        base: str = self.config["ncp_api_url"].rstrip("/").removesuffix(BASE)
        return endpoint(base, BASE + PATH)

    def windows(self, whole: Window) -> Iterator[Window]:
        """The days of the time zone; the first and the last as far as they are wanted."""
        return (day.clipped(whole) for day in calendar_days(whole, self.day_zone))

    def pages(self, window: Window, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Search the window's day; what lies outside of the window only counts for the keys."""
        day = DaySearch(self, window.start.astimezone(self.day_zone).date(), cursor)
        lookback = min(self.bounds().lookback, window.end - EPOCH)
        needed = window.end - lookback - CLOCK_TOLERANCE  # by the next run
        limit, day_zone = self.config["ncp_page_size"], self.day_zone
        reader = OffsetReader(day.ask, _time, limit, self.paging, self._naive(needed))
        mark, twins, second, contents = _resumed(cursor)
        counted = None if mark else self._counted(day.day, window)
        try:
            for part in reader.parts(mark, counted):
                records = []
                for number, event in enumerate(part.rows, part.offset - len(part.rows) + 1):
                    if event.time != second:
                        second, contents = event.time, set()
                    content = _content(event)
                    contents.add(content)
                    key = twins.key(content)
                    happened = format_instant(instant(event, day_zone, number, day.day))
                    records.append(Record(key, happened, *event[1:4], as_column(event.extra)))
                going_on = None if part.is_last else _place(part, day.last, twins, contents)
                yield Page([records], going_on, day.size, hints=self._hints(day.day, part.counted))
                day.learn(part)
        except PagingError as error:
            raise FatalVendorError(
                f"Naver Cloud's answers for {day.day} are no pages of a list: {error}; set "
                "ncp_page_size to more than a day's events, so that one answer holds them all"
            ) from None
        self._tell_wrong_totals()

    def check_connection(self) -> None:
        """Search today's events for one."""
        self.search(self.today, self.today, 0, 1)

    @property
    def today(self) -> date:
        """The day that it is in the time zone."""
        return self.now.astimezone(self.day_zone).date()

    def search(self, first: date, last: date, offset: int, limit: int) -> Found:
        """Ask for events from one day to another."""
        body = {
            "offset": offset,
            "limit": limit,
            "timeZone": self.config["ncp_time_zone"],
            "from": f"{first}",
            "to": f"{last}",
            **self._filter,
        }
        found = self.client.fetch(lambda: self._request(body), read)
        self._new_names.note(found.new_names)
        return found

    def _counted(self, day: date, window: Window) -> Counted | None:
        """What an earlier run has counted of a day; used once, so that a restart reads it all."""
        name = f"{day}"
        if name in self._used_hints:
            return None
        self._used_hints.add(name)
        try:
            hint = msgspec.convert(self.bookmark_before.hints.get(name), Hint)
        except msgspec.ValidationError:
            return None
        if hint.query != self.filters_hash or hint.before > self._naive(window.start):
            return None
        return Counted(hint.before, hint.count, hint.newest_first)

    def _hints(self, day: date, counted: Counted | None) -> dict[str, Any]:
        if counted is None:
            return {}
        hint = Hint(self.filters_hash, counted.before, counted.count, counted.newest_first)
        return {f"{day}": msgspec.to_builtins(hint)}

    def _naive(self, instant: datetime) -> str:
        return instant.astimezone(self.day_zone).strftime("%Y-%m-%d %H:%M:%S")

    def _tell_wrong_totals(self) -> None:
        if self.paging.is_total_wrong and not self._is_told:
            self._is_told = True
            self.logger.warning(
                "%s: Naver Cloud's total is not the number of events, so each day is read until "
                "nothing more comes",
                self.name,
            )

    def _request(self, body: dict[str, Any]) -> requests.Request:
        timestamp = str(time.time_ns() // 1_000_000)
        access_key = self.config["ncp_access_key"]
        text = string_to_sign("POST", self._url, timestamp, access_key)
        return requests.Request(
            "POST",
            self._url,
            json=body,
            headers={
                "x-ncp-apigw-timestamp": timestamp,
                "x-ncp-iam-access-key": access_key,
                "x-ncp-apigw-signature-v2": signature(text, self.config["ncp_secret_key"]),
            },
        )


def fixed_zone(offset: str) -> timezone:
    """The time zone of an offset such as `+09:00`.

    Raises:
        ValueError: If it is none.
    """
    moment = datetime.strptime(offset, "%z")
    return timezone(moment.utcoffset() or timedelta(0))


def instant(event: Event, day_zone: timezone, number: int, day: date) -> datetime:
    """When an event happened, the one with this number in its day.

    Raises:
        FatalVendorError: If its time has another form, or is in no calendar.
    """
    try:
        return parse_naive(event.time, day_zone)
    except ValueError as error:
        raise FatalVendorError(
            f"Naver Cloud's event {number} of {day} has a time that is none ({error}); please "
            "report it"
        ) from None


def string_to_sign(method: str, url: str, timestamp: str, access_key: str) -> str:
    """What is signed: method, path with query as sent, timestamp and access key; no body."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{method} {path}\n{timestamp}\n{access_key}"


def signature(text: str, secret_key: str) -> str:
    """Signature v2: HMAC-SHA256 with the secret key as it is, in Base64."""
    digest = hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class DaySearch:
    """Searches for the events of one day.

    It is not documented whether the day `to` is included. From a day to the next is right either
    way, but may give the next day's events as well.

    Args:
        stream: Who asks.
        day: The day, in the vendor's time zone.
        cursor: Where an earlier search goes on; its offset counts in a search to the same day.

    Attributes:
        last: The day `to`.
        size: Bytes of the last answer.

    Raises:
        RestartWindowError: If the place can't be one of the day.
    """

    def __init__(
        self, stream: NcpApiGatewayEvents, day: date, cursor: Mapping[str, Any] | None
    ) -> None:
        self.day = day
        self.last = day if stream.is_to_inclusive else day + DAY
        self.size = 0
        self._stream = stream
        self._seen = self._of_day = 0
        self._is_later = False
        if cursor and "to" in cursor:
            ends = {f"{last}": last for last in (day, day + DAY)}
            if str(cursor["to"]) not in ends:
                raise RestartWindowError(NO_PLACE)
            self.last = ends[str(cursor["to"])]

    def ask(self, offset: int, limit: int) -> tuple[Sequence[Event], int | None]:
        """The events from an offset on, and how many there are in all.

        A vendor that takes no day in the future must include today, or nobody could ask for it.
        """
        try:
            found = self._stream.search(self.day, self.last, offset, limit)
        except RefusedSearchError:
            if offset == FAR:
                return [], None
            if self.last <= self._stream.today:
                raise
            self.last = self._stream.today
            found = self._stream.search(self.day, self.last, offset, limit)
        self.size = found.size
        return found.events, found.total

    def learn(self, part: OffsetPage[Event]) -> None:
        """Learn from a whole answer from a day to the next whether the latter is included.

        It is if there are events of it, later than its first instant, and if a search from the day
        to itself has as many events as this one has of that day.
        """
        if self._stream.is_to_inclusive is not None:
            return
        midnight = f"{self.day + DAY} 00:00:00"
        times = [event.time for event in part.rows]
        self._seen += len(times)
        self._of_day += sum(time < midnight for time in times)
        self._is_later = self._is_later or any(time > midnight for time in times)
        is_whole = part.is_last and self._seen == part.total and self._stream.paging.counts_all
        if is_whole and self._of_day and self._is_later:
            try:
                found = self._stream.search(self.day, self.day, 0, 1)
            except RefusedSearchError:
                self._stream.is_to_inclusive = False
            else:
                self._stream.is_to_inclusive = found.total == self._of_day


def _time(event: Event) -> str:
    return event.time


def _content(event: Event) -> str:
    """The digest of an event; one without other fields has the digest that it always had."""
    if event.extra:
        extra = {name: parsed(value) for name, value in event.extra.items()}
        return content_key([*event[:4], extra])
    return content_key(event[:4])


def _resumed(
    cursor: Mapping[str, Any] | None,
) -> tuple[ResumePoint[Event] | None, DuplicateKeys, str, set[str]]:
    """The mark to go on from, the twins counted until then, their second and its contents."""
    if not cursor:
        return None, DuplicateKeys(), "", set()
    try:
        last, seen = str(cursor["last"]), dict(cursor["twins"])
        mark: ResumePoint[Event] = ResumePoint(
            int(cursor["offset"]), int(cursor["total"]), lambda event: _content(event) == last
        )
        return mark, DuplicateKeys(seen), str(cursor["second"]), set(seen)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise RestartWindowError(NO_PLACE) from None


def _place(
    part: OffsetPage[Event], last: date, twins: DuplicateKeys, contents: set[str]
) -> dict[str, Any]:
    """Where a search goes on; empty where it can't but from its start.

    Twins share a second, so in a list that is in order of time those of the last second may go on.
    """
    if not part.is_ordered or not part.rows or len(contents) > MAX_TWINS or part.total is None:
        return {}
    return {
        "to": f"{last}",
        "offset": part.offset,
        "total": part.total,
        "last": _content(part.rows[-1]),
        "second": part.rows[-1].time,
        "twins": twins.seen(contents),
    }
