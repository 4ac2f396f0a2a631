"""Tells a person how a stream gets on, in a line now and then, and in one at its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

    from tap_eventexport.engine.windows import Window

INTERVAL = 30.0  # seconds between two lines


class Progress:
    """Counts what one stream has done in this run.

    Args:
        stream: The stream's name.
        logger: Where the lines go.
        windows: How many windows the run reads.
    """

    def __init__(self, stream: str, logger: Logger, windows: int) -> None:
        self._stream = stream
        self._logger = logger
        self._windows = windows
        self._complete = 0
        self._pages = 0
        self.records = 0
        self._began = self._told = time.monotonic()

    def add(self, records: int) -> None:
        """Count records that were written."""
        self.records += records
        if time.monotonic() - self._told > INTERVAL:
            self._told = time.monotonic()
            self._logger.info("%s: %s", self._stream, self)

    def split(self, windows: int) -> None:
        """Count so many windows in place of one."""
        self._windows += windows - 1

    def page(self, window: Window, *, is_last: bool) -> None:
        """Count a page that was written whole."""
        self._pages += 1
        self._complete += is_last
        self._logger.debug(
            "%s: page %d written, of the window %s", self._stream, self._pages, window
        )

    def __str__(self) -> str:
        seconds = max(time.monotonic() - self._began, 0.001)
        return (
            f"{self.records:,} records in {self._pages:,} pages, "
            f"{self._complete:,} of {self._windows:,} windows complete, "
            f"{seconds:,.1f} s, {self.records / seconds:,.0f} records/s"
        )
