"""HappyTalk: the history of actions in the service, as objects or as SIEM lines.

HappyTalk's API documentation, "서비스 이용내역 조회" (service usage history).
"""

from __future__ import annotations

import re
from abc import abstractmethod
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec
import requests
from singer_sdk import typing as th

from tap_eventexport.engine.duplicates.identity import DuplicateKeys, content_key
from tap_eventexport.engine.duplicates.repeats import RepeatedIds
from tap_eventexport.engine.errors import FatalVendorError, RetriableVendorError
from tap_eventexport.engine.http.client import endpoint
from tap_eventexport.engine.http.response import (
    Response,
    one_line,
    parse_body,
    raise_for_transient_status,
)
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import Window, format_instant, parse_naive, split_every
from tap_eventexport.vendor import Api, Vendor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from singer_sdk import Tap

    from tap_eventexport.engine.http.client import HttpClient

PATH = "/user/api/service-history"
KST = timezone(timedelta(hours=9), "KST")  # Asia/Seoul; no clock changes
SECOND = timedelta(seconds=1)
WINDOW = timedelta(hours=6)  # must be under 24 hours; no paging, so a smaller one for safety
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

LINE_TIME = re.compile(r"([A-Z][a-z]{2}) (\d\d?) (\d{4}) (\d\d:\d\d:\d\d)(?:\.\d+)? KST", re.ASCII)
MARKERS = {  # of a SIEM line, in order, with the columns that follow them
    ",Event_name=": "event_name",
    ",Result=": "result",
    ",user=": "user",
    ",clientip=": "clientip",
    ",msg=": "msg",
}
ZERO_DATE = re.compile(r"0000-00-00( 00:00:00(\.0+)?)?", re.ASCII)
NUMBERED = re.compile(r"\d+", re.ASCII)  # a name in an object that PHP made from a list

REFUSALS = {  # by code
    -501: "check happytalk_token",
    -502: "the customer of happytalk_token has no permission for the service history; ask "
    "HappyTalk's support for it",
    -504: "the requested period was too long, which is a bug of this tap: please report it",
}

OTHER_FORM = "doesn't have the documented form"
KEY_FIELDS = ("event_time", "event_name", "result", "user", "msg")  # `clientip` may change
MISSING = msgspec.Raw()


class Said(msgspec.Struct):
    """One response, a success or an error."""

    result: Any
    data: msgspec.Raw = MISSING
    code: Any = None
    message: Any = None


_decode = msgspec.json.Decoder(Said).decode
_decode_data = msgspec.json.Decoder(float_hook=str).decode  # a number keeps all of its digits


class HappyTalkStream(EventStream):
    """The common part of both formats of the service history.

    `POST /user/api/service-history`. The token is sent in the body. No paging, rate limit,
    retention or order is documented; times have whole seconds, in Korean time.
    """

    vendor = "HappyTalk"
    lookback: ClassVar = timedelta(minutes=60)  # a request for each six hours
    granularity: ClassVar = SECOND
    keeps = "run"  # by which of an entry's times a period selects isn't documented
    format: ClassVar[Literal["raw", "siem"]]

    @abstractmethod
    def parse(self, entry: object) -> dict[str, Any]:
        """Parse one entry of a response to its fields; dates are instants.

        Raises:
            ValueError: If the entry has another form. The text says how, and quotes nothing.
        """

    @abstractmethod
    def records(
        self, entries: Sequence[dict[str, Any]]
    ) -> Iterable[tuple[datetime, dict[str, Any]]]:
        """Make records from the entries of a response, each with its instant."""

    def windows(self, whole: Window) -> Iterator[Window]:
        """Windows of six hours."""
        return split_every(whole, WINDOW)

    def pages(self, window: Window, cursor: Mapping[str, Any] | None) -> Iterator[Page]:  # noqa: ARG002
        """Read the window with one request.

        Both bounds look inclusive in the vendor's examples. A request up to the window's end is
        complete whether they are inclusive or not. An event at the end belongs to the next window.
        """
        data, size = self._ask(window)
        yield Page([self._wanted_records(data, window)], None, size)

    def check_connection(self) -> None:
        """Request the last minute."""
        self._ask(Window(self.now - timedelta(minutes=1), self.now))

    def _wanted_records(self, data: Sequence[Any], window: Window) -> list[dict[str, Any]]:
        entries = []
        for number, entry in enumerate(data, start=1):
            try:
                entries.append(self.parse(entry))
            except ValueError as error:
                raise FatalVendorError(
                    f"HappyTalk's entry {number} of {len(data)} for {window} {error}; please "
                    "report it"
                ) from None
        return [record for happened, record in self.records(entries) if happened != window.end]

    def _ask(self, window: Window) -> tuple[list[Any], int]:
        body = {
            "token": self.config["happytalk_token"],
            "start_date": _naive(window.start),
            "end_date": _naive(window.end),
            "format": self.format,
        }
        url = endpoint(self.config["happytalk_api_url"], PATH)
        return self.client.fetch(lambda: requests.Request("POST", url, json=body), _read)


