"""Runs commands of Python in forks of a process that has imported the tap already.

A fork is a process of its own, with its own arguments, environment, folder, descriptors, signals
and end. What it doesn't pay for again is the start of Python and the imports, which take longer
than what most tests are about.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from importlib import import_module

IMPORTED = (
    "tap_eventexport.tap",
    # What the tap imports when it needs it, and what else runs it.
    "boto3.s3.inject",
    "botocore.handlers",
    "botocore.httpsession",
    "email.headerregistry",
    "pendulum",
    "time_machine",
)
LOG_SHOWN = 20_000  # characters of the log of a command that does not end
AT_START = ("LANG", "LC_", "LD_", "PYTHON")  # how variables begin that Python or its loader reads


@dataclass(frozen=True, slots=True)
class Command:
    """A script, with Python before it or not, or `python -c`; and where it runs."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]


class Forks:
    """Runs commands in forks of a process of its own, which ends with this one."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def can_run(self, command: Command) -> bool:
        """Whether a fork is as good as a new process.

        The system's own libraries of macOS don't bear a fork, and the coverage of a process begins
        when it starts.
        """
        changed = command.environment.items() ^ self._environment.items()
        return (
            sys.platform == "linux"
            and "COVERAGE_PROCESS_CONFIG" not in command.environment
            and not any(name.startswith(AT_START) for name, _ in changed)
        )

    def run(self, command: Command, timeout: float) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as `subprocess.run` does.

        Raises:
            AssertionError: If it doesn't end within `timeout` seconds; tells where its threads are.
        """
        with tempfile.TemporaryFile("w+") as wanted, tempfile.TemporaryFile("w+") as log:
            json.dump(asdict(command), wanted)
            wanted.seek(0)
            output, output_end = os.pipe()
            news, news_end = os.pipe()
            given = [wanted.fileno(), output_end, log.fileno(), news_end]
            socket.send_fds(self._line, [b"."], given)
            os.close(output_end)
            os.close(news_end)
            with open(output) as lines, open(news) as told:  # noqa: PTH123 - of descriptors
                overdue = threading.Timer(timeout, os.kill, (int(told.readline()), signal.SIGABRT))
                overdue.start()
                stdout = lines.read()
                code = int(told.readline())
            log.seek(0)
            if overdue.finished.is_set():
                raise AssertionError(f"no end within {timeout} s:\n{log.read()[-LOG_SHOWN:]}")
            overdue.cancel()
            return subprocess.CompletedProcess(command.arguments, code, stdout, log.read())


def next_command(line: socket.socket) -> Command:
    """Fork for each command that is asked for; returns in the fork, ready to run it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        said, descriptors, *_ = socket.recv_fds(line, 1, 4)
        if not said:
            os._exit(0)  # who asks is gone
        wanted, output, log, news = descriptors
        if not os.fork():
            break
        for descriptor in descriptors:
            os.close(descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if pid := os.fork():
        os.write(news, b"%d\n" % pid)
        os.close(output)
        _, status = os.waitpid(pid, 0)
        os.write(news, b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    with open(wanted) as file:  # noqa: PTH123 - of a descriptor
        command = Command(**json.load(file))
    os.dup2(output, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    os.closerange(sys.stderr.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    return command


def run(command: Command) -> None:
    """Run a command as if this process had started with it."""
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(command.environment)
    time.tzset()
    tempfile.tempdir = None
    faulthandler.enable()  # if it ends by a fault of a library, the log says where
    sys.argv = command.arguments
    if sys.argv[0] == sys.executable:
        del sys.argv[0]
    if sys.argv[0] == "-c":
        code = sys.argv.pop(1)
        exec(code, {"__name__": "__main__"})  # noqa: S102 - of a test
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asks
    gc.disable()
    for name in IMPORTED:
        import_module(name)
    gc.freeze()
    gc.enable()
    run(next_command(socket.socket(fileno=int(sys.argv[1]))))
