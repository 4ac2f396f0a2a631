"""Infobip's events export, as its documentation describes it, with files in a real S3.

What the documentation leaves open can be set: whether ends are inclusive, how rows are ordered and
spread over files, how times and files are written, how often a status is asked before its end.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from tap_eventexport.sandbox.server import Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_eventexport.sandbox.history import Chapters, History, Moment

DAY = timedelta(hours=24)
YEAR = timedelta(days=365)
MOST_IN_PROGRESS = timedelta(hours=72)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}")
REGION = re.compile(r"[A-Z]+_[A-Z]+_\d")
FIELDS = {"roleArn", "bucket", "region", "directoryPath", "startTime", "endTime"} | {
    "definitionIdList"
}
DEFINITIONS = ("pageView", "smsDelivered", "smsSeen", "purchase")
TWIN_EVERY = 25  # every so many events come twice, alike in everything
ABSENT = dict.fromkeys(("personId", "externalPersonId", "properties"))  # the same as null
NOTHING = "0 events found for the time period queried."

Row = dict[str, object]


@dataclass(slots=True)
class Export:
    """One export that was asked for; its status is the next of those to come, its end the last."""

    start: datetime
    end: datetime
    directory: str
    definitions: tuple[str, ...]
    to_come: list[str]
    is_over: bool = False
    message: str = ""


@dataclass(slots=True)
class Infobip:
    """The events of one account.

    Attributes:
        history: When events happen.
        put: Writes a file of a key.
        extra: Further events, at these instants.
        steps: The statuses of an export before its end.
        end: The status in which exports end.
        bounds: Whether the ends of an export are inclusive.
        rows_per_file: How many rows a file has at most.
        order: In which order an export's rows come.
        form: How a file is written, a key of `FORMS`.
        style: How times are written.
        full: The HTTP status that refuses an export that is one too many.
        exports: What was asked for, by request id.
    """

    history: History | Chapters
    put: Callable[[str, bytes], None]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    api_key: str = "sandbox-infobip-key"
    extra: list[datetime] = field(default_factory=list)
    steps: tuple[str, ...] = ("SUBMITTED", "IN_PROGRESS")
    end: str = "COMPLETED_SUCCESSFULLY"
    bounds: Literal["[)", "[]", "()", "(]"] = "[)"
    rows_per_file: int = 50_000
    order: Literal["ascending", "shuffled"] = "ascending"
    form: str = "lines"
    style: Literal["Z", "+0000", "+00:00", "micro", "+09:00"] = "Z"
    full: int = 429
    exports: dict[str, Export] = field(default_factory=dict)
    path: str = "/peopleevents/1/export"

    def answer(self, request: Request) -> Response:
        """Answer as the vendor's documentation says."""
        if request.headers.get("authorization") != f"App {self.api_key}":
            return error(401, "UNAUTHORIZED", "Invalid login details")
        if request.headers.get("accept") != "application/json":
            return Response(406, b"<error/>", {"Content-Type": "application/xml"})
        what = request.path.removeprefix(self.path)
        if (request.method, what) == ("POST", ""):
            return self._submit(request)
        if (request.method, what) == ("GET", "/definitions"):
            return json_response(200, {"definitionIdList": list(DEFINITIONS)})
        if request.method == "GET" and what.startswith("/status/"):
            return self._status(what.removeprefix("/status/"))
        return error(404, "NOT_FOUND", "Requested URL not found")

    def truth(self, stream: str, start: datetime, end: datetime) -> list[str] | None:
        """The contents of the events in [start, end)."""
        if stream != "infobip_events":
            return None
        return [
            json.dumps({**ABSENT, **row, "timestamp": canonical(time)}, sort_keys=True)
            for time, row in self._rows(start, end)
        ]

    def _submit(self, request: Request) -> Response:
        try:
            asked = json.loads(request.body)
            faults = _faults(asked, self.now())
        except (ValueError, KeyError, TypeError):
            return error(400, "BAD_REQUEST", "Bad Request")
        if faults:
            return error(400, "BAD_REQUEST", "Bad Request", faults)
        start, end = (_time(asked[name]) for name in ("startTime", "endTime"))
        running = [export for export in self.exports.values() if not export.is_over]
        hours = sum((export.end - export.start for export in running), end - start)
        if hours > MOST_IN_PROGRESS:
            code = "TOO_MANY_REQUESTS" if self.full == 429 else "BAD_REQUEST"  # noqa: PLR2004
            return error(self.full, code, "At most 72 hours of exports may be in progress")
        request_id = str(UUID(int=random.Random(len(self.exports)).getrandbits(128)))  # noqa: S311
        self.exports[request_id] = Export(
            start,
            end,
            asked.get("directoryPath", ""),
            tuple(asked.get("definitionIdList", ())),
            [*self.steps, self.end],
        )
        return json_response(202, {"requestId": request_id})

    def _status(self, request_id: str) -> Response:
        export = self.exports.get(request_id)
        if export is None:
            return error(404, "NOT_FOUND", "Export request not found")
        status = export.to_come[0]
        if len(export.to_come) > 1:
            export.to_come.pop(0)
        elif not export.is_over:
            self._end(request_id, export)
        told = {"requestId": request_id, "status": status}
        return json_response(200, {**told, "message": export.message} if export.message else told)

    def end_all(self) -> None:
        """End every export, as time does whether anybody asks for its status or not."""
        for request_id, export in list(self.exports.items()):  # more may come meanwhile
            if not export.is_over:
                export.to_come = [self.end]
                self._end(request_id, export)

    def _end(self, request_id: str, export: Export) -> None:
        export.is_over = True
        match self.end:
            case "COMPLETED_SUCCESSFULLY":
                export.message = "" if self._write(request_id, export) else NOTHING
            case "FAILED_AFTER_MAX_RETRIES":
                export.message = "Access to the bucket was denied."

    def _write(self, request_id: str, export: Export) -> int:
        """Write an export's files; how many there are."""
        rows = [
            row
            for time, row in self._rows(export.start, export.end + timedelta(milliseconds=1))
            if self._is_selected(time, export)
            and (not export.definitions or row["definitionId"] in export.definitions)
        ]
        if self.order == "shuffled":
            random.Random(request_id).shuffle(rows)  # noqa: S311
            rows = [dict(reversed(row.items())) for row in rows]
        starts = range(0, len(rows), self.rows_per_file)
        for number, first in enumerate(starts):
            name = f"{request_id}-events-{export.start:%Y-%m-%dT%H:%M:%S+0000}-{number}.json.gz"
            body = self._file(rows[first : first + self.rows_per_file])
            self.put(export.directory + name, body)
        return len(starts)

    def _is_selected(self, time: datetime, export: Export) -> bool:
        is_after = export.start <= time if self.bounds[0] == "[" else export.start < time
        return is_after and (time <= export.end if self.bounds[1] == "]" else time < export.end)

    def _file(self, rows: list[Row]) -> bytes:
        """A file of rows in the form that is set."""
        return FORMS[self.form](rows)

    def _rows(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, Row]]:
        now = self.now()
        for moment in self.history.between(start, min(end, now)):
            if moment.arrival <= now:
                for _ in range(2 if moment.index % TWIN_EVERY == 0 else 1):
                    yield moment.time, self._row(moment)
        for time in self.extra:
            if start <= time < min(end, now):
                yield time, {"definitionId": "pageView", "timestamp": self._told(time)}

    def _row(self, moment: Moment) -> Row:
        chance = moment.random("infobip")
        return {
            "definitionId": chance.choice(DEFINITIONS),
            "personId": str(chance.randrange(1, 500)),
            "externalPersonId": chance.choice(("customer-1", None)),
            "timestamp": self._told(moment.time),
            "properties": {
                "url": f"/상품/{moment.index}",
                "price": chance.choice((9900, 0.1, 123456789012345678901234567890)),
                "note": chance.choice(("a\u2028b", "", None)),
                "tags": [{"deep": True}],
            },
        }

    def _told(self, time: datetime) -> str:
        match self.style:
            case "Z":
                return canonical(time)
            case "micro":
                return f"{time:%Y-%m-%dT%H:%M:%S.%f}Z"
            case "+09:00":
                return f"{time + timedelta(hours=9):%Y-%m-%dT%H:%M:%S.%f}+09:00"
            case offset:
                return canonical(time).removesuffix("Z") + offset


