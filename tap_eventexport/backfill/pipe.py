"""`tap | loader` as a process of its own, which ends both when whoever started it is gone.

A worker that is killed can't end its children, and a tap that goes on would spend a quota that
nobody counts. This process reads the job from stdin and then holds on to it: its end is the end of
the worker, or its wish to end. It hands on what the tap writes and reads what the loader says of
it, since only that tells what is loaded.
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

LINES, LONGEST = 20, 500  # of what a process says that are kept, and characters of a line
GRACE = 10.0  # seconds for the loader to end after the tap


def main() -> None:
    """Run one job; what came of it goes to stdout."""
    open_standard_streams()
    job = json.loads(sys.stdin.readline())
    with _unnamed(job["config"]) as config, _unnamed(job["catalog"]) as catalog:
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
    with suppress(BrokenPipeError):  # nobody wants to know any more
        print(json.dumps(ended), flush=True)  # noqa: T201 - how it is told
    os._exit(0)  # the thread that watches stdin never ends by itself


def _unnamed(value: object) -> IO[str]:
    """A file without a name, so that nothing has to be removed, whoever is killed."""
    file = tempfile.TemporaryFile("w+")  # noqa: SIM115 - the caller closes it
    json.dump(value, file)
    file.flush()
    file.seek(0)
    return file


def _watch(tap: subprocess.Popen[bytes]) -> None:
    """Wait for the end of stdin. The loader then gets to the end of its own, and ends whole."""
    sys.stdin.read()
    tap.terminate()
    deadline = threading.Timer(GRACE, os.killpg, [0, signal.SIGKILL])
    deadline.daemon = True
    deadline.start()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """A process's end of a pipe that was asked for."""
    if stream is None:
        raise TypeError("no pipe")
    return stream


def _tail(stream: IO[bytes]) -> str:
    """The last lines of a log, read to its end so that nobody who writes it has to wait."""
    kept: deque[bytes] = deque(maxlen=LINES)
    while line := stream.readline(LONGEST):
        kept.append(line)
    return b"".join(kept).decode(errors="replace")


if __name__ == "__main__":
    main()
