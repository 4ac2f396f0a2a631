"""The columns that a stream's events are counted by; tables aren't counted."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from tap_eventexport.vendors import VENDORS


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one stream.

    Attributes:
        happened: The column with the time of the event, if `time` is the time of its arrival.
    """

    stream: str
    key: str
    time: str
    happened: str | None = None


_declared = attrgetter("name", "primary_keys", "replication_key", "happened_column")

STREAMS = tuple(
    dict.fromkeys(
        Columns(name, keys[0], time, happened)
        for vendor in VENDORS
        for api in vendor.apis.values()
        for name, keys, time, happened in map(_declared, api.streams)
        if time  # a table has none
    )
)
