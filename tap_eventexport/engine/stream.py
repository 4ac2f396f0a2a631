"""The base class of every vendor's streams: what the engine needs from a vendor.

A vendor says how time is split into windows, and how a window is read as pages. The engine does
everything else: `sync.py` is one run of a stream.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec
from singer_sdk.helpers.conform import TypeConformanceLevel

from tap_eventexport.engine.sent.spans import AGES_PER_WIDTH, MINUTE
from tap_eventexport.engine.singer.catalog_stream import CatalogStream
from tap_eventexport.engine.state.bookmark import Bookmark, Bounds, Plan
from tap_eventexport.engine.windows import MILLISECOND, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from singer_sdk import Tap
    from singer_sdk.helpers import types

    from tap_eventexport.engine.http.client import HttpClient
    from tap_eventexport.engine.page import Page, PreparedWindow, SplitWindow
    from tap_eventexport.engine.windows import Window

FIRST_RUN = timedelta(days=30)  # how far a first run reaches back without start_date
OUTPUT_SETTINGS = {
    *("stream_maps", "stream_map_config", "faker_config"),
    *("flattening_enabled", "flattening_max_depth", "flattening_max_key_length"),
}


class EventStream(CatalogStream):
    """A stream of one vendor's events, read window by window.

    `pages`, and what it calls, runs on worker threads, for several windows at the same time. All
    else runs on the main thread; so do the records of a body on disk, which `pages` only names.

    Args:
        tap: The tap that the stream belongs to.
        client: The vendor's HTTP client, shared by its streams.

    Attributes:
        vendor: The vendor's name, for messages.
        record: One sentence about a record, for the documents.
        path: The endpoint, if the vendor's streams have different ones: then a key may be allowed
            to read some of them only.
        happened_column: The column with the time of the event, if the replication key is the time
            of its arrival.
        source_column: The column that names the response that a record came in, if there is one; it
            differs each time that the record is read.
        lookback: How late events may arrive; a run reads this much before the bookmark again. The
            user may change it.
        granularity: The vendor's times are multiples of this.
        is_by_day: Whether a window is a whole day, even if the interval ends inside it.
        is_table: Whether a run reads all of it, in one window without a time; see `table.py`.
        keeps: Which records are kept, by their replication key. `window`: those inside the window
            that was requested. `run`: those inside the interval of the run, if the vendor may
            return a record for a window other than its own. `all`: every record.
        plan: The time and windows that this run reads.
        bookmark_before: The bookmark in STATE before this run.
        is_closed: Whether the stream has ended, so that no more work is started for it.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # a vendor's file makes the right types

    vendor: ClassVar[str]
    record: ClassVar[str]
    path: ClassVar[str] = ""
    happened_column: ClassVar[str | None] = None
    source_column: ClassVar[str | None] = None
    lookback: ClassVar[timedelta]
    granularity: ClassVar[timedelta] = MILLISECOND
    is_by_day: ClassVar[bool] = False
    is_table: ClassVar[bool] = False
    keeps: ClassVar[Literal["window", "run", "all"]] = "window"

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap)
        self.client = client
        self.plan = Plan(None, filters_hash="")
        self.bookmark_before = Bookmark()
        self.is_closed = False

    # Implemented by each vendor

    @abstractmethod
    def windows(self, whole: Window) -> Iterable[Window]:
        """Split the interval into the windows that suit this vendor's API."""

    @abstractmethod
    def pages(
        self, window: Window, cursor: Mapping[str, Any] | None
    ) -> (
        Iterator[Page]
        | Iterator[Page | SplitWindow]
        | Iterator[Page | PreparedWindow | SplitWindow]
    ):
        """Read a window, from its start or from a cursor; on a worker thread.

        Raises:
            RestartWindowError: If the vendor no longer accepts the cursor.
            FatalVendorError: If the window can't be read.
        """

    @abstractmethod
    def check_connection(self) -> None:
        """Check the credentials with one cheap request.

        Raises:
            FatalVendorError: If the vendor refuses them.
        """

    def discover_columns(self) -> None:
        """Add columns that only the vendor's API knows; called during discovery.

        Raises:
            SyncError: If the request fails.
        """

    def log_findings(self) -> None:
        """Log what the user should know about the data; called once, at the end of a run."""

    @property
    def retention_start(self) -> datetime | None:
        """The earliest instant that the vendor still keeps; None if unknown."""
        return None

    @property
    def day_zone(self) -> tzinfo | None:
        """The zone of the vendor's days; None if the vendor cannot be queried by time range."""
        return UTC

    @property
    def filters(self) -> Sequence[Any]:
        """The settings that change the vendor's responses; checkpoints are valid only for them."""
        return ()

    # Used by a run

    @cached_property
    def filters_hash(self) -> str:
        """A hash of the filters."""
        return hashlib.sha256(msgspec.json.encode(self.filters)).hexdigest()[:12]

    @cached_property
    def version(self) -> int | None:
        """The version of the records that are sent, if a loader may drop all others."""
        return None

    @property
    def is_compared(self) -> bool:
        """Whether what is read again is compared with what was sent."""
        return bool(self.has_state and self.replication_key and self.day_zone)

    @cached_property
    def output_hash(self) -> str:
        """A hash of all that decides how records are made of what the vendor returns.

        It is empty if what is read again isn't compared with what was sent.
        """
        if not self.is_compared:
            return ""
        vendors = f"{self.name.partition('_')[0]}_"
        known = self.tap.config_jsonschema["properties"]
        settings = {
            name: value
            for name, value in self.config.items()
            if name in OUTPUT_SETTINGS
            or (name.startswith(vendors) and not known.get(name, {}).get("secret"))
        }
        chosen = None if self.selection.is_all else sorted(self.sent_columns)
        fields = self.metadata.resolve_selection()
        left_out = sorted(list(path) for path, is_selected in fields.items() if not is_selected)
        output = (self.tap.plugin_version, settings, chosen, left_out, self.selection.patterns)
        text = msgspec.json.encode(output, order="deterministic", enc_hook=repr)
        return hashlib.sha256(text).hexdigest()[:12]

    @cached_property
    def now(self) -> datetime:
        """The start of the run, by this machine's clock."""
        return self.client.clock.start.now

    @property
    def interval(self) -> Window | None:
        """The time range that this run reads; None if there is nothing to read."""
        return self.plan.interval

    @property
    def settle(self) -> timedelta:
        """The minimum age of an event before it is read."""
        return timedelta(minutes=self.config["settle_minutes"])

    @property
    def reach(self) -> timedelta:
        """How far behind its bookmark the next run reads: up to the start of a span there."""
        lookback = self.bounds().lookback
        return lookback + max(lookback / AGES_PER_WIDTH, timedelta(minutes=MINUTE))

    def bounds(self) -> Bounds:
        """The settings that bound the time range to read."""
        start, end = self.config.get("start_date"), self.config.get("end_date")
        minutes = self.config.get("lookback_minutes")
        return Bounds(
            now=self.now,
            start=parse_instant(start) if start else self.now - FIRST_RUN,
            start_is_set=bool(start),
            end=parse_instant(end) if end else None,
            lookback=self.lookback if minutes is None else timedelta(minutes=minutes),
            settle=self.settle,
            granularity=self.granularity,
            retention_start=self.retention_start,
            fail_on_gap=self.config["on_gap"] == "fail",
        )

    def get_records(self, context: types.Context | None) -> Iterator[dict[str, Any]]:  # noqa: ARG002
        """Not used: a run writes whole pages."""
        yield from ()
