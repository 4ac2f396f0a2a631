"""HappyTalk: the history of what was done in the service, as objects or as SIEM lines.

HappyTalk's API documentation, "서비스 이용내역 조회" (service usage history).
"""

from __future__ import annotations

import re
from abc import abstractmethod
from datetime import UTC, datetime, timedelta, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec
import requests
from singer_sdk import typing as th

from tap_eventexport.engine.answers import decoded, quoted
from tap_eventexport.engine.errors import FatalVendorError, RetriableVendorError
from tap_eventexport.engine.http import Answer, refuse_passing_faults
from tap_eventexport.engine.identity import TwinKeys, content_key
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import Window, cut, format_instant, parse_naive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_eventexport.engine.page import Record

PATH = "/user/api/service-history"
KST = timezone(timedelta(hours=9), "KST")  # Asia/Seoul; no clock changes
SECOND = timedelta(seconds=1)
WINDOW = timedelta(hours=6)  # must be under 24 hours; no paging, so a smaller one for safety
ZERO_DATE = "0000-00-00 00:00:00"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

SIEM = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) (?P<day>\d\d?) (?P<year>\d{4}) (?P<time>\d\d:\d\d:\d\d)(\.\d+)? KST"
    r",Event_name=(?P<event_name>.*?),Result=(?P<result>.*?),user=(?P<user>.*?)"
    r",clientip=(?P<clientip>.*?),msg=(?P<msg>.*)",
    re.DOTALL,
)

REFUSALS = {  # by code
    -501: "check happytalk_token",
    -502: "the customer of happytalk_token has no permission for the service history; ask "
    "HappyTalk's support for it",
    -504: "the period asked for was too long, which is a defect of this tap: please report it",
}


MISSING = msgspec.Raw()


class Said(msgspec.Struct):
    """One answer, whatever it says."""

    result: str
    data: msgspec.Raw = MISSING
    code: int | str | None = None
    message: str | None = None


_decode = msgspec.json.Decoder(Said).decode


class HappyTalkStream(EventStream):
    """What both formats of the service history have in common.

    `POST /user/api/service-history`. The token travels in the body. No paging, no rate limit, no
    retention and no order are documented; times have whole seconds, in Korean time.
    """

    vendor = "HappyTalk"
    lookback: ClassVar = timedelta(minutes=10)
    resolution: ClassVar = SECOND
    format: ClassVar[Literal["raw", "siem"]]

    @abstractmethod
    def records(self, data: list[Any]) -> Iterable[tuple[datetime | None, Record]]:
        """The records of an answer, each with its instant."""

    def windows(self, whole: Window) -> Iterator[Window]:
        """Windows of some hours."""
        return cut(whole, WINDOW)

    def pages(self, window: Window, place: Mapping[str, Any] | None) -> Iterator[Page]:  # noqa: ARG002
        """Ask once for the window.

        Both bounds look inclusive in the vendor's examples. Asked up to its end, a window is
        whole if they are and if they aren't; what happened at the end is the next window's.
        """
        data, size = self._ask(window)
        records = [
            record
            for happened, record in self.records(data)
            if happened is None or (self._is_wanted(happened) and happened != window.end)
        ]
        yield Page([records], None, size)

    def prove(self) -> None:
        """Ask for the last minute."""
        self._ask(Window(self.now - timedelta(minutes=1), self.now))

    def _is_wanted(self, happened: datetime) -> bool:
        return self.wanted is None or self.wanted.start <= happened < self.wanted.end

    def _ask(self, window: Window) -> tuple[list[Any], int]:
        body = {
            "token": self.config["happytalk_token"],
            "start_date": _naive(window.start),
            "end_date": _naive(window.end),
            "format": self.format,
        }
        url = self.config["happytalk_api_url"].rstrip("/") + PATH
        return self.client.fetch(lambda: requests.Request("POST", url, json=body), _read)


class ServiceHistory(HappyTalkStream):
    """Everything that was done, log-ins included: `format=raw`."""

    name = "happytalk_service_history"
    primary_keys = ("id",)
    replication_key = "request_date"
    format = "raw"
    columns: ClassVar = th.PropertiesList(
        th.Property("id", th.StringType, required=True),
        th.Property("type", th.StringType, description="M manual, A automatic"),
        th.Property("kind", th.StringType, description="A archive, K key issuance, S manager"),
        th.Property("request_user", th.StringType, description="who did it"),
        th.Property("request_content", th.StringType, description="what was done"),
        th.Property("request_date", th.DateTimeType, description="when"),
        th.Property("apply_id", th.StringType),
        th.Property("apply_content", th.StringType),
        th.Property("apply_date", th.DateTimeType),
    )

    def records(self, data: list[Any]) -> Iterator[tuple[datetime | None, Record]]:
        """An object is a record; its dates become instants."""
        names = self.columns.wrapped
        for number, item in enumerate(data, start=1):
            if not isinstance(item, dict) or item.get("id") is None:
                raise FatalVendorError(
                    f"HappyTalk's item {number} of {len(data)} is no object with an id; please "
                    "report it"
                )
            record = {name: _text(item.get(name)) for name in names}
            dates = {name: _date(record, name) for name in ("request_date", "apply_date")}
            for name, date in dates.items():
                record[name] = format_instant(date) if date else None
            yield dates["request_date"], record


