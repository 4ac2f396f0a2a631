"""Counts records that have another record's id and other content."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_IDS = 20_000  # remembered, about 3 MB; after that the count begins to miss some


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
