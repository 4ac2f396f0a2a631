"""Infobip's export jobs: submit, wait for completion, read the files.

https://www.infobip.com/docs/api/customer-engagement/people/create-events-export-request
"""

from __future__ import annotations

import re
import threading
from datetime import datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec
import requests
import tenacity

from tap_eventexport.engine.errors import (
    FatalVendorError,
    RateLimitedError,
    RestartWindowError,
    RetriableVendorError,
    ShutdownRequested,
)
from tap_eventexport.engine.http.client import endpoint
from tap_eventexport.engine.http.headers import sent_at
from tap_eventexport.engine.http.response import one_line
from tap_eventexport.engine.page import Page, PreparedWindow, SplitWindow
from tap_eventexport.engine.windows import (
    MILLISECOND,
    Window,
    format_instant,
    round_up,
    split_every,
    window_if_any,
)
from tap_eventexport.vendors.infobip.events import InfobipEvents
from tap_eventexport.vendors.infobip.responses import (
    Definitions,
    Status,
    Submitted,
    problem,
    reader,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from singer_sdk import Tap

    from tap_eventexport.engine.http.client import HttpClient
    from tap_eventexport.engine.http.response import Response
    from tap_eventexport.engine.objects.listing import StoredObject

PATH = "/peopleevents/1/export"
LONGEST = timedelta(hours=24)  # "at most 24 h"
MAX_EXPORTS = 3  # exports of 24 h: "≤ 72 hours' worth of exports in progress"
KEPT = timedelta(days=364)  # "start ≤ 1 year ago", less a day for a run that takes long

FIRST_PAUSE, PAUSE_GROWTH, LONGEST_PAUSE = 1.0, 1.5, 30.0  # seconds between two polls of a status
LONGEST_EXPORT = 6 * 60 * 60.0  # seconds; none is documented
FULL_PAUSE = 15.0  # seconds before the next submit if there are too many exports
LISTINGS = 4  # of a complete export's files; if still none is found, it is an error

COMPLETED, FAILED = "COMPLETED_SUCCESSFULLY", "FAILED_AFTER_MAX_RETRIES"
CANCELLED = "CANCELLED_BY_CUSTOMER"
ENDS = {COMPLETED, FAILED, CANCELLED}
GOES_ON = {"SUBMITTED", "IN_PROGRESS", "FAILED_AWAITING_RETRY"}
NO_EVENTS = re.compile(r"\s*0 events\b", re.IGNORECASE)
TOO_MANY = re.compile(r"72|in progress|too many|concurrent|limit|exceed", re.IGNORECASE)

REQUEST_ID = re.compile(r"[0-9A-Za-z-]{1,64}")

Result = TypeVar("Result")


class NotYetError(Exception):
    """A window ends after the vendor's current time.

    Attributes:
        until: The vendor's current time.
    """

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until


class ExportCursor(msgspec.Struct, omit_defaults=True):
    """The cursor of a window: an export and its emitted files. Its fields are STATE keys.

    Attributes:
        request_id: The export's id.
        files: The number of its files that were emitted, in order of their keys.
        of: The number of all its files.
        last: The key of the last emitted file.
    """

    request_id: str
    files: int = 0
    of: int = 0
    last: str = ""


class InfobipExports(InfobipEvents):
    """The rows of exports that the tap requests.

    `POST /peopleevents/1/export`. It isn't documented if a window selects by the time of the event
    or of its arrival, so rows with any time are kept.
    """

    vendor = "Infobip"
    lookback: ClassVar = timedelta(hours=6)  # as many exports as with an hour, but larger files

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self._slots = threading.BoundedSemaphore(MAX_EXPORTS)
        self._running: set[Window] = set()
        self._submitting = threading.Lock()
        self._known_ids: set[str] = set()

    @property
    def filters(self) -> tuple[Any, ...]:
        """The settings that an export depends on: its events and the location of its files."""
        names = ("api_url", "s3_bucket", "s3_directory", "definition_ids")
        return tuple(self.config[f"infobip_{name}"] for name in names)

    @property
    def retention_start(self) -> datetime:
        """The earliest time that may be requested; the vendor may keep less."""
        return round_up(self.now - KEPT)

    def windows(self, whole: Window) -> Iterator[Window]:
        """Windows of one width, each with one millisecond before it at most 24 hours long."""
        length = (whole.end - whole.start) // MILLISECOND
        count = -(-length // (LONGEST // MILLISECOND - 1))
        return split_every(whole, -(-length // count) * MILLISECOND)

    def pages(
        self, window: Window, cursor: Mapping[str, Any] | None
    ) -> Iterator[Page | PreparedWindow | SplitWindow]:
        """Export the window, or resume its export, and read each file as a page.

        Infobip refuses an end in the future, by its own clock. If this machine's clock is ahead,
        the window is read up to the vendor's current time.
        """
        try:
            yield from self._pages(window, cursor)
        except NotYetError as error:
            past = window_if_any(window.start, error.until)
            yield SplitWindow(past) if past else Page([], None)

    def _pages(
        self, window: Window, cursor: Mapping[str, Any] | None
    ) -> Iterator[Page | PreparedWindow]:
        resumed = _resumed(cursor)
        with self._slots:
            self._running.add(window)
            try:
                if resumed:
                    export = resumed
                    self._log_resuming(window, export)
                else:
                    with self._submitting:  # one at a time, each in STATE before the next
                        export = ExportCursor(self._submit(window))
                        yield PreparedWindow(msgspec.to_builtins(export))
                files = self._files(window, export, is_resumed=resumed is not None)
            finally:
                self._running.discard(window)
        if not files:
            yield Page([], None)
            return
        duplicates = self.counted(files[: export.files])
        for number, file in enumerate(files[export.files :], export.files + 1):
            done = ExportCursor(export.request_id, number, len(files), file.key)
            is_last = number == len(files)
            yield self.file_page(file, duplicates, None if is_last else msgspec.to_builtins(done))

    def check_connection(self) -> None:
        """Request the definitions of events, and list one key of the bucket."""
        self._ask("GET", "/definitions", reader(Definitions))
        self.bucket.check_connection(self.directory)

    @cached_property
    def _edges(self) -> tuple[str, str, str]:
        """The millisecond before this run's start, the start, and the end."""
        if self.interval is None:
            return "", "", ""
        instants = (self.interval.start - MILLISECOND, self.interval.start, self.interval.end)
        before, start, end = map(format_instant, instants)
        return before, start, end

    def is_wanted(self, timestamp: str, definition: str | None) -> bool:  # noqa: ARG002
        """Leave out only the rows that are exported because ends may be inclusive."""
        before, start, end = self._edges
        return not (before <= timestamp < start or timestamp == end)

    # An export

    def _submit(self, window: Window) -> str:
        """Submit an export that covers a window, whether its ends are inclusive or not."""
        if self.is_closed:
            raise ShutdownRequested
        region: str = self.config["infobip_s3_region"]
        body = {
            "roleArn": self.config["infobip_export_role_arn"],
            "bucket": self.config["infobip_s3_bucket"],
            "region": region.upper().replace("-", "_"),
            "startTime": export_time(window.start - MILLISECOND),
            "endTime": export_time(window.end),
        }
        optional = {
            "directoryPath": self.directory,
            "definitionIdList": self.config["infobip_definition_ids"],
        }
        body.update((name, value) for name, value in optional.items() if value)

        def read(response: Response) -> str:
            if response.status == HTTPStatus.BAD_REQUEST and self._is_full(response):
                raise RateLimitedError(
                    f"Infobip has too many exports in progress ({problem(response)[0]})", FULL_PAUSE
                )
            if response.status == HTTPStatus.BAD_REQUEST:
                now = sent_at(response.headers)
                if now and now < window.end:
                    raise NotYetError(now)
            request_id = reader(Submitted)(response).requestId
            if not REQUEST_ID.fullmatch(request_id):
                raise FatalVendorError("Infobip returned an export id of an unknown form")
            if request_id in self._known_ids:
                raise RetriableVendorError(f"{response.request} returned the id of another export")
            return request_id

        request_id = self._ask("POST", "", read, body)
        self._known_ids.add(request_id)
        return request_id

    def _is_full(self, response: Response) -> bool:
        """Whether an export was refused because of too many others; how isn't documented."""
        said, fields = problem(response)
        return not fields and (len(self._running) > 1 or TOO_MANY.search(said) is not None)

    def _files(
        self, window: Window, export: ExportCursor, *, is_resumed: bool
    ) -> Sequence[StoredObject]:
        """Wait for an export, and return its files."""
        request_id = export.request_id
        status = self._wait(window, request_id, is_resumed=is_resumed)
        export_name = f"Infobip's export {request_id} of {window}"
        if status.status != COMPLETED:
            hint = {
                FAILED: "check that the role infobip_export_role_arn trusts Infobip and may write "
                "to infobip_s3_bucket, and infobip_s3_region",
                CANCELLED: "it was cancelled; run again to request another",
            }[status.status]
            said = one_line(status.message or "no message")
            raise _lost(f"{export_name} ended as {status.status} ({said}): {hint}", is_resumed)
        said = one_line(status.message or "")
        is_empty = NO_EVENTS.match(said) is not None
        if said and not is_empty:
            self.logger.info("%s: %s is complete, and says: %s", self.name, export_name, said)
        files = self._listed(request_id, 1 if is_empty else LISTINGS)
        if is_empty and not files:
            return []
        if not files:
            raise _lost(
                f"{export_name} is complete, but {self.bucket}/{self.directory} has no file of it: "
                "check infobip_s3_bucket and infobip_s3_directory, and that the reader may read "
                "what the role infobip_export_role_arn writes",
                is_resumed,
            )
        emitted = files[: export.files]
        if emitted and (len(files) != export.of or emitted[-1].key != export.last):
            raise RestartWindowError(f"the files of {export_name} have changed")
        return files

    def _wait(self, window: Window, request_id: str, *, is_resumed: bool) -> Status:
        """Wait for an export, and return its last status."""
        unknown: set[str] = set()

        def ask() -> Status:
            status = self._ask("GET", f"/status/{request_id}", read)
            if status.status not in GOES_ON | ENDS | unknown:
                unknown.add(status.status)
                self.logger.warning(
                    "%s: an export has the unknown status %.60r; still waiting",
                    self.name,
                    status.status,
                )
            return status

        def read(response: Response) -> Status:
            if response.status == HTTPStatus.NOT_FOUND:
                text = f"Infobip doesn't know the export {request_id} ({problem(response)[0]})"
                raise RestartWindowError(text) if is_resumed else RetriableVendorError(text)
            status = reader(Status)(response)
            if (status.requestId or request_id).lower() != request_id.lower():
                raise RetriableVendorError(
                    f"{response.request} returned the status of another export"
                )
            return status

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda status: status.status not in ENDS),
            wait=tenacity.wait_exponential(FIRST_PAUSE, LONGEST_PAUSE, PAUSE_GROWTH),
            stop=tenacity.stop_after_delay(LONGEST_EXPORT),
            sleep=self._pause,
        )
        try:
            if not is_resumed:
                self._pause(FIRST_PAUSE)
            status: Status = retrying(ask)
        except tenacity.RetryError as error:
            last: Status = error.last_attempt.result()
            raise FatalVendorError(
                f"Infobip's export {request_id} of {window} is still {last.status} after "
                f"{LONGEST_EXPORT / 3600:.0f} h; the next run resumes it"
            ) from None
        return status

    def _listed(self, request_id: str, times: int) -> Sequence[StoredObject]:
        """List the files of an export, several times until there is one."""
        prefix = f"{self.directory}{request_id}-events-"
        name = re.compile(re.escape(f"{request_id}-events-") + r".+\.json\.gz")
        for listing in range(times):
            files = list(self.export_files(self.bucket.list(prefix), name))
            if files:
                return sorted(files, key=lambda file: file.key)
            if listing + 1 < times:
                self._pause(FIRST_PAUSE * 2**listing)
        return []

    def _log_resuming(self, window: Window, export: ExportCursor) -> None:
        """Log what an export of an earlier run may lack."""
        self._known_ids.add(export.request_id)
        if window.end > self.now - self.bounds().lookback:
            self.logger.info(
                "%s: resuming the export %s of %s, which an earlier run requested; the next run "
                "reads events that arrived since then",
                self.name,
                export.request_id,
                window,
            )

    def _pause(self, seconds: float) -> None:
        self.client.shutdown.wait(seconds)
        if self.is_closed:
            raise ShutdownRequested

    def _ask(
        self,
        method: str,
        path: str,
        read: Callable[[Response], Result],
        body: dict[str, Any] | None = None,
    ) -> Result:
        return self.client.fetch(
            lambda: requests.Request(
                method,
                endpoint(self.config["infobip_api_url"], PATH + path),
                json=body,
                headers={
                    "Authorization": f"App {self.config['infobip_api_key']}",
                    "Accept": "application/json",  # errors may be XML otherwise
                },
            ),
            read,
        )


def export_time(instant: datetime) -> str:
    """`yyyy-MM-dd'T'HH:mm:ss.SSSZ`, the offset without a colon: `2022-03-01T01:00:00.000+0000`."""
    return format_instant(instant).removesuffix("Z") + "+0000"


def _resumed(cursor: Mapping[str, Any] | None) -> ExportCursor | None:
    try:
        found = msgspec.convert(cursor, ExportCursor | None)
    except msgspec.ValidationError:
        raise RestartWindowError("the checkpoint in STATE can't be understood") from None
    if found and not REQUEST_ID.fullmatch(found.request_id):
        raise RestartWindowError("the checkpoint in STATE has no request id")
    return found


def _lost(text: str, is_resumed: bool) -> Exception:  # noqa: FBT001
    """Return the error for a useless export: a resumed one is replaced, a new one fails."""
    return RestartWindowError(text) if is_resumed else FatalVendorError(text)
