"""Runs the command over messages, in a fork, to its end or until a test ends it."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from target_eventexport.lines import BLOCK, SET_PIPE_SIZE
from tests.target.forked import start
from tests.target.loading import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.context import ForkServerProcess

    from tests.target.loading import Message, Place

COMMAND = str(Path(sys.executable).with_name("target-eventexport"))
LONGEST = 60.0  # seconds for one run


@dataclass
class Run:
    """A finished run of the command."""

    code: int
    stdout: str
    log: str

    @property
    def states(self) -> list[Any]:
        return [json.loads(state) for state in self.stdout.splitlines()]

    @property
    def complaint(self) -> str:
        """The one line that tells why it failed."""
        assert "Traceback" not in self.log
        (found,) = self.log.splitlines()
        return found


@dataclass
class Running:
    """The command while it runs."""

    process: ForkServerProcess
    stdin: IO[bytes]
    stdout: IO[bytes]
    _log: Path

    def send_signal(self, number: int) -> None:
        if self.process.pid and self.process.exitcode is None:
            os.kill(self.process.pid, number)

    def wait(self) -> int:
        """Wait for its end; its exit code."""
        self.process.join(LONGEST)
        assert self.process.exitcode is not None
        return self.process.exitcode

    @property
    def log(self) -> str:
        return self._log.read_text()


def arguments(place: Place | str, folder: Path, **settings: Any) -> list[str]:
    """The command line, with its settings written to a file."""
    address = place if isinstance(place, str) else place.address
    chosen = {"destination": address, **settings}
    if not isinstance(place, str) and place.schema:
        chosen["schema"] = place.schema
    config = folder / "target.json"
    config.write_text(json.dumps(chosen))
    return [COMMAND, "--config", str(config)]


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "LOGLEVEL": "WARNING", **(more or {})}


def run(
    place: Place | str,
    messages: Iterable[Message],
    folder: Path,
    *more: str,
    variables: dict[str, str] | None = None,
    **settings: Any,
) -> Run:
    """Run the command over messages to its end."""
    given, stdout, log = (folder / name for name in ("in.jsonl", "out.jsonl", "log.txt"))
    given.write_bytes(b"".join(line(message) + b"\n" for message in messages))
    command = [*arguments(place, folder, **settings), *more]
    with given.open("rb") as a, stdout.open("wb") as b, log.open("wb") as c:
        files = (a.fileno(), b.fileno(), c.fileno())
        process = start(command, folder, environment(variables), *files)
    process.join(LONGEST)
    assert process.exitcode is not None
    return Run(process.exitcode, stdout.read_text(), log.read_text())


@contextmanager
def running(place: Place, folder: Path, **settings: Any) -> Iterator[Running]:
    """Run the command over what is written to its stdin; it ends with the block."""
    log = folder / "log.txt"
    read, write = os.pipe()
    out, out_end = os.pipe()
    if SET_PIPE_SIZE is not None:  # STATE is often read at the end only
        fcntl.fcntl(out, SET_PIPE_SIZE, BLOCK)
    with log.open("wb") as file:
        files = (read, out_end, file.fileno())
        process = start(arguments(place, folder, **settings), folder, environment(), *files)
    os.close(read)
    os.close(out_end)
    with open(write, "wb", buffering=0) as stdin, open(out, "rb") as stdout:  # noqa: PTH123
        try:
            yield Running(process, stdin, stdout, log)
        finally:
            process.kill()
            process.join()
