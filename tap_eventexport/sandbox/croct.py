"""Croct's event export, as its page describes it.

https://docs.croct.com/reference/api/service/data-export/export-events

What the page leaves open can be set: the order of events, how the last page is told, whether
pages may be empty, whether events have ids.
"""

from __future__ import annotations

import base64
import bisect
import functools
import hashlib
import itertools
import json
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from tap_eventexport.sandbox.server import Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_eventexport.sandbox.history import Chapters, History, Moment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
PARAMETERS = {"start", "end", "pageSize", "cursor", "events"}
PAGE_SIZES = range(1, 1001)
DEFAULT_PAGE_SIZE = 100
TYPES = (  # of the sandbox's events
    "pageOpened",
    "productViewed",
    "cartModified",
    "orderPlaced",
    "userSignedIn",
    "goalCompleted",
    "eventOccurred",
)
KNOWN_TYPES = {*TYPES, "cartViewed", "checkoutStarted", "tabOpened", "leadGenerated"}
METADATA = {
    "organizationName": "Acme Corp",
    "organizationSlug": "acme-corp",
    "workspaceName": "Production",
    "workspaceSlug": "production-app",
    "applicationName": "E-commerce Store",
    "applicationSlug": "ecommerce-store",
}


class RefusedError(Exception):
    """The request is against the rules."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        self.response = json_response(status, problem)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for."""

    start: datetime
    end: datetime
    size: int
    types: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """What a cursor is bound to."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:8]


@dataclass(slots=True)
class Croct:
    """The export endpoint of one application.

    Attributes:
        history: When events happen.
        now: The vendor's clock.
        api_key: The only key that is accepted.
        order: In which order a window's events come.
        last_page: How the last page is told: its `nextCursor` is empty, null or missing; or it
            has one, and the page behind it is empty and repeats it.
        empty_every: Every so many pages one is empty and has a new cursor; 0 is none.
        has_ids: Whether events have ids, as they do since version 0.6.0.
        is_pretty: Whether the JSON is spread over lines.
        accepts_cursors: Whether cursors are still accepted; False is as if all had expired.
        repeats_cursor: Whether the second page's cursor is the first one's again.
        is_end_inclusive: Whether an event at `end` is returned, against the page.
    """

    history: History | Chapters
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    api_key: str = "sandbox-croct-key"
    order: Literal["ascending", "descending", "shuffled"] = "ascending"
    last_page: Literal["empty", "null", "missing", "repeat", "fresh"] = "empty"
    empty_every: int = 0
    has_ids: bool = True
    is_pretty: bool = False
    accepts_cursors: bool = True
    repeats_cursor: bool = False
    is_end_inclusive: bool = False
    path: str = "/export/events"

    def answer(self, request: Request) -> Response:
        """Answer as the vendor's page says."""
        try:
            return self._export(request)
        except RefusedError as refused:
            return refused.response

    def truth(self, stream: str, start: datetime, end: datetime) -> list[str] | None:
        """The ids of the events that happened in [start, end) and have arrived."""
        if stream != "croct_events":
            return None
        moments = self.history.between(start, end)
        return [identity(moment) for moment in moments if moment.arrival <= self.now()]

    def _export(self, request: Request) -> Response:
        asked = self._asked(request)
        after, page = self._place(request.first("cursor"), asked.fingerprint)
        is_empty = bool(self.empty_every) and page % self.empty_every == self.empty_every - 1
        chosen = list(itertools.islice(self._after(asked, after), asked.size + 1))
        events = [] if is_empty else chosen[: asked.size]
        following = _cursor(events[-1][0] if events else after, page + 1, asked.fingerprint)
        is_last = len(chosen) <= asked.size and not is_empty
        answer: dict[str, Any] = {
            "metadata": METADATA,
            "items": [self._event(moment) for _, moment in events],
        }
        if not is_last or self.last_page == "fresh" or (self.last_page == "repeat" and events):
            answer["nextCursor"] = following
        elif self.last_page == "repeat":
            answer["nextCursor"] = request.first("cursor")
        elif self.last_page != "missing":
            answer["nextCursor"] = "" if self.last_page == "empty" else None
        if self.repeats_cursor and page > 0:
            answer["nextCursor"] = request.first("cursor")
        if self.is_pretty:
            text = json.dumps(answer, indent=2).replace("\n", "\r\n")
            return Response(200, text.encode(), {"Content-Type": "application/json"})
        return json_response(200, answer)

    def _asked(self, request: Request) -> Asked:
        """Read a request, refusing what the vendor refuses."""
        if request.headers.get("x-api-key") != self.api_key:
            raise RefusedError(401, "Unauthorized", "The API key is missing or not valid.")
        if request.method != "GET":
            raise RefusedError(405, "Method Not Allowed", "Use GET.")
        if unknown := {name for name, _ in request.query} - PARAMETERS:
            raise RefusedError(400, "Bad Request", f"There is no parameter {min(unknown)}.")
        start = _instant(request, "start", EPOCH)
        end = _instant(request, "end", self.now())
        if start >= end:
            raise RefusedError(400, "Bad Request", "start must be before end.")
        size = _number(request, "pageSize", DEFAULT_PAGE_SIZE)
        if size not in PAGE_SIZES:
            raise RefusedError(400, "Bad Request", "pageSize must be between 1 and 1000.")
        types = tuple(value for name, value in request.query if name == "events")
        if unknown := set(types) - KNOWN_TYPES:
            raise RefusedError(400, "Bad Request", f"There is no event type {min(unknown)}.")
        return Asked(start, end, size, types)

    def _after(self, asked: Asked, after: str) -> Iterator[tuple[str, Moment]]:
        end = asked.end + MILLISECOND if self.is_end_inclusive else asked.end
        ordered = _ordered(self.history, asked.start, end, self.order)
        now = self.now()
        for place in range(
            bisect.bisect_right(ordered, after, key=lambda pair: pair[0]), len(ordered)
        ):
            key, moment = ordered[place]
            if moment.arrival <= now and (not asked.types or event_type(moment) in asked.types):
                yield key, moment

    def _place(self, cursor: str | None, fingerprint: str) -> tuple[str, int]:
        if cursor is None:
            return "", 0
        try:
            place = json.loads(base64.urlsafe_b64decode(cursor))
            after, page, made_for = place["after"], place["page"], place["for"]
        except (ValueError, KeyError, TypeError):
            raise RefusedError(400, "Bad Request", "The cursor is not valid.") from None
        if made_for != fingerprint or not self.accepts_cursors:
            raise RefusedError(400, "Bad Request", "The cursor is not valid any more.")
        return after, page

    def _event(self, moment: Moment) -> dict[str, Any]:
        event = make_event(moment)
        if not self.has_ids:
            del event["id"]
        return event


