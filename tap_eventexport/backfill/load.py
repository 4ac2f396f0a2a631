"""Loads one partition: runs `tap | loader` in a child process, and waits for its end."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_eventexport import settings
from tap_eventexport.checks import secrets
from tap_eventexport.console.redaction import RedactingFormatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

TAP = "tap-eventexport"


class LoadError(Exception):
    """A partition was not loaded; the text has the last lines of tap and loader."""


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that a worker needs to load a partition.

    Attributes:
        backfill: The id of the run that it belongs to; all jobs of a run can be ended together.
        loader: The loader's command.
        config: The tap's settings. They hold secrets, so a log must not show them.
        catalog: The tap's catalog.
    """

    backfill: str
    loader: tuple[str, ...]
    config: Mapping[str, Any] = field(repr=False)
    catalog: Mapping[str, Any] = field(repr=False)


@dataclass(slots=True)
class _Running:
    """The processes of one backfill in this process, and whether it was ended."""

    ended: threading.Event = field(default_factory=threading.Event)
    processes: set[subprocess.Popen[str]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


_backfills: defaultdict[str, _Running] = defaultdict(_Running)


def load(job: Job) -> None:
    """Load a partition: the tap must read all of it, and the loader must confirm all writes.

    A loader's exit code is also 0 if it was asked to end early. Only the STATE that a loader writes
    proves what it has loaded.

    Raises:
        LoadError: If the tap or the loader failed or isn't installed, or if the loader did not
            write the tap's last STATE.
    """
    loader, *arguments = job.loader
    orders = {
        "tap": [found(TAP)],
        "loader": [found(loader), *arguments],
        "config": job.config,
        "catalog": job.catalog,
    }
    with _process(job.backfill) as process:
        output = _output(process, orders)
    if not output:
        raise LoadError("tap and loader were ended")
    if problems := list(_problems(json.loads(output))):
        raise LoadError(_redacted(problems, job.config))


def end(backfill: str) -> None:
    """End this process's jobs of a backfill, wait for their end, and start no more of them."""
    running = _backfills[backfill]
    with running.lock:
        running.ended.set()
        processes = list(running.processes)
    for process in processes:
        if process.stdin:
            process.stdin.close()
    for process in processes:
        process.wait()


def wait(backfill: str, seconds: float) -> None:
    """Sleep, unless the backfill is ended.

    Raises:
        LoadError: As soon as it is.
    """
    if _backfills[backfill].ended.wait(seconds):
        raise LoadError("the backfill was ended")


def found(program: str) -> str:
    """Return the path of a program: beside this Python, or in the PATH.

    Raises:
        LoadError: If it is in neither.
    """
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    path = shutil.which(program, path=places)
    if path is None:
        raise LoadError(f"{program} is neither beside {sys.executable} nor in the PATH")
    return path


def missing(loader: str) -> str:
    """Return an error if one of the programs is missing; empty if both are found."""
    try:
        found(TAP)
        found(loader)
    except LoadError as error:
        return str(error)
    return ""


@contextmanager
def _process(backfill: str) -> Iterator[subprocess.Popen[str]]:
    """Start the process that runs both, in its own group: it doesn't get this process's signals."""
    running = _backfills[backfill]
    command = [sys.executable, "-m", "tap_eventexport.backfill.pipe"]
    with running.lock:
        wait(backfill, 0)
        process = subprocess.Popen(  # noqa: S603 - a module of this package
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.processes.add(process)
    try:
        with process:
            yield process
    finally:
        with running.lock:
            running.processes.remove(process)


def _output(process: subprocess.Popen[str], orders: Mapping[str, Any]) -> str:
    """Send the job, keep the process's stdin open, and return its output."""
    if process.stdin is None or process.stdout is None:
        return ""
    try:
        process.stdin.write(json.dumps(orders, default=float) + "\n")  # a Decimal is one
        process.stdin.flush()
    except (OSError, ValueError):  # it is gone, or was ended
        return ""
    return process.stdout.read()


def _problems(ended: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield why a partition is not loaded, with the last lines of tap and loader."""
    failed = [name for name, each in ended.items() if each["code"]]
    lost = "" if failed else _lost(ended["tap"]["state"], ended["loader"]["state"])
    if not (failed or lost):
        return
    for name, each in ended.items():
        yield f"the {name} ended with exit code {each['code']}"
    for name in failed or ["loader"]:
        yield from (f"{name}: {line}" for line in ended[name]["said"].splitlines())
    if lost:
        yield lost


def _lost(sent: Mapping[str, Any] | None, echoed: Mapping[str, Any] | None) -> str:
    """Compare the last STATE of tap and loader, and describe a difference; empty if equal."""
    if sent is None:
        return "the tap's last line is not a STATE, so it may not have read all"
    if echoed is None or echoed["bookmarks"] != sent["bookmarks"]:
        return "the loader did not write the tap's last STATE, so it may not have loaded all"
    return ""


def _redacted(lines: Iterable[str], config: Mapping[str, Any]) -> str:
    formatter = RedactingFormatter(logging.Formatter(), secrets(config, settings.SCHEMA))
    return "\n".join(formatter.format(logging.makeLogRecord({"msg": line})) for line in lines)
