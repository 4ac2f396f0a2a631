"""Parses the responses of Croct's export: events become records, refusals become errors.

https://docs.croct.com/reference/api/service/data-export/export-events
"""

from __future__ import annotations

from http import HTTPStatus
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from tap_eventexport.engine.bodies.extra import NULL, ExtraDecoder, as_column
from tap_eventexport.engine.bodies.fields import text
from tap_eventexport.engine.duplicates.identity import content_key, parsed
from tap_eventexport.engine.errors import FatalVendorError, RestartWindowError
from tap_eventexport.engine.http.response import Response, error_body, one_line, parse
from tap_eventexport.engine.windows import LAST, format_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from tap_eventexport.engine.bodies.extra import Fields

NO_TYPE = "about:blank"  # RFC 7807
TIMES = range(10**12, to_milliseconds(LAST))  # from 2001 on; a time in seconds would be smaller
NO_TIME = (TIMES.start, TIMES.start)

Item = TypeVar("Item")


class Metadata(msgspec.Struct):
    """The source of the events; the same for all events of a response."""

    organizationName: str | int | None = None
    organizationSlug: str | int | None = None
    workspaceName: str | int | None = None
    workspaceSlug: str | int | None = None
    applicationName: str | int | None = None
    applicationSlug: str | int | None = None


class Event(msgspec.Struct, gc=False):
    """One event of a response; `context` and `payload` stay raw JSON."""

    timestamp: int  # milliseconds since 1970
    payload: msgspec.Raw
    id: str | None = None  # since the vendor's spec 0.6.0
    sessionId: str | None = None
    userId: str | None = None
    context: msgspec.Raw = NULL  # null for events of a server


class StrictEvent(Event, gc=False, forbid_unknown_fields=True):
    """An event according to the vendor's specification."""


class LenientEvent(Event, gc=False):
    """An event that may have other fields, and numbers instead of texts."""

    id: msgspec.Raw = NULL  # type: ignore[assignment]
    sessionId: msgspec.Raw = NULL  # type: ignore[assignment]
    userId: msgspec.Raw = NULL  # type: ignore[assignment]


class Payload(msgspec.Struct, gc=False):
    """The only field of a payload that is read: its type."""

    type: str | None = msgspec.field(name="@type", default=None)


class Context(msgspec.Struct):
    """A context must be an object; its fields aren't read."""


class Export(msgspec.Struct, Generic[Item]):
    """One response. `nextCursor` is empty, null or missing in the last one."""

    items: list[Item]
    metadata: Metadata | None = None
    nextCursor: str | int | None = None

    @property
    def cursor(self) -> str | None:
        """The cursor of the next page; None if there is none."""
        return None if self.nextCursor in {None, ""} else str(self.nextCursor)


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


_decode_known = msgspec.json.Decoder(Export[Event]).decode
_decode_numbers = msgspec.json.Decoder(Export[LenientEvent]).decode
_decode_payload = msgspec.json.Decoder(Payload).decode
_check_context = msgspec.json.Decoder(Context | None).decode


def _decode_lenient(body: bytes) -> Export[Any]:
    try:
        return _decode_known(body)
    except msgspec.ValidationError:
        export = _decode_numbers(body)
    for number, event in enumerate(export.items):
        for name in ("id", "sessionId", "userId"):
            value = text(getattr(event, name), f"$.items[{number}].{name}")
            setattr(event, name, value)
    return export


_decode_export = ExtraDecoder[Export[Any]](
    LenientEvent,
    strict=msgspec.json.Decoder(Export[StrictEvent]).decode,
    lenient=_decode_lenient,
    raw=msgspec.json.Decoder(Export[dict[str, msgspec.Raw]]).decode,
    events=attrgetter("items"),
)


class Answered(NamedTuple):
    """One parsed response.

    Attributes:
        cursor: The cursor of the next page; None if the vendor sends none.
        times: The events' times in milliseconds, as the vendor sent them.
        span: The earliest and the latest of them.
        ids: Their ids; a key of the content if the vendor gives no id.
        named: The ids from the vendor, and the events that have them; none if it is no fault that
            an id comes again with other content.
        records: The records made of the events.
        unnamed: The records without an id from the vendor, each with its time.
        new_names: The names of fields that have no column.
        size: The body's size in bytes.
    """

    cursor: str | None
    times: list[int]
    span: tuple[int, int]
    ids: list[str]
    named: tuple[Sequence[str], Sequence[Any]]
    records: Sequence[Any]
    unnamed: list[tuple[Record, int]]
    new_names: Collection[str]
    size: int

    @property
    def is_empty(self) -> bool:
        """Whether the vendor sent no events."""
        return not self.times

    @property
    def digest(self) -> int:
        """A hash of all events, in any order."""
        return sum(map(hash, self.ids)) + sum(self.times)


