"""Croct's events: all types of the vendor's specification, with all their fields.

https://docs.croct.com/reference/event/overview
"""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_eventexport.sandbox.history import Moment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
INDEX_BITS = 48
SPREAD = 0x9E37_79B9_7F4B  # odd, so that multiplying by it can be undone
GATHER = pow(SPREAD, -1, 1 << INDEX_BITS)


EVENTS_OF_A_SESSION, EVENTS_OF_A_USER = 5, 20  # each event belongs to one session of one user


def identity(kind: str, number: int) -> str:
    """The id of the event, session or user with a number."""
    chance = random.Random(f"{kind}{number}")  # noqa: S311 - sandbox data
    spread = number * SPREAD % (1 << INDEX_BITS) << 80
    return str(uuid.UUID(int=spread | chance.getrandbits(80), version=4))


def number_of(text: str) -> int | None:
    """Return the number that an id was made of; None if the text isn't such an id."""
    try:
        number = uuid.UUID(text).int >> 80
    except ValueError:
        return None
    return number * GATHER % (1 << INDEX_BITS)


def event_type(moment: Moment) -> str:
    """An event's type."""
    return TYPES[moment.index % len(TYPES)]


def make_event(moment: Moment) -> dict[str, Any]:
    """Return an event as the vendor returns it."""
    chance = moment.random()
    time = (moment.time - EPOCH) // MILLISECOND
    tab = _uuid(chance)
    url = f"https://www.example.com/상품/{chance.randrange(200)}"
    context: dict[str, Any] = {"type": "web", "tabId": tab, "url": url}
    if moment.index % 3 == 0:
        context["metadata"] = {"layout": "grid"}
    kind = event_type(moment)
    return {
        "id": identity("event", moment.index),
        "sessionId": identity("session", moment.index // EVENTS_OF_A_SESSION),
        "userId": identity("user", moment.index // EVENTS_OF_A_USER),
        "timestamp": time,
        "context": None if moment.index % 10 == 0 else context,
        "payload": {"@type": kind, **_PAYLOADS[kind](Scene(chance, time, tab, url))},
    }


class Scene:
    """The values that an event's payload is made from.

    Attributes:
        chance: The random generator of this event.
        time: When it happened, in milliseconds.
        tab: The tab.
        url: The page.
    """

    def __init__(self, chance: random.Random, time: int, tab: str, url: str) -> None:
        self.chance = chance
        self.time = time
        self.tab = tab
        self.url = url

    def maybe(self, value: Any) -> Any:  # noqa: ANN401 - whatever may be missing
        """A value, or null as often."""
        return self.chance.choice((value, None))

    def user(self) -> dict[str, Any]:
        """The user, as the application knows them."""
        return {"externalUserId": f"user-{self.chance.randrange(500)}"}

    def product(self) -> dict[str, Any]:
        """A product."""
        price = self.chance.randrange(1000, 500000) / 100
        return {
            "productId": str(self.chance.randrange(10**6)),
            "sku": self.maybe(f"SKU-{self.chance.randrange(1000)}"),
            "name": self.chance.choice(("고구마 케이크", "Teapot", "Überraschung")),
            "category": self.maybe("kitchen"),
            "brand": self.maybe("Acme"),
            "variant": None,
            "displayPrice": price,
            "originalPrice": self.maybe(price + 10),
            "url": self.url,
            "imageUrl": None,
        }

    def item(self) -> dict[str, Any]:
        """An item of a cart or an order."""
        product = self.product()
        quantity = self.chance.randrange(1, 4)
        return {
            "index": 0,
            "product": product,
            "quantity": quantity,
            "total": round(product["displayPrice"] * quantity, 2),
            "discount": None,
            "coupon": None,
        }

    def _sale(self) -> dict[str, Any]:
        item = self.item()
        return {
            "currency": "KRW",
            "items": [item],
            "subtotal": item["total"],
            "shippingPrice": self.maybe(0),
            "taxes": self.maybe({"vat": round(item["total"] / 10, 2)}),
            "costs": None,
            "discount": None,
            "total": item["total"],
            "coupon": self.maybe("WELCOME"),
        }

    def cart(self) -> dict[str, Any]:
        """A cart."""
        return {"cart": {**self._sale(), "lastUpdateTime": self.time - 1000}}

    def order(self) -> dict[str, Any]:
        """An order."""
        details = {
            "orderId": _uuid(self.chance),
            "paymentMethod": self.maybe("card"),
            "installments": self.maybe(3),
            "status": self.chance.choice(("PLACED", "PAID", "COMPLETED", None)),
        }
        return {"order": {**details, **self._sale()}}

    def location(self) -> dict[str, Any]:
        """A location."""
        place = {
            "continent": "AS",
            "country": "KR",
            "region": {"name": "Seoul", "code": "11"},
            "city": "Seoul",
            "district": None,
            "timezone": "Asia/Seoul",
            "coordinates": self.maybe({"latitude": 37.5665, "longitude": 126.978}),
            "currency": {"name": "Won", "code": "KRW"},
            "phoneCode": "82",
            "population": "9411000",
            "postalCode": None,
            "languages": ["ko"],
            "tags": [],
            "source": self.chance.choice(("IP", "BROWSER", None)),
        }
        return {"location": place}

    def client(self) -> dict[str, Any]:
        """A browser on a device."""
        browser = {"name": "Chrome", "version": "126.0.1", "type": "WEB"}
        system = {"name": "Android", "version": self.maybe("14")}
        device = {"name": None, "vendor": None, "category": "MOBILE", "operatingSystem": system}
        return {"client": {"browser": browser, "device": device}}

    def slot(self) -> dict[str, Any]:
        """A personalized slot."""
        names = ("audienceId", "slotId", "experienceId", "contentId")
        variant = {"experimentId": _uuid(self.chance), "variantId": _uuid(self.chance)}
        return {
            "personalization": {
                **{name: _uuid(self.chance) for name in names},
                "slotVersion": self.maybe({"majorVersion": "1", "minorVersion": "0"}),
                "assignedVariant": self.maybe(variant),
                "locale": "ko-kr",
            },
            "metadata": {
                "audienceName": "Returning",
                "audienceCustomId": None,
                "slotName": "Home hero",
                "slotCustomId": "home-hero",
                "experienceName": self.maybe("Spring"),
                "experimentName": None,
                "variantName": None,
            },
        }

    def occurrence(self) -> dict[str, Any]:
        """An event of the application's own."""
        clicks = self.chance.randrange(2**53, 2**63)
        details = {"clicks": clicks, "ratio": 0.25, "is_new": True, "from": None, "to": "끝"}
        return {"name": "scrolled → end", "details": details}

    def point(self) -> dict[str, Any]:
        """A point of a page."""
        return {"x": self.chance.randrange(1200), "y": self.chance.randrange(3000)}


_SURFACE, _VIEWPORT = {"width": 1200, "height": 3000}, {"width": 1200, "height": 800}
_PAYLOADS: dict[str, Callable[[Scene], dict[str, Any]]] = {
    "pageOpened": lambda of: {
        "url": of.url,
        "userAgent": of.maybe("Mozilla/5.0"),
        "referrer": of.maybe("https://www.example.org/"),
        "preferredLanguages": of.maybe("ko-KR,ko"),
    },
    "pageLoaded": lambda of: {
        "url": of.url,
        "title": "상품 | Acme",
        "lastModifiedTime": of.time - 5000,
    },
    "productViewed": lambda of: {"product": of.product()},
    "cartModified": Scene.cart,
    "orderPlaced": Scene.order,
    "userSignedIn": Scene.user,
    "goalCompleted": lambda of: {
        "goalId": "newsletter",
        "value": of.maybe("12.50"),
        "currency": of.maybe("KRW"),
    },
    "eventOccurred": Scene.occurrence,
    "userSignedUp": Scene.user,
    "userSignedOut": Scene.user,
    "tabOpened": lambda of: {"tabId": of.tab},
    "tabUrlChanged": lambda of: {"tabId": of.tab, "url": of.url},
    "tabVisibilityChanged": lambda of: {
        "tabId": of.tab,
        "visibility": of.chance.choice(("VISIBLE", "HIDDEN")),
    },
    "locationDetected": Scene.location,
    "clientDetected": Scene.client,
    "productAbandoned": lambda of: {"cartItem": of.item(), **of.cart()},
    "cartAbandoned": Scene.cart,
    "cartViewed": Scene.cart,
    "checkoutStarted": lambda of: {**of.cart(), "orderId": of.maybe(_uuid(of.chance))},
    "nothingChanged": lambda of: {"sinceTime": of.time - 30_000},
    "slotPersonalized": Scene.slot,
    "leadGenerated": lambda of: {
        "leadId": f"lead-{of.chance.randrange(1000)}",
        "currency": "KRW",
        "value": "100",
    },
    "audienceMatched": lambda of: {
        "audienceIds": [{"id": _uuid(of.chance), "name": "Returning", "customId": of.maybe("r")}]
    },
    "userClicked": lambda of: {"point": of.point(), "surfaceSize": _SURFACE},
    "userScrolled": lambda of: {
        "start": of.point(),
        "end": of.point(),
        "surfaceSize": _SURFACE,
        "viewportSize": _VIEWPORT,
    },
}
TYPES = tuple(_PAYLOADS)


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
