"""Simulates Naver Cloud's search for API Gateway events, according to its page.

Undocumented behaviour can be set: the order, whether `to` is inclusive, the maximum number of rows
in a response, the meaning of an offset and a total, the form of an empty response, whether a day in
the future is accepted, whether events arrive while pages are read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from tap_eventexport.sandbox.server import Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_eventexport.sandbox.history import Chapters, History, Moment

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
TOLERANCE = timedelta(minutes=5)
FIELDS = {"offset", "limit", "timeZone", "from", "to", "level", "type"}
LEVELS = {"EVENT", "ALARM", "ALERT"}
TYPES = {"ES010", "ES020", "EU400", "EU410", "EU420"}
TWIN_EVERY = 30  # one of this many events has a duplicate
KINDS = (
    ("EVENT", "ES010", "Subscription of [test-***] was requested by [apiKey-***]."),
    ("EVENT", "ES020", "The status of subscription request for [test-***] is [Accepted]."),
    ("ALERT", "EU410", "[api-***] 초당 요청수 초과"),
)

Row = dict[str, str]


@dataclass(slots=True)
class Ncp:
    """The events of one account.

    Attributes:
        history: When events happen.
        now: The vendor's clock.
        order: The order of a search's events.
        is_to_inclusive: Whether events of the day `to` are found.
        most_rows: The maximum number of rows in a response, even if `limit` is larger.
        accepts_future: Whether `to` may be a day in the future.
        grows_by: The number of events that arrive, at the end of the requested day, before each
            response.
        offset: The meaning of an offset: a row's position, a page's number, nothing, or the page of
            `limit` rows that has the row.
        total: Makes the total from the number of found rows and of rows in the response; None omits
            it.
        empty: The value of `events` if nothing is found; None is the usual form.
        change: Changes an event before it is sent.
        is_activated: Whether the account has activated API Gateway.
        envelope: The form of errors.
    """

    history: History | Chapters
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    access_key: str = "sandbox-ncp-access-key"
    secret_key: str = "sandbox-ncp-secret-key"  # noqa: S105 - the sandbox's own
    order: Literal["ascending", "descending", "shuffled"] = "descending"
    is_to_inclusive: bool = True
    most_rows: int = 10**9
    accepts_future: bool = True
    grows_by: int = 0
    grown: list[datetime] = field(default_factory=list)
    offset: Literal["row", "page", "ignored", "rounded"] = "row"
    total: Callable[[int, int], Any] = field(default=lambda found, _: found)
    empty: Any = None
    change: Callable[[Row], Any] = field(default=lambda row: row)
    is_activated: bool = True
    envelope: Literal["error", "responseError", "status", "flat"] = "error"
    path: str = "/api/v1/dashboards/events/search"

    def answer(self, request: Request) -> Response:
        """Answer according to the vendor's page."""
        if refused := self._refused(request):
            return refused
        try:
            asked = json.loads(request.body)
            zone = _zone(asked["timeZone"])
            first, last = (date.fromisoformat(asked[name]) for name in ("from", "to"))
            offset, limit = int(asked.get("offset", 0)), int(asked.get("limit", 20))
        except (ValueError, KeyError, TypeError):
            return self._error(400, "100", "Bad Request Exception")
        is_future = last > self.now().astimezone(zone).date() and not self.accepts_future
        filters = [(asked.get("level", LEVELS), LEVELS), (asked.get("type", TYPES), TYPES)]
        if (
            set(asked) - FIELDS
            or limit < 1
            or offset < 0
            or first > last
            or is_future
            or any(not chosen or set(chosen) - known for chosen, known in filters)
        ):
            return self._error(400, 100, "Bad Request Exception")
        start = datetime(first.year, first.month, first.day, tzinfo=zone)
        end = datetime(last.year, last.month, last.day, tzinfo=zone)
        for _ in range(self.grows_by):
            self.grown.append((start + DAY - SECOND).astimezone(UTC))
        if self.is_to_inclusive:
            end += DAY
        (levels, _), (types, _) = filters
        rows = [
            row
            for row in self._ordered(start, end, zone)
            if row["level"] in levels and row["type"] in types
        ]
        size = min(limit, self.most_rows)
        places = {
            "row": offset,
            "page": offset * size,
            "ignored": 0,
            "rounded": offset // limit * limit,
        }
        content = [self.change(row) for row in rows[places[self.offset] :][:size]]
        if not rows and self.empty is not None:
            return json_response(200, {"events": self.empty})
        total = self.total(len(rows), len(content))
        body = {"content": content} | ({} if total is None else {"total": total})
        return json_response(200, {"events": body})

    def truth(self, stream: str, start: datetime, end: datetime) -> list[str] | None:
        """Return time, level, type and message of the events in [start, end)."""
        if stream != "ncp_apigateway_events":
            return None
        return [
            "|".join(
                (row["time"].replace(" ", "T") + ".000Z", row["level"], row["type"], row["message"])
            )
            for row in self._rows(start, end, UTC)
        ]

    def _refused(self, request: Request) -> Response | None:
        """Return the response to a request with a wrong signature."""
        timestamp = request.headers.get("x-ncp-apigw-timestamp", "0")
        signed = f"{request.method} {request.path}\n{timestamp}\n{self.access_key}"
        digest = hmac.new(self.secret_key.encode(), signed.encode(), hashlib.sha256).digest()
        sent = datetime.fromtimestamp(int(timestamp) / 1000, UTC)
        if (
            request.headers.get("x-ncp-iam-access-key") != self.access_key
            or request.headers.get("x-ncp-apigw-signature-v2") != base64.b64encode(digest).decode()
            or abs(self.now() - sent) >= TOLERANCE
        ):
            date_header = self.now().strftime("%a, %d %b %Y %H:%M:%S GMT")
            return self._error(401, "200", "Authentication Failed", Date=date_header)
        if not self.is_activated:
            return self._error(404, 10008, f"tenantId [{self.access_key[:4]}***] not found.")
        return None

    def _error(self, status: int, code: str | int, message: str, **headers: str) -> Response:
        return error(status, code, message, self.envelope, **headers)

    def _ordered(self, start: datetime, end: datetime, zone: timezone) -> list[Row]:
        rows = list(self._rows(start, end, zone))
        if self.order == "descending":
            rows.reverse()
        if self.order == "shuffled":
            rows.sort(key=lambda row: hashlib.sha256(repr(row).encode()).digest())
        return rows

    def _rows(self, start: datetime, end: datetime, zone: timezone) -> Iterator[Row]:
        now = self.now()
        for moment in self.history.between(start, min(end, now)):
            if moment.arrival <= now:
                row = _row(moment, zone)
                yield row
                if moment.index % TWIN_EVERY == 0:
                    yield row
        for number, time in enumerate(self.grown):
            if start <= time < end:
                text = time.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
                yield {"time": text, "level": "ALARM", "type": "EU420", "message": f"new {number}"}


