"""Simulates Croct's exports, according to their pages and specification.

https://docs.croct.com/reference/api/service/data-export/export-events

Undocumented behaviour can be set: the order of items, how the last page is marked, whether pages
may be empty, whether events have ids.
"""

from __future__ import annotations

import base64
import itertools
import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from tap_eventexport.sandbox.croct_events import (
    EPOCH,
    MILLISECOND,
    TYPES,
    event_type,
    number_of,
)
from tap_eventexport.sandbox.croct_kinds import EVENTS
from tap_eventexport.sandbox.server import Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_eventexport.sandbox.croct_kinds import Kind
    from tap_eventexport.sandbox.history import Chapters, History, Moment

PAGE_SIZES = range(1, 1001)
DEFAULT_PAGE_SIZE = 100
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
INT64 = range(-(1 << 63), 1 << 63)


Number = TypeVar("Number", int, None)


class RefusedError(Exception):
    """The request is invalid."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        self.response = json_response(status, problem)


@dataclass(frozen=True, slots=True)
class Listing:
    """The position in a list of events that is read page by page; a cursor encodes all of it.

    Attributes:
        start: In milliseconds; None is no limit.
        end: In milliseconds, exclusive; None is no limit.
        types: The requested types of events; none is all.
        until: When the list was started, in milliseconds. Later events are not in it, except in a
            list in order of time, which has no end.
        place: The number of events before the next page.
        page: The number of pages before the next one.
    """

    start: int | None
    end: int | None
    types: tuple[str, ...]
    until: int
    place: int = 0
    page: int = 0

    def cursor(self) -> str:
        """Return the cursor of this position."""
        values = [getattr(self, name) for name in self.__slots__]
        return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


@dataclass(slots=True)
class Croct:
    """One of the export endpoints of an application.

    Attributes:
        history: When events happen.
        now: The vendor's clock.
        api_key: The only key that is accepted.
        kind: What is exported.
        is_permitted: Whether the key may read it.
        order: The order of a window's items.
        last_page: How the last page with items is marked. By its `nextCursor`, which is empty,
            null or missing. Or by an empty page after it, with the same cursor again (`repeat`), an
            empty one (`blank`), or a new one each time (`fresh`).
        empty_every: One of this many pages is empty and has a new cursor; 0 is none.
        has_ids: Whether events have ids, as since version 0.6.0.
        is_pretty: Whether the JSON has line breaks.
        accepts_cursors: Whether cursors are accepted; False is as if all had expired.
        repeats_cursor: Whether the second page's cursor is the first one's again.
        is_end_inclusive: Whether an event at `end` is returned, against the page.
    """

    history: History | Chapters
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    api_key: str = "sandbox-croct-key"
    kind: Kind = EVENTS
    is_permitted: bool = True
    order: Literal["ascending", "descending", "shuffled"] = "ascending"
    last_page: Literal["empty", "null", "missing", "repeat", "blank", "fresh"] = "empty"
    empty_every: int = 0
    has_ids: bool = True
    is_pretty: bool = False
    accepts_cursors: bool = True
    repeats_cursor: bool = False
    is_end_inclusive: bool = False

    @property
    def path(self) -> str:
        """The endpoint."""
        return self.kind.path

    def answer(self, request: Request) -> Response:
        """Answer according to the vendor's page."""
        try:
            answer = self._answer(request)
        except RefusedError as refused:
            return refused.response
        if self.is_pretty:
            text = json.dumps(answer, indent=2).replace("\n", "\r\n")
            return Response(200, text.encode(), {"Content-Type": "application/json"})
        return json_response(200, answer)

    def truth(self, stream: str, start: datetime, end: datetime) -> list[str] | None:
        """Return the ids of the items whose time is in [start, end), as they are now."""
        if stream != self.kind.stream:
            return None
        lead = self.kind.lead
        moments = self.history.between(start - lead, end - lead)
        return [self.kind.id(moment) for moment in moments if self._is_last(moment)]

    def _answer(self, request: Request) -> dict[str, Any]:
        if request.headers.get("x-api-key") != self.api_key:
            raise RefusedError(401, "Unauthorized", "The API key is missing or not valid.")
        if not self.is_permitted:
            raise RefusedError(403, "Forbidden", "The API key lacks a permission.")
        if request.method != "GET":
            raise RefusedError(405, "Method Not Allowed", "Use GET.")
        if request.path == self.path:
            return self._export(request)
        return self._one(request.path.removeprefix(f"{self.path}/"))

    def _one(self, item_id: str) -> dict[str, Any]:
        """Return the response to a request for one item."""
        number = number_of(item_id)
        moments = [] if number is None else self._events_of(number)
        if not moments or self.kind.id(moments[-1]) != item_id:
            raise RefusedError(404, "Not Found", "There is no such item.")
        return self.kind.wrap(self._item(moments[-1]))

    def _export(self, request: Request) -> dict[str, Any]:
        size = _number(request, "pageSize", DEFAULT_PAGE_SIZE)
        if size not in PAGE_SIZES:
            raise RefusedError(400, "Bad Request", "pageSize must be between 1 and 1000.")
        sent = request.first("cursor")
        if sent == "":  # as the vendor's samples send the cursor of the last page
            return {**self._metadata, "items": [], "nextCursor": ""}
        asked = self._asked(request)
        listing = self._continued(sent, asked, request) if sent else asked
        found = list(itertools.islice(self._events(listing), size + 1))
        is_gap = bool(self.empty_every) and listing.page % self.empty_every == self.empty_every - 1
        chosen = [] if is_gap else found[:size]
        place = chosen[-1][0] + 1 if chosen else listing.place
        following = _at(listing, place, listing.page + 1).cursor()
        answer: dict[str, Any] = {
            **self._metadata,
            "items": [self._item(moment) for _, moment in chosen],
            "nextCursor": following,
        }
        if self.repeats_cursor and listing.page > 0:
            answer["nextCursor"] = sent
        elif len(found) <= size and not is_gap:
            self._end(answer, sent)
        return answer

    def _end(self, answer: dict[str, Any], sent: str | None) -> None:
        """Mark a page as the last one."""
        match self.last_page:
            case "null":
                answer["nextCursor"] = None
            case "missing":
                del answer["nextCursor"]
            case "empty":
                answer["nextCursor"] = ""
            case "blank" if not answer["items"]:
                answer["nextCursor"] = ""
            case "repeat" if not answer["items"]:
                answer["nextCursor"] = sent

    def _asked(self, request: Request) -> Listing:
        """Return the list that a request without a cursor starts."""
        start, end = _number(request, "start", None), _number(request, "end", None)
        if start is not None and end is not None and start >= end:
            raise RefusedError(400, "Bad Request", "start must be before end.")
        types = tuple(value for name, value in request.query if name == "events")
        if unknown := set(types) - set(TYPES):
            raise RefusedError(400, "Bad Request", f"There is no event type {min(unknown)}.")
        return Listing(start, end, types, (self.now() - EPOCH) // MILLISECOND)

    def _continued(self, cursor: str, asked: Listing, request: Request) -> Listing:
        """Return the list that a cursor continues; the other parameters must be unchanged."""
        try:
            start, end, types, *rest = json.loads(base64.urlsafe_b64decode(cursor))
            listing = Listing(start and int(start), end and int(end), tuple(types), *rest)
            is_whole = min(listing.until, listing.place, listing.page) >= 0
        except (ValueError, TypeError):
            is_whole = False
        if not is_whole:
            raise RefusedError(400, "Bad Request", "The cursor is not valid.")
        sent = {name for name, _ in request.query}
        is_other = any(
            getattr(asked, name) != getattr(listing, name)
            for name, parameter in (("start", "start"), ("end", "end"), ("types", "events"))
            if parameter in sent
        )
        if is_other or not self.accepts_cursors:
            raise RefusedError(400, "Bad Request", "The cursor is not valid any more.")
        return listing

    def _events(self, listing: Listing) -> Iterator[tuple[int, Moment]]:
        """Yield the last events of the items from a list's position on, with their positions."""
        lead = self.kind.lead
        until = self.now() if self.order == "ascending" else _instant(listing.until)
        start = EPOCH if listing.start is None else max(_instant(listing.start) - lead, EPOCH)
        end = until if listing.end is None else min(_instant(listing.end) - lead, until)
        if self.is_end_inclusive:
            end += MILLISECOND
        ranges = self.history.indexes(start, end)
        count = sum(map(len, ranges))
        turn = _turns(count)[self.order]
        for place in range(listing.place, count):
            moment = self.history.moment(_index(ranges, turn(place)))
            if (
                moment
                and start <= moment.time < end
                and self._is_last(moment)
                and (not listing.types or event_type(moment) in listing.types)
            ):
                yield place, moment

    def _is_last(self, moment: Moment) -> bool:
        """Whether an event has arrived, and none of its item's after it."""
        if self.kind.size == 1:
            return moment.arrival <= self.now()
        return moment in self._events_of(moment.index // self.kind.size)[-1:]

    def _events_of(self, number: int) -> list[Moment]:
        return self.kind.events(self.history, number, self.now())

    def _item(self, moment: Moment) -> dict[str, Any]:
        item = self.kind.make(self._events_of(moment.index // self.kind.size))
        if not self.has_ids:
            del item["id"]
        return item

    @property
    def _metadata(self) -> dict[str, Any]:
        return {"metadata": self.kind.metadata} if self.kind.metadata else {}


def _at(listing: Listing, place: int, page: int) -> Listing:
    return Listing(listing.start, listing.end, listing.types, listing.until, place, page)


def _turns(count: int) -> dict[str, Callable[[int], int]]:
    """For each order: the index, in order of time, of the event at a position."""
    steps = itertools.count(count * 5 // 8)
    step = next(step for step in steps if math.gcd(step, count) == 1)  # so that all are reached
    return {
        "ascending": lambda place: place,
        "descending": lambda place: count - 1 - place,
        "shuffled": lambda place: place * step % count,
    }


def _index(ranges: tuple[range, ...], place: int) -> int:
    """Return the number at a position in several ranges, one after the other."""
    for numbers in ranges:
        if place < len(numbers):
            return numbers[place]
        place -= len(numbers)
    raise IndexError(place)


def _instant(milliseconds: int) -> datetime:
    """Return the instant at milliseconds since 1970, limited to the calendar."""
    try:
        return EPOCH + milliseconds * MILLISECOND
    except OverflowError:
        return LATEST if milliseconds > 0 else EPOCH


def _number(request: Request, name: str, default: Number) -> int | Number:
    value = request.first(name)
    if value is None:
        return default
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 20 and int(value) in INT64):  # noqa: PLR2004
        raise RefusedError(400, "Bad Request", f"{name} must be a whole number.")
    return int(value)
