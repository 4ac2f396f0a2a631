"""What the marts must say, of all records that the vendors have."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.trust.world import KEYS, PERSONAL, TABLES, TIMES

ZONE = ZoneInfo("Asia/Seoul")
LOG_IN = "로그인"
HAPPENED = {**TIMES, "dfinery_events": "df_event_datetime"}

Row = dict[str, Any]
Records = dict[str, list[Row]]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def day(text: str) -> str:
    return f"{instant(text).astimezone(ZONE).date()}"


def sessions(records: Records) -> dict[str, Any]:
    """When each session began and ended, how many events it has, and when it was closed."""
    times: dict[str, list[datetime]] = defaultdict(list)
    events: Counter[str] = Counter()
    closed: dict[str, datetime] = {}
    for event in records["croct_events"]:
        times[event["sessionId"]].append(instant(event["timestamp"]))
        events[event["sessionId"]] += 1
    for session in records["croct_sessions"]:
        times[session["sessionId"]] += map(instant, session["window"].values())
        closed[session["sessionId"]] = instant(session["closeTime"])
    return {
        name: (min(seen), max(seen), events[name], closed.get(name)) for name, seen in times.items()
    }


def orders(records: Records) -> dict[tuple[str, str], Any]:
    """The day, the total and the number of items of each order."""
    placed = [e for e in records["croct_events"] if e["eventType"] == "orderPlaced"]
    orders = {
        ("Croct", event["payload"]["order"]["orderId"]): (
            day(event["timestamp"]),
            event["payload"]["order"]["total"],
            len(event["payload"]["order"]["items"]),
        )
        for event in placed
    }
    items = [e for e in records["dfinery_events"] if e["df_order_id"]]
    counts = Counter(item["df_order_id"] for item in items)
    return orders | {
        ("Dfinery", item["df_order_id"]): (
            day(item["df_event_datetime"]),
            item["df_total_purchase_amount"],
            counts[item["df_order_id"]],
        )
        for item in items
    }


def price(records: Records) -> float:
    """What all items cost."""
    placed = [e for e in records["croct_events"] if e["eventType"] == "orderPlaced"]
    prices = [float(item["total"]) for e in placed for item in e["payload"]["order"]["items"]]
    bought = [e for e in records["dfinery_events"] if e["df_order_id"]]
    return sum(prices) + sum(
        float(e["df_items_df_price"]) * float(e["df_items_df_quantity"]) for e in bought
    )


def people(records: Records) -> dict[str, tuple[int, int]]:
    """The events and the people of each kind of event of Infobip's."""
    reached: dict[str, list[str]] = defaultdict(list)
    for event in records["infobip_events"]:
        reached[event["definitionId"]].append(event["personId"])
    return {name: (len(persons), len(set(persons))) for name, persons in reached.items()}


def log_ins(records: Records) -> Counter[str]:
    """How often each operator has logged in."""
    history = records["happytalk_service_history"]
    return Counter(row["request_user"] for row in history if row["apply_content"] == LOG_IN)


def alarms(records: Records) -> Counter[tuple[str, str, str]]:
    """How often each message came on a day."""
    return Counter(
        (day(event["time"]), event["level"], event["message"])
        for event in records["ncp_apigateway_events"]
    )


def daily_counts(records: Records) -> Counter[tuple[str, str]]:
    """How many events of each stream happened on a day."""
    return Counter(
        (stream, day(record[HAPPENED[stream]]))
        for stream in KEYS.keys() - PERSONAL - TABLES
        for record in records[stream]
    )
