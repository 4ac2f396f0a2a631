"""The rows of Infobip's export files, in the forms that its documentation has shown over time."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from tap_eventexport.sandbox.history import Moment

    Row = dict[str, Any]
    RowForm = Literal["present", "older", "mixed"]

DEFINITIONS = ("pageView", "smsDelivered", "smsSeen", "purchase")
MOMENTS = ("smsDelivered", "smsSeen")  # events that a campaign sends, or that result from it
COLUMNS = ("definitionId", "personId", "externalPersonId", "timestamp", "properties", "_extra")
OLDER_COLUMNS = ("definitionId", "personId", "externalPersonId", "occuredTime", "eventId")


def present_row(moment: Moment, time: str) -> Row:
    """Return a row of the current form, with the event's own fields in `properties`."""
    chance = moment.random("infobip")
    return {
        "definitionId": chance.choice(DEFINITIONS),
        "personId": str(chance.randrange(1, 500)),
        "externalPersonId": chance.choice(("customer-1", None)),
        "timestamp": time,
        "properties": {
            "url": f"/상품/{moment.index}",
            "price": chance.choice((9900, 0.1, 123456789012345678901234567890)),
            "note": chance.choice(("a\u2028b", "", None)),
            "tags": [{"deep": True}],
        },
    }


def older_row(moment: Moment, time: str, twin: int) -> Row:
    """Return the same event in the older form, with its own fields beside the others.

    Args:
        moment: The event.
        time: When it happened.
        twin: Its number among events that are equal except for their ids.
    """
    row = present_row(moment, time)
    own = row.pop("properties")
    definition = row["definitionId"]
    return {
        "definitionId": definition,
        "eventId": f"event-{moment.index}-{twin}",
        "sessionId": None,
        "personId": int(row["personId"]),
        "externalPersonId": row["externalPersonId"],
        "occuredTime": time,
        **own,
        f"{definition}_personId": "its own field of that name",
    }


def enriched(row: Row) -> Row:
    """Return a row with the fields of the campaign that sent its event."""
    if row["definitionId"] not in MOMENTS:
        return row
    campaign = {"campaignName": "Spring", "elementName": "First SMS"}
    return {**row, **campaign, "campaignStart": "2026-01-01T00:00:00.000+0000", "flowElementId": 7}


def told(row: Row, time: str) -> Row:
    """Return what a reader must make from a row of either form; null for missing fields."""
    if "occuredTime" in row:
        own = {name: value for name, value in row.items() if name not in OLDER_COLUMNS}
        row = {**row, "properties": own, "_extra": {"eventId": row["eventId"]}}
        row["personId"] = str(row["personId"])
    return {**{name: row.get(name) for name in COLUMNS}, "timestamp": time}


def _lines(rows: Sequence[Row]) -> list[bytes]:
    return [json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() for row in rows]


def _array(rows: Sequence[Row]) -> bytes:
    return b"[" + b",".join(_lines(rows)) + b"]"


def _arrays(rows: Sequence[Row]) -> list[bytes]:
    """Return the rows as arrays of seven."""
    return [_array(rows[first : first + 7]) for first in range(0, len(rows), 7)]


def _pretty(rows: Sequence[Row]) -> bytes:
    return json.dumps(rows, ensure_ascii=False, indent=2).encode()


def _members(parts: Iterable[bytes]) -> bytes:
    return b"".join(gzip.compress(part) for part in parts)


FORMS: dict[str, Callable[[list[Row]], bytes]] = {
    "lines": lambda rows: gzip.compress(b"\n".join(_lines(rows)), 1),
    "plain": lambda rows: b"\n".join(_lines(rows)),
    "members": lambda rows: _members(line + b"\r\n\n" for line in _lines(rows)),
    "marked": lambda rows: _members(b"\xef\xbb\xbf" + line for line in _lines(rows)),
    "together": lambda rows: gzip.compress(b"".join(_lines(rows))),
    "array": lambda rows: gzip.compress(_array(rows)),
    "pretty": lambda rows: gzip.compress(_pretty(rows)),
    "arrays": lambda rows: gzip.compress(b"\n".join(_arrays(rows))),
    "array members": lambda rows: _members(_arrays(rows)),
    "mixture": lambda rows: _members(
        [b"\n".join(_lines(rows[:9])), _array(rows[9:20]), _pretty(rows[20:])]
    ),
}


def file_times(start: datetime, end: datetime, number: int, of: int) -> str:
    """Return both times in the name of one of an export's files."""
    length = (end - start) / of
    times = (start + number * length, start + (number + 1) * length)
    return "-".join(f"{time:%Y%m%d%H%M%S%f}"[:-3] for time in times)
