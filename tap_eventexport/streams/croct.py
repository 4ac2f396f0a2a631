"""Croct: the events of one application, page by page along a cursor.

https://docs.croct.com/reference/api/service/data-export/export-events
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

import msgspec
import requests
from singer_sdk import typing as th

from tap_eventexport.engine.answers import decoded, envelope, quoted
from tap_eventexport.engine.errors import FatalVendorError, RestartWindowError
from tap_eventexport.engine.extra import COLUMN, NULL, ExtraDecoder, NewNames, as_column
from tap_eventexport.engine.http import Answer, refuse_passing_faults
from tap_eventexport.engine.identity import content_key, parsed
from tap_eventexport.engine.page import Page, Split
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import (
    MILLISECOND,
    Window,
    cut,
    cut_growing,
    format_milliseconds,
    parse_instant,
    span,
    to_milliseconds,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from singer_sdk import Tap

    from tap_eventexport.engine.extra import Fields
    from tap_eventexport.engine.http import HttpClient

PATH = "/export/events"
WINDOW = timedelta(days=1)  # no limit is documented; a day is a handful of pages for most sites
FEW = 6  # windows at once for which those of a day are narrow enough
PAGES_IN_A_ROW = 8  # of one cursor; a window that has twice as many or more is split
PART_GROWTH = 2  # each part of it is so much wider: few requests where nothing more comes
MAX_PAGES = 100_000  # of one cursor: 100 million events within a day are no site's
MAX_EMPTY_PAGES = 20  # in a row, each with a new cursor, before the window is given up

# fmt: off
EVENT_TYPES = {
    "userSignedUp", "userSignedIn", "userSignedOut", "tabOpened", "tabUrlChanged",
    "tabVisibilityChanged", "locationDetected", "clientDetected", "pageOpened", "pageLoaded",
    "productAbandoned", "productViewed", "cartAbandoned", "cartViewed", "cartModified",
    "checkoutStarted", "orderPlaced", "nothingChanged", "goalCompleted", "eventOccurred",
    "slotPersonalized", "leadGenerated", "audienceMatched", "userClicked", "userScrolled",
}
# fmt: on


class Metadata(msgspec.Struct):
    """Where the events come from; the same for all events of an answer."""

    organizationName: str | None = None
    organizationSlug: str | None = None
    workspaceName: str | None = None
    workspaceSlug: str | None = None
    applicationName: str | None = None
    applicationSlug: str | None = None


class Event(msgspec.Struct, gc=False):
    """One event of an answer; `context` and `payload` stay the JSON that they are."""

    timestamp: int  # milliseconds since 1970
    payload: msgspec.Raw
    id: str | None = None  # since the vendor's spec 0.6.0
    sessionId: str | None = None
    userId: str | None = None
    context: msgspec.Raw = NULL  # null for events of a server


class StrictEvent(Event, gc=False, forbid_unknown_fields=True):
    """An event as the vendor's specification has it."""


class LenientEvent(Event, gc=False):
    """An event that may have other fields, and numbers for its texts."""

    id: str | int | None = None  # type: ignore[assignment]
    sessionId: str | int | None = None  # type: ignore[assignment]
    userId: str | int | None = None  # type: ignore[assignment]


class Payload(msgspec.Struct, gc=False):
    """What of a payload is read: its type."""

    type: str | None = msgspec.field(name="@type", default=None)


class Context(msgspec.Struct):
    """Nothing of a context is read, but it must be an object."""


Item = TypeVar("Item")


class Export(msgspec.Struct, Generic[Item]):
    """One answer. `nextCursor` is empty, null or missing in the last one."""

    items: list[Item]
    metadata: Metadata = msgspec.field(default_factory=Metadata)
    nextCursor: str | None = None


class Record(msgspec.Struct, gc=False):
    """One record of `croct_events`, in the order of its columns."""

    id: str
    timestamp: str
    eventType: str | None
    sessionId: str | None
    userId: str | None
    context: msgspec.Raw
    payload: msgspec.Raw
    organizationName: str | None
    organizationSlug: str | None
    workspaceName: str | None
    workspaceSlug: str | None
    applicationName: str | None
    applicationSlug: str | None
    extra: msgspec.Raw = msgspec.field(name="_extra")


_decode_payload = msgspec.json.Decoder(Payload).decode
_check_context = msgspec.json.Decoder(Context | None).decode


_decode_known = msgspec.json.Decoder(Export[Event]).decode
_decode_numbers = msgspec.json.Decoder(Export[LenientEvent]).decode