def _lines(rows: Sequence[Row]) -> list[bytes]:
    return [json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() for row in rows]


def _array(rows: Sequence[Row]) -> bytes:
    return b"[" + b",".join(_lines(rows)) + b"]"


def _arrays(rows: Sequence[Row]) -> list[bytes]:
    """The rows as arrays of seven."""
    return [_array(rows[first : first + 7]) for first in range(0, len(rows), 7)]


def _pretty(rows: Sequence[Row]) -> bytes:
    return json.dumps(rows, ensure_ascii=False, indent=2).encode()


def _members(parts: Iterable[bytes]) -> bytes:
    return b"".join(gzip.compress(part) for part in parts)


FORMS: dict[str, Callable[[list[Row]], bytes]] = {
    "lines": lambda rows: gzip.compress(b"\n".join(_lines(rows)), 1),
    "plain": lambda rows: b"\n".join(_lines(rows)),
    "members": lambda rows: _members(line + b"\r\n\n" for line in _lines(rows)),
    "marked": lambda rows: _members(b"\xef\xbb\xbf" + line for line in _lines(rows)),
    "together": lambda rows: gzip.compress(b"".join(_lines(rows))),
    "array": lambda rows: gzip.compress(_array(rows)),
    "pretty": lambda rows: gzip.compress(_pretty(rows)),
    "arrays": lambda rows: gzip.compress(b"\n".join(_arrays(rows))),
    "array members": lambda rows: _members(_arrays(rows)),
    "mixture": lambda rows: _members(
        [b"\n".join(_lines(rows[:9])), _array(rows[9:20]), _pretty(rows[20:])]
    ),
}


