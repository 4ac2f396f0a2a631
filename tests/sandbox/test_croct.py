"""The sandbox is as strict and as lenient as Croct, for the vendor's own clients too."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
import requests

from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.croct_events import TYPES
from tap_eventexport.sandbox.history import Chapters, History
from tap_eventexport.sandbox.server import Request, Sandbox
from tap_eventexport.vendors.croct.events import EVENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=1)
TIMES = f"start={int(START.timestamp() * 1000)}&end={int(END.timestamp() * 1000)}"
PER_DAY = 250

# What the vendor's specification requires of each payload.
CART_FIELDS = {
    "currency",
    "items",
    "subtotal",
    "shippingPrice",
    "taxes",
    "costs",
    "discount",
    "total",
    "coupon",
}
PAYLOADS: dict[str, set[str]] = {
    "userSignedUp": {"externalUserId"},
    "userSignedIn": {"externalUserId"},
    "userSignedOut": {"externalUserId"},
    "tabOpened": {"tabId"},
    "tabUrlChanged": {"tabId", "url"},
    "tabVisibilityChanged": {"tabId", "visibility"},
    "locationDetected": {"location"},
    "clientDetected": {"client"},
    "pageOpened": {"url", "userAgent", "referrer", "preferredLanguages"},
    "pageLoaded": {"url", "title", "lastModifiedTime"},
    "productAbandoned": {"cartItem", "cart"},
    "productViewed": {"product"},
    "cartAbandoned": {"cart"},
    "cartViewed": {"cart"},
    "cartModified": {"cart"},
    "checkoutStarted": {"cart", "orderId"},
    "orderPlaced": {"order"},
    "nothingChanged": {"sinceTime"},
    "goalCompleted": {"goalId", "value", "currency"},
    "eventOccurred": {"name", "details"},
    "slotPersonalized": {"personalization", "metadata"},
    "leadGenerated": {"leadId", "currency", "value"},
    "audienceMatched": {"audienceIds"},
    "userClicked": {"point", "surfaceSize"},
    "userScrolled": {"start", "end", "surfaceSize", "viewportSize"},
}
MODELS = {
    "cart": CART_FIELDS | {"lastUpdateTime"},
    "order": CART_FIELDS | {"orderId", "paymentMethod", "installments", "status"},
    "item": {"index", "product", "quantity", "total", "discount", "coupon"},
    "product": {
        "productId",
        "sku",
        "name",
        "category",
        "brand",
        "variant",
        "displayPrice",
        "originalPrice",
        "url",
        "imageUrl",
    },
}


def now() -> datetime:
    return END + timedelta(hours=1)


@pytest.fixture
def croct() -> Croct:
    return Croct(History(PER_DAY), now)


def ask(croct: Croct, query: str = "", path: str = "/export/events", **options: str) -> Any:
    """The answer's JSON; of a refusal its status."""
    pairs = tuple(parse_qsl(query, keep_blank_values=True))
    headers = {"x-api-key": options.get("key", croct.api_key)}
    response = croct.answer(Request(options.get("method", "GET"), path, pairs, headers, b""))
    return json.loads(response.body) if response.status == 200 else response.status


def test_all_types_have_payloads_by_the_specification(croct: Croct) -> None:
    events = ask(croct, f"{TIMES}&pageSize=1000")["items"]
    assert {event["payload"]["@type"] for event in events} == set(TYPES) == EVENT_TYPES
    for event in events:
        assert set(event) == {"id", "sessionId", "userId", "timestamp", "context", "payload"}
        payload = event["payload"]
        assert set(payload) == PAYLOADS[payload["@type"]] | {"@type"}
        for name in ("cart", "order"):
            if name in payload:
                assert set(payload[name]) == MODELS[name]
                for item in payload[name]["items"]:
                    assert set(item) == MODELS["item"]
                    assert set(item["product"]) == MODELS["product"]
        if "order" in payload:
            assert str(UUID(payload["order"]["orderId"])) == payload["order"]["orderId"]
    assert any(event["context"] is None for event in events)


@dataclass
class Sample:
    """A client as the vendor's samples are: it asks until a page has no events.

    Attributes:
        session: What it asks with.
        url: Where.
        cursor: The last one that it was given, which it keeps for the next time.
    """

    session: requests.Session
    url: str
    cursor: str | None = None
    pages: int = field(default=0)

    def read(self, **query: Any) -> Iterator[dict[str, Any]]:
        while True:
            asked = {"pageSize": 100, "cursor": self.cursor, **query}
            answer = self.session.get(f"{self.url}/export/events", params=asked, timeout=10).json()
            self.cursor = answer.get("nextCursor")
            self.pages += 1
            if not answer["items"]:
                return
            yield from answer["items"]


