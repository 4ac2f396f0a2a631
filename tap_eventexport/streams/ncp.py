"""Naver Cloud API Gateway: the events of the dashboard, searched by day and read by offset.

https://api.ncloud-docs.com/docs/apigateway-dashboardevent-events
https://api.ncloud-docs.com/docs/en/common-ncpapi (signature)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import msgspec
import requests
from singer_sdk import typing as th

from tap_eventexport.engine.answers import decoded, envelope, quoted
from tap_eventexport.engine.errors import (
    FatalVendorError,
    RateLimitedError,
    RestartWindowError,
)
from tap_eventexport.engine.headers import clock_difference
from tap_eventexport.engine.http import Answer, refuse_passing_faults
from tap_eventexport.engine.identity import TwinKeys, content_key
from tap_eventexport.engine.offsets import Mark, OffsetReader, Part
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import Window, calendar_days, format_instant, parse_naive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BASE = "/api/v1"
PATH = "/dashboards/events/search"
SECOND = timedelta(seconds=1)
CLOCK_TOLERANCE = timedelta(minutes=5)  # a signature that is older is refused
THROTTLE_PAUSE = 1.0  # seconds; the limits 410 and 420 are per second
MAX_TWINS = 200  # contents of one second in STATE; with more the day is read from its start
QUOTA, THROTTLES = "400", {"410", "420"}  # error codes under HTTP 429
PERMISSION = "210"


class RefusedSearchError(FatalVendorError):
    """The search itself is not accepted."""


class Event(msgspec.Struct, frozen=True):
    """One event of an answer; `time` is naive, in the time zone that was asked for."""

    time: str
    level: str | None = None
    type: str | None = None
    message: str | None = None


class Events(msgspec.Struct):
    """The rows from an offset on, and how many there are in all."""

    content: list[Event]
    total: int


class Search(msgspec.Struct):
    """One answer."""

    events: Events


class Record(msgspec.Struct, gc=False):
    """One record of `ncp_apigateway_events`."""

    event_key: str
    time: str
    level: str | None
    type: str | None
    message: str | None


_decode = msgspec.json.Decoder(Search).decode


class NcpApiGatewayEvents(EventStream):
    """Subscription requests, quota and throttle alarms of the account's API gateways.

    `POST /dashboards/events/search`. Events have no id; times have whole seconds. Not documented:
    whether `to` is inclusive, the order of events, the greatest `limit`, how far back events go.
    """

    name = "ncp_apigateway_events"
    primary_keys = ("event_key",)
    replication_key = "time"
    vendor = "Naver Cloud"
    lookback: ClassVar = timedelta(minutes=10)
    resolution: ClassVar = SECOND
    columns: ClassVar = th.PropertiesList(
        th.Property("event_key", th.StringType, required=True, description="of the content"),
        th.Property("time", th.DateTimeType, required=True),
        th.Property("level", th.StringType, description="EVENT, ALARM, ALERT"),
        th.Property("type", th.StringType, description="ES010, ES020, EU400, EU410, EU420"),
        th.Property("message", th.StringType),
    )

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
    def zone(self) -> timezone:
        """The time zone of requests and answers."""
        return fixed_zone(self.config["ncp_time_zone"])

    @property
    def _url(self) -> str:
        """The address, whether the setting has `/api/v1` at its end or not."""
        base: str = self.config["ncp_api_url"].rstrip("/").removesuffix(BASE)
        return base + BASE + PATH

    def windows(self, whole: Window) -> Iterator[Window]:
        """The days of the time zone; the first and the last as far as they are wanted."""
        return (day.clipped(whole) for day in calendar_days(whole, self.zone))

    def pages(self, window: Window, place: Mapping[str, Any] | None) -> Iterator[Page]:
        """Search the window's day; what lies outside of the window only counts for the keys."""
        search = {
            "limit": self.config["ncp_page_size"],
            "timeZone": self.config["ncp_time_zone"],
            **self._days(window),
            **self._filter,
        }
        size = 0

        def ask(offset: int) -> tuple[list[Event], int]:
            nonlocal size
            try:
                events, size = self._search({"offset": offset, **search})
            except RefusedSearchError:
                if search["to"] <= self._today:
                    raise
                search["to"] = self._today  # a day in the future is not accepted
                events, size = self._search({"offset": offset, **search})
            return events.content, events.total

        reader: OffsetReader[Event] = OffsetReader(ask, lambda event: event.time)
        mark, twins, second, contents = _resumed(place)
        for part in reader.parts(mark):
            records = []
            for event in part.rows:
                if event.time != second:
                    second, contents = event.time, set()
                content = _content(event)
                contents.add(content)
                key = twins.key(content)
                happened = instant(event.time, self.zone)
                if window.start <= happened < window.end:
                    fields = (event.level, event.type, event.message)
                    records.append(Record(key, format_instant(happened), *fields))
            yield Page([records], None if part.is_last else _place(part, twins, contents), size)

    def prove(self) -> None:
        """Search today's events for one."""
        today = {"from": self._today, "to": self._today, "timeZone": self.config["ncp_time_zone"]}
        self._search({"offset": 0, "limit": 1, **today})

    @property
    def _today(self) -> str:
        return f"{self.now.astimezone(self.zone).date()}"

    def _days(self, window: Window) -> dict[str, str]:
        day = window.start.astimezone(self.zone).date()
        return {"from": f"{day}", "to": f"{day + timedelta(days=1)}"}

    def _search(self, body: dict[str, Any]) -> tuple[Events, int]:
        """The events that a search finds, and the answer's size in bytes."""
        return self.client.fetch(lambda: self._request(body), _read)

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


