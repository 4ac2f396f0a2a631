"""The values that a vendor's stream returns to the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    import msgspec

    from tap_eventexport.engine.state.read_files import ReadFiles
    from tap_eventexport.engine.windows import Window

    Record = msgspec.Struct | dict[str, Any]


@dataclass(frozen=True, slots=True)
class EncodedRecords:
    """Records that are already encoded.

    Attributes:
        text: RECORD lines.
        count: The number of records.
    """

    text: bytes
    count: int

    def __len__(self) -> int:
        return self.count


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a window: the records of one response or of one file.

    Attributes:
        batches: The records, in batches that each fit into memory. A response is one batch; a large
            file yields several, one after the other. A record is a dict, or a struct whose fields
            are the stream's columns. A field may hold raw JSON, on one line as `parse_body` gives
            it.
        cursor: Where the rest of the window starts, such as `{"cursor": "eyJ…"}`; None if the
            window is complete; empty if it can only be read again from its start.
        memory_bytes: Bytes of memory that the page uses while it waits to be emitted.
        disk_bytes: Bytes of temporary disk space that it uses. If there are some, the batches are
            made when they are emitted, on the main thread.
        files: Given the watermark, returns the read files that STATE records after this page; None
            if the page doesn't change them.
        columns: JSON schemas of columns that the stream's schema may not have yet.
        hints: Values that save the next run some work, by a name that sorts by age. STATE keeps the
            last few; a run must be correct without them.
    """

    batches: Iterable[Sequence[Record] | EncodedRecords]
    cursor: Mapping[str, Any] | None
    memory_bytes: int = 0
    disk_bytes: int = 0
    files: Callable[[datetime], ReadFiles] | None = None
    columns: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    hints: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreparedWindow:
    """Comes before a window's pages, if the vendor must prepare them first.

    The window's reader continues when `cursor` is in STATE. So, if the run is killed meanwhile, the
    next run can resume.

    Attributes:
        cursor: Where the window resumes, such as `{"request_id": "1111…"}`.
    """

    cursor: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SplitWindow:
    """Comes instead of a window's pages, if it is better read as several windows.

    Attributes:
        windows: Windows that cover the same time, in order.
    """

    windows: tuple[Window, ...]
