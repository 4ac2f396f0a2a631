"""Infobip's files without its API: what other exports put into the bucket.

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

OVERLAP = timedelta(hours=1)  # a multipart upload is listed late, under the time of its begin
DAY = timedelta(days=1)
MOST_WINDOWS = 100  # of a run; a bookmark is written behind each of them


class InfobipFiles(InfobipEvents):
    """The rows of all export files under a directory; a file is read once.

    A window selects files by their time of modification: what was modified before it holds no
    event that happened in it. The bucket is listed once a run. A window's files are read by key,
    the files of an export one after the other, whatever order the store lists them in.
    """

    vendor = "Infobip files"

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self._listing = threading.Lock()
        self._found: NewFiles | None = None

    @property
    def filters(self) -> tuple[Any, ...]:
        """A position holds in one directory, and for one end of the events that are read."""
        place = (self.config["infobip_s3_bucket"], self.config["infobip_s3_directory"])
        return (*place, self.config["end_date"]) if self._is_bounded else place

    @property
    def day_zone(self) -> None:
        """None: each look at a part of the time would list the whole directory."""
        return

    @property
    def _store_clock(self) -> VendorClock:
        return self.client.clock

    def windows(self, whole: Window) -> Iterator[Window]:
        """Days, or as many longer windows as a run may have."""
        return split_every(whole, max(DAY, (whole.end - whole.start) / MOST_WINDOWS))

    def bounds(self) -> Bounds:
        """As for all streams, but never without an overlap: the files in it are remembered."""
        bounds = super().bounds()
        return replace(bounds, lookback=max(bounds.lookback, OVERLAP), is_proved=True)

    def pages(self, window: Window, place: Mapping[str, Any] | None) -> Iterator[Page]:  # noqa: ARG002
        """The files that are new in a window, one a page; where it was left is told with them all.

        Without end_date, what was modified since the run began is left to the next one.
        """
        new = self._new_files(self.interval or window)
        for export, listed in groupby(new.within(window), key=lambda each: _export(each[0].key)):
            twins = self.counted(new.read_before(export, window))
            for file, behind in listed:
                yield self.file_page(file, twins, behind)
        files = partial(new.read_up_to, window.end) if new.is_remembered(window) else None
        yield Page([], None, files=files)

    def check_connection(self) -> None:
        """List one key of the bucket."""
        self.bucket.check_connection(self.directory)

    def _new_files(self, interval: Window) -> NewFiles:
        """What the bucket holds, listed by whichever window is read first."""
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
                "read when their time has come: check the clocks of the store and of this machine",
                self.name,
                ahead,
            )

    @property
    def _is_bounded(self) -> bool:
        return "end_date" in self.config

    @cached_property
    def _edges(self) -> tuple[str, str]:
        """The first instant that is wanted, and the first that is not."""
        has_start = self.bookmark_before.watermark is None or "start_date" in self.config
        start = format_instant(self.bounds().start) if has_start else ""
        end = format_instant(self.interval.end) if self.interval and self._is_bounded else "~"
        return start, end

    @cached_property
    def _definitions(self) -> re.Pattern[str]:
        names = self.config["infobip_definition_ids"] or ["*"]
        return re.compile("|".join(map(translate, names)))

    def is_wanted(self, timestamp: str, definition: str | None) -> bool:
        """Only events of the wanted time and of the wanted definitions."""
        start, end = self._edges
        return start <= timestamp < end and self._definitions.match(definition or "") is not None


def _export(key: str) -> str:
    """What the keys of an export begin with."""
    return key[: key.rfind("-events-") + len("-events-")]