def _decode_lenient(body: bytes) -> Export[Any]:
    try:
        return _decode_known(body)
    except msgspec.ValidationError:
        export = _decode_numbers(body)
    for event in export.items:
        event.id, event.sessionId, event.userId = (
            str(value) if isinstance(value, int) else value
            for value in (event.id, event.sessionId, event.userId)
        )
    return export


_decode_export = ExtraDecoder[Export[Any]](
    LenientEvent,
    strict=msgspec.json.Decoder(Export[StrictEvent]).decode,
    lenient=_decode_lenient,
    raw=msgspec.json.Decoder(Export[dict[str, msgspec.Raw]]).decode,
    events=attrgetter("items"),
)


class CroctEvents(EventStream):
    """All events of the application that the API key belongs to.

    `GET /export/events`. The order of events is not documented. Events may arrive after their
    time, since browsers queue them; there is no documented limit to that, nor to the age of
    events, the length of a window or the number of requests.
    """

    name = "croct_events"
    primary_keys = ("id",)
    replication_key = "timestamp"
    vendor = "Croct"
    lookback: ClassVar = timedelta(minutes=60)
    columns: ClassVar = th.PropertiesList(
        th.Property("id", th.StringType, required=True),
        th.Property("timestamp", th.DateTimeType, required=True, description="when tracked"),
        th.Property("eventType", th.StringType, description="the payload's @type"),
        th.Property("sessionId", th.StringType),
        th.Property("userId", th.StringType),
        th.Property("context", th.ObjectType(additional_properties=True)),
        th.Property("payload", th.ObjectType(additional_properties=True)),
        *(th.Property(name, th.StringType) for name in Metadata.__struct_fields__),
        COLUMN,
    )

    @property
    def filters(self) -> tuple[Any, ...]:
        """A cursor may be bound to all that it was made with."""
        return (
            self.config["croct_api_url"],
            self.config["croct_event_types"],
            self.config["croct_page_size"],
        )

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self._new_names = NewNames(self.name, self.logger)
        for name in sorted(set(self.config["croct_event_types"]) - EVENT_TYPES):
            self.logger.warning("croct_event_types: %r is not among Croct's documented types", name)

    def windows(self, whole: Window) -> Iterator[Window]:
        """Windows of a day, or less where many are read at once and wait for each other."""
        width = min(WINDOW, WINDOW * FEW / self.client.concurrency)
        return cut(whole, width // MILLISECOND * MILLISECOND)

    def pages(self, window: Window, place: Mapping[str, Any] | None) -> Iterator[Page | Split]:
        """Follow the cursor until the vendor hands out no new one.

        A cursor's pages can only be read in turn. Where the first page shows that there will be
        many, the window is read as several, all of it, since the order of events isn't documented.
        """
        cursor: str | None = place.get("cursor") if place else None
        seen = {cursor}
        empty = 0
        for _ in range(MAX_PAGES):
            answered = self._ask(window, cursor)
            following = answered.cursor
            if answered.is_empty and following == cursor:
                following = None
            if following is None:
                yield Page([answered.records], None, answered.size)
                return
            if cursor is None and (parts := self._parts(window, answered.records)):
                yield Split(parts)
                return
            if following in seen:
                raise FatalVendorError(
                    f"Croct repeats a cursor in the window {window}, which would never end; "
                    "try again, or ask Croct"
                )
            empty = empty + 1 if answered.is_empty else 0
            if empty > MAX_EMPTY_PAGES:
                raise FatalVendorError(
                    f"Croct sent {empty} empty pages in a row in the window {window}, each with "
                    "a new cursor; try again, or ask Croct"
                )
            yield Page([answered.records], {"cursor": following}, answered.size)
            seen.add(following)
            cursor = following
        raise FatalVendorError(
            f"Croct sent {MAX_PAGES} pages for the window {window} and no end; ask Croct"
        )

    def _parts(self, window: Window, records: list[Record]) -> tuple[Window, ...]:
        """Windows that have about so many pages each; none where the window need not be split.

        In a page whose events are in order of time, the first and the last tell how dense they are.
        """
        times = [record.timestamp for record in records]
        if self.client.concurrency == 1 or not times or times != sorted(times):
            return ()
        first, last = max(parse_instant(times[0]), window.start), parse_instant(times[-1])
        width = PAGES_IN_A_ROW * max(last - first, MILLISECOND)
        if window.end - first < 2 * width:
            return ()
        dense = Window(first, window.end)
        return (*span(window.start, first), *cut_growing(dense, width, PART_GROWTH))

    def prove(self) -> None:
        """Ask for one event of the last hour."""
        hour = Window(self.now - timedelta(hours=1), self.now)
        self.client.fetch(
            lambda: self._request(hour, None, size=1), lambda answer: _read(answer, hour, None)
        )

    def _ask(self, window: Window, cursor: str | None) -> Answered:
        size = self.config["croct_page_size"]
        answered = self.client.fetch(
            lambda: self._request(window, cursor, size),
            lambda answer: _read(answer, self.wanted or window, cursor),
        )
        self._new_names.note(answered.new_names)
        return answered

    def _request(self, window: Window, cursor: str | None, size: int) -> requests.Request:
        return requests.Request(
            "GET",
            self.config["croct_api_url"].rstrip("/") + PATH,
            headers={"X-Api-Key": self.config["croct_api_key"], "Accept": "application/json"},
            params={
                "start": to_milliseconds(window.start),
                "end": to_milliseconds(window.end),
                "pageSize": size,
                "events": self.config["croct_event_types"],
                "cursor": cursor,
            },
        )


class Answered(NamedTuple):
    """One answer, read."""

    records: list[Record]
    is_empty: bool  # as the vendor sent it
    cursor: str | None
    size: int
    new_names: Collection[str]


def _read(answer: Answer, wanted: Window, cursor: str | None) -> Answered:
    """Read an answer to a request that was made with a cursor, or without one.

    Args:
        answer: The answer.
        wanted: The time that this run reads; events outside of it are left out.
        cursor: The cursor that was sent.

    Raises:
        RetriableVendorError: If the answer is no whole export.
        RestartWindowError: If the cursor is not accepted.
        FatalVendorError: If a person must do something.
    """
    refuse_passing_faults(answer)
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise _refusal(answer, cursor)
    return decoded(answer, lambda body: _answered(body, wanted), "export of events")


def _answered(body: bytes, wanted: Window) -> Answered:
    export, extras, names = _decode_export(_compact(body))
    records = _records(export, extras, wanted)
    return Answered(records, not export.items, export.nextCursor or None, len(body), names)


def _compact(body: bytes) -> bytes:
    """The same JSON on one line and in valid UTF-8: parts of it are passed on as they are."""
    body.decode()
    return msgspec.json.format(body, indent=-1) if b"\n" in body or b"\r" in body else body


def _records(export: Export[Event], extras: Sequence[Fields], wanted: Window) -> list[Record]:
    first, end = to_milliseconds(wanted.start), to_milliseconds(wanted.end)
    source: tuple[Any, Any, Any, Any, Any, Any] = msgspec.structs.astuple(export.metadata)
    records = []
    for event, extra in zip(export.items, extras, strict=True):
        _check_context(event.context)
        if first <= event.timestamp < end:
            records.append(
                Record(
                    event.id or _key(event, extra),
                    format_milliseconds(event.timestamp),
                    _decode_payload(event.payload).type,
                    event.sessionId,
                    event.userId,
                    event.context,
                    event.payload,
                    *source,
                    as_column(extra) if extra else NULL,
                )
            )
    return records


def _key(event: Event, extra: Fields) -> str:
    content: list[Any] = [event.sessionId, event.userId, event.timestamp]
    content += [parsed(event.context), parsed(event.payload)]
    if extra:
        content.append({name: parsed(value) for name, value in extra.items()})
    return content_key(content)


def _refusal(answer: Answer, cursor: str | None) -> Exception:
    """The error that an answer stands for which holds no export."""
    problem = _problem(answer)
    match answer.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return FatalVendorError(
                f"Croct refused the key ({problem}): check croct_api_key; it must belong to the "
                "application and have the permission data_export"
            )
        case HTTPStatus.LOCKED:
            return FatalVendorError(
                f"Croct's monthly quota of users is exceeded ({problem}): raise the plan's quota "
                "or wait for the next month"
            )
        case _ if cursor:
            return RestartWindowError(f"Croct no longer accepts the cursor ({problem})")
        case HTTPStatus.NOT_FOUND:
            return FatalVendorError(f"Croct has no such address ({problem}): check croct_api_url")
        case _:
            return FatalVendorError(
                f"Croct refused the request ({problem}): check croct_event_types, "
                "croct_page_size and croct_api_url"
            )


def _problem(answer: Answer) -> str:
    """What an RFC 7807 answer says; its detail is called `detail` or `details`."""
    problem = envelope(answer)
    said = [quoted(problem[name]) for name in ("title", "detail", "details") if name in problem]
    return ": ".join([f"HTTP {answer.status}", *said])
