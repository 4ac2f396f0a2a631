"""What STATE says of files that were read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class FileSpan:
    """All files that were modified in [start, end), which were read.

    Attributes:
        start: When they begin.
        end: When they end.
        count: How many they are.
        digest: A digest of their keys and versions.
    """

    start: datetime
    end: datetime
    count: int
    digest: str


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """What STATE says of files that were read.

    Attributes:
        spans: Spans of time, each of which begins where the one before it ends. The last may reach
            beyond the bookmark, where this machine's clock is ahead of the store's.
        watermark: The bookmark that they were written with; None if there are none.
        names: Single files, as an earlier version remembered them.
    """

    spans: tuple[FileSpan, ...] = ()
    watermark: datetime | None = None
    names: Mapping[str, datetime] = field(default_factory=dict)
