"""Counts what a stream has done, and logs it: a line every 30 seconds, and one at its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tap_eventexport.engine.reasons import describe

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
        error: Why the stream failed; None if it hasn't.

    Args:
        stream: The stream's name.
        logger: The stream's logger; its child `progress` gets the lines.
        windows: The number of windows that the run reads.
    """

    def __init__(self, stream: str, logger: Logger, windows: int) -> None:
        self._stream = stream
        self._logger = logger
        self._lines = logger.getChild("progress")
        self.windows = windows
        self.complete = 0
        self._pages = 0
        self.records = 0
        self.unchanged = 0
        self._began = self._logged = time.monotonic()
        self._ended: float | None = None
        self.error: Exception | None = None

    def add(self, records: int) -> None:
        """Count records that were sent."""
        self.records += records
        if time.monotonic() - self._logged > INTERVAL:
            self._logged = time.monotonic()
            self._lines.info("%s: %s", self._stream, self)

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

    @property
    def is_ended(self) -> bool:
        """Whether the stream is complete, or has failed."""
        return self._ended is not None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the stream ends, if its windows go on to take as long; None if unknown."""
        if self.is_ended:
            return 0.0
        if not self.complete:
            return None
        return self.seconds / self.complete * (self.windows - self.complete)

    def end(self, error: Exception | None = None) -> None:
        """Stop the time, and log the result.

        Args:
            error: Why the stream failed; None if it is complete.
        """
        self.error = error
        self._ended = time.monotonic()
        self._lines.info("%s: %s", self._stream, self)
        if error:
            self._logger.error("%s failed: %s", self._stream, describe(error))
            self._logger.debug("%s failed", self._stream, exc_info=error)

    def __str__(self) -> str:
        unchanged = f"{self.unchanged:,} unchanged and not sent, " if self.unchanged else ""
        return (
            f"{self.records:,} records in {self._pages:,} pages, {unchanged}"
            f"{self.complete:,} of {self.windows:,} windows complete, "
            f"{self.seconds:,.1f} s, {self.records / self.seconds:,.0f} records/s"
        )
