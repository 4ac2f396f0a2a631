"""Counts records that have another record's id and other content."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Sequence

MOST_IDS = 20_000  # remembered, about 3 MB; after that the count begins to miss some


class RepeatedIds:
    """Remembers the ids of a run's records, on whichever thread they are read.

    Attributes:
        count: How many records had an id that was seen with other content.
    """

    def __init__(self) -> None:
        self.count = 0
        self._recent: dict[int, int] = {}
        self._earlier: dict[int, int] = {}
        self._lock = threading.Lock()

    def note(self, records: Iterable[tuple[str, str]]) -> None:
        """Add records, each by its id and a digest of its content."""
        pairs = list(records)
        self.note_all([identity for identity, _ in pairs], [hash(content) for _, content in pairs])

    def note_all(self, ids: Sequence[str], contents: Sequence[int]) -> None:
        """Add records by their ids and by numbers made of their contents."""
        numbers = list(map(hash, ids))
        new = dict(zip(numbers, contents, strict=True))
        with self._lock:
            is_new = len(new) == len(ids) and self._earlier.keys().isdisjoint(new)
            if is_new and self._recent.keys().isdisjoint(new):
                self._recent.update(new)
            else:
                for number, content in zip(numbers, contents, strict=True):
                    known = self._earlier.get(number)
                    known = self._recent.setdefault(number, content) if known is None else known
                    self.count += known != content
            if len(self._recent) >= MOST_IDS // 2:
                self._earlier, self._recent = self._recent, {}

    def tell(self, stream: str, logger: logging.Logger) -> None:
        """Say how many there were."""
        if self.count:
            logger.warning(
                "%s: %d records have the id of another record and other content; all were sent, "
                "but a table with one row for each id keeps one of them",
                stream,
                self.count,
            )
