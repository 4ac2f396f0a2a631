"""Streams of tables: what a vendor returns whole, since it has no time to read it by."""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_eventexport.engine.state.bookmark import Bounds
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import MILLISECOND, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from typing import Any

    from tap_eventexport.engine.page import Page
    from tap_eventexport.engine.windows import Window

NO_TIME, HOUR = timedelta(0), timedelta(hours=1)


class TableStream(EventStream):
    """A table that a run reads as it is now, whatever time the run is for.

    STATE holds when it was read, and the number and a digest of its records. If these are what they
    were, nothing is sent. If not, or if something else is sent of it than before, all of it is.

    Attributes:
        read_every: A run doesn't read it if an earlier one has read it since.
    """

    replication_key = None
    forced_replication_method = REPLICATION_FULL_TABLE
    is_table = True
    has_state = True  # for when it was read
    is_compared = True
    lookback: ClassVar = MILLISECOND  # so that the window of a run is never empty
    keeps = "all"
    settle = NO_TIME
    day_zone = None
    read_every: ClassVar[timedelta]

    def bounds(self) -> Bounds:
        """Read now, and nothing else."""
        return Bounds(
            now=self.now,
            start=self.now - self.lookback,
            start_is_set=False,
            lookback=self.lookback,
            settle=self.settle,
        )

    def windows(self, whole: Window) -> Iterator[Window]:
        """One window, which says when the table is read; none if it was read a short time ago."""
        read_at = self.bookmark_before.watermark
        if read_at and self.bookmark_before.sent.spans and self._is_young(read_at):
            self.logger.info(
                "%s: not read, because it was read less than %d h ago; lookback_resend=all reads "
                "it",
                self.name,
                self.read_every // HOUR,
            )
            return
        yield whole

    def _is_young(self, read_at: datetime) -> bool:
        return NO_TIME <= self.now - read_at < self.read_every

    @property
    def activates_version(self) -> bool:
        """Whether a loader is told which records there are now, so that it may drop all others."""
        return False

    @cached_property
    def version(self) -> int | None:
        """The version of the records that this run sends; None if they have none.

        BATCH messages have none, so that a loader would drop what they bring.
        """
        if not self.activates_version:
            return None
        if self.get_batch_config(self.config):
            self.logger.warning(
                "%s: batch_config leaves no room for versions, so no ACTIVATE_VERSION is sent",
                self.name,
            )
            return None
        return to_milliseconds(self.now)

    @abstractmethod
    def pages(self, window: Window, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Read the table as one page, so that no part of it is ever promised."""
