"""Which partition may be loaded next: what vendors and loaders allow."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_eventexport.backfill.load import Job
    from tap_eventexport.backfill.plan import Partition
    from tap_eventexport.backfill.sources import Quota


@dataclass(frozen=True, slots=True)
class Task:
    """A partition, with what it takes to load it."""

    partition: Partition
    job: Job
    quota: Quota


class Scheduler:
    """Hands out tasks when they may begin.

    Of each quota no more are begun than may run, so that no worker waits for one vendor while it
    could load another's. The first partition of a stream is loaded alone, since a loader then makes
    the table; if it fails, so would the others, and they are not tried.

    Args:
        tasks: All tasks, those of a stream in order.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._waiting: dict[str, deque[Task]] = {}
        for task in tasks:
            self._waiting.setdefault(task.partition.stream, deque()).append(task)
        self._streams: Counter[str] = Counter()  # what was begun and hasn't ended
        self._quotas: Counter[str] = Counter()
        self._proven: set[str] = set()

    def begin(self) -> Iterator[Task]:
        """The tasks that may begin now. The stream that began last waits for all others."""
        while stream := next(filter(self._may_begin, self._waiting), None):
            queue = self._waiting.pop(stream)
            self._waiting[stream] = queue
            task = queue.popleft()
            self._streams[stream] += 1
            self._quotas[task.quota.name] += 1
            yield task

    def end(self, task: Task, *, is_loaded: bool) -> None:
        """Take note that a task has ended."""
        stream = task.partition.stream
        self._streams[stream] -= 1
        self._quotas[task.quota.name] -= 1
        if is_loaded:
            self._proven.add(stream)
        elif stream not in self._proven:
            self._waiting[stream].clear()

    def _may_begin(self, stream: str) -> bool:
        queue = self._waiting[stream]
        if not queue:
            return False
        quota = queue[0].quota
        is_alone = stream not in self._proven and self._streams[stream] > 0
        return not is_alone and self._quotas[quota.name] < quota.leases
