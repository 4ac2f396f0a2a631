"""What the engine asks of a vendor: the class that every vendor's streams extend.

A vendor says how time is cut into windows, and how a window is read as pages. All else is the
engine's: `sync.py` is one run of a stream.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec
from singer_sdk.helpers.conform import TypeConformanceLevel

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


class EventStream(CatalogStream):
    """A stream of one vendor's events, read window by window.

    `pages` is called on worker threads, for several windows at once; all else on the main thread.

    Args:
        tap: The tap that the stream belongs to.
        client: The vendor's HTTP client, shared by its streams.

    Attributes:
        vendor: The vendor's name, for people.
        record: What one record is, for the documents.
        happened_column: When an event happened, if the replication key is its arrival.
        lookback: How far behind the bookmark events may still arrive, unless the user says.
        granularity: What the vendor's times are multiples of.
        keeps: Which records are kept, by their replication key: those of the `window` that was
            asked for; those of all that the `run` wants, where the vendor may answer with a record
            for another window than its own; or `all`.
        plan: What this run reads.
        bookmark_before: What STATE said before this run.
        is_closed: Whether the stream has ended, so that nothing need be begun for it.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # a vendor's file makes the right types

    vendor: ClassVar[str]
    record: ClassVar[str]
    happened_column: ClassVar[str | None] = None
    lookback: ClassVar[timedelta]
    granularity: ClassVar[timedelta] = MILLISECOND
    keeps: ClassVar[Literal["window", "run", "all"]] = "window"

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap)
        self.client = client
        self.plan = Plan(None, filters_hash="")
        self.bookmark_before = Bookmark()
        self.is_closed = False

    # What a vendor answers

    @abstractmethod
    def windows(self, whole: Window) -> Iterable[Window]:
        """Cut the wanted time as this vendor is best asked."""

    @abstractmethod
    def pages(
        self, window: Window, cursor: Mapping[str, Any] | None
    ) -> (
        Iterator[Page]
        | Iterator[Page | SplitWindow]
        | Iterator[Page | PreparedWindow | SplitWindow]
    ):
        """Read a window, from its start or from a place in it; on a worker thread.

        Raises:
            RestartWindowError: If the vendor no longer accepts the place.
            FatalVendorError: If the window can't be read.
        """

    @abstractmethod
    def check_connection(self) -> None:
        """Prove the credentials with one cheap request.

        Raises:
            FatalVendorError: If they are refused.
        """

    def discover_columns(self) -> None:
        """Add the columns that only the vendor knows, if there may be some; for discovery.

        Raises:
            SyncError: If the vendor doesn't tell.
        """

    def log_findings(self) -> None:
        """Log what a person should know of what was read; called once, at the end of a run."""

    @property
    def retention_start(self) -> datetime | None:
        """The earliest instant that the vendor still keeps; None if that isn't known."""
        return None

    @property
    def day_zone(self) -> tzinfo | None:
        """The time zone of the vendor's days; None if no part of the time is asked for alone."""
        return UTC

    @property
    def filters(self) -> Sequence[Any]:
        """All that shapes the vendor's answers; a position holds only while it is the same."""
        return ()

    # What a run asks of it

    @cached_property
    def filters_hash(self) -> str:
        """A fingerprint of the filters."""
        return hashlib.sha256(msgspec.json.encode(self.filters)).hexdigest()[:12]

    @cached_property
    def now(self) -> datetime:
        """The instant at which the run began, by this machine's clock."""
        return self.client.clock.start.now

    @property
    def interval(self) -> Window | None:
        """The time that this run reads; None if there is nothing to read."""
        return self.plan.interval

    @property
    def settle(self) -> timedelta:
        """How old an event must be to be read."""
        return timedelta(minutes=self.config["settle_minutes"])

    def bounds(self) -> Bounds:
        """What the settings say of the time to read."""
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
        """Not used: a run sends whole pages."""
        yield from ()
