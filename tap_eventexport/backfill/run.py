"""Loads the planned partitions that are not completed yet."""

from __future__ import annotations

import uuid
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_eventexport.backfill import cluster, sources
from tap_eventexport.backfill.completed import CompletedStore, DoneError
from tap_eventexport.backfill.load import Job
from tap_eventexport.backfill.progress import BackfillProgress
from tap_eventexport.backfill.scheduler import Task
from tap_eventexport.backfill.show import echo, shown
from tap_eventexport.backfill.signals import SignalReceived, listen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_eventexport.backfill.plan import Partition
    from tap_eventexport.tap import TapEventExport

FAILED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to load.

    Attributes:
        scheduler: The cluster's address, or `local`.
        workers: The number of processes of a local cluster.
        loader: The loader's command.
        done: The folder that records completed partitions.
        retries: How often a failed partition is retried.
    """

    scheduler: str
    workers: int
    loader: tuple[str, ...]
    done: str
    retries: int


def run(tap: TapEventExport, partitions: Sequence[Partition], options: Options) -> int:
    """Load all partitions that are not completed.

    Returns:
        The exit code: 0; 1 if a partition is not loaded; 143 or 130 if a signal came.

    Raises:
        DoneError: If the completed partitions can't be read.
    """
    done = CompletedStore(options.done)
    before = done.ids()
    tally = BackfillProgress(partitions, before)
    tasks = list(_tasks(tap, (each for each in partitions if each.id not in before), options))
    listen()
    code = 0
    try:
        if tasks:
            _load(tasks, tally, done, options)
    except SignalReceived as ended:
        code = ended.code
        echo(
            "ended by a signal; completed partitions are recorded, and the next run loads the rest"
        )
    except (cluster.ClusterError, DoneError) as error:
        echo(str(error))
    for line in tally.lines():
        echo(line)
    return code or (0 if tally.is_complete else FAILED)


def _load(
    tasks: Sequence[Task], tally: BackfillProgress, done: CompletedStore, options: Options
) -> None:
    with cluster.connected(options.scheduler, options.workers) as client:
        cluster.check(client, options.loader[0])
        echo(f"{len(tasks)} of {tally.planned} partitions to load; {client.dashboard_link}")
        results = closing(cluster.loaded(client, tasks, options.retries))
        with shown(tally) as tell, results as ended:
            for task, error in ended:
                if error is None:
                    done.add(task.partition)
                else:
                    echo(f"{task.partition.id} failed: {error}")
                tally.add(task.partition, is_loaded=error is None)
                tell()


def _tasks(
    tap: TapEventExport, partitions: Iterator[Partition], options: Options
) -> Iterator[Task]:
    name = uuid.uuid4().hex[:8]
    quotas = {stream.name: sources.quota(tap, stream) for stream in sources.streams(tap)}
    catalogs = {stream: sources.catalog_for(tap, stream) for stream in quotas}
    for partition in partitions:
        quota = quotas[partition.stream]
        config = sources.settings_for(tap, partition, quota.concurrency)
        job = Job(name, options.loader, config, catalogs[partition.stream])
        yield Task(partition, job, quota)
