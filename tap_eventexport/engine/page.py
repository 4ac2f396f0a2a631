"""The values that a vendor's stream returns to the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    import msgspec

    from tap_eventexport.engine.sent.ledger import Part
    from tap_eventexport.engine.state.read_files import ReadFiles
    from tap_eventexport.engine.windows import Window

    Record = msgspec.Struct | dict[str, Any]


class EncodedRecords(NamedTuple):
    """Records of one batch that are sent under one name, encoded as lines.

    Attributes:
        name: The name.
        text: The lines.
        records: Their number.
        parts: The pieces of the window that they belong to.
    """

    name: str
    text: bytes
    records: int
    parts: Sequence[Part]


class RowDigests(NamedTuple):
    """Digests of some rows.

    Attributes:
        times: Each row's time, as `format_instant` writes it.
        digests: A 64-bit digest of each row.
    """

    times: Sequence[str]
    digests: Sequence[int]


class Choice(NamedTuple):
    """Which rows are needed.

    Attributes:
        blocks: For each of the blocks that were read first, whether it has such rows.
        is_wanted: Whether the rows of a time are needed.
    """

    blocks: Sequence[bool]
    is_wanted: Callable[[str], bool]


class ComparableRows(Protocol):
    """Rows on disk that are compared with what was sent before records are made of them."""

    def digests(self) -> Iterator[RowDigests]:
        """Read all rows; yield the digests of some rows at a time."""

    def batches(
        self, choice: Choice | None
    ) -> Iterator[tuple[Sequence[Record], RowDigests | None]]:
        """Read all rows; yield batches of records, with the digests of their rows.

        Args:
            choice: The rows that are needed, after `digests` has read all; None if all are.
                With a choice, there are no digests.
        """


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
        encoded: The records of the batches after they were encoded, instead of them.
        rows: The rows of a large body instead of `batches`.
        source: Text in the records that names the response, such as a file's key. Records that
            differ only in it are the same.
        hints: Values that save the next run some work, by a name that sorts by age. STATE keeps the
            last few; a run must be correct without them.
    """

    batches: Iterable[Sequence[Record]]
    cursor: Mapping[str, Any] | None
    memory_bytes: int = 0
    disk_bytes: int = 0
    files: Callable[[datetime], ReadFiles] | None = None
    columns: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    encoded: Sequence[EncodedRecords] = ()
    rows: ComparableRows | None = None
    source: str = ""
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
