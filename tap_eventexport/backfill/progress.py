"""Counts the loaded partitions of each stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from tap_eventexport.backfill.plan import Partition

HEADINGS = ("stream", "partitions", "done before", "done now", "failed", "not tried")


@dataclass(slots=True)
class Count:
    """The partitions of one stream."""

    planned: int = 0
    before: int = 0
    now: int = 0
    failed: int = 0

    @property
    def remaining(self) -> int:
        """The partitions that were not tried, or not finished."""
        return self.planned - self.before - self.now - self.failed


class BackfillProgress:
    """The partitions of all streams.

    Args:
        partitions: All planned partitions.
        before: The ids of the partitions that an earlier run loaded.
    """

    def __init__(self, partitions: Iterable[Partition], before: Container[str]) -> None:
        self._streams: dict[str, Count] = {}
        for partition in partitions:
            count = self._streams.setdefault(partition.stream, Count())
            count.planned += 1
            count.before += partition.id in before

    def add(self, partition: Partition, *, is_loaded: bool) -> None:
        """Count a partition that was tried."""
        count = self._streams[partition.stream]
        count.now += is_loaded
        count.failed += not is_loaded

    @property
    def planned(self) -> int:
        """The number of all partitions."""
        return sum(count.planned for count in self._streams.values())

    @property
    def ended(self) -> int:
        """The number of partitions that need no more work in this run."""
        return self.planned - sum(count.remaining for count in self._streams.values())

    @property
    def is_complete(self) -> bool:
        """Whether all partitions are loaded."""
        return all(count.before + count.now == count.planned for count in self._streams.values())

    def lines(self) -> Iterator[str]:
        """Yield the lines of a table, the headings first."""
        rows = [
            (name, *map(str, (each.planned, each.before, each.now, each.failed, each.remaining)))
            for name, each in self._streams.items()
        ]
        widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
        for name, *numbers in (HEADINGS, *rows):
            yield "  ".join((name.ljust(widths[0]), *map(str.rjust, numbers, widths[1:])))