def _cursor(after: str, page: int, fingerprint: str) -> str:
    place = json.dumps({"after": after, "page": page, "for": fingerprint})
    return base64.urlsafe_b64encode(place.encode()).decode()


@functools.lru_cache(maxsize=64)
def _ordered(
    history: History | Chapters, start: datetime, end: datetime, order: str
) -> list[tuple[str, Moment]]:
    """A window's events, each with a text that sorts as they come."""
    sign = -1 if order == "descending" else 1
    keyed = []
    for moment in history.between(start, end):
        position = (moment.time - EPOCH) // MILLISECOND * sign + 10**15
        if order == "shuffled":
            position = random.Random(moment.index).randrange(10**15)  # noqa: S311
        keyed.append((f"{position:016}-{moment.index:012}", moment))
    return sorted(keyed, key=lambda pair: pair[0])


def _instant(request: Request, name: str, default: datetime) -> datetime:
    number = _number(request, name, (default - EPOCH) // MILLISECOND)
    return EPOCH + number * MILLISECOND


def _number(request: Request, name: str, default: int) -> int:
    value = request.first(name)
    if value is None:
        return default
    if not value.isdecimal():
        raise RefusedError(400, "Bad Request", f"{name} must be a whole number.")
    return int(value)


def identity(moment: Moment) -> str:
    """An event's id."""
    return str(uuid.UUID(int=moment.random("id").getrandbits(128), version=4))


def event_type(moment: Moment) -> str:
    """An event's type."""
    return TYPES[moment.index % len(TYPES)]


def make_event(moment: Moment) -> dict[str, Any]:
    """An event as the vendor returns it."""
    chance = moment.random()
    session = uuid.UUID(int=chance.getrandbits(128), version=4)
    user = uuid.UUID(int=chance.randrange(500) << 64, version=4)
    tab = uuid.UUID(int=chance.getrandbits(128), version=4)
    url = f"https://www.example.com/상품/{chance.randrange(200)}"
    return {
        "id": identity(moment),
        "sessionId": str(session),
        "userId": str(user),
        "timestamp": (moment.time - EPOCH) // MILLISECOND,
        "context": None
        if moment.index % 10 == 0
        else {"type": "web", "tabId": str(tab), "url": url},
        "payload": {"@type": event_type(moment), **_payload(event_type(moment), chance, url)},
    }


def _payload(kind: str, chance: random.Random, url: str) -> dict[str, Any]:
    price = chance.randrange(1000, 500000) / 100
    product = {
        "productId": str(chance.randrange(10**6)),
        "sku": None,
        "name": chance.choice(("고구마 케이크", "Teapot", "Überraschung")),
        "displayPrice": price,
        "originalPrice": None,
    }
    item = {"index": 0, "product": product, "quantity": 1, "total": price}
    cart = {"currency": "KRW", "items": [item], "total": price}
    match kind:
        case "pageOpened":
            return {"url": url, "referrer": None, "userAgent": None, "preferredLanguages": "ko"}
        case "productViewed":
            return {"product": product}
        case "cartModified":
            return {"cart": {**cart, "lastUpdateTime": 1767225600000}}
        case "orderPlaced":
            order = {"orderId": str(chance.randrange(10**18)), "status": "PLACED"}
            return {"order": {**cart, **order, "installments": None}}
        case "userSignedIn":
            return {"externalUserId": f"user-{chance.randrange(500)}"}
    details = {"clicks": chance.randrange(2**53, 2**63), "ratio": price, "is_new": True}
    return {"name": "scrolled → end", "details": details}
