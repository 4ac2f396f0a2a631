"""What a vendor's stream hands to the engine."""

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
    """Records that are encoded already.

    Attributes:
        text: RECORD lines.
        count: How many.
    """

    text: bytes
    count: int

    def __len__(self) -> int:
        return self.count


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a window: what one answer, or one file, adds to it.

    Attributes:
        batches: The records, in blocks that each fit into memory; an answer is one block, a large
            file yields one after the other. A record is a dict, or a struct whose fields are the
            stream's columns and may hold raw JSON, on one line as `decoded` gives it.
        cursor: Where the window goes on, such as `{"cursor": "eyJ…"}`; None if it is complete.
        size: How many bytes of memory the page takes while it waits to be emitted.
        spooled: How many bytes of temporary disk it takes.
        files: Makes of a bookmark what STATE says from this page on of files that were read; None
            where that is what it said before.
        columns: JSON schemas of columns that the stream's schema may not have yet.
        hints: What would make the next run's work less, by a name that sorts by age. STATE keeps
            the last few; a run must be right without them.
    """

    batches: Iterable[Sequence[Record] | EncodedRecords]
    cursor: Mapping[str, Any] | None
    size: int = 0
    spooled: int = 0
    files: Callable[[datetime], ReadFiles] | None = None
    columns: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    hints: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreparedWindow:
    """What comes before a window's pages where the vendor must prepare them first.

    The reader of the window goes on when `place` is in STATE, so that a run that is killed
    meanwhile leaves the next one something to go on with.

    Attributes:
        cursor: Where the window goes on, such as `{"request_id": "1111…"}`.
    """

    cursor: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SplitWindow:
    """What comes instead of a window's pages where it is better read as several windows.

    Attributes:
        windows: Windows that make up the same time, in order.
    """

    windows: tuple[Window, ...]
