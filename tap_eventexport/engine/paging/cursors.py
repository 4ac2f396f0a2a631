"""Reads a list by cursor, and checks the cursors and the end of the list.

A list ends if a page has no cursor, if an empty page repeats the cursor that was sent, or after a
few empty pages in a row. Pages that repeat without end are an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import msgspec

from tap_eventexport.engine.errors import FatalVendorError, RestartWindowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MAX_PAGES = 100_000  # of one list: no site has 100 million events in a day
MAX_EMPTY = 5  # pages in a row, each with a new cursor; such a gap is the list's end
MAX_REPEATED = 20  # repeated pages in a row; a few may be full of duplicates


class CursorPage(Protocol):
    """One response."""

    @property
    def cursor(self) -> str | None:
        """The cursor of the next page; None or empty if the vendor sends none."""

    @property
    def is_empty(self) -> bool:
        """Whether the page, as the vendor sent it, has no items."""

    @property
    def digest(self) -> int:
        """A hash of the content of all items, in any order."""


Item = TypeVar("Item")
AnyPage = TypeVar("AnyPage", bound=CursorPage)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Items(Generic[Item]):
    """One response, in the form that most vendors use.

    Attributes:
        items: All items that the vendor sent: structs, dicts, or raw JSON.
        cursor: The cursor of the next page; None or empty if the vendor sends none.
        size: The response's size in bytes.
    """

    items: Sequence[Item]
    cursor: str | None
    size: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether the page has no items."""
        return not self.items

    @property
    def digest(self) -> int:
        """A hash of all items, in any order."""
        return sum(hash(_encode(item)) for item in self.items)


def cursor_in(place: Mapping[str, Any] | None) -> str | None:
    """Return the cursor in a checkpoint such as `{"cursor": "eyJ…"}`; None is the start.

    Raises:
        RestartWindowError: If it isn't a cursor.
    """
    cursor = place.get("cursor") if place else None
    if isinstance(cursor, str | None):
        return cursor
    raise RestartWindowError("the checkpoint in STATE can't be understood")


class CursorReader(Generic[AnyPage]):
    """Reads one list page by page.

    Args:
        ask: Requests the page at a cursor, or the first one.
        vendor: The vendor's name, for errors.
        what: The name of the list, for errors.

    Attributes:
        ends_with_gap: Whether only empty pages indicated the end.
    """

    def __init__(self, ask: Callable[[str | None], AnyPage], vendor: str, what: str) -> None:
        self._ask = ask
        self._vendor = vendor
        self._what = what
        self.ends_with_gap = False

    def pages(self, cursor: str | None) -> Iterator[tuple[AnyPage, str | None]]:
        """Yield each page with the cursor of the next one; None for the last.

        A repeated page is held back until a new page comes. Records without id may be duplicates;
        but if the vendor ignores the cursor, no page must be emitted twice.

        Args:
            cursor: The cursor to begin at; None is the start.

        Raises:
            FatalVendorError: If the list has no end.
        """
        cursors, digests = {cursor}, set[int]()
        empty = repeated = 0
        waiting: list[tuple[AnyPage, str | None]] = []
        for _ in range(MAX_PAGES):
            page = self._ask(cursor)
            empty = empty + 1 if page.is_empty else 0
            following = self._following(page, cursor, empty)
            if following is not None and following in cursors:
                raise self._error("repeats a cursor")
            waiting.append((page, following))
            if (digest := page.digest) in digests:
                repeated += 1
            elif not page.is_empty:
                digests.add(digest)
                repeated = 0
            if repeated > MAX_REPEATED:
                raise self._error("sends the same page for each cursor")
            if not repeated or following is None:
                yield from waiting
                waiting.clear()
            if following is None:
                return
            cursors.add(following)
            cursor = following
        raise self._error(f"sent {MAX_PAGES} pages")

    def _following(self, page: AnyPage, cursor: str | None, empty: int) -> str | None:
        """Return the next cursor after a page, which is number `empty` of a row of empty pages."""
        if not page.cursor or (empty and page.cursor == cursor):
            return None
        if empty == MAX_EMPTY:
            self.ends_with_gap = True
            return None
        return page.cursor

    def _error(self, fault: str) -> FatalVendorError:
        return FatalVendorError(
            f"{self._vendor} {fault} in {self._what}, which would never end; try again, or ask "
            f"{self._vendor}"
        )