def canonical(time: datetime) -> str:
    """RFC 3339 in UTC with three decimals."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def _faults(asked: dict[str, str], now: datetime) -> dict[str, list[str]]:
    """What is wrong with a request, by its fields."""
    required = FIELDS - {"directoryPath", "definitionIdList"}
    faults = {name: ["must not be null"] for name in required if not asked.get(name)}
    faults |= {name: ["unknown"] for name in asked.keys() - FIELDS}
    if faults:
        return faults
    if not REGION.fullmatch(asked["region"]):
        faults["region"] = ["unknown region"]
    times = {name: asked[name] for name in ("startTime", "endTime")}
    faults |= {name: ["invalid"] for name, text in times.items() if not TIME.fullmatch(text)}
    if faults:
        return faults
    start, end = map(_time, times.values())
    if not start < end or end - start > DAY:
        faults["endTime"] = ["must be after startTime, by at most 24 hours"]
    if end > now:
        faults["endTime"] = ["must be in the past"]
    if start < now - YEAR:
        faults["startTime"] = ["must not be more than a year ago"]
    if asked.get("directoryPath", "/")[-1] != "/":
        faults["directoryPath"] = ["must end with a slash"]
    return faults


def error(
    status: int, code: str, text: str, faults: dict[str, list[str]] | None = None
) -> Response:
    """An error in Infobip's envelope."""
    told: dict[str, object] = {"messageId": code, "text": text}
    if faults:
        told["validationErrors"] = faults
    return json_response(status, {"requestError": {"serviceException": told}})
