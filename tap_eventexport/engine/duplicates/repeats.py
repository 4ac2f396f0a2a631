"""Counts records with the id of another record but different content."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Sequence

MOST_IDS = 20_000  # in memory, about 3 MB; with more, the count may miss some
FEWEST = 1_000  # earlier records of a list that a page is compared with


class RepeatedIds:
    """Collects the ids of a run's records; on any thread.

    Attributes:
        count: The number of records whose id occurred with different content.
    """

    def __init__(self) -> None:
        self.count = 0
        self._contents: dict[int, int] = {}
        self._lock = threading.Lock()

    def note(self, records: Iterable[tuple[str, str]]) -> None:
        """Add records: the id of each, and a digest of its content."""
        with self._lock:
            for identity, content in records:
                known = self._contents.setdefault(hash(identity), hash(content))
                self.count += known != hash(content)
            for forgotten in list(self._contents)[:-MOST_IDS]:
                del self._contents[forgotten]

    def add(self, count: int) -> None:
        """Add to the count."""
        with self._lock:
            self.count += count

    def tell(self, stream: str, logger: logging.Logger) -> None:
        """Log the count."""
        if self.count:
            logger.warning(
                "%s: %d records have the same id as another record but different content; all were "
                "sent, but a table with one row for each id keeps only one of them",
                stream,
                self.count,
            )


class ListedIds:
    """Compares the ids of one list that is read page by page, quickly.

    Each page is compared with itself and with the last pages before it, of 1000 records or more.
    """

    def __init__(self) -> None:
        self._pages: deque[tuple[set[str], Sequence[str], Sequence[object]]] = deque()
        self._size = 0

    def note(self, ids: Sequence[str], contents: Sequence[object]) -> int:
        """Count a page's records that have the id of another record but different content.

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
