"""Naver Cloud API Gateway: the dashboard's events, searched by day and read by offset.

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
from tap_eventexport.engine.paging.offset_facts import FAR, Paging, PagingError
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
BAD_CURSOR = "the checkpoint in STATE can't be understood"
MAX_TWINS = 200  # contents of one second in STATE; with more, the day is read from its start


class Record(msgspec.Struct, gc=False):
    """One record of `ncp_apigateway_events`."""

    event_key: str
    time: str
    level: str | None
    type: str | None
    message: str | None
    extra: msgspec.Raw = msgspec.field(name="_extra")


class Hint(msgspec.Struct):
    """The hint in STATE about a day that was read, see `Counted`."""

    query: str
    before: str
    count: Annotated[int, msgspec.Meta(ge=1)]
    newest_first: bool


class NcpApiGatewayEvents(EventStream):
    """Subscription requests, quota and throttle alarms of the account's API gateways.

    `POST /dashboards/events/search`. Events have no id; times have whole seconds. Not documented:
    whether `to` is inclusive, the order of events, the largest `limit`, how long events are kept.
    """

    name = "ncp_apigateway_events"
    record = "one event of the account's API gateways"
    primary_keys = ("event_key",)
    replication_key = "time"
    vendor = "Naver Cloud"
    lookback: ClassVar = timedelta(minutes=60)  # a request for each page of events since then
    granularity: ClassVar = SECOND
    columns: ClassVar = th.PropertiesList(
        th.Property("event_key", th.StringType, required=True, description="of the content"),
        th.Property("time", th.DateTimeType, required=True, description="when, in whole seconds"),
        th.Property(
            "level",
            th.StringType,
            description="EVENT an event, ALARM a notification, ALERT an alert",
            examples=["EVENT", "ALARM", "ALERT"],
        ),
        th.Property(
            "type",
            th.StringType,
            description=(
                "ES010 subscription request, ES020 its status changed, EU400 quota exceeded, "
                "EU410 throttled, EU420 rate exceeded"
            ),
            examples=["ES010", "ES020", "EU400", "EU410", "EU420"],
        ),
        th.Property("message", th.StringType, description="a sentence, with masked names"),
        COLUMN,
    )

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self.paging = Paging()
        self._new_names = NewNames(self.name, self.logger)
        self.is_to_inclusive: bool | None = None
        self._is_logged = False
        self._used_hints: set[str] = set()

    @property
    def filters(self) -> tuple[Any, ...]:
        """An offset is valid only for the same search."""
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
        """The time zone of requests and responses."""
        return fixed_zone(self.config["ncp_time_zone"])

    @property
    def _url(self) -> str:
        """The address of the search; the setting may end in `/api/v1` or not."""
        base: str = self.config["ncp_api_url"].rstrip("/").removesuffix(BASE)
        return endpoint(base, BASE + PATH)

    def windows(self, whole: Window) -> Iterator[Window]:
        """The days of the time zone; the first and the last are cut to the interval."""
        return (day.clipped(whole) for day in calendar_days(whole, self.day_zone))

    def pages(self, window: Window, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Search the window's day; events outside the window only count for the keys."""
        day = DaySearch(self, window.start.astimezone(self.day_zone).date(), cursor)
        reach = min(self.reach, window.end - EPOCH)
        needed = window.end - reach - CLOCK_TOLERANCE  # for the next run
        limit, day_zone = self.config["ncp_page_size"], self.day_zone
        reader = OffsetReader(day.ask, _time, limit, self.paging, self._naive(needed))
        resume, duplicates, second, contents = _resumed(cursor)
        counted = None if resume else self._counted(day.day, window)
        try:
            for part in reader.parts(resume, counted):
                records = []
                for number, event in enumerate(part.rows, part.offset - len(part.rows) + 1):
                    if event.time != second:
                        second, contents = event.time, set()
                    content = _content(event)
                    contents.add(content)
                    key = duplicates.key(content)
                    happened = format_instant(instant(event, day_zone, number, day.day))
                    records.append(Record(key, happened, *event[1:4], as_column(event.extra)))
                next_cursor = (
                    None if part.is_last else _next_cursor(part, day.last, duplicates, contents)
                )
                yield Page(
                    [records], next_cursor, day.size, hints=self._hints(day.day, part.counted)
                )
                day.learn(part)
        except PagingError as error:
            raise FatalVendorError(
                f"Naver Cloud's responses for {day.day} are not pages of a list: {error}; set "
                "ncp_page_size to more than a day's events, so that one response has them all"
            ) from None
        self._log_wrong_totals()

    def check_connection(self) -> None:
        """Request one of today's events."""
        self.search(self.today, self.today, 0, 1)

    @property
    def today(self) -> date:
        """The current day in the time zone."""
        return self.now.astimezone(self.day_zone).date()

    def search(self, first: date, last: date, offset: int, limit: int) -> Found:
        """Request events from one day to another."""
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
        """Return an earlier run's count of a day; only once, so that a restart reads all events."""
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

    def _log_wrong_totals(self) -> None:
        if self.paging.is_total_wrong and not self._is_logged:
            self._is_logged = True
            self.logger.warning(
                "%s: Naver Cloud's total is not the number of events, so each day is read until no "
                "more events come",
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
    """Return the time zone of an offset such as `+09:00`.

    Raises:
        ValueError: If it isn't an offset.
    """
    moment = datetime.strptime(offset, "%z")
    return timezone(moment.utcoffset() or timedelta(0))


def instant(event: Event, day_zone: timezone, number: int, day: date) -> datetime:
    """Return the time of an event, which has this number in its day.

    Raises:
        FatalVendorError: If its time has another form, or is outside the calendar.
    """
    try:
        return parse_naive(event.time, day_zone)
    except ValueError as error:
        raise FatalVendorError(
            f"Naver Cloud's event {number} of {day} has an invalid time ({error}); please report it"
        ) from None


def string_to_sign(method: str, url: str, timestamp: str, access_key: str) -> str:
    """Return the text to sign: method, path and query as sent, timestamp, access key; no body."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{method} {path}\n{timestamp}\n{access_key}"


def signature(text: str, secret_key: str) -> str:
    """Return the signature v2: HMAC-SHA256 with the unchanged secret key, in Base64."""
    digest = hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class DaySearch:
    """Searches for the events of one day.

    It is not documented whether the day `to` is included. A search from a day to the next day is
    correct in both cases, but may return the next day's events too.

    Args:
        stream: The stream that searches.
        day: The day, in the vendor's time zone.
        cursor: The cursor of an earlier search; its offset is valid for a search to the same day.

    Attributes:
        last: The day `to`.
        size: The size of the last response in bytes.

    Raises:
        RestartWindowError: If the cursor can't belong to the day.
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
                raise RestartWindowError(BAD_CURSOR)
            self.last = ends[str(cursor["to"])]

    def ask(self, offset: int, limit: int) -> tuple[Sequence[Event], int | None]:
        """Return the events from an offset on, and their total number.

        If the vendor refuses a day in the future, `to` must include today: otherwise nobody could
        read today's events.
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
        """Learn from a complete search, from a day to the next day, if the latter is included.

        It is if the result has events of the next day after its first instant, and if a search from
        the day to itself has as many events as this result has of that day.
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
    """Return an event's content key; without other fields it is that of earlier versions."""
    if event.extra:
        extra = {name: parsed(value) for name, value in event.extra.items()}
        return content_key([*event[:4], extra])
    return content_key(event[:4])


def _resumed(
    cursor: Mapping[str, Any] | None,
) -> tuple[ResumePoint[Event] | None, DuplicateKeys, str, set[str]]:
    """Return the resume point, the counted duplicates, their second, and its contents."""
    if not cursor:
        return None, DuplicateKeys(), "", set()
    try:
        last, seen = str(cursor["last"]), dict(cursor["twins"])
        resume: ResumePoint[Event] = ResumePoint(
            int(cursor["offset"]), int(cursor["total"]), lambda event: _content(event) == last
        )
        return resume, DuplicateKeys(seen), str(cursor["second"]), set(seen)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise RestartWindowError(BAD_CURSOR) from None


def _next_cursor(
    part: OffsetPage[Event], last: date, duplicates: DuplicateKeys, contents: set[str]
) -> dict[str, Any]:
    """Return the cursor for the rest of a search; empty if it can only restart.

    Duplicates are in the same second, so in a list in order of time, only those of the last second
    may continue.
    """
    if not part.is_ordered or not part.rows or len(contents) > MAX_TWINS or part.total is None:
        return {}
    return {
        "to": f"{last}",
        "offset": part.offset,
        "total": part.total,
        "last": _content(part.rows[-1]),
        "second": part.rows[-1].time,
        "twins": duplicates.seen(contents),
    }
