"""Runs `tap | loader` in its own process, which ends both if the worker is gone.

A killed worker can't end its children, and a tap that continues would use requests that nobody
counts. This process reads the job from stdin, then waits for the end of stdin: it means that the
worker has ended, or wants the job to end. It copies the tap's output to the loader and reads the
loader's STATE, since only that shows what is loaded.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO

from tap_eventexport.backfill.lines import copy, last_state
from tap_eventexport.console.standard_streams import open_standard_streams

LINES, LONGEST = 20, 500  # of a process's log that are kept, and characters of a line
GRACE = 10.0  # seconds for the loader to end after the tap


def main() -> None:
    """Run one job, and print its result to stdout."""
    open_standard_streams()
    job = json.loads(sys.stdin.readline())
    with unnamed(job["config"]) as config, unnamed(job["catalog"]) as catalog:
        files = (f"--config=/dev/fd/{config.fileno()}", f"--catalog=/dev/fd/{catalog.fileno()}")
        tap = subprocess.Popen(  # noqa: S603 - the tap
            [*job["tap"], *files],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(config.fileno(), catalog.fileno()),
        )
    threading.Thread(target=_watch, args=(tap,), daemon=True).start()
    loader = subprocess.Popen(  # noqa: S603 - the user's own
        job["loader"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    processes = {"tap": tap, "loader": loader}
    with ThreadPoolExecutor(4) as readers:
        states = {
            "tap": readers.submit(copy, _pipe(tap.stdout), _pipe(loader.stdin)),
            "loader": readers.submit(last_state, _pipe(loader.stdout)),
        }
        said = {
            name: readers.submit(_tail, _pipe(process.stderr))
            for name, process in processes.items()
        }
        ended = {
            name: {
                "code": process.wait(),
                "said": said[name].result(),
                "state": states[name].result(),
            }
            for name, process in processes.items()
        }
    with suppress(BrokenPipeError):  # the worker is gone
        print(json.dumps(ended), flush=True)  # noqa: T201 - the result for the worker
    os._exit(0)  # the thread that watches stdin never ends by itself


def unnamed(value: object) -> IO[str]:
    """Write a value to a file without a name, which needs no cleanup after a kill."""
    file = tempfile.TemporaryFile("w+")  # noqa: SIM115 - the caller closes it
    json.dump(value, file)
    file.flush()
    file.seek(0)
    return file


def _watch(tap: subprocess.Popen[bytes]) -> None:
    """Wait for the end of stdin, then end the tap. The loader's stdin ends, so it ends normally."""
    sys.stdin.read()
    tap.terminate()
    deadline = threading.Timer(GRACE, os.killpg, [0, signal.SIGKILL])
    deadline.daemon = True
    deadline.start()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a pipe of a process, which must exist."""
    if stream is None:
        raise TypeError("no pipe")
    return stream


def _tail(stream: IO[bytes]) -> str:
    """Return the last lines of a log; reads it to its end, so that its writer is never blocked."""
    kept: deque[bytes] = deque(maxlen=LINES)
    while line := stream.readline(LONGEST):
        kept.append(line)
    return b"".join(kept).decode(errors="replace")


if __name__ == "__main__":
    main()