class ServiceHistory(HappyTalkStream):
    """All actions, including log-ins: `format=raw`."""

    name = "happytalk_service_history"
    record = "one action in the service, including log-ins"
    primary_keys = ("id",)
    replication_key = "request_date"
    format = "raw"
    columns: ClassVar = th.PropertiesList(
        th.Property("id", th.StringType, required=True, description="of the entry"),
        th.Property(
            "type", th.StringType, description="M manual, A automatic", examples=["M", "A"]
        ),
        th.Property(
            "kind",
            th.StringType,
            description="A archive, K key issuance, S manager",
            examples=["A", "K", "S"],
        ),
        th.Property("request_user", th.StringType, description="who did it"),
        th.Property("request_content", th.StringType, description="what was done"),
        th.Property("request_date", th.DateTimeType, description="when"),
        th.Property("apply_id", th.StringType, description="of whom or what it was done to"),
        th.Property(
            "apply_content",
            th.StringType,
            description="what came of it; 로그인 marks a log-in, 성공 is success",
        ),
        th.Property("apply_date", th.DateTimeType, description="when it was applied"),
    )

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self._ids = RepeatedIds()

    def parse(self, entry: object) -> dict[str, Any]:
        """Parse an object whose values are texts, two of them dates."""
        if not isinstance(entry, dict):
            raise ValueError("is not an object")  # noqa: TRY004 - the caller adds the position
        identity = entry.get("id")
        if isinstance(identity, bool) or not isinstance(identity, str | int) or identity == "":
            raise ValueError("has no id")
        fields: dict[str, Any] = {name: _text(entry.get(name)) for name in self.columns.wrapped}
        for name in ("request_date", "apply_date"):
            fields[name] = _date(fields[name], name)
        if fields["request_date"] is None:
            raise ValueError("has no request_date")
        return fields

    def records(
        self, entries: Sequence[dict[str, Any]]
    ) -> Iterator[tuple[datetime, dict[str, Any]]]:
        """Make one record from each entry."""
        for fields in entries:
            happened, applied = fields["request_date"], fields["apply_date"]
            fields["request_date"] = format_instant(happened)
            fields["apply_date"] = format_instant(applied) if applied else None
            yield happened, fields

    def _wanted_records(self, data: Sequence[Any], window: Window) -> list[dict[str, Any]]:
        records = super()._wanted_records(data, window)
        self._ids.note((record["id"], content_key(list(record.values()))) for record in records)
        return records

    def log_findings(self) -> None:
        """Log ids that several different entries share."""
        self._ids.tell(self.name, self.logger)


class SiemEvents(HappyTalkStream):
    """Actions without log-ins, as lines for a security system: `format=siem`."""

    name = "happytalk_siem_events"
    record = "the same actions without log-ins, from HappyTalk's SIEM lines"
    primary_keys = ("event_key",)
    replication_key = "event_time"
    format = "siem"
    columns: ClassVar = th.PropertiesList(
        th.Property("event_key", th.StringType, required=True, description="of the content"),
        th.Property("event_time", th.DateTimeType, required=True, description="when"),
        th.Property("event_name", th.StringType, description="the action, in English"),
        th.Property(
            "result", th.StringType, description="always Succeeded", examples=["Succeeded"]
        ),
        th.Property("user", th.StringType, description="who did it"),
        th.Property("clientip", th.StringType, description="of the user's last log-in"),
        th.Property("msg", th.StringType, description="what was done"),
        th.Property("raw", th.StringType, description="the line as received"),
    )

    def parse(self, entry: object) -> dict[str, Any]:
        """Parse a line."""
        if not isinstance(entry, str):
            raise ValueError(OTHER_FORM)  # noqa: TRY004 - the caller adds the position
        return parse_line(entry)

    def records(
        self, entries: Sequence[dict[str, Any]]
    ) -> Iterator[tuple[datetime, dict[str, Any]]]:
        """Make one record from each line. Duplicates are in one second, so in one window."""
        duplicates = DuplicateKeys()
        for fields in sorted(entries, key=itemgetter("raw")):
            happened = fields["event_time"]
            key_fields = [fields[name] for name in KEY_FIELDS]
            fields["event_time"] = format_instant(happened)
            yield happened, {"event_key": duplicates.key(content_key(key_fields)), **fields}


