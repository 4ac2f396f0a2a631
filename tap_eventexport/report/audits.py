"""Reads what `tap-eventexport-audit --format json` has found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_eventexport.report.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_DAYS = 50  # of a stream, that have a row of their own
COUNTS = ("vendor", "store", "missing", "doubled", "changed", "gone")


class Audited(msgspec.Struct, frozen=True):
    """A day of a stream, or the sum of its days: what the vendor has, and what the store has."""

    stream: str
    day: str
    vendor: int
    store: int
    missing: int
    doubled: int
    changed: int
    gone: int

    @property
    def is_complete(self) -> bool:
        """Whether the store has all that the vendor has, once and unchanged."""
        return not (self.missing or self.doubled or self.changed)

    @property
    def counts(self) -> list[int]:
        """The numbers, in the order of `COUNTS`."""
        return [getattr(self, name) for name in COUNTS]


def read_audit(file: Path) -> list[Audited]:
    """Read the days of an audit.

    Raises:
        ReportError: If the file has another form.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[Audited])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportError(
            f"{file}: expected what tap-eventexport-audit --format json prints: {error}"
        ) from None


def summed(days: Sequence[Audited]) -> list[Audited]:
    """Return the days that aren't complete, and after those of each stream the sum of its days."""
    rows: list[Audited] = []
    for stream in dict.fromkeys(day.stream for day in days):
        own = [day for day in days if day.stream == stream]
        dates = sorted(day.day for day in own)
        rows += [day for day in own if day.gone or not day.is_complete][:MOST_DAYS]
        sums = map(sum, zip(*(day.counts for day in own), strict=True))
        rows.append(Audited(stream, f"{dates[0]} to {dates[-1]}", *sums))
    return rows
