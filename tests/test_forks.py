"""A fork is to a test what a new process is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tap_eventexport.engine.http.retry import FIRST_PAUSE
from tests.forks import Command
from tests.singer import HURRIED, Tap, forks

if TYPE_CHECKING:
    from pathlib import Path

# Elsewhere the tests run no forks (`Forks.can_run`), since the system's libraries don't bear them.
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux runs tests in forks")

TOLD = """
import json, os, sys, tempfile, threading
print(json.dumps([sys.argv, os.getcwd(), dict(os.environ), tempfile.gettempdir()]))
print(os.getpgid(0), sorted(os.listdir("/proc/self/fd"))[:3], threading.active_count())
print(sys.stdout.encoding, sys.stdout.line_buffering, sys.stderr.errors, sys.stdin.read())
print("é", file=sys.stderr)
"""


def command(folder: Path, code: str, *arguments: str, **environment: str) -> Command:
    return Command(
        [sys.executable, "-c", code, *arguments], str(folder), {**os.environ, **environment}
    )


def in_process(wanted: Command) -> subprocess.CompletedProcess[str]:
    """Run a command in a new process."""
    return subprocess.run(
        wanted.arguments,
        cwd=wanted.folder,
        env=wanted.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "code",
    [
        TOLD,
        "import sys; sys.exit(7)",
        "import sys; sys.exit('words')",
        "1 / 0",
        "import os; os._exit(141)",
        "import atexit; atexit.register(print, 'late')",
        "import threading; threading.Timer(0.1, print, ['later']).start()",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
        "import subprocess; print(subprocess.run(['false']).returncode)",
        "print('x' * 1_000_000)",
        "import sys; print('x' * 1_000_000, file=sys.stderr)",
    ],
)
def test_a_fork_is_and_ends_as_a_process(tmp_path: Path, code: str) -> None:
    wanted = command(tmp_path, code, "one", "two words", TMPDIR=str(tmp_path), TZ="Asia/Seoul")
    assert forks().can_run(wanted)
    forked, fresh = forks().run(wanted, timeout=60), in_process(wanted)
    assert (forked.returncode, forked.stdout) == (fresh.returncode, fresh.stdout)
    assert forked.stderr.splitlines()[-1:] == fresh.stderr.splitlines()[-1:]


def test_a_fork_leaves_nothing_behind(tmp_path: Path) -> None:
    change = "import builtins, os; builtins.left = os.environ['LEFT'] = 'here'; os.chdir('/')"
    look = "import builtins, os; print(hasattr(builtins, 'left'), 'LEFT' in os.environ)"
    forks().run(command(tmp_path, change), timeout=60)
    assert forks().run(command(tmp_path, look), timeout=60).stdout == "False False\n"


def test_a_fork_that_takes_too_long_is_ended_and_tells_where_it_was(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="most recent call first"):
        forks().run(command(tmp_path, "import time; time.sleep(600)"), timeout=0.5)


def test_what_the_interpreter_reads_when_it_starts_needs_a_new_one(tmp_path: Path) -> None:
    assert not forks().can_run(command(tmp_path, "", PYTHONHASHSEED="3"))
    assert not forks().can_run(command(tmp_path, "", LC_ALL="C"))
    assert forks().can_run(command(tmp_path, "", LOGLEVEL="DEBUG", HOME=str(tmp_path)))


@pytest.mark.parametrize("shift", [0.0, -3600.0])
def test_the_tap_says_the_same_in_a_fork(tap: Tap, shift: float) -> None:
    tap = Tap(tap.folder, shift, HURRIED if shift else FIRST_PAUSE, tap.without, **tap.settings)
    forked, fresh = tap.run(), tap.anew().run()
    assert forked.code == fresh.code == 0
    assert forked.heard.records == fresh.heard.records
    assert forked.heard.schemas == fresh.heard.schemas
    words = [sorted(re.sub(r"[\d.,]+", "0", run.log).splitlines()) for run in (forked, fresh)]
    assert words[0] == words[1]
