"""Croct's exports: lists of one application or workspace, page by page, by cursor.

https://docs.croct.com/reference/api/service/data-export/export-events
"""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import requests

from tap_eventexport.engine.bodies.extra import NewNames
from tap_eventexport.engine.duplicates.lists import DuplicateList
from tap_eventexport.engine.duplicates.repeats import ListedIds, RepeatedIds
from tap_eventexport.engine.http.client import endpoint
from tap_eventexport.engine.page import Page, SplitWindow
from tap_eventexport.engine.paging.cursors import MAX_EMPTY, CursorReader, cursor_in
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import (
    MILLISECOND,
    Window,
    format_milliseconds,
    from_milliseconds,
    split_every,
    split_growing,
    to_milliseconds,
    window_if_any,
)
from tap_eventexport.vendors.croct.responses import reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from singer_sdk import Tap

    from tap_eventexport.engine.http.client import HttpClient
    from tap_eventexport.engine.http.response import Response
    from tap_eventexport.vendors.croct.responses import Answered

WINDOW = timedelta(days=1)  # no limit is documented; for most sites, a day has only a few pages
FEW = 6  # up to this many parallel windows, a window of a day is short enough
PAGES_IN_A_ROW = 8  # of one cursor; a window with twice as many or more is split
PART_GROWTH = 2  # each part is twice as wide as the previous: few requests if no more events come


