"""What the tap knows of its streams, as a plan and a load need it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_eventexport.backfill.plan import Source
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import format_instant
from tap_eventexport.vendors import VENDORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_eventexport.backfill.plan import Partition
    from tap_eventexport.tap import TapEventExport
    from tap_eventexport.vendor import Api


def streams(tap: TapEventExport, names: Sequence[str] = ()) -> list[EventStream]:
    """The selected streams, or those of them that are named.

    Raises:
        ValueError: If one that is named isn't there.
    """
    found = {
        stream.name: stream
        for stream in tap.streams.values()
        if isinstance(stream, EventStream) and stream.selected
    }
    for name in names:
        if name not in found:
            raise ValueError(f"got {name}, expected one of {', '.join(found)}")
    return [stream for name, stream in found.items() if not names or name in names]


def source(tap: TapEventExport, stream: EventStream) -> Source:
    """What a plan must know of a stream; asks nobody."""
    return Source(
        stream.name, stream.day_zone, stream.retention_start, _origin(tap, _api(tap, stream))
    )


@dataclass(frozen=True, slots=True)
class Quota:
    """What an account allows, as a cluster keeps to it.

    Attributes:
        name: The same for all that share it.
        leases: How many taps may run at the same time.
        concurrency: The requests in flight of each, at most.
    """

    name: str
    leases: int
    concurrency: int


def quota(tap: TapEventExport, stream: EventStream) -> Quota:
    """The quota that a stream counts against.

    Many taps with one request each keep to a limit of requests at once. A limit of requests in a
    second is counted inside a tap, so there is only one.
    """
    api = _api(tap, stream)
    name = f"tap-eventexport {api.name} {_origin(tap, api)}"
    at_once = stream.client.concurrency
    return Quota(name, 1, at_once) if api.rate else Quota(name, at_once, 1)


def _api(tap: TapEventExport, stream: EventStream) -> Api:
    apis = (vendor.api(tap.config) for vendor in VENDORS)
    return next(api for api in apis if api.name == stream.vendor)


def _origin(tap: TapEventExport, api: Api) -> str:
    """A fingerprint of a vendor's settings.

    It has the credential in it, often all that tells accounts apart, and stands where others may
    look: so it is short, and slow to make.
    """
    prefix = api.credential.partition("_")[0] + "_"
    own = {name: value for name, value in tap.config.items() if name.startswith(prefix)}
    text = json.dumps(own, sort_keys=True).encode()
    return hashlib.scrypt(text, salt=b"tap-eventexport", n=1 << 14, r=8, p=1, dklen=6).hex()


def settings_for(tap: TapEventExport, partition: Partition, concurrency: int) -> dict[str, Any]:
    """The tap's settings that read one partition, and nothing twice."""
    return {
        **tap.config,
        "start_date": format_instant(partition.window.start),
        "end_date": format_instant(partition.window.end),
        "lookback_minutes": 0,
        "settle_minutes": 0,
        "concurrency": concurrency,
    }


def catalog_for(tap: TapEventExport, stream: str) -> dict[str, Any]:
    """A catalog of one stream alone, selected, whose STATE tells how far it was read."""
    given = tap.input_catalog.to_dict() if tap.input_catalog else tap.catalog_dict
    (entry,) = (entry for entry in given["streams"] if entry["tap_stream_id"] == stream)
    for each in entry["metadata"]:
        if not each["breadcrumb"]:
            each["metadata"]["selected"] = True
    entry["replication_method"] = REPLICATION_INCREMENTAL
    return {"streams": [entry]}
