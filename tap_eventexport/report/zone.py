"""The time zone that a report's days are in."""

from __future__ import annotations

import warnings

import pendulum

from tap_eventexport.engine.windows import is_time_zone, zone_names
from tap_eventexport.report.errors import ReportError
from tap_eventexport.schema_errors import meant


def checked_zone(name: str) -> str:
    """Return the name of a time zone if there is such a zone.

    Raises:
        ReportError: If there is none; the message has the nearest name.
    """
    if is_time_zone(name):
        return name
    raise ReportError(
        f"--timezone: there is no time zone {name[:80]!r}, expected an IANA name such as "
        f"Asia/Seoul{meant(name, sorted(zone_names()))}"
    )


def machine_zone() -> str | None:
    """Return the name of this machine's time zone; None if it isn't configured by a name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that nothing is configured
        try:
            name = pendulum.now().timezone_name
        except (ValueError, OSError):  # a wrong name, or a file that can't be read
            return None
    return name if name and is_time_zone(name) else None