def reader(
    decode: Callable[[bytes], Answered], what: str, cursor: str | None
) -> Callable[[Response], Answered]:
    """Return a parser for the response to a request with a cursor, or without one.

    Args:
        decode: Parses the body of a success.
        what: The expected kind of body, for the error.
        cursor: The cursor that was sent.

    Returns:
        A function that raises RetriableVendorError if the response isn't a complete export,
        RestartWindowError if the cursor is not accepted, FatalVendorError if the user must do
        something.
    """

    def refuse(response: Response) -> Exception:
        return _refusal(response, cursor)

    return lambda response: parse(response, decode, what, refuse)


def answered(body: bytes) -> Answered:
    """Parse the body of a response.

    Raises:
        msgspec.DecodeError: If it isn't a complete export. The text names the event.
    """
    export, extras, new_names = _decode_export(body)
    events = export.items
    times = [event.timestamp for event in events]
    check_times(times, "timestamp")
    given = [event.id for event in events]
    ids = given if all(given) else list(map(_id, events, extras))
    try:
        records = _records(events, ids, extras, export.metadata or Metadata())
    except msgspec.ValidationError:
        _check_objects(events)
        raise
    unnamed = [
        (record, event.timestamp)
        for record, event in zip(records, () if ids is given else events, strict=False)
        if not event.id
    ]
    return Answered(
        cursor=export.cursor,
        times=times,
        span=span_of(times),
        ids=ids,
        named=(given, events) if ids is given else _named(events),
        records=records,
        unnamed=unnamed,
        new_names=new_names,
        size=len(body),
    )


def _records(
    events: Sequence[Event], ids: Sequence[str], extras: Sequence[Fields], metadata: Metadata
) -> list[Record]:
    """Make records column by column, which is faster than one by one."""
    contexts = [event.context for event in events]
    payloads = [event.payload for event in events]
    for context in contexts:
        _check_context(context)
    return list(
        map(
            Record,
            ids,
            [format_milliseconds(event.timestamp) for event in events],
            [payload.type for payload in map(_decode_payload, payloads)],
            [event.sessionId for event in events],
            [event.userId for event in events],
            contexts,
            payloads,
            *(
                repeat(str(value) if isinstance(value, int) else value)
                for value in msgspec.structs.astuple(metadata)
            ),
            [as_column(fields) if fields else NULL for fields in extras],
        )
    )


def span_of(times: Sequence[int]) -> tuple[int, int]:
    """Return the earliest and the latest of some times."""
    return (min(times), max(times)) if times else NO_TIME


def check_times(times: Sequence[int], name: str) -> None:
    """Check that the items' times are milliseconds in this calendar.

    Raises:
        msgspec.ValidationError: If one isn't. The text names it.
    """
    if all(time in TIMES for time in span_of(times)):
        return
    number = next(number for number, time in enumerate(times) if time not in TIMES)
    raise msgspec.ValidationError(
        f"{str(times[number])[:40]} is not a time in milliseconds since 1970 - at "
        f"`$.items[{number}].{name}`"
    )


def _named(events: Sequence[Event]) -> tuple[Sequence[str], Sequence[Event]]:
    named = [event for event in events if event.id]
    return [str(event.id) for event in named], named


def _check_objects(events: Sequence[Event]) -> None:
    """Find the first event whose context or payload has another form.

    Raises:
        msgspec.ValidationError: If there is one. The text names it.
    """
    for number, event in enumerate(events):
        for name, check in (("context", _check_context), ("payload", _decode_payload)):
            try:
                check(getattr(event, name))
            except msgspec.ValidationError as error:
                raise msgspec.ValidationError(f"{error} in `$.items[{number}].{name}`") from None


def _id(event: Event, extra: Fields) -> str:
    """Return an event's id, or a key of its content if it has none."""
    if event.id:
        return event.id
    content: list[Any] = [event.sessionId, event.userId, event.timestamp]
    content += [parsed(event.context), parsed(event.payload)]
    if extra:
        content.append({name: parsed(value) for name, value in extra.items()})
    return content_key(content)


def _refusal(response: Response, cursor: str | None) -> Exception:
    """Return the error for a response that isn't an export."""
    problem = _problem(response)
    match response.status:
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


def _problem(response: Response) -> str:
    """Describe an RFC 7807 response, whose detail is named `detail` or `details`.

    Its type is a link, which Croct's documentation recommends to open.
    """
    problem = error_body(response)
    names = ("title", "detail", "details", "type")
    said = [one_line(problem[name]) for name in names if problem.get(name) not in (None, NO_TYPE)]
    return ": ".join([f"HTTP {response.status}", *said])
