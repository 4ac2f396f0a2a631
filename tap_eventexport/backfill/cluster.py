"""Loads partitions on the workers of a Dask cluster; only this file uses Dask."""

from __future__ import annotations

import logging
import signal
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import dask
import tenacity
from distributed import Client, LocalCluster, Semaphore, WorkerPlugin, as_completed

from tap_eventexport.backfill import load
from tap_eventexport.backfill.load import LoadError
from tap_eventexport.backfill.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from distributed import Future, Worker

    from tap_eventexport.backfill.load import Job
    from tap_eventexport.backfill.scheduler import Task
    from tap_eventexport.backfill.sources import Quota

LOCAL = "local"
WITHOUT_PROFILE = {"distributed.worker.profile.enabled": False}  # a worker grows by 4 KB a second
START = 60  # seconds until a cluster must answer and have a worker
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0  # seconds between attempts


class ClusterError(Exception):
    """The cluster can't load the partitions; the text says why."""


class _Deaf(WorkerPlugin):  # type: ignore[misc]
    """A worker that ignores Ctrl-C; the process that started it handles the signal."""

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 - Dask's own
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def connected(scheduler: str, workers: int) -> Iterator[Client]:
    """Connect to the cluster at an address, or to local processes.

    Raises:
        ClusterError: If it doesn't answer.
    """
    if scheduler == LOCAL:
        with (
            dask.config.set(WITHOUT_PROFILE),
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                silence_logs=logging.CRITICAL,  # the command reports failures itself
                dashboard_address="127.0.0.1:0",
            ) as cluster,
            Client(cluster) as client,
        ):
            client.register_plugin(_Deaf())
            yield client
        return
    try:
        client = Client(scheduler, timeout=START)
    except (OSError, ValueError) as error:
        raise ClusterError(f"{scheduler} doesn't answer: {error}") from None
    with client:
        yield client


def check(client: Client, loader: str) -> None:
    """Check that every worker has the programs that it needs.

    Raises:
        ClusterError: If there is no worker, or if one lacks a program.
    """
    try:
        client.wait_for_workers(1, timeout=START)
        said = client.run(load.missing, loader)
    except TimeoutError:
        raise ClusterError(f"the cluster has no worker after {START} s") from None
    except Exception as error:  # noqa: BLE001 - a worker may raise any error
        raise ClusterError(
            "the workers need tap-eventexport[dask], in the same version as here: "
            f"pip install 'tap-eventexport[dask]' ({error})"
        ) from None
    for worker, missing in said.items():
        if missing:
            raise ClusterError(f"worker {worker}: {missing}")


def loaded(
    client: Client, tasks: Sequence[Task], retries: int
) -> Generator[tuple[Task, Exception | None]]:
    """Load partitions, and yield each when it is loaded, or with its error.

    Dask's semaphores enforce the quotas, and also count other runs and workers that seem lost. If
    the caller stops, the remaining partitions are cancelled and running ones are ended.

    Args:
        client: The cluster.
        tasks: The partitions, those of a stream in order.
        retries: How often a failed partition is retried.

    Raises:
        ClusterError: If the cluster is lost, so that it's unknown what was loaded.
    """
    scheduler = Scheduler(tasks)
    running: dict[Future, Task] = {}
    ended = as_completed()

    def begin() -> None:
        for task in scheduler.begin():
            key = f"{task.partition.id}-{task.job.backfill}"
            future = client.submit(_load, task.job, task.quota, retries, key=key, pure=False)
            running[future] = task
            ended.add(future)

    try:
        begin()
        for future in ended:
            if future.status not in {"finished", "error"}:
                raise ClusterError("the cluster was lost; the next run loads the rest")
            task = running.pop(future)
            error = future.exception()
            scheduler.end(task, is_loaded=error is None)
            yield task, error
            begin()
    finally:
        if running and client.status == "running":
            client.cancel(list(running), force=True)
            client.run(load.end, tasks[0].job.backfill, on_error="ignore")


def _load(job: Job, quota: Quota, retries: int) -> None:
    """Load a partition; during pauses between attempts, another task may have the lease."""

    def attempt() -> None:
        with _lease(quota):
            load.load(job)

    tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(LoadError),
        wait=tenacity.wait_exponential_jitter(FIRST_PAUSE, LONGEST_PAUSE),
        stop=tenacity.stop_after_attempt(1 + retries),
        sleep=lambda seconds: load.wait(job.backfill, seconds),
        reraise=True,
    )(attempt)


@cache
def _lease(quota: Quota) -> Semaphore:
    """Return the semaphore of a quota's leases; it renews them and never ends, so it's cached."""
    return Semaphore(quota.leases, name=quota.name)
