"""What Croct exports: events, and the sessions and users that they belong to.

A session or a user is the last of its events so far, and what is known of all of them: with each
event its time becomes later, and it comes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tap_eventexport.sandbox.croct_events import (
    EPOCH,
    EVENTS_OF_A_SESSION,
    EVENTS_OF_A_USER,
    MILLISECOND,
    Scene,
    identity,
    make_event,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tap_eventexport.sandbox.history import Chapters, History, Moment

    Make = Callable[[Sequence[Moment]], dict[str, Any]]

OPEN = timedelta(minutes=30)  # from a session's last event until it closes
METADATA = {
    "organizationName": "Acme Corp",
    "organizationSlug": "acme-corp",
    "workspaceName": "Production",
    "workspaceSlug": "production-app",
    "applicationName": "E-commerce Store",
    "applicationSlug": "ecommerce-store",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What one endpoint exports.

    Attributes:
        name: One item.
        path: The endpoint.
        size: The number of events that belong to an item.
        make: Makes an item of its events so far.
        lead: How much later than its last event an item's time is.
        metadata: What an answer says beside the items.
        wrap: Makes the answer to a request for one item.
    """

    name: str
    path: str
    size: int
    make: Make
    lead: timedelta = timedelta(0)
    metadata: dict[str, Any] | None = None
    wrap: Callable[[dict[str, Any]], dict[str, Any]] = lambda item: item

    @property
    def stream(self) -> str:
        """The name of the stream."""
        return f"croct_{self.name}s"

    def id(self, moment: Moment) -> str:
        """Return the id of the item that an event belongs to."""
        return identity(self.name, moment.index // self.size)

    def events(self, history: History | Chapters, number: int, now: datetime) -> list[Moment]:
        """Return an item's events that have arrived."""
        numbers = range(number * self.size, (number + 1) * self.size)
        return [
            moment
            for moment in map(history.moment, numbers)
            if moment and moment.time <= now and moment.arrival <= now
        ]


def _session(moments: Sequence[Moment]) -> dict[str, Any]:
    first, last = moments[0], moments[-1]
    event = make_event(first)
    scene = _scene(first)
    kinds = [make_event(moment)["payload"]["@type"] for moment in moments]
    return {
        "sessionId": event["sessionId"],
        "userId": event["userId"],
        "parentId": scene.maybe(identity("session", first.index // EVENTS_OF_A_SESSION + 1)),
        "externalUserId": scene.maybe(scene.user()["externalUserId"]),
        "window": {"start": _milliseconds(first.time), "end": _milliseconds(last.time)},
        "closeTime": _milliseconds(last.time + OPEN),
        "referrer": scene.maybe("https://www.example.org/검색"),
        "landingPageUrl": scene.maybe(scene.url),
        "campaign": {
            "name": scene.maybe("봄 세일"),
            "source": scene.maybe("newsletter4"),
            **dict.fromkeys(("medium", "content", "term")),
        },
        **scene.location(),
        **scene.client(),
        "attributes": scene.maybe({"vip": True, "visits": 2**60, "tags": ["a"]}) or {},
        "statistics": {
            "pageViews": len(kinds),
            "tabViews": 1,
            "orders": kinds.count("orderPlaced"),
        },
    }


def _user(moments: Sequence[Moment]) -> dict[str, Any]:
    first, last = moments[0], moments[-1]
    scene = _scene(first)
    born = date(1940 + first.index % 70, 1 + first.index % 12, 1 + first.index % 28)
    texts = ("avatar", "company", "companyUrl", "jobTitle", "alternateEmail", "alternatePhone")
    return {
        "userId": identity("user", first.index // EVENTS_OF_A_USER),
        "externalUserId": scene.maybe(scene.user()["externalUserId"]),
        "firstName": scene.maybe("지우"),
        "lastName": scene.maybe("김"),
        "birthDate": scene.maybe((born - date(1970, 1, 1)) // MILLISECOND),
        "gender": scene.chance.choice(("FEMALE", "MALE", "NEUTRAL", "UNKNOWN")),
        "email": scene.maybe(f"user-{first.index}@example.com"),
        "phone": scene.maybe("+82 10 0000 0000"),
        "address": {
            "street": scene.maybe("세종대로 1"),
            **dict.fromkeys(("district", "region", "postalCode")),
            "city": "Seoul",
            "country": "KR",
        },
        **{name: scene.maybe(f"{name} {first.index}") for name in texts},
        "activities": scene.maybe(["running", "요리"]) or [],
        "interests": scene.maybe(["books"]) or [],
        "customAttributes": {"points": len(moments), "tier": scene.maybe("gold")},
        "lastModifiedTime": _milliseconds(last.time),
        "statistics": {"orders": 0, "sessions": -(-len(moments) // EVENTS_OF_A_SESSION)},
    }


def _scene(moment: Moment) -> Scene:
    url = f"https://www.example.com/상품/{moment.index}"
    return Scene(moment.random("scene"), _milliseconds(moment.time), "", url)


def _milliseconds(time: datetime) -> int:
    return (time - EPOCH) // MILLISECOND


EVENTS = Kind(
    "event",
    "/export/events",
    1,
    lambda moments: make_event(moments[0]),
    metadata=METADATA,
    wrap=lambda event: {"metadata": METADATA, "event": event},
)
SESSIONS = Kind("session", "/export/session", EVENTS_OF_A_SESSION, _session, OPEN)
USERS = Kind("user", "/export/user", EVENTS_OF_A_USER, _user)
