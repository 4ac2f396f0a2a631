"""The part of a bookmark about files that were read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class FileSpan:
    """Files that were modified in [start, end); all of them were read.

    Attributes:
        start: The start of the span.
        end: Its end.
        count: The number of files.
        digest: A digest of their keys and versions.
    """

    start: datetime
    end: datetime
    count: int
    digest: str


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """The files that were read, as STATE holds them.

    Attributes:
        spans: Spans of time; each begins where the previous one ends. The last may end after the
            watermark, if this machine's clock is ahead of the store's.
        watermark: The watermark that they were written with; None if there are none.
        names: Single files, as an earlier version wrote them.
    """

    spans: tuple[FileSpan, ...] = ()
    watermark: datetime | None = None
    names: Mapping[str, datetime] = field(default_factory=dict)