class CroctExport(EventStream):
    """A list that Croct exports by a time of its items. `GET /export/…`.

    The order of items is not documented, nor are limits of their age, of the length of a window or
    of the number of requests.

    Attributes:
        items: The name of the items, for messages.
    """

    vendor = "Croct"
    lookback: ClassVar = timedelta(hours=6)  # a request for each 1000 items
    keeps = "run"  # by which time a window selects isn't documented
    items: ClassVar[str]

    @abstractmethod
    def decode(self, body: bytes) -> Answered:
        """Parse the body of a response.

        Raises:
            msgspec.DecodeError: If it isn't a complete export. The text names the item.
        """

    @property
    def query(self) -> Mapping[str, Any]:
        """Further parameters of each request."""
        return {}

    @property
    def filters(self) -> tuple[Any, ...]:
        """The settings that a cursor may depend on."""
        return (self.config["croct_api_url"], self.config["croct_page_size"])

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self._new_names = NewNames(self.name, self.logger)
        self._repeated_ids = RepeatedIds()
        self._ignores_times = False
        self._logged: set[str] = set()
        self._lock = threading.Lock()

    def windows(self, whole: Window) -> Iterator[Window]:
        """Windows of a day, or shorter if many parallel windows wait for each other.

        One begins at the bookmark, so that new items don't wait for those that are compared.
        """
        width = min(WINDOW, WINDOW * FEW / self.client.concurrency) // MILLISECOND * MILLISECOND
        bookmark = self.bookmark_before.watermark or whole.start
        middle = min(max(bookmark, whole.start), whole.end)
        parts = (*window_if_any(whole.start, middle), *window_if_any(middle, whole.end))
        return (window for part in parts for window in split_every(part, width))

    def pages(
        self, window: Window, cursor: Mapping[str, Any] | None
    ) -> Iterator[Page | SplitWindow]:
        """Follow the cursor to the end of the list.

        The pages of a cursor can only be read one after the other. If the first page shows that
        there are many, the whole window is split and read again as several windows, since the order
        of items isn't documented.
        """
        begin = cursor_in(cursor)
        duplicates, ids = DuplicateList(cursor if begin else None), ListedIds()
        pages = CursorReader(
            lambda cursor: self._ask(window, cursor), self.vendor, f"the window {window}"
        )
        is_first = begin is None
        for answered, following in pages.pages(begin):
            self._note(answered, window, ids)
            if is_first and following and (parts := self._parts(window, answered.times)):
                yield SplitWindow(parts)
                return
            is_first = False
            unnamed = [record for record, _ in answered.unnamed]
            keys = duplicates.keys(
                [record.id for record in unnamed], [time for _, time in answered.unnamed]
            )
            for record, key in zip(unnamed, keys, strict=True):
                record.id = key
            yield Page([answered.records], _next_cursor(following, duplicates), answered.size)
        if pages.ends_with_gap:
            self._log_once(
                logging.INFO,
                "Croct ends a window with empty pages that each have a new cursor; after %d in a "
                "row the window is complete",
                MAX_EMPTY,
            )

    def _note(self, answered: Answered, window: Window, ids: ListedIds) -> None:
        """Check a response for new fields, repeated ids, and items of other times."""
        self._new_names.note(answered.new_names)
        self._repeated_ids.add(ids.note(*answered.named))
        first, end = to_milliseconds(window.start), to_milliseconds(window.end)
        if answered.times and not first <= answered.span[0] <= answered.span[1] <= end:
            self._ignores_times = True
            number, time = next(
                pair for pair in enumerate(answered.times) if not first <= pair[1] <= end
            )
            self._log_once(
                logging.WARNING,
                "Croct sends %s outside the requested time, as if it ignored start and end: "
                "`$.items[%d]` of %s for %s; those outside this run's interval are left out",
                self.items,
                number,
                format_milliseconds(time),
                window,
            )

    def _log_once(self, level: int, message: str, *arguments: object) -> None:
        """Log a message once per run, with the arguments of the first time."""
        with self._lock:
            is_new = message not in self._logged
            self._logged.add(message)
        if is_new:
            self.logger.log(level, "%s: %s", self.name, message % arguments)

    def log_findings(self) -> None:
        """Log ids that several different items share."""
        self._repeated_ids.tell(self.name, self.logger)

    def _parts(self, window: Window, times: list[int]) -> tuple[Window, ...]:
        """Return windows of about `PAGES_IN_A_ROW` pages; none if no split is needed.

        In a full page in order of time, the first and the last item show how dense the items are.
        A page that isn't full doesn't show it, nor does a page from a vendor that ignores the
        requested time.
        """
        is_telling = (
            len(times) >= self.config["croct_page_size"]
            and times[0] < times[-1]
            and all(one <= other for one, other in pairwise(times))
        )
        if self.client.concurrency == 1 or self._ignores_times or not is_telling:
            return ()
        first, last = from_milliseconds(times[0]), from_milliseconds(times[-1])
        width = PAGES_IN_A_ROW * (last - first)
        if window.end - first < 2 * width:
            return ()
        return (
            *window_if_any(window.start, first),
            *split_growing(Window(first, window.end), width, PART_GROWTH),
        )

    def check_connection(self) -> None:
        """Request one item of the last hour."""
        hour = Window(self.now - timedelta(hours=1), self.now)
        self.client.fetch(lambda: self._request(hour, None, size=1), self._reader(None))

    def _ask(self, window: Window, cursor: str | None) -> Answered:
        size = self.config["croct_page_size"]
        return self.client.fetch(lambda: self._request(window, cursor, size), self._reader(cursor))

    def _reader(self, cursor: str | None) -> Callable[[Response], Answered]:
        return reader(self.decode, f"export of {self.items}", cursor)

    def _request(self, window: Window, cursor: str | None, size: int) -> requests.Request:
        return requests.Request(
            "GET",
            endpoint(self.config["croct_api_url"], self.path),
            headers={"X-Api-Key": self.config["croct_api_key"], "Accept": "application/json"},
            params={
                "start": to_milliseconds(window.start),
                "end": to_milliseconds(window.end),
                "pageSize": size,
                **self.query,
                "cursor": cursor,
            },
        )


def _next_cursor(following: str | None, duplicates: DuplicateList) -> Mapping[str, Any] | None:
    """Return the cursor for the rest of a window; empty if it can only restart."""
    if following is None:
        return None
    counted = duplicates.cursor()
    return {} if counted is None else {"cursor": following, **counted}
