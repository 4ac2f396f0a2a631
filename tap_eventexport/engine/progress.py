"""Logs the progress of a stream: a line every 30 seconds, and one at its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

    from tap_eventexport.engine.windows import Window

INTERVAL = 30.0  # seconds between two lines


class Progress:
    """Counts the windows, pages and records of one stream in this run.

    Attributes:
        windows: The number of windows that the run reads.
        complete: The number of complete windows.
        records: The number of records that were sent.
        unchanged: The number of records that were read again, but not sent, since earlier runs have
            sent them.
        is_failed: Whether the stream ended early.

    Args:
        stream: The stream's name.
        logger: Where the lines go.
        windows: The number of windows that the run reads.
    """

    def __init__(self, stream: str, logger: Logger, windows: int) -> None:
        self._stream = stream
        self._logger = logger
        self.windows = windows
        self.complete = 0
        self._pages = 0
        self.records = 0
        self.unchanged = 0
        self._began = self._logged = time.monotonic()
        self._ended: float | None = None
        self.is_failed = False

    def add(self, records: int) -> None:
        """Count records that were sent."""
        self.records += records
        if time.monotonic() - self._logged > INTERVAL:
            self._logged = time.monotonic()
            self._logger.info("%s: %s", self._stream, self)

    def leave(self, records: int) -> None:
        """Count records that are not sent, because they are unchanged."""
        self.unchanged += records

    def split(self, windows: int) -> None:
        """Count several windows instead of one."""
        self.windows += windows - 1

    def page(self, window: Window, *, is_last: bool) -> None:
        """Count a page after it was written."""
        self._pages += 1
        self.complete += is_last
        self._logger.debug(
            "%s: page %d written, of the window %s", self._stream, self._pages, window
        )

    @property
    def seconds(self) -> float:
        """Seconds since the stream started, or until it ended."""
        return max((self._ended or time.monotonic()) - self._began, 0.001)

    def end(self, *, is_failed: bool) -> None:
        """Stop the time, and log the result."""
        self.is_failed = is_failed
        self._ended = time.monotonic()
        self._logger.info("%s: %s", self._stream, self)

    def __str__(self) -> str:
        unchanged = f"{self.unchanged:,} unchanged and not sent, " if self.unchanged else ""
        return (
            f"{self.records:,} records in {self._pages:,} pages, {unchanged}"
            f"{self.complete:,} of {self.windows:,} windows complete, "
            f"{self.seconds:,.1f} s, {self.records / self.seconds:,.0f} records/s"
        )
