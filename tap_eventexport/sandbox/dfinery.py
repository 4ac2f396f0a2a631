"""Simulates Dfinery's event export, according to its pages.

Undocumented behaviour can be set: quoting and line ends, the form of date-times, whether the
thirtieth day is still kept, whether items of events other than purchases have their own ids.
"""

from __future__ import annotations

import csv
import io
import json
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from tap_eventexport.sandbox.server import Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_eventexport.sandbox.history import Chapters, History, Moment

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
FIELDS = {
    "events",
    "events_condition_type",
    "properties",
    "properties_condition_type",
    "from_date",
    "to_date",
}
CONDITIONS = {"all", "include", "exclude"}
KEPT_DAYS = 30
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
EVENTS = ("df_start_session", "df_login", "df_purchase", "df_end_session")
SYSTEM = (
    "df_api_version",
    "df_correction_datetime",
    "df_event_datetime",
    "df_event_detail_log_id",
    "df_event_log_id",
    "df_event_name",
    "df_server_datetime",
    "df_service_id",
    "df_source_type",
    "df_unified_id",
)
PROPERTIES = (
    "df_discount",
    "df_items_df_item_name",
    "df_items_df_price",
    "df_items_df_quantity",
    "df_order_id",
    "df_total_purchase_amount",
    "is_member",
    "memo",
    "tags",
    "visits",
)


