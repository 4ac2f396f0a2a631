"""Numbers the duplicates in a list that is read page by page, and may be resumed in the middle.

Duplicates have the same time. In a list in order of time, only records with the last time of a page
can have duplicates on later pages, so STATE holds only these. A list in another order is read from
its start again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_eventexport.engine.duplicates.identity import DuplicateKeys
from tap_eventexport.engine.errors import RestartWindowError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_TWINS = 200  # contents of one time in STATE, 15 KB; with more, the list is read from its start
MAX_COUNT = 100_000  # duplicates in STATE: as many keys are made again to resume


class DuplicateList:
    """The records without id of one list.

    Args:
        cursor: A cursor of the list, made by `cursor()` or without duplicates; None is the start.

    Raises:
        RestartWindowError: If the cursor can't be understood.
    """

    def __init__(self, cursor: Mapping[str, Any] | None) -> None:
        self._is_resumed = bool(cursor)
        self._is_counted = not cursor or "twins" in cursor
        self._is_ordered = True
        self._order = 0  # 1 if times ascend, -1 if they descend
        self._time: int | None = None
        self._contents: set[str] = set()
        seen: Mapping[str, int] = {}
        try:
            if cursor and "twins" in cursor:
                seen, self._time, self._order = _read(cursor["twins"])
            self._keys = DuplicateKeys(seen)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise RestartWindowError("the checkpoint in STATE can't be understood") from None
        self._contents = set(seen)

    def keys(self, contents: Sequence[str], times: Sequence[int]) -> Sequence[str]:
        """Return the keys of the next records.

        Args:
            contents: The records' content keys.
            times: The records' times.

        Raises:
            RestartWindowError: If the number of earlier duplicates is unknown.
        """
        if not contents:
            return contents
        if not self._is_counted:
            raise RestartWindowError("the checkpoint in STATE doesn't count records without id")
        for content, time in zip(contents, times, strict=True):
            if time != self._time:
                self._turn(time)
            if len(self._contents) <= MAX_TWINS:
                self._contents.add(content)
        if self._is_resumed and not self._is_ordered:
            raise RestartWindowError("records without id no longer come in order of time")
        return self._keys.keys(contents)

    def _turn(self, time: int) -> None:
        """Continue with records of another time."""
        if self._time is not None:
            order = 1 if self._time < time else -1
            self._is_ordered &= self._order in {0, order}
            self._order = order
        self._time = time
        self._contents.clear()

    def cursor(self) -> Mapping[str, Any] | None:
        """Return what a resume from here needs; None if the list can't be resumed."""
        if self._time is None:
            return {}
        if not self._is_ordered or len(self._contents) > MAX_TWINS:
            return None
        seen = self._keys.seen(self._contents)
        if sum(seen.values()) > MAX_COUNT:
            return None
        return {"twins": {"time": self._time, "order": self._order, "seen": seen}}


def _read(twins: Mapping[str, Any]) -> tuple[dict[str, int], int, int]:
    seen = {str(content): int(count) for content, count in twins["seen"].items()}
    time, order = int(twins["time"]), int(twins["order"])
    counts = seen.values()
    if order not in {-1, 0, 1} or any(count < 1 for count in counts) or sum(counts) > MAX_COUNT:
        raise ValueError
    return seen, time, order
