"""Reads a list along a cursor that a vendor hands out, and believes neither the cursor nor its end.

A list ends where no cursor comes, where an empty page repeats the one that was sent, or after a few
empty pages in a row. Pages that come again and again are an error, since they have no end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import msgspec

from tap_eventexport.engine.errors import FatalVendorError, RestartWindowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MAX_PAGES = 100_000  # of one list: 100 million events within a day are no site's
MAX_EMPTY = 5  # pages in a row, each with a new cursor; such a gap is the list's end
MAX_REPEATED = 20  # pages in a row that came before; a few may be full of twins


class CursorPage(Protocol):
    """One answer."""

    @property
    def cursor(self) -> str | None:
        """Where the list goes on; None, or empty, where the vendor names no place."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing on the page, as the vendor sent it."""

    @property
    def digest(self) -> int:
        """A number made of the content of all items, in whatever order they come."""


Item = TypeVar("Item")
Page = TypeVar("Page", bound=CursorPage)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Items(Generic[Item]):
    """One answer, as most vendors give it.

    Attributes:
        items: All that the vendor sent: structs, dicts, or raw JSON.
        cursor: Where the list goes on; None, or empty, where the vendor names no place.
        size: Bytes of the answer.
    """

    items: Sequence[Item]
    cursor: str | None
    size: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing on the page."""
        return not self.items

    @property
    def digest(self) -> int:
        """A number made of all items, in whatever order they come."""
        return sum(hash(_encode(item)) for item in self.items)


def cursor_in(place: Mapping[str, Any] | None) -> str | None:
    """The cursor in a place such as `{"cursor": "eyJ…"}`; None is the start.

    Raises:
        RestartWindowError: If it is none.
    """
    cursor = place.get("cursor") if place else None
    if isinstance(cursor, str | None):
        return cursor
    raise RestartWindowError("the position in STATE can't be understood")


class CursorReader(Generic[Page]):
    """Reads one list page by page.

    Args:
        ask: Asks for the page at a cursor, or for the first one.
        vendor: The vendor's name, for errors.
        what: What is read, for errors.

    Attributes:
        ends_with_gap: Whether the end was told by nothing but empty pages.
    """

    def __init__(self, ask: Callable[[str | None], Page], vendor: str, what: str) -> None:
        self._ask = ask
        self._vendor = vendor
        self._what = what
        self.ends_with_gap = False

    def pages(self, cursor: str | None) -> Iterator[tuple[Page, str | None]]:
        """Each page with the cursor of the next one, None for the last.

        A page that came before is held back until something new comes: records that have no id may
        be twins, but of a vendor that ignores the cursor nothing is told twice.

        Args:
            cursor: Where to begin; None is the start.

        Raises:
            FatalVendorError: If the list has no end.
        """
        cursors, digests = {cursor}, set[int]()
        empty = repeated = 0
        waiting: list[tuple[Page, str | None]] = []
        for _ in range(MAX_PAGES):
            page = self._ask(cursor)
            empty = empty + 1 if page.is_empty else 0
            following = self._following(page, cursor, empty)
            if following is not None and following in cursors:
                raise self._error("repeats a cursor")
            waiting.append((page, following))
            if page.digest in digests:
                repeated += 1
            elif not page.is_empty:
                digests.add(page.digest)
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

    def _following(self, page: Page, cursor: str | None, empty: int) -> str | None:
        """Where to go on behind a page, the last of so many empty ones."""
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