@dataclass(slots=True)
class Dfinery:
    """The events of one service.

    Attributes:
        history: When events arrive.
        now: The vendor's clock.
        quota: The number of requests allowed per hour.
        max_concurrency: The maximum number of concurrent requests.
        resets_in: The time until the rate limit is reset.
        header_style: The spelling of the rate limit's headers.
        is_edge_kept: Whether the thirtieth day before today may be requested.
        new_column: A column that appears on a day, and that day.
        has_event_name: Whether the service registered a property called event_name.
        shared_id_event: An event besides df_purchase that has items, whose rows share one detail
            log id; it comes in place of log-ins. None: there is none.
        log_ids: The start of log ids: a client's UUID for events that servers sent.
        name_column: The name of the column with the event's name.
        line_end, has_mark, ends_line: The form of the CSV.
        date_format: The form of date-times; None is ISO 8601 with an offset.
        framing: How the end of the body is marked.
        is_empty_bare: Whether a day without events is an empty body, not a header.
    """

    history: History | Chapters
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    token: str = "sandbox-dfinery-token"  # noqa: S105 - the sandbox's own
    service_id: str = "sandbox"
    zone: str = "Asia/Seoul"
    quota: int = 100
    max_concurrency: int = 5
    resets_in: timedelta = HOUR
    header_style: Literal["seconds", "milliseconds", "retry-after", "none"] = "seconds"
    is_edge_kept: bool = True
    new_column: tuple[str, date] | None = None
    has_event_name: bool = False
    shared_id_event: str | None = None
    log_ids: Literal["arrival", "uuid"] = "arrival"
    name_column: str = "df_event_name"
    line_end: str = "\n"
    has_mark: bool = False
    ends_line: bool = True
    date_format: str | None = "%Y-%m-%d %H:%M:%S.%f"
    framing: Literal["length", "chunks", "none"] = "chunks"
    is_empty_bare: bool = False
    path: str = "/api/v1/export/event"
    asked: list[datetime] = field(default_factory=list)
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Response:
        """Answer according to the vendor's pages."""
        return self.limited(lambda: self._export(request))

    def limited(self, export: Callable[[], Response]) -> Response:
        """Answer with an export, unless too many were asked for."""
        with self.lock:
            now = self.now()
            recent = [time for time in self.asked if now - time < self.resets_in]
            is_too_much = len(recent) >= self.quota or self.at_once >= self.max_concurrency
            if not is_too_much:
                self.asked = [*recent, now]
            left = max(0, self.quota - len(self.asked))
            reset = (recent or [now])[0] + self.resets_in
            self.at_once += 1
        try:
            if is_too_much:
                refused = fail(429, "too_many_api_requests")
                headers = {**refused.headers, **self._quota(0, reset), "Date": _http_date(now)}
                return Response(429, refused.body, headers)
            answer = export()
            headers = {**answer.headers, **self._quota(left, reset), "Date": _http_date(now)}
            return Response(answer.status, answer.body, headers, answer.framing)
        finally:
            with self.lock:
                self.at_once -= 1

    def truth(self, stream: str, start: datetime, end: datetime) -> list[str] | None:
        """Return the detail log ids of the rows that arrived in [start, end)."""
        if stream != "dfinery_events":
            return None
        return [row["df_event_detail_log_id"] for row in self._rows(start, end)]

    def _quota(self, left: int, reset: datetime) -> dict[str, str]:
        match self.header_style:
            case "seconds":
                told = str(int(reset.timestamp()) + 1)
                return {
                    "X-Rate-Limit-Limit": "1H",
                    "X-Rate-Limit-Remaining": str(left),
                    "X-Rate-Limit-Reset": told,
                }
            case "milliseconds":
                told = str(int(reset.timestamp() * 1000) + 1)
                return {
                    "x-ratelimit-limit": "1H",
                    "x-ratelimit-remaining": str(left),
                    "x-ratelimit-reset": told,
                }
            case "retry-after":
                return {"Retry-After": "1"}
        return {}

    def _export(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return fail(401, "unauthorized_token")
        try:
            asked = json.loads(request.body)
            first = _date(asked["from_date"])
            last = _date(asked["to_date"]) if "to_date" in asked else None
        except (ValueError, KeyError, TypeError):
            return fail(400, "invalid_parameter")
        today = self.now().astimezone(ZoneInfo(self.zone)).date()
        if (
            request.method != "POST"
            or request.first("service_id") != self.service_id
            or set(asked) - FIELDS
            or asked.get("events_condition_type") not in CONDITIONS
            or asked.get("properties_condition_type", "all") not in CONDITIONS
            or not all(is_names(asked.get(name, [])) for name in ("events", "properties"))
            or (last is not None and first >= last)
        ):
            return fail(400, "invalid_parameter")
        if first < today - timedelta(days=KEPT_DAYS - (not self.is_edge_kept)):
            return fail(400, "exceed_date_range_limit")
        start = self._midnight(first)
        end = self._midnight(last) if last else self.now()
        rows = [
            row
            for row in self._rows(start, end)
            if is_chosen(asked, "events", row["df_event_name"])
        ]
        known = (*PROPERTIES, *(["event_name"] if self.has_event_name else []))
        columns = [name for name in known if is_chosen(asked, "properties", name)]
        if self.new_column and first >= self.new_column[1]:
            columns.append(self.new_column[0])
        body = self._csv(sorted([*SYSTEM, *columns]), rows)
        return Response(200, body, {"Content-Type": "text/csv"}, self.framing)

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def _csv(self, columns: list[str], rows: list[dict[str, str]]) -> bytes:
        if not rows and self.is_empty_bare:
            return b""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator=self.line_end)
        writer.writerow([self.name_column if name == "df_event_name" else name for name in columns])
        writer.writerows([row.get(name, "") for name in columns] for row in rows)
        body = text.getvalue() if self.ends_line else text.getvalue().removesuffix(self.line_end)
        return body.encode("utf-8-sig" if self.has_mark else "utf-8")

    def _rows(self, start: datetime, end: datetime) -> Iterator[dict[str, str]]:
        now = self.now()
        for moment in self.history.between(start, min(end, now)):
            if moment.arrival <= now:
                yield from self._event(moment)

    def _event(self, moment: Moment) -> Iterator[dict[str, str]]:
        chance = moment.random("dfinery")
        name = EVENTS[moment.index % len(EVENTS)]
        if name == "df_login" and self.shared_id_event:
            name = self.shared_id_event
        arrived = self._time(moment.time)
        log_id = f"{int(moment.time.timestamp() * 1000)}:{chance.getrandbits(64):016x}"
        if self.log_ids == "uuid":
            log_id = str(UUID(int=chance.getrandbits(128), version=4))
        row = {
            "df_api_version": "1.0.0",
            "df_correction_datetime": self._time(moment.time - timedelta(seconds=2)),
            "df_event_datetime": self._time(moment.time - timedelta(seconds=2)),
            "df_event_detail_log_id": log_id,
            "df_event_log_id": log_id,
            "df_event_name": name,
            "df_server_datetime": arrived,
            "df_service_id": self.service_id,
            "df_source_type": "SDK",
            "df_unified_id": f"U{chance.randrange(500)}",
            "is_member": chance.choice(("TRUE", "FALSE", "")),
            "memo": chance.choice(("", 'says "hi", twice', "첫째 줄\n둘째 줄", "a,b\r\nc", "null")),
            "tags": chance.choice(("null", '["a","b"]', "[]")),
            "visits": str(chance.randrange(2**60)),
            "event_name": f"{name} of the service",
            **({self.new_column[0]: "new"} if self.new_column else {}),
        }
        if name not in {"df_purchase", self.shared_id_event}:
            yield row
            return
        for item in range(1 + moment.index % 3):
            price = chance.randrange(100, 10**7) / 100
            yield {
                **row,
                "df_event_detail_log_id": f"{log_id}:{item}" if name == "df_purchase" else log_id,
                "df_items_df_item_name": chance.choice(("고구마", "Tea, green")),
                "df_items_df_price": f"{price:.2f}",
                "df_items_df_quantity": str(chance.randrange(1, 9)),
                "df_order_id": f"0{chance.randrange(10**9)}",
                "df_total_purchase_amount": "12900.0",
            }

    def _time(self, time: datetime) -> str:
        local = time.astimezone(ZoneInfo(self.zone))
        if self.date_format is None:
            return local.isoformat(timespec="milliseconds")
        text = local.strftime(self.date_format)
        return text[:-3] if self.date_format.endswith("%f") else text


def _http_date(time: datetime) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT")


def _date(text: str) -> date:
    """Parse a date `yyyy-MM-dd`; raises ValueError or TypeError if the text isn't one."""
    if DATE.fullmatch(text):
        return date.fromisoformat(text)
    raise ValueError("no date")


def is_names(value: object) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def is_chosen(asked: dict[str, Any], what: str, name: str) -> bool:
    """Whether the request's condition includes a name."""
    condition: str = asked.get(f"{what}_condition_type", "all")
    is_named = name in asked.get(what, [])
    return condition == "all" or is_named is (condition == "include")


def fail(status: int, message: str) -> Response:
    """An error."""
    return json_response(status, {"result": "fail", "message": message})
