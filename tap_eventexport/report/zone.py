"""The time zone that a report's days are in."""

from __future__ import annotations

import pendulum

from tap_eventexport.engine.windows import is_time_zone, zone_names
from tap_eventexport.report.errors import ReportError
from tap_eventexport.schema_errors import meant


def zone_name(asked: str | None) -> str:
    """Return the IANA name that was asked for, or that of this machine's time zone.

    Raises:
        ReportError: If there is no such zone, or this machine's zone has no name.
    """
    name = pendulum.local_timezone().name if asked is None else asked
    if name and is_time_zone(name):
        return name
    if asked is None:
        raise ReportError(
            "this machine's time zone has no IANA name; add one, such as --timezone Asia/Seoul"
        )
    raise ReportError(
        f"--timezone: there is no time zone {asked[:80]!r}, expected an IANA name such as "
        f"Asia/Seoul{meant(asked, sorted(zone_names()))}"
    )
