"""Simulates Infobip's events export, according to its documentation, with files in a real S3.

Undocumented behaviour can be set: whether ends are inclusive, the order of rows and their files,
the form of times and files, the number of status requests before the end.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from tap_eventexport.sandbox.infobip_rows import (
    DEFINITIONS,
    FORMS,
    enriched,
    file_times,
    older_row,
    present_row,
    told,
)
from tap_eventexport.sandbox.server import Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_eventexport.sandbox.history import Chapters, History, Moment
    from tap_eventexport.sandbox.infobip_rows import Row, RowForm

DAY = timedelta(hours=24)
YEAR = timedelta(days=365)
MOST_IN_PROGRESS = timedelta(hours=72)
FORGOTTEN = timedelta(seconds=5)  # after which an export ends if nobody asks after it
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}")
PATTERNS = {
    "roleArn": re.compile(r"arn:aws:iam::\d{12}:role/\S+"),
    "region": re.compile(r"[A-Z]+_[A-Z]+_\d"),
    "directoryPath": re.compile(r"(?:[A-Za-z0-9!_.*'()=/-]*/)?"),
    "startTime": TIME,
    "endTime": TIME,
}
REQUIRED = ("roleArn", "bucket", "region", "startTime", "endTime")
OPTIONAL = ("directoryPath", "definitionIdList", "enrichWithMomentsInfo")
MOST_DEFINITIONS = 200  # in a list, and after its expansion
TWIN_EVERY = 25  # one of this many events comes twice, equal except for an id
CANCELLED = "CANCELLED_BY_CUSTOMER"
NOTHING = "0 events found for the time period queried."


@dataclass(slots=True)
class Export:
    """One requested export, with its next statuses; the last one is its end.

    Attributes:
        asked: When it was requested, or its status was asked for last.
    """

    asked: datetime
    start: datetime
    end: datetime
    directory: str
    definitions: frozenset[str] | None
    is_enriched: bool
    to_come: list[str]
    is_over: bool = False
    message: str = ""


@dataclass(slots=True)
class Infobip:
    """The events of one account.

    Attributes:
        history: When events happen.
        put: Writes a file with a key.
        extra: Further events, at these instants.
        steps: The statuses of an export before its end.
        end: The status in which exports end.
        bounds: Whether the ends of an export are inclusive.
        rows_per_file: The maximum number of rows in a file.
        order: The order of an export's rows.
        form: The form of a file, a key of `FORMS`.
        row_form: The form of rows.
        definitions: The kinds of events that the account knows.
        style: The form of times.
        full: The HTTP status for too many exports.
        envelope: The JSON form of errors.
        exports: The requested exports, by request id.
        numbers: The seeds of request ids.
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
    row_form: RowForm = "present"
    definitions: tuple[str, ...] = DEFINITIONS
    style: Literal["Z", "+0000", "+00:00", "micro", "+09:00"] = "Z"
    full: int = 429
    envelope: Literal["serviceException", "errorCode"] = "serviceException"
    exports: dict[str, Export] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)
    path: str = "/peopleevents/1/export"

    def answer(self, request: Request) -> Response:
        """Answer according to the vendor's documentation."""
        if request.headers.get("authorization") != f"App {self.api_key}":
            response = error(401, "UNAUTHORIZED", "Invalid login details")
        elif request.headers.get("accept") != "application/json":
            return Response(406, b"<error/>", {"Content-Type": "application/xml"})
        else:
            response = self._answer(request)
        if self.envelope == "errorCode" and response.status >= HTTPStatus.BAD_REQUEST:
            return newer_error(response)
        return response

    def _answer(self, request: Request) -> Response:
        method, what = request.method, request.path.removeprefix(self.path)
        match method, what.split("/")[1:]:
            case "POST", []:
                return self._submit(request)
            case "GET", ["definitions"]:
                return json_response(200, {"definitionIdList": list(self.definitions)})
            case "GET", ["status", request_id]:
                return self._status(request_id)
            case "DELETE", [request_id]:
                return self._cancel(request_id)
        return error(404, "NOT_FOUND", "Requested URL not found")

    def truth(self, stream: str, start: datetime, end: datetime) -> list[str] | None:
        """Return the contents of the events in [start, end)."""
        if stream != "infobip_events":
            return None
        return [
            json.dumps(told(row, canonical(time)), sort_keys=True)
            for time, row in self._rows(start, end)
        ]

    def _submit(self, request: Request) -> Response:
        try:
            asked = json.loads(request.body)
            faults = _faults(asked, self.now())
        except (ValueError, KeyError, TypeError, AttributeError):
            return error(400, "BAD_REQUEST", "Bad Request")
        names = asked.get("definitionIdList")
        chosen = self._expanded(names) if names and not faults else None
        if chosen is not None and len(chosen) > MOST_DEFINITIONS:
            faults["definitionIdList"] = [f"matches more than {MOST_DEFINITIONS} definitions"]
        if faults:
            return error(400, "BAD_REQUEST", "Bad Request", faults)
        start, end = (_time(asked[name]) for name in ("startTime", "endTime"))
        now = self.now()
        self._end_due(lambda export: now - export.asked > FORGOTTEN)
        running = [export for export in self.exports.values() if not export.is_over]
        hours = sum((export.end - export.start for export in running), end - start)
        if hours > MOST_IN_PROGRESS:
            code = "TOO_MANY_REQUESTS" if self.full == 429 else "BAD_REQUEST"  # noqa: PLR2004
            return error(self.full, code, "At most 72 hours of exports may be in progress")
        request_id = str(UUID(int=random.Random(next(self.numbers)).getrandbits(128)))  # noqa: S311
        self.exports[request_id] = Export(
            now,
            start,
            end,
            asked.get("directoryPath", ""),
            chosen,
            asked.get("enrichWithMomentsInfo", False),
            [*self.steps, self.end],
        )
        return json_response(202, {"requestId": request_id})

    def _expanded(self, names: Sequence[str]) -> frozenset[str]:
        """Return the definitions that a list names, in which `*` stands for any text."""
        patterns = [re.compile(re.escape(name).replace(r"\*", ".*")) for name in names]
        return frozenset(
            definition
            for definition in self.definitions
            if any(pattern.fullmatch(definition) for pattern in patterns)
        )

    def _status(self, request_id: str) -> Response:
        export = self.exports.get(request_id)
        if export is None:
            return error(404, "NOT_FOUND", "Export request not found")
        export.asked = self.now()
        status = export.to_come[0]
        if len(export.to_come) > 1:
            export.to_come.pop(0)
        elif not export.is_over:
            self._end(request_id, export)
        said = {"requestId": request_id, "status": status}
        return json_response(200, {**said, "message": export.message} if export.message else said)

    def _cancel(self, request_id: str) -> Response:
        """Cancel an export, which takes a while: until then its status is "submitted"."""
        export = self.exports.get(request_id)
        if export is None:
            return error(404, "NOT_FOUND", "Export request not found")
        if export.is_over or export.to_come[-1] == CANCELLED:
            return error(409, "CONFLICT", "The export is ending already")
        export.to_come = ["SUBMITTED", CANCELLED]
        return Response(202)

    def end_all(self) -> None:
        """End every export, as after enough time without status requests."""
        self._end_due(lambda _: True)

    def _end_due(self, is_due: Callable[[Export], bool]) -> None:
        for request_id, export in list(self.exports.items()):  # more may be added meanwhile
            if not export.is_over and is_due(export):
                export.to_come = export.to_come[-1:]
                self._end(request_id, export)

    def _end(self, request_id: str, export: Export) -> None:
        export.is_over = True
        match export.to_come[-1]:
            case "COMPLETED_SUCCESSFULLY":
                export.message = "" if self._write(request_id, export) else NOTHING
            case "FAILED_AFTER_MAX_RETRIES":
                export.message = "Access to the bucket was denied."

    def _write(self, request_id: str, export: Export) -> int:
        """Write an export's files, and return their number."""
        rows = [
            enriched(row) if export.is_enriched else row
            for time, row in self._rows(export.start, export.end + timedelta(milliseconds=1))
            if self._is_selected(time, export)
            and (export.definitions is None or row["definitionId"] in export.definitions)
        ]
        if self.order == "shuffled":
            random.Random(request_id).shuffle(rows)  # noqa: S311
            rows = [dict(reversed(row.items())) for row in rows]
        starts = range(0, len(rows), self.rows_per_file)
        for number, first in enumerate(starts):
            times = file_times(export.start, export.end, number, len(starts))
            body = FORMS[self.form](rows[first : first + self.rows_per_file])
            self.put(f"{export.directory}{request_id}-events-{times}.json.gz", body)
        return len(starts)

    def _is_selected(self, time: datetime, export: Export) -> bool:
        is_after = export.start <= time if self.bounds[0] == "[" else export.start < time
        return is_after and (time <= export.end if self.bounds[1] == "]" else time < export.end)

    def _rows(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, Row]]:
        now = self.now()
        for moment in self.history.between(start, min(end, now)):
            if moment.arrival <= now:
                for twin in range(2 if moment.index % TWIN_EVERY == 0 else 1):
                    yield moment.time, self._row(moment, twin)
        for time in self.extra:
            if start <= time < min(end, now):
                yield time, {"definitionId": "pageView", "timestamp": self._told(time)}

    def _row(self, moment: Moment, twin: int) -> Row:
        time = self._told(moment.time)
        if self.row_form == "older" or (self.row_form == "mixed" and moment.index % 3 == 0):
            return older_row(moment, time, twin)
        return present_row(moment, time)

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


