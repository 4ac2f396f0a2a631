"""Counts records that have another record's id and other content."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Sequence

MOST_IDS = 20_000  # remembered, about 3 MB; after that the count begins to miss some
FEWEST = 1_000  # records of a list before a page that it is compared with


class RepeatedIds:
    """Remembers the ids of a run's records, on whichever thread they are read.

    Attributes:
        count: How many records had an id that was seen with other content.
    """

    def __init__(self) -> None:
        self.count = 0
        self._contents: dict[int, int] = {}
        self._lock = threading.Lock()

    def note(self, records: Iterable[tuple[str, str]]) -> None:
        """Add records, each by its id and a digest of its content."""
        with self._lock:
            for identity, content in records:
                known = self._contents.setdefault(hash(identity), hash(content))
                self.count += known != hash(content)
            for forgotten in list(self._contents)[:-MOST_IDS]:
                del self._contents[forgotten]

    def add(self, count: int) -> None:
        """Add to their number."""
        with self._lock:
            self.count += count

    def tell(self, stream: str, logger: logging.Logger) -> None:
        """Say how many there were."""
        if self.count:
            logger.warning(
                "%s: %d records have the id of another record and other content; all were sent, "
                "but a table with one row for each id keeps one of them",
                stream,
                self.count,
            )


class ListedIds:
    """Compares the ids of one list that is read page by page, and takes little time for it.

    Each page is compared with itself and with the pages before, as far as they have some records.
    """

    def __init__(self) -> None:
        self._pages: deque[tuple[set[str], Sequence[str], Sequence[object]]] = deque()
        self._size = 0

    def note(self, ids: Sequence[str], contents: Sequence[object]) -> int:
        """How many of a page's records have the id of another one and other content.

        Args:
            ids: The records' ids.
            contents: Their contents.
        """
        new = set(ids)
        is_new = len(new) == len(ids) and all(page[0].isdisjoint(new) for page in self._pages)
        count = 0 if is_new else self._count(ids, contents)
        self._pages.append((new, ids, contents))
        self._size += len(ids)
        while self._size - len(self._pages[0][1]) >= FEWEST:
            self._size -= len(self._pages.popleft()[1])
        return count

    def _count(self, ids: Sequence[str], contents: Sequence[object]) -> int:
        known: dict[str, object] = {}
        for _, *page in self._pages:
            known.update(zip(*page, strict=True))
        return sum(
            known.setdefault(identity, content) != content
            for identity, content in zip(ids, contents, strict=True)
        )
