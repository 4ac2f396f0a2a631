"""Infobip's files without its API: files that other exports put into the bucket.

https://www.infobip.com/docs/customer-profiles/events (events export: bucket, role, files)
"""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import timedelta
from fnmatch import translate
from functools import cached_property, partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tap_eventexport.engine.objects.file_table import FileTable
from tap_eventexport.engine.objects.new_files import NewFiles, Reach
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.windows import format_instant, split_every
from tap_eventexport.vendors.infobip.events import InfobipEvents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk import Tap

    from tap_eventexport.engine.http.client import HttpClient
    from tap_eventexport.engine.http.clocks import VendorClock
    from tap_eventexport.engine.state.bookmark import Bounds
    from tap_eventexport.engine.windows import Window

OVERLAP = timedelta(hours=1)  # a multipart upload is listed late, with the time of its start
DAY = timedelta(days=1)
MOST_WINDOWS = 100  # of a run; a bookmark is written after each of them


class InfobipFiles(InfobipEvents):
    """The rows of all export files under a directory; a file is read once.

    A window selects files by their time of modification: a file that was modified before it has no
    event inside it. The bucket is listed once per run. A window's files are read by key, so the
    files of one export follow each other, in any order of the listing.
    """

    vendor = "Infobip files"

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self._listing = threading.Lock()
        self._found: NewFiles | None = None

    @property
    def filters(self) -> tuple[Any, ...]:
        """The settings that a cursor depends on: the directory, and the end of the interval."""
        location = (self.config["infobip_s3_bucket"], self.config["infobip_s3_directory"])
        return (*location, self.config["end_date"]) if self._is_bounded else location

    @property
    def day_zone(self) -> None:
        """None: a query for a time range would list the whole directory."""
        return

    @property
    def _store_clock(self) -> VendorClock:
        return self.client.clock

    def windows(self, whole: Window) -> Iterator[Window]:
        """Windows of a day, or longer ones if a run would have too many."""
        return split_every(whole, max(DAY, (whole.end - whole.start) / MOST_WINDOWS))

    def bounds(self) -> Bounds:
        """The usual bounds, but with a lookback of at least one hour: STATE records its files."""
        bounds = super().bounds()
        return replace(bounds, lookback=max(bounds.lookback, OVERLAP), is_proved=True)

    def pages(self, window: Window, cursor: Mapping[str, Any] | None) -> Iterator[Page]:  # noqa: ARG002
        """Read each new file of a window as a page; the last page has the read files for STATE.

        Without end_date, files that were modified after the run began are left to the next run.
        """
        new = self._new_files(self.interval or window)
        for export, listed in groupby(new.within(window), key=lambda each: _export(each[0].key)):
            duplicates = self.counted(new.read_before(export, window))
            for file, behind in listed:
                yield self.file_page(file, duplicates, behind)
        files = partial(new.read_up_to, window.end) if new.is_remembered(window) else None
        yield Page([], None, files=files)

    def check_connection(self) -> None:
        """List one key of the bucket."""
        self.bucket.check_connection(self.directory)

    def _new_files(self, interval: Window) -> NewFiles:
        """List the bucket, for the first window that is read; later windows share the listing."""
        with self._listing:
            if self._found is None:
                table = FileTable(self.export_files(self.bucket.list(self.directory)))
                self._warn_of_future(table)
                reach = Reach(
                    interval=interval,
                    lookback=self.bounds().lookback,
                    lateness=OVERLAP,
                    now=self.now,
                    is_bounded=self._is_bounded,
                )
                self._found = NewFiles(table, self.bookmark_before, reach)
            return self._found

    def _warn_of_future(self, table: FileTable) -> None:
        ahead = table.tally(self.now + DAY, None).number
        if ahead and not self._is_bounded:
            self.logger.warning(
                "%s: %d files are dated more than a day ahead of this machine's clock; they are "
                "read after that time: check the clocks of the store and of this machine",
                self.name,
                ahead,
            )

    @property
    def _is_bounded(self) -> bool:
        return "end_date" in self.config

    @cached_property
    def _edges(self) -> tuple[str, str]:
        """The start of the events that are kept, and their end, which is exclusive."""
        has_start = self.bookmark_before.watermark is None or "start_date" in self.config
        start = format_instant(self.bounds().start) if has_start else ""
        end = format_instant(self.interval.end) if self.interval and self._is_bounded else "~"
        return start, end

    @cached_property
    def _definitions(self) -> re.Pattern[str]:
        names = self.config["infobip_definition_ids"] or ["*"]
        return re.compile("|".join(map(translate, names)))

    def is_wanted(self, timestamp: str, definition: str | None) -> bool:
        """Keep events of the interval and of the configured definitions."""
        start, end = self._edges
        return start <= timestamp < end and self._definitions.match(definition or "") is not None


def _export(key: str) -> str:
    """Return the prefix of an export's keys."""
    return key[: key.rfind("-events-") + len("-events-")]
