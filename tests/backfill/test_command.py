"""The command: what is planned, what is refused, and what a cluster of others does."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tap_eventexport.backfill.command import main
from tap_eventexport.sandbox.server import Fault
from tests.backfill.command import Backfill
from tests.conftest import CROCT_KEY, HAPPYTALK_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_eventexport.sandbox.server import Sandbox

DAYS = ("--start", "2026-03-01", "--end", "2026-03-04")
LOCKS = "DASK_DISTRIBUTED__SCHEDULER__LOCKS__LEASE"
SHORT_LEASES = {f"{LOCKS}_TIMEOUT": "1s", f"{LOCKS}_VALIDATION_INTERVAL": "0.2s"}
PIPE = "tap_eventexport.backfill.pipe"
DASK = str(Path(sys.executable).with_name("dask"))


@pytest.fixture
def backfill(tmp_path: Path, all_settings: dict[str, Any]) -> Backfill:
    return Backfill(tmp_path, all_settings, "cat")


def test_a_plan_is_a_line_for_each_day_of_each_stream_and_asks_nobody(
    backfill: Backfill, sandbox: Sandbox
) -> None:
    partitions = backfill.plan(*DAYS)
    assert sandbox.requests == []
    assert partitions == backfill.plan(*DAYS)
    assert [each["start"] for each in partitions if each["stream"] == "croct_events"] == [
        "2026-03-01T00:00:00.000Z",
        "2026-03-02T00:00:00.000Z",
        "2026-03-03T00:00:00.000Z",
    ]
    assert [each["start"] for each in partitions if each["stream"].startswith("ncp")] == [
        "2026-03-01T00:00:00.000Z",  # nine o'clock in Seoul
        "2026-03-01T15:00:00.000Z",
        "2026-03-02T15:00:00.000Z",
        "2026-03-03T15:00:00.000Z",
    ]


def test_ids_tell_accounts_apart_and_hold_no_secret(backfill: Backfill) -> None:
    one = {partition["id"] for partition in backfill.plan(*DAYS, "--stream", "croct_events")}
    backfill.settings["croct_api_key"] = "of-another-brand"
    other = {partition["id"] for partition in backfill.plan(*DAYS, "--stream", "croct_events")}
    assert len(one | other) == 6
    assert not re.search(f"{CROCT_KEY}|brand", " ".join(one | other))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--start", "2026-03-02", "--end", "2026-03-01"], "expected a start before the end"),
        (["--start", "2026-03-02", "--end", "9998-01-01"], "expected a start before the end"),
        (["--start", "yesterday", "--end", "2026-03-01"], "got yesterday, expected a date"),
        ([*DAYS, "--stream", "croct"], "--stream: got croct, expected one of croct_events, "),
        ([*DAYS, "--config", "nowhere.json"], "--config: there is no file nowhere.json"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_line(
    backfill: Backfill,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: str,
) -> None:
    config = backfill.folder / "config.json"
    config.write_text(json.dumps(backfill.settings))
    monkeypatch.setattr(sys, "argv", ["backfill", "plan", "--config", str(config), *arguments])
    with pytest.raises(SystemExit):
        main()
    assert expected in capsys.readouterr().err


def test_settings_that_are_wrong_are_named(backfill: Backfill) -> None:
    backfill.settings["concurrency"] = "many"
    done = backfill.run(*DAYS)
    assert (done.returncode, done.stderr.count("concurrency: got")) == (1, 1)


def test_a_gap_is_told_or_an_error_as_the_user_wants(backfill: Backfill) -> None:
    backfill.settings |= {"dfinery_api_token": "any", "dfinery_service_id": "any"}
    assert {partition["stream"][:5] for partition in backfill.plan(*DAYS)} == {
        "croct",
        "happy",
        "ncp_a",
    }
    backfill.settings["on_gap"] = "fail"
    done = backfill.run(*DAYS)
    assert done.returncode == 1
    assert "dfinery_events: events from 2026-03-01T00:00:00.000Z to 2026-03-04" in done.stderr


def test_without_the_extra_a_run_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    options = ["--config", "ENV", *DAYS, "--loader", "cat", "--done", "done"]
    monkeypatch.setattr(sys, "argv", ["backfill", "run", *options])
    with pytest.raises(SystemExit, match="1"):
        main()
    expected = "run needs distributed: pip install 'tap-eventexport[dask]'\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    ("module", "foreign"),
    [
        ("tap_eventexport.tap", ("tap_eventexport.backfill", "dask", "distributed", "obstore")),
        ("tap_eventexport.backfill.command", ("dask", "distributed", "obstore")),
    ],
)
def test_the_tap_needs_no_backfill_and_a_plan_no_dask(
    module: str, foreign: tuple[str, ...]
) -> None:
    script = f"import sys, {module}; print([m for m in sys.modules if m.startswith({foreign})])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"[]\n"


@contextmanager
def cluster(folder: Path, **environment: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A worker with three threads, and a scheduler with its address, as the documents say."""
    file = folder / "scheduler.json"
    at = ["--scheduler-file", str(file)]
    local = ["--host", "127.0.0.1", "--no-dashboard"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    own = ["--no-nanny", "--nthreads", "3"]
    quiet["env"] = {**os.environ, **environment}
    scheduler = subprocess.Popen([DASK, "scheduler", *at, *local, "--port", "0"], **quiet)
    worker = subprocess.Popen([DASK, "worker", *at, *local, *own], **quiet)
    try:
        while not file.exists() or not file.read_text().endswith("}"):
            assert scheduler.poll() is None
        yield json.loads(file.read_text())["address"], scheduler
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


def waiting_for_an_answer(
    backfill: Backfill, address: str, sandbox: Sandbox
) -> subprocess.Popen[str]:
    """A run on a cluster, of which a partition waits for a vendor that says nothing."""
    sandbox.faults.append(Fault("silence", seconds=3600))
    run = backfill.start(*DAYS, "--scheduler", address, "--stream", "croct_events")
    while not sandbox.requests:
        assert run.poll() is None
    return run


def test_a_cluster_that_is_lost_has_loaded_nothing(
    tmp_path: Path, backfill: Backfill, sandbox: Sandbox
) -> None:
    with cluster(tmp_path) as (address, scheduler):
        run = waiting_for_an_answer(backfill, address, sandbox)
        scheduler.kill()
        _, said = run.communicate(timeout=100)
    assert run.returncode == 1
    assert "the cluster was lost; the next run loads the rest\n" in said
    assert backfill.ids == set()


def test_an_interrupted_run_leaves_nothing_behind_on_the_cluster(
    tmp_path: Path, backfill: Backfill, sandbox: Sandbox
) -> None:
    with cluster(tmp_path) as (address, _):
        run = waiting_for_an_answer(backfill, address, sandbox)
        everything = psutil.Process().children(recursive=True)
        loading = [each for each in everything if PIPE in each.cmdline()]
        run.send_signal(signal.SIGTERM)
        _, said = run.communicate(timeout=100)
        assert [each for each in loading if each.is_running()] == []
    assert len(loading) == 1
    assert run.returncode == 143
    assert said.endswith("croct_events           3            0         0       0          3\n")


def test_a_worker_without_this_package_is_told_what_to_install(
    tmp_path: Path, backfill: Backfill
) -> None:
    (tmp_path / "tap_eventexport").mkdir()
    (tmp_path / "tap_eventexport/__init__.py").touch()  # an old version, say
    with cluster(tmp_path, PYTHONPATH=str(tmp_path)) as (address, _):
        done = backfill.run(*DAYS, "--scheduler", address)
    assert done.returncode == 1
    assert "the workers need tap-eventexport[dask], in the same version as here" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_runs_on_one_cluster_share_the_quota_of_an_account(
    tmp_path: Path, backfill: Backfill, sandbox: Sandbox
) -> None:
    """Each alone would have one request in flight; the cluster has room for three loads.

    A load takes longer than leases last that nobody renews.
    """
    backfill.settings["concurrency"] = 1
    sandbox.latency = 0.6
    with cluster(tmp_path, **SHORT_LEASES) as (address, _):
        wanted = (
            "--start",
            "2026-03-01",
            "--end",
            "2026-03-03",
            "--scheduler",
            address,
            "--stream",
        )
        streams = ("happytalk_service_history", "happytalk_siem_events")
        runs = [backfill.start(*wanted, stream) for stream in streams]
        said = [run.communicate(timeout=100)[1] for run in runs]
        assert [run.returncode for run in runs] == [0, 0], said
        assert sandbox.max_concurrency == 1
        assert len(backfill.ids) == 4
        sandbox.latency = 0
        backfill.settings["happytalk_token"] = "refused"  # noqa: S105
        failed = backfill.run(*wanted, streams[0], "--retries", "0")
        backfill.loader = "target-nowhere"
        nowhere = backfill.run(*wanted, streams[0])
    assert failed.returncode == 1
    assert f"{streams[0]}           2            0         0       1          1" in failed.stderr
    assert "happytalk_token" in failed.stderr
    assert nowhere.returncode == 1
    assert "target-nowhere is neither beside" in nowhere.stderr
    assert HAPPYTALK_TOKEN not in "".join([*said, failed.stderr])
