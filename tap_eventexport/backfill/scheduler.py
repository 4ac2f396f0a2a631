"""Chooses the partition to load next, within the limits of vendors and loaders."""

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
    """A partition, its job and its quota."""

    partition: Partition
    job: Job
    quota: Quota


class Scheduler:
    """Yields tasks when they may begin.

    No more tasks of a quota begin than may run, so that no worker waits for one vendor while it
    could load from another. The first partition of a stream is loaded alone, since the loader
    creates the table then. If it fails, the others would fail too, so they are not tried.

    Args:
        tasks: All tasks, those of a stream in order.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._waiting: dict[str, deque[Task]] = {}
        for task in tasks:
            self._waiting.setdefault(task.partition.stream, deque()).append(task)
        self._streams: Counter[str] = Counter()  # tasks that are running
        self._quotas: Counter[str] = Counter()
        self._proven: set[str] = set()

    def begin(self) -> Iterator[Task]:
        """Yield the tasks that may begin now, from the streams in turn."""
        while stream := next(filter(self._may_begin, self._waiting), None):
            queue = self._waiting.pop(stream)
            self._waiting[stream] = queue
            task = queue.popleft()
            self._streams[stream] += 1
            self._quotas[task.quota.name] += 1
            yield task

    def end(self, task: Task, *, is_loaded: bool) -> None:
        """Record that a task has ended."""
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