def canonical(time: datetime) -> str:
    """Format an instant as RFC 3339 in UTC with three decimals."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def _faults(asked: dict[str, Any], now: datetime) -> dict[str, list[str]]:
    """Return the problems of a request, by field."""
    faults = {name: ["must not be null"] for name in REQUIRED if not asked.get(name)}
    faults |= {name: ["unknown"] for name in asked.keys() - {*REQUIRED, *OPTIONAL}}
    if faults:
        return faults
    for name, pattern in PATTERNS.items():
        if not pattern.fullmatch(asked.get(name) or ""):
            faults[name] = ["invalid"]
    definitions = asked.get("definitionIdList", [])
    if not all(isinstance(name, str) for name in definitions):
        faults["definitionIdList"] = ["must be texts"]
    elif len(set(definitions)) < len(definitions) or len(definitions) > MOST_DEFINITIONS:
        faults["definitionIdList"] = [f"must be unique, and at most {MOST_DEFINITIONS}"]
    if not isinstance(asked.get("enrichWithMomentsInfo", False), bool):
        faults["enrichWithMomentsInfo"] = ["must be a boolean"]
    return faults or _faults_of_times(_time(asked["startTime"]), _time(asked["endTime"]), now)


def _faults_of_times(start: datetime, end: datetime, now: datetime) -> dict[str, list[str]]:
    faults = {}
    if not start < end or end - start > DAY:
        faults["endTime"] = ["must be after startTime, by at most 24 hours"]
    if end > now:
        faults["endTime"] = ["must be in the past"]
    if start > now:
        faults["startTime"] = ["must be in the past"]
    if start < now - YEAR:
        faults["startTime"] = ["must not be more than a year ago"]
    return faults


def error(
    status: int, code: str, text: str, faults: dict[str, list[str]] | None = None
) -> Response:
    """An error in Infobip's envelope."""
    told: dict[str, object] = {"messageId": code, "text": text}
    if faults:
        told["validationErrors"] = faults
    return json_response(status, {"requestError": {"serviceException": told}})


def newer_error(response: Response) -> Response:
    """The same error in the envelope of Infobip's newer APIs."""
    told = json.loads(response.body)["requestError"]["serviceException"]
    return json_response(
        response.status,
        {
            "errorCode": told["messageId"],
            "description": told["text"],
            "action": "Check the request.",
            "violations": [
                {"property": name, "violation": fault}
                for name, faults in told.get("validationErrors", {}).items()
                for fault in faults
            ],
        },
    )
