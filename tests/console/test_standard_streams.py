"""Commands whose standard streams are closed, full, gone or non-blocking."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.sandbox.history import History
from tests.singer import Heard

if TYPE_CHECKING:
    from tap_eventexport.sandbox.croct import Croct
    from tests.singer import Tap

BASH = "/bin/bash"
FULL = "stdout can't be written: No space left on device"
SHUT = "stdout can't be written: it was closed"
GONE = "stdout was closed: the target has ended"


def shell(
    redirections: str, arguments: list[str], folder: Path, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command with redirections, in a shell."""
    done = subprocess.run(
        [BASH, "-c", f'"$0" "$@" {redirections}', *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
        **options,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done


@pytest.mark.parametrize("redirections", ["2>&-", "<&-", "2>/dev/full", "<&- 2>&-"])
def test_a_run_needs_neither_stdin_nor_stderr(
    tap: Tap, truth: list[str], redirections: str
) -> None:
    done = shell(redirections, tap.arguments(), tap.folder)
    heard = Heard()
    for line in done.stdout.splitlines():
        heard.hear(line)
    assert done.returncode == 0
    assert sorted(heard.keys()) == sorted(truth)


@pytest.mark.parametrize(
    ("redirections", "code", "said"),
    [
        (">/dev/full", 1, FULL),
        (">&-", 1, SHUT),
        (">&- 2>&-", 1, ""),
        ("| head -0; exit ${PIPESTATUS[0]}", 141, GONE),
    ],
)
@pytest.mark.parametrize("arguments", [[], ["--help"], ["--about"], ["--discover"]])
def test_a_stdout_that_takes_nothing_ends_the_command_with_a_line(
    tap: Tap, arguments: list[str], redirections: str, code: int, said: str
) -> None:
    done = shell(redirections, tap.arguments(*arguments), tap.folder)
    errors = [line for line in done.stderr.splitlines() if "ERROR" in line or said in line]
    assert done.returncode == code
    assert [line.endswith(said) for line in errors] == [True] * bool(said)


def test_a_disk_that_fills_up_in_the_middle_loses_no_promise(tap: Tap, truth: list[str]) -> None:
    """The file ends in the middle of a line; the STATE before it is what holds."""
    limited = "> out.jsonl", [BASH, "-c", 'ulimit -f 64; "$0" "$@"', *tap.arguments()]
    done = shell(*limited, tap.folder)
    assert done.returncode == 1
    assert "stdout can't be written: File too large" in done.stderr
    *lines, torn = (tap.folder / "out.jsonl").read_text().split("\n")
    assert torn
    heard = Heard()
    for line in lines:
        heard.hear(line)
    after = tap.read(state=heard.states[-1])
    assert set(heard.keys() + after.keys()) == set(truth)


def test_a_stdout_that_does_not_wait_is_waited_for(tap: Tap, croct: Croct) -> None:
    """As Node.js makes pipes: a write that finds no room fails instead of waiting."""
    croct.history = History(2_000)
    end, stdout = os.pipe()
    os.set_blocking(stdout, False)
    with (tap.folder / "log.txt").open("w") as log:
        process = subprocess.Popen(tap.arguments(), stdout=stdout, stderr=log, cwd=tap.folder)
    os.close(stdout)
    heard = Heard()
    with open(end) as lines:  # noqa: PTH123 - of a descriptor
        for line in lines:
            heard.hear(line)
    assert process.wait(timeout=30) == 0
    assert len(heard.keys()) == 6_000


@pytest.mark.parametrize("redirections", ["2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_a_report_is_made_all_the_same(tmp_path: Path, redirections: str) -> None:
    event = {"id": "1", "timestamp": "2026-03-01T00:00:00Z"}
    (tmp_path / "croct_events.jsonl").write_text(json.dumps(event))
    command = Path(sys.executable).with_name("tap-eventexport-report")
    done = shell(redirections, [str(command), str(tmp_path)], tmp_path)
    assert done.returncode == (1 if ">&- 2" in redirections else 0)
    assert (tmp_path / "report.html").read_text().startswith("<!")


def test_a_plan_into_a_full_disk_is_an_error(tap: Tap) -> None:
    tap.arguments()
    command = str(Path(sys.executable).with_name("tap-eventexport-backfill"))
    days = ("--start", "2026-03-01", "--end", "2026-03-04")
    plan = [command, "plan", "--config", str(tap.folder / "config.json"), *days]
    done = shell(">/dev/full", plan, tap.folder)
    assert (done.returncode, done.stderr) == (1, f"{FULL}\n")
    assert len(shell("2>&-", plan, tap.folder).stdout.splitlines()) == 2 * 3


@pytest.mark.parametrize("redirections", ["2>&-", "2>/dev/full"])
def test_a_job_of_a_backfill_hands_nothing_to_a_closed_stderr(tap: Tap, redirections: str) -> None:
    """Its nameless files got that descriptor, and it waited for ever."""
    python = f"{sys.executable} -m tap_eventexport.backfill.pipe"
    catalog = json.loads("\n".join(tap.run("--discover").lines))
    job = {"tap": tap.command, "config": tap.settings, "catalog": catalog, "loader": ["cat"]}
    with subprocess.Popen(
        [BASH, "-c", f"exec {python} {redirections}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tap.folder,
        start_new_session=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()  # its end would be the end of the job
        ended = json.loads(process.stdout.readline())
    assert {name: each["code"] for name, each in ended.items()} == {"tap": 0, "loader": 0}


def test_the_sandbox_serves_without_standard_streams(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("tap-eventexport-sandbox")
    with subprocess.Popen(
        [BASH, "-c", f"exec {command} --port 0 <&- 2>&-"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("The vendors answer at http://127.0.0.1:")
        process.terminate()
