"""Reads the windows of one stream, on worker threads.

A page in memory becomes complete here: the vendor's file reads it, then it is checked, and encoded
if no record needs a change. The records of a body on disk are made later, on the main thread.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from tap_eventexport.engine.errors import FatalVendorError, RestartWindowError
from tap_eventexport.engine.page import Page, SplitWindow
from tap_eventexport.engine.singer.keys import checked, inside
from tap_eventexport.engine.windows import round_down, window_if_any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_eventexport.engine.page import PreparedWindow
    from tap_eventexport.engine.progress import Progress
    from tap_eventexport.engine.sent.ledger import Pieces
    from tap_eventexport.engine.stream import EventStream
    from tap_eventexport.engine.windows import Window

MAX_RESTARTS = 3  # of one window, before the stream fails


class WindowReader:
    """Reads windows of one stream.

    Args:
        stream: The stream.
        cut: Cuts a window into pieces.
        prepare: Encodes a page as far as possible before its turn.
        progress: Counts windows.
    """

    def __init__(
        self,
        stream: EventStream,
        cut: Callable[[Window], Pieces],
        prepare: Callable[[Page, Pieces], Page],
        progress: Progress,
    ) -> None:
        self._stream = stream
        self._cut = cut
        self._prepare = prepare
        self._progress = progress

    def read(
        self, window: Window, cursor: Mapping[str, Any] | None
    ) -> Iterator[Page | PreparedWindow | SplitWindow]:
        """Yield the pages of a window, from its start or from a cursor.

        Raises:
            FatalVendorError: If the window can't be read.
        """
        stream, pieces = self._stream, self._cut(window)
        for restarts in count():
            try:
                for page in stream.pages(window, cursor):
                    if isinstance(page, Page):
                        yield self._prepare(self._checked(page, window), pieces)
                        continue
                    if isinstance(page, SplitWindow):
                        self._progress.split(len(page.windows))
                    yield page
            except RestartWindowError as error:
                if restarts == MAX_RESTARTS:
                    raise FatalVendorError(
                        f"{error}; restarted the window {window} {restarts} times without success: "
                        f"try again later, or ask {stream.vendor}"
                    ) from error
                stream.logger.warning(
                    "%s: %s; reading the window %s from its start", stream.name, error, window
                )
                cursor = None
            except FatalVendorError as error:
                if (past := self._past(window)) is None:
                    raise
                stream.logger.warning(
                    "%s: %s; the window %s ends after the vendor's current time, so it is read "
                    "only up to that time",
                    stream.name,
                    error,
                    window,
                )
                yield SplitWindow(past) if past else Page([], None)
                return
            else:
                return

    def _checked(self, page: Page, window: Window) -> Page:
        """Return the page with only the records inside its bounds; fail if a record lacks a key."""
        stream = self._stream
        source = f"a page of {stream.vendor}'s {window}"
        whole = checked(page, stream.required_columns, source)
        if stream.keeps == "all" or not stream.replication_key:
            return whole
        bounds = window if stream.keeps == "window" else stream.interval or window
        return inside(whole, stream.replication_key, bounds, source)

    def _past(self, window: Window) -> tuple[Window, ...] | None:
        """The part of a window before the vendor's current time; None if that is all of it.

        A table is read whole or not at all.
        """
        if self._stream.is_table:
            return None
        clock = self._stream.client.clock
        present = round_down(clock.now(), self._stream.granularity)
        if not (clock.skew and clock.is_skew_believed and window.end > present):
            return None
        return window_if_any(window.start, present)