def string_to_sign(method: str, url: str, timestamp: str, access_key: str) -> str:
    """What is signed: method, path with query as sent, timestamp and access key; no body."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{method} {path}\n{timestamp}\n{access_key}"


def signature(text: str, secret_key: str) -> str:
    """Signature v2: HMAC-SHA256 with the secret key as it is, in Base64."""
    digest = hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def instant(text: str, zone: timezone) -> datetime:
    """The instant of a naive `yyyy-MM-dd HH:mm:ss`.

    Raises:
        FatalVendorError: If the text has another form.
    """
    try:
        return parse_naive(text, zone)
    except ValueError:
        raise FatalVendorError(
            "Naver Cloud sent an event whose time has not the form yyyy-MM-dd HH:mm:ss; please "
            "report it"
        ) from None


def _content(event: Event) -> str:
    return content_key(msgspec.structs.astuple(event))


def _resumed(
    place: Mapping[str, Any] | None,
) -> tuple[Mark[Event] | None, TwinKeys, str, set[str]]:
    """The mark to go on from, the twins counted until then, their second and its contents."""
    if not place:
        return None, TwinKeys(), "", set()
    try:
        last, seen = str(place["last"]), dict(place["twins"])
        mark: Mark[Event] = Mark(
            int(place["offset"]), int(place["total"]), lambda event: _content(event) == last
        )
        return mark, TwinKeys(seen), str(place["second"]), set(seen)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise RestartWindowError("the position in STATE can't be understood") from None


def _place(part: Part[Event], twins: TwinKeys, contents: set[str]) -> dict[str, Any]:
    """Where a search goes on; empty where it can't but from its start.

    Twins share a second, so in a list that is in order of time those of the last second may go on.
    """
    if not part.is_ordered or not part.rows or len(contents) > MAX_TWINS:
        return {}
    return {
        "offset": part.offset,
        "total": part.total,
        "last": _content(part.rows[-1]),
        "second": part.rows[-1].time,
        "twins": twins.seen(contents),
    }


def _read(answer: Answer) -> tuple[Events, int]:
    """The events that an answer holds.

    Raises:
        RateLimitedError: If a quota or a rate is exceeded.
        RetriableVendorError: If the answer is no whole search.
        FatalVendorError: If a person must do something.
    """
    if HTTPStatus.OK <= answer.status <= HTTPStatus.NO_CONTENT:
        return decoded(answer, _decode, "search for events").events, len(answer.body)
    code, problem = _problem(answer)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS and code in THROTTLES:
        raise RateLimitedError(f"Naver Cloud's rate is exceeded ({problem})", THROTTLE_PAUSE)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS and code == QUOTA:
        raise RateLimitedError(f"Naver Cloud's quota is used up ({problem})")
    refuse_passing_faults(answer)
    kind = RefusedSearchError if answer.status == HTTPStatus.BAD_REQUEST else FatalVendorError
    raise kind(f"Naver Cloud refused the request ({problem}): {_advice(answer, code)}")


def _advice(answer: Answer, code: str) -> str:
    difference = clock_difference(answer.headers)
    match answer.status:
        case HTTPStatus.UNAUTHORIZED if abs(difference) >= CLOCK_TOLERANCE:
            minutes = round(abs(difference).total_seconds() / 60)
            way = "ahead of" if difference > timedelta(0) else "behind"
            return (
                f"this machine's clock is {minutes} minutes {way} Naver Cloud's, and a signature "
                "more than 5 minutes off is refused; set the clock"
            )
        case HTTPStatus.UNAUTHORIZED if code != PERMISSION:
            return (
                "check ncp_access_key and ncp_secret_key, and that they belong to the site of "
                "ncp_api_url (public, gov and fin sites have keys of their own)"
            )
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return "the account of ncp_access_key needs the policy NCP_API_GATEWAY_VIEWER"
        case HTTPStatus.NOT_FOUND:
            return "check ncp_api_url"
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return "set a smaller ncp_page_size"
        case _:
            return "check ncp_time_zone, ncp_event_levels, ncp_event_types and ncp_page_size"


def _problem(answer: Answer) -> tuple[str, str]:
    """The error code, and what the vendor says; the envelopes differ, and may be missing."""
    told = envelope(answer)
    error: Mapping[str, Any] = told["error"] if isinstance(told.get("error"), dict) else told
    code = _first(error, ("errorCode", "returnCode", "code"))
    words = [_first(error, (name,)) for name in ("message", "returnMessage", "msg", "details")]
    trace = quoted(answer.headers.get("x-ncp-trace-id", ""))
    said = [
        f"HTTP {answer.status}",
        f"error code {code}" if code else "",
        *words,
        f"x-ncp-trace-id {trace}" if trace else "",
    ]
    return code, ", ".join(part for part in said if part)


def _first(error: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((quoted(error[name]) for name in names if error.get(name) is not None), "")
