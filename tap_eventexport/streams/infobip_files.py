"""Infobip's files without its API: what other exports put into the bucket.

https://www.infobip.com/docs/customer-profiles/events (events export: bucket, role, files)
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from fnmatch import translate
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tap_eventexport.engine.page import Page
from tap_eventexport.engine.windows import format_instant
from tap_eventexport.streams.infobip import InfobipEvents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tap_eventexport.engine.bookmark import Bounds
    from tap_eventexport.engine.clocks import VendorClock
    from tap_eventexport.engine.s3 import StoredObject
    from tap_eventexport.engine.windows import Window

OVERLAP = timedelta(hours=1)  # a multipart upload is listed late, under the time of its begin


class InfobipFiles(InfobipEvents):
    """The rows of all export files under a directory; a file is read once.

    A window selects files by their time of modification: what was modified before it holds no
    event that happened in it. Keys begin with the export's id, so they are not in order of time:
    the bucket is listed in one pass, whose position is the key that was read last.
    """

    vendor = "Infobip files"

    @property
    def filters(self) -> tuple[Any, ...]:
        """A key is a position in one directory only."""
        return (self.config["infobip_s3_bucket"], self.config["infobip_s3_directory"])

    @property
    def zone(self) -> None:
        """None: each look at a part of the time would list the whole directory."""
        return

    @property
    def _store_clock(self) -> VendorClock:
        return self.client.clock

    def windows(self, whole: Window) -> Iterator[Window]:
        """The whole time, in one pass."""
        yield whole

    def bounds(self) -> Bounds:
        """As for all streams, but never without an overlap: files in it are remembered."""
        bounds = super().bounds()
        return replace(bounds, lookback=max(bounds.lookback, OVERLAP))

    @property
    def files_since(self) -> datetime:
        """Files that were modified before can't be listed by the next run as if they were new."""
        return super().files_since - self.bounds().lookback - OVERLAP

    def pages(self, window: Window, place: Mapping[str, Any] | None) -> Iterator[Page]:
        """The files that are new in a window, one a page."""
        after = str(place["after"]) if place else ""
        found = self.export_files(self.bucket.list(self.directory, _export(after)))
        for _, export in groupby(found, key=lambda file: _export(file.key)):
            files = list(export)
            new = [file for file in files if file.key > after and self._is_new(file, window)]
            twins = self.counted([file for file in files if file not in new] if new else ())
            for file in new:
                page = self.file_page(file, twins, {"after": file.key})
                # With end_date a file may hold events that are not wanted yet.
                yield page if self._is_bounded else replace(page, files={name(file): file.modified})
        yield Page([], None)

    def prove(self) -> None:
        """List one key of the bucket."""
        self.bucket.prove(self.directory)

    def _is_new(self, file: StoredObject, window: Window) -> bool:
        """Whether a file is one of a window's that was not read before.

        Without end_date, what was modified since the run began is left to the next one. With it
        files of any later time may hold events that are wanted.
        """
        if self.wanted is None or name(file) in self.known_files:
            return False
        is_first, is_last = window.start == self.wanted.start, window.end == self.wanted.end
        start = window.start - OVERLAP if is_first else window.start
        is_open = is_last and self._is_bounded
        return start <= file.modified and (is_open or file.modified < window.end)

    @property
    def _is_bounded(self) -> bool:
        return "end_date" in self.config

    @cached_property
    def _edges(self) -> tuple[str, str]:
        """The first instant that is wanted, and the first that is not."""
        has_start = self.is_first_run or "start_date" in self.config
        start = format_instant(self.bounds().start) if has_start else ""
        end = format_instant(self.wanted.end) if self.wanted and self._is_bounded else "~"
        return start, end

    @cached_property
    def _definitions(self) -> re.Pattern[str]:
        names = self.config["infobip_definition_ids"] or ["*"]
        return re.compile("|".join(map(translate, names)))

    def is_wanted(self, timestamp: str, definition: str | None) -> bool:
        """Only events of the wanted time and of the wanted definitions."""
        start, end = self._edges
        return start <= timestamp < end and self._definitions.match(definition or "") is not None


def name(file: StoredObject) -> str:
    """A short name for a file with its content."""
    return hashlib.sha256(f"{file.key}\n{file.etag}".encode()).hexdigest()[:16]


def _export(key: str) -> str:
    """What the keys of an export begin with."""
    return key[: key.rfind("-events-") + len("-events-")] if "-events-" in key else key