@pytest.mark.parametrize("last_page", ["empty", "repeat", "blank", "fresh"])
@pytest.mark.parametrize("order", ["ascending", "shuffled"])
def test_the_vendors_samples_page_through(
    croct: Croct,
    last_page: Literal["empty", "repeat", "blank", "fresh"],
    order: Literal["ascending", "shuffled"],
) -> None:
    """With a window, with a cursor alone, and with a cursor that was kept since the last time."""
    croct.last_page, croct.order = last_page, order
    croct.history = History(PER_DAY, begin=START - timedelta(days=1), end=START + timedelta(days=1))
    window = {"start": int(START.timestamp() * 1000), "end": int(END.timestamp() * 1000)}
    known = croct.truth("croct_events", START, END) or []
    with Sandbox([croct]) as sandbox, requests.Session() as session:
        session.headers["X-Api-Key"] = croct.api_key
        windowed = Sample(session, sandbox.url)
        assert Counter(event["id"] for event in windowed.read(**window)) == Counter(known)
        assert windowed.pages == 4
        everything = Sample(session, sandbox.url)
        assert len({event["id"] for event in everything.read()}) == 2 * PER_DAY
        stateful = Sample(session, sandbox.url)
        begun = [event["id"] for event in islice(stateful.read(**window), 100)]
        rest = [event["id"] for event in stateful.read()]  # of the same window, by its cursor alone
        assert Counter(begun + rest) == Counter(known)


def test_a_cursor_that_was_kept_goes_on_with_what_has_happened_since(croct: Croct) -> None:
    croct.last_page = "fresh"
    clock = [START + timedelta(hours=2)]
    croct.now = lambda: clock[0]
    first = ask(croct, f"start={int(START.timestamp() * 1000)}&pageSize=1000")
    clock[0] += timedelta(hours=3)
    second = ask(croct, f"cursor={first['nextCursor']}&pageSize=1000")
    got = [event["id"] for answer in (first, second) for event in answer["items"]]
    assert got == croct.truth("croct_events", START, clock[0])
    assert second["items"]


@pytest.mark.parametrize(
    "history",
    [
        History(PER_DAY),
        Chapters(
            History(PER_DAY, end=START + timedelta(hours=3)),
            History(2 * PER_DAY, begin=START + timedelta(hours=3)),
        ),
    ],
)
@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
def test_an_event_can_be_asked_for_by_its_id(
    croct: Croct,
    history: History | Chapters,
    order: Literal["ascending", "descending", "shuffled"],
) -> None:
    croct.history, croct.order = history, order
    answer = ask(croct, f"{TIMES}&pageSize=1000")
    times = [event["timestamp"] for event in answer["items"]]
    assert times == sorted(times, reverse=order == "descending") or order == "shuffled"
    assert Counter(event["id"] for event in answer["items"]) == Counter(
        croct.truth("croct_events", START, END)
    )
    for event in answer["items"][::17]:
        found = ask(croct, path=f"/export/events/{event['id']}")
        assert found == {"metadata": answer["metadata"], "event": event}


@pytest.mark.parametrize(
    "event_id", ["", "x", "00000000-0000-4000-8000-000000000000", "-1", "9" * 5000, "a/b"]
)
def test_an_id_that_no_event_has_is_not_found(croct: Croct, event_id: str) -> None:
    assert ask(croct, path=f"/export/events/{event_id}") == 404
    assert ask(croct, path="/export/eventsmore") == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("pageSize=0", 400),
        ("pageSize=1001", 400),
        ("pageSize=x", 400),
        ("pageSize=-5", 400),
        ("start=1.5", 400),
        ("start=٣", 400),
        (f"end={10**19}", 400),
        ("start=5&end=5", 400),
        ("events=postViewed", 400),
        ("events=orderPlaced,productViewed", 400),
        ("cursor=Zm9yZWlnbg==", 400),
        ("cursor=%", 400),
        ("cursor=W10=", 400),
    ],
)
def test_what_the_vendor_refuses(croct: Croct, query: str, status: int) -> None:
    assert ask(croct, query) == status


def test_what_the_vendor_takes(croct: Croct) -> None:
    assert ask(croct, "start=-1&end=99999999999999999&pageSize=1&unknown=5")["items"]
    assert len(ask(croct)["items"]) == 100
    some = ask(croct, f"{TIMES}&events=orderPlaced&events=userClicked&pageSize=1000")["items"]
    assert {event["payload"]["@type"] for event in some} == {"orderPlaced", "userClicked"}
    assert len(some) == 2 * PER_DAY / len(TYPES)
    assert ask(croct, key="wrong") == 401
    assert ask(croct, method="POST") == 405
    cursor = ask(croct, TIMES)["nextCursor"]
    assert len(ask(croct, f"cursor={cursor}&pageSize=7")["items"]) == 7
    assert ask(croct, f"cursor={cursor}&start=5") == 400
    assert ask(croct, f"cursor={cursor}&events=orderPlaced") == 400


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
def test_a_list_without_bounds_takes_no_memory(
    croct: Croct, order: Literal["ascending", "descending", "shuffled"]
) -> None:
    croct.history, croct.order = History(1_000_000), order  # 60 million events until now
    tracemalloc.start()
    answer = ask(croct, f"pageSize=100&end={10**18}")
    again = ask(croct, f"pageSize=100&cursor={answer['nextCursor']}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len({event["id"] for event in answer["items"] + again["items"]}) == 200
    assert peak < 5 << 20