@lru_cache(maxsize=100_000)  # each page of a day needs all of its rows
def _row(moment: Moment, zone: timezone) -> Row:
    level, kind, message = moment.random().choice(KINDS)
    time = moment.time.replace(microsecond=0).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    return {"time": time, "level": level, "type": kind, "message": message}


def _zone(text: str) -> timezone:
    sign = {"+": 1, "-": -1}[text[0]]
    hours, minutes = map(int, text[1:].split(":"))
    return timezone(sign * timedelta(hours=hours, minutes=minutes))


def error(
    status: int,
    code: str | int,
    message: str,
    envelope: Literal["error", "responseError", "status", "flat"] = "error",
    **headers: str,
) -> Response:
    """An error in one of the API gateway's envelopes."""
    forms: dict[str, dict[str, Any]] = {
        "error": {"error": {"errorCode": code, "message": message, "details": f"{message}."}},
        "responseError": {"responseError": {"returnCode": code, "returnMessage": message}},
        "status": {"status": {"code": code, "message": message}},
        "flat": {"code": code, "msg": message},
    }
    response = json_response(status, forms[envelope], "text/plain")
    trace = {"x-ncp-trace-id": "3f2a9c51", "x-ncp-apigw-request-id": "c1b7e0d2"}
    return Response(status, response.body, {**response.headers, **trace, **headers})