class SiemEvents(HappyTalkStream):
    """What was done, without log-ins, as lines for a security system: `format=siem`."""

    name = "happytalk_siem_events"
    primary_keys = ("event_key",)
    replication_key = "event_time"
    format = "siem"
    columns: ClassVar = th.PropertiesList(
        th.Property("event_key", th.StringType, required=True, description="of the content"),
        th.Property("event_time", th.DateTimeType, required=True),
        th.Property("event_name", th.StringType),
        th.Property("result", th.StringType, description="always Succeeded"),
        th.Property("user", th.StringType),
        th.Property("clientip", th.StringType, description="of the user's last log-in"),
        th.Property("msg", th.StringType),
        th.Property("raw", th.StringType, description="the line as received"),
    )

    def records(self, data: list[Any]) -> Iterator[tuple[datetime | None, Record]]:
        """A line is a record. Twins share a second, which a window holds whole."""
        twins = TwinKeys()
        for line, fields in sorted(
            ((line, parse_line(line, number, len(data))) for number, line in enumerate(data, 1)),
            key=lambda pair: pair[0],
        ):
            happened = fields.pop("event_time")
            key_fields = [
                happened,
                *(fields[name] for name in ("event_name", "result", "user", "msg")),
            ]
            record = {
                "event_key": twins.key(content_key(key_fields)),
                "event_time": format_instant(happened),
                **fields,
                "raw": line,
            }
            yield happened, record


def parse_line(line: object, number: int, count: int) -> dict[str, Any]:
    """The parts of a SIEM line, found by their markers; `msg` is all after the last one.

    Raises:
        FatalVendorError: If the line has another form. Its text is not quoted.
    """
    found = SIEM.fullmatch(line) if isinstance(line, str) else None
    try:
        if found:
            date = f"{found['year']}-{MONTHS.index(found['month']) + 1:02}-{int(found['day']):02}"
            happened = datetime.fromisoformat(f"{date} {found['time']}").replace(tzinfo=KST)
            names = ("event_name", "result", "user", "clientip", "msg")
            return {
                "event_time": happened.astimezone(UTC),
                **{name: found[name] for name in names},
            }
    except ValueError:
        pass
    raise FatalVendorError(
        f"HappyTalk's line {number} of {count} has not the documented form; please report it"
    )


def _naive(instant: datetime) -> str:
    return instant.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _date(record: Mapping[str, str | None], name: str) -> datetime | None:
    value = record[name]
    if not value or value == ZERO_DATE:
        return None
    try:
        return parse_naive(value, KST)
    except ValueError:
        raise FatalVendorError(
            f"HappyTalk sent a {name} that has not the form yyyy-MM-dd HH:mm:ss; please report it"
        ) from None


def _read(answer: Answer) -> tuple[list[Any], int]:
    """The data of an answer, and its size in bytes. `result` decides, whatever the status.

    Raises:
        RetriableVendorError: If the answer is not whole, or no answer of this API.
        FatalVendorError: If a person must do something.
    """
    try:
        said, data = decoded(answer, _said, "service history")
    except RetriableVendorError:
        refuse_passing_faults(answer)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise FatalVendorError(f"{answer}: check happytalk_api_url") from None
        raise
    if said.result != "success":
        raise _refusal(answer, said)
    if said.data == MISSING:
        raise RetriableVendorError(f"{answer}, a success without data")
    if data in (None, [], {}):
        return [], len(answer.body)
    if not isinstance(data, list):
        raise FatalVendorError(f"{answer}, whose data is no list; please report it")
    return data, len(answer.body)


def _said(body: bytes) -> tuple[Said, Any]:
    said = _decode(body)
    return said, None if said.data == MISSING else msgspec.json.decode(said.data)


def _refusal(answer: Answer, said: Said) -> Exception:
    try:
        code = int(said.code or 0)
    except ValueError:
        code = 0
    told = f"HTTP {answer.status}, code {said.code}, {quoted(said.message or 'no message')}"
    if code not in REFUSALS:
        refuse_passing_faults(answer)
    advice = REFUSALS.get(code, "HappyTalk's support knows what it means")
    return FatalVendorError(f"HappyTalk refused the request ({told}): {advice}")
