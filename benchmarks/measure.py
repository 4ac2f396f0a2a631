"""Whole processes, measured: seconds, CPU and memory."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MEASURED = """
import resource, subprocess, sys, time
began = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
took = time.perf_counter() - began
print(code, took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of a command, its output thrown away."""

    seconds: float
    mebibytes: float


def measure(*command: str | Path) -> Measured:
    """Run a command; a small process between keeps this one's memory out of the figure."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=True
    )
    code, seconds, kibibytes = done.stdout.split()
    if code != "0":
        raise SystemExit(f"{command} ended with {code}")
    return Measured(float(seconds), int(kibibytes) / 1024)


def best(runs: int, *command: str | Path) -> float:
    """The seconds of the quickest of some runs: what else the machine does only adds."""
    return min(measure(*command).seconds for _ in range(runs))


@contextmanager
def served(command: Sequence[str | Path]) -> Iterator[str]:
    """A server in a process of its own, which prints its address first."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        if process.stdout is None:
            raise SystemExit("the server has no output")
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
