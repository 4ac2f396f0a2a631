"""Facts about the tap's streams that a plan and a load need."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_eventexport.backfill.plan import Source
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import format_instant
from tap_eventexport.schema_errors import meant
from tap_eventexport.vendors import VENDORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_eventexport.backfill.plan import Partition
    from tap_eventexport.tap import TapEventExport
    from tap_eventexport.vendor import Api


def streams(tap: TapEventExport, names: Sequence[str] = ()) -> list[EventStream]:
    """Return the selected streams, or only the named ones; no tables, which have no time to cut.

    Raises:
        ValueError: If a named stream isn't selected.
    """
    found = {
        stream.name: stream
        for stream in tap.streams.values()
        if isinstance(stream, EventStream) and stream.selected and not stream.is_table
    }
    for name in names:
        if name not in found:
            raise ValueError(f"got {name}, expected one of {', '.join(found)}{meant(name, found)}")
    return [stream for name, stream in found.items() if not names or name in names]


def source(tap: TapEventExport, stream: EventStream) -> Source:
    """Return the facts about a stream that a plan needs; makes no request."""
    return Source(
        stream.name, stream.day_zone, stream.retention_start, _origin(tap, _api(tap, stream))
    )


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits of an account, as a cluster enforces them.

    Attributes:
        name: The same for all streams that share the quota.
        leases: The number of taps that may run at the same time.
        concurrency: The maximum number of parallel requests of each tap.
    """

    name: str
    leases: int
    concurrency: int


def quota(tap: TapEventExport, stream: EventStream) -> Quota:
    """Return the quota of a stream.

    A limit of parallel requests allows many taps with one request each. A limit of requests per
    second is counted inside a tap, so only one tap may run.
    """
    api = _api(tap, stream)
    name = f"tap-eventexport {api.name} {_origin(tap, api)}"
    at_once = stream.client.concurrency
    return Quota(name, 1, at_once) if api.rate else Quota(name, at_once, 1)


def _api(tap: TapEventExport, stream: EventStream) -> Api:
    apis = (vendor.api(tap.config) for vendor in VENDORS)
    return next(api for api in apis if api.name == stream.vendor)


def _origin(tap: TapEventExport, api: Api) -> str:
    """Return a hash of a vendor's settings.

    It includes the credential, which is often the only difference between accounts, and others may
    see the hash. So it is short, and slow to compute.
    """
    prefix = api.credential.partition("_")[0] + "_"
    own = {name: value for name, value in tap.config.items() if name.startswith(prefix)}
    text = json.dumps(own, sort_keys=True).encode()
    return hashlib.scrypt(text, salt=b"tap-eventexport", n=1 << 14, r=8, p=1, dklen=6).hex()


def settings_for(tap: TapEventExport, partition: Partition, concurrency: int) -> dict[str, Any]:
    """Return the tap's settings to read one partition, without a lookback."""
    return {
        **tap.config,
        "start_date": format_instant(partition.window.start),
        "end_date": format_instant(partition.window.end),
        "lookback_minutes": 0,
        "settle_minutes": 0,
        "concurrency": concurrency,
    }


def catalog_for(tap: TapEventExport, stream: str) -> dict[str, Any]:
    """Return a catalog with only one stream, selected and incremental, so that it writes STATE."""
    given = tap.input_catalog.to_dict() if tap.input_catalog else tap.catalog_dict
    (entry,) = (entry for entry in given["streams"] if entry["tap_stream_id"] == stream)
    for each in entry["metadata"]:
        if not each["breadcrumb"]:
            each["metadata"]["selected"] = True
    entry["replication_method"] = REPLICATION_INCREMENTAL
    return {"streams": [entry]}