def parse_line(line: str) -> dict[str, Any]:
    """Parse a SIEM line: each value is from its marker to the first occurrence of the next one.

    `msg` is everything after its marker, so it may hold any text. Each marker is searched once,
    after the previous one, so the time is proportional to the length of the line.

    Raises:
        ValueError: If the line has another form. Its text is not quoted.
    """
    fields: dict[str, Any] = {}
    name, rest = "event_time", line
    for marker, next_name in MARKERS.items():
        fields[name], found, rest = rest.partition(marker)
        if not found:
            raise ValueError(OTHER_FORM)
        name = next_name
    return {**fields, "event_time": _line_time(fields["event_time"]), "msg": rest, "raw": line}


def _line_time(text: str) -> datetime:
    found = LINE_TIME.fullmatch(text)
    if not found or found[1] not in MONTHS:
        raise ValueError(OTHER_FORM)
    month, day = MONTHS.index(found[1]) + 1, int(found[2])
    try:
        return parse_naive(f"{found[3]}-{month:02}-{day:02} {found[4]}", KST)
    except ValueError:
        raise ValueError(OTHER_FORM) from None


def _naive(instant: datetime) -> str:
    return instant.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")


def _text(value: object) -> str | None:
    """Return a value as text; a number as its digits."""
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _date(text: str | None, name: str) -> datetime | None:
    text = (text or "").strip()
    if not text or ZERO_DATE.fullmatch(text):
        return None
    try:
        return parse_naive(text, KST)
    except ValueError as error:
        article = "an" if name.startswith("a") else "a"
        raise ValueError(f"has {article} {name} that is not a date-time ({error})") from None


def _read(response: Response) -> tuple[list[Any], int]:
    """Return the data of a response, and its size in bytes.

    `result` decides, not the status; so the body is read before the status is checked.

    Raises:
        RetriableVendorError: If the response is incomplete, or not from this API.
        FatalVendorError: If the user must do something.
    """
    try:
        said, data = parse_body(response, _said, "service history")
    except RetriableVendorError:
        raise_for_transient_status(response)
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise FatalVendorError(f"{response}: check happytalk_api_url") from None
        raise
    if not isinstance(said.result, str) or said.result.strip().lower() != "success":
        raise _refusal(response, said)
    if said.data == MISSING:
        raise RetriableVendorError(f"{response}, which is a success without data")
    if data is None:
        data = []
    if isinstance(data, dict) and all(map(NUMBERED.fullmatch, data)):
        data = list(data.values())
    if not isinstance(data, list):
        raise FatalVendorError(f"{response}, whose data is not a list; please report it")
    return data, len(response.body)


def _said(body: bytes) -> tuple[Said, Any]:
    said = _decode(body)
    return said, None if said.data == MISSING else _decode_data(said.data)


def _refusal(response: Response, said: Said) -> Exception:
    try:
        code = int(said.code)
    except (TypeError, ValueError):
        code = 0
    words = "no message" if said.message in (None, "") else one_line(said.message)
    problem = f"HTTP {response.status}, code {one_line(said.code)}, {words}"
    if code not in REFUSALS:
        raise_for_transient_status(response)
    advice = REFUSALS.get(code, "ask HappyTalk's support what it means")
    return FatalVendorError(f"HappyTalk refused the request ({problem}): {advice}")


SETTINGS = th.PropertiesList(
    th.Property(
        "happytalk_token",
        th.StringType,
        secret=True,
        title="HappyTalk token",
        description="The customer's token, from the admin console.",
    ),
    th.Property(
        "happytalk_api_url",
        th.StringType,
        default="https://bnd.happytalk.io",
        title="HappyTalk API URL",
        description="The base URL of the API; https://patch-bnd.happytalk.io is the vendor's test "
        "site.",
    ),
)

VENDOR = Vendor(
    name="HappyTalk",
    settings=SETTINGS,
    apis={
        "": Api(
            name="HappyTalk",
            credential="happytalk_token",
            urls=("happytalk_api_url",),
            streams=(ServiceHistory, SiemEvents),
        )
    },
    guide="admin console → system information; HappyTalk's support may have to permit the token.",
    guide_in_korean="관리자 화면 → 설정 → 회사 정보 관리 → 시스템 정보 → TOKEN. 해피톡 고객센터에 "
    "고객사 토큰 사용을 요청해야 할 수도 있습니다.",
    examples={
        "happytalk_token": "your-happytalk-token",
        "happytalk_api_url": "https://bnd.happytalk.io",
    },
)
