"""Starts the command in forks of a process that has imported it already.

A fork is a process of its own, with its own arguments, environment, folder, descriptors, signals
and end. What it doesn't pay for again is the start of Python and the imports.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from multiprocessing import reduction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

IMPORTED = [
    "pytest",
    "target_eventexport.target",
    "target_eventexport.maps",
    "target_eventexport.destinations.postgres",
    "target_eventexport.destinations.duckdb",
    "target_eventexport.destinations.parquet",
    "target_eventexport.destinations.bucket",
    "tests.target.forked",
]
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(IMPORTED)


class Descriptor:
    """A descriptor that a fork gets."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> Any:
        return _taken, (reduction.DupFd(self._number),)


def _taken(descriptor: Any) -> int:
    taken: int = descriptor.detach()
    return taken


def start(
    arguments: list[str],
    folder: Path,
    environment: dict[str, str],
    *descriptors: int,
) -> ForkServerProcess:
    """Start the command; when this returns, a signal ends it as it would end any process.

    Args:
        arguments: Its arguments.
        folder: Where it runs.
        environment: Its environment.
        descriptors: Its stdin, stdout and stderr.
    """
    begun, begin = os.pipe()
    given = (arguments, str(folder), environment, *map(Descriptor, (*descriptors, begin)))
    process = CONTEXT.Process(target=_run, args=given)
    process.start()
    os.close(begin)
    with open(begun, "rb") as news:  # noqa: PTH123 - of a descriptor
        news.read(1)
    return process


def _run(arguments: list[str], folder: str, environment: dict[str, str], *taken: int) -> None:
    *standard, begin = taken
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.write(begin, b".")
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode)  # noqa: PTH123, SIM115 - of descriptors
        for number, mode in enumerate("rww")
    )
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    from target_eventexport.command import main  # noqa: PLC0415

    main()
