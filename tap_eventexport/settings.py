"""The settings: a block for all vendors, one for each vendor, and bounds for the SDK's own."""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

from tap_eventexport.vendors import VENDORS

TEN_YEARS = 10 * 365 * 24 * 60  # minutes
DAY = 24 * 60 * 60  # seconds

GENERAL = th.PropertiesList(
    th.Property(
        "start_date",
        th.DateTimeType,
        title="Start date",
        description="Time of the earliest event that a first run reads; 30 days ago if not set.",
    ),
    th.Property(
        "end_date",
        th.DateTimeType,
        title="End date",
        description="A run reads events before this time, for backfills. Now if not set.",
    ),
    th.Property(
        "lookback_minutes",
        th.IntegerType(minimum=0, maximum=TEN_YEARS),
        title="Lookback",
        description="How many minutes before the bookmark a run reads again, for events that "
        "arrive late. A longer one costs requests to the vendor; what is unchanged is not sent "
        "again. If not set, it depends on the vendor: Dfinery 1440, Croct and Infobip 360, "
        "HappyTalk and Naver Cloud 60.",
    ),
    th.Property(
        "lookback_resend",
        th.StringType(allowed_values=["changed", "all"]),
        default="changed",
        title="Records of the lookback to send again",
        description="changed: of what a run reads again, it sends only what is new or differs from "
        "what was sent. all: it sends everything that it reads again.",
    ),
    th.Property(
        "settle_minutes",
        th.IntegerType(minimum=0, maximum=TEN_YEARS),
        default=0,
        title="Settle time",
        description="A run reads no event younger than this, in minutes. With lookback_minutes 0 "
        "nothing is read again, and what arrives later is missed.",
    ),
    th.Property(
        "concurrency",
        th.IntegerType(minimum=1, maximum=64),
        default=4,
        title="Concurrency",
        description="Maximum number of parallel requests to each vendor; a vendor's own limit may "
        "be lower.",
    ),
    th.Property(
        "request_timeout",
        th.IntegerType(minimum=1, maximum=DAY),
        default=300,
        title="Request timeout",
        description="Seconds to connect, and seconds to wait for a response or its next part.",
    ),
    th.Property(
        "max_retry_wait",
        th.IntegerType(minimum=0, maximum=30 * DAY),
        default=3900,
        title="Longest wait for a retry",
        description="Longest wait, in seconds, for a vendor's rate limit; if more is needed, the "
        "stream fails.",
    ),
    th.Property(
        "on_gap",
        th.StringType,
        allowed_values=["warn", "fail"],
        default="warn",
        title="On a gap",
        description="What to do if the bookmark is older than the data that the vendor keeps: warn "
        "and continue, or fail the stream.",
    ),
    th.Property(
        "user_agent",
        th.StringType,
        title="User agent",
        description="User-Agent of each request; tap-eventexport/<version> if not set.",
    ),
)


BLOCKS = (GENERAL, *(vendor.settings for vendor in VENDORS))
SCHEMA: dict[str, Any] = th.PropertiesList(*(each for block in BLOCKS for each in block)).to_dict()

# Bounds for the SDK's own settings, in addition to its schema.
BOUNDS: dict[str, dict[str, Any]] = {
    "flattening_max_depth": {"minimum": 0, "maximum": 100},
    "flattening_max_key_length": {"minimum": 1, "maximum": 1_000},
    "batch_config": {
        "properties": {
            "encoding": {
                "type": "object",
                "properties": {"format": {"type": "string", "enum": ["jsonl"]}},
                "required": ["format"],
                "additionalProperties": False,
            },
            "storage": {
                "type": "object",
                "properties": {"root": {"type": "string"}, "params": {"type": "object"}},
                "required": ["root"],
                "additionalProperties": False,
            },
            "batch_size": {"type": ["integer", "null"], "minimum": 1, "maximum": 1_000_000},
        },
        "required": ["encoding", "storage"],
        "additionalProperties": False,
    },
}


def bound(schema: dict[str, Any]) -> None:
    """Add bounds to the SDK's own settings in a schema."""
    settings = schema["properties"]
    for name in BOUNDS.keys() & settings.keys():
        settings[name] = _merged(settings[name], BOUNDS[name])


def _merged(schema: Any, bounds: Any) -> Any:  # noqa: ANN401 - parts of a JSON schema
    if not (isinstance(schema, dict) and isinstance(bounds, dict)):
        return bounds
    return schema | {name: _merged(schema.get(name), part) for name, part in bounds.items()}
