"""One partition by a real tap and a real loader."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tap_eventexport.backfill.load import Job, LoadError, end, load, missing
from tap_eventexport.backfill.sources import catalog_for
from tap_eventexport.sandbox.server import Fault
from tap_eventexport.tap import TapEventExport
from tests.conftest import CROCT_KEY
from tests.meltano import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tap_eventexport.sandbox.server import Sandbox

TARGET = ROOT / ".venv-target-jsonl/bin/target-jsonl"


def job(settings: dict[str, Any], loader: str, backfill: str = "a backfill") -> Job:
    tap = TapEventExport(config=settings)
    return Job(backfill, tuple(shlex.split(loader)), settings, catalog_for(tap, "croct_events"))


def why(job: Job) -> str:
    with pytest.raises(LoadError) as raised:
        load(job)
    return str(raised.value)


def test_the_loader_gets_the_stream_of_the_job_alone(
    tmp_path: Path, all_settings: dict[str, Any], truth: list[str]
) -> None:
    config = tmp_path / "loader.json"
    config.write_text(json.dumps({"destination_path": str(tmp_path), "do_timestamp_file": False}))
    all_settings["stream_map_config"] = {"rate": Decimal("0.5")}  # as a file of settings has it
    load(job(all_settings, f"{TARGET} --config {config}"))
    (file,) = tmp_path.glob("*.jsonl")
    assert file.name == "croct_events.jsonl"
    ids = [json.loads(line)["id"] for line in file.read_text().splitlines()]
    assert Counter(ids) == Counter(truth)


def test_a_tap_that_fails_is_told_with_what_it_said_and_without_its_secrets(
    settings: dict[str, Any],
) -> None:
    text = why(job({**settings, "croct_api_key": "another-key"}, "cat"))
    assert "the tap ended with exit code 1\nthe loader ended with exit code 0\n" in text
    assert "tap: " in text
    assert "croct_api_key" in text
    assert "another-key" not in text


def test_a_loader_that_fails_is_told_and_what_it_says_is_bounded(settings: dict[str, Any]) -> None:
    script = f"cat >&2; seq 100000 >&2; echo {CROCT_KEY} is no key >&2; exit 3"
    text = why(job(settings, f"sh -c '{script}'"))
    assert "the tap ended with exit code 0\nthe loader ended with exit code 3\n" in text
    assert text.endswith("loader: 100000\nloader: *** is no key")
    assert len(text) < 15_000


def test_a_loader_that_ends_first_fails_the_partition(settings: dict[str, Any]) -> None:
    text = why(job({**settings, "croct_page_size": 1}, "true"))
    assert "the tap ended with exit code 141\nthe loader ended with exit code 0\n" in text


STAGES = ("start", "SCHEMA", "RECORD", "STATE", "end", "echo")
ENDS = [*((stage, "SIGTERM") for stage in STAGES), ("RECORD", "SIGKILL"), ("echo", "SIGKILL")]

# A loader that is asked to end, or killed, at a stage of its work. Asked to end it ends with 0, as
# released loaders do, and hands on what it has got.
ENDED = """
import json, os, signal, sys
stage, number = sys.argv[1], getattr(signal, sys.argv[2])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
def reach(name):
    if name == stage:
        os.kill(os.getpid(), number)
def echo():
    if states:
        print(json.dumps(states[-1]), flush=True)
states = []
reach("start")
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "STATE":
        states.append(message["value"])
        if stage == "STATE":
            echo()
    reach(message["type"])
reach("end")
echo()
reach("echo")
"""


@pytest.mark.parametrize(("stage", "number"), ENDS)
def test_a_loader_that_is_ended_has_not_loaded_what_it_did_not_hand_on(
    settings: dict[str, Any], tmp_path: Path, stage: str, number: str
) -> None:
    script = tmp_path / "loader.py"
    script.write_text(ENDED)
    one = job(settings, f"{sys.executable} {script} {stage} {number}")
    if (stage, number) == ("echo", "SIGTERM"):
        load(one)
        return
    text = why(one)
    code = {"SIGTERM": 0, "SIGKILL": -9}[number]
    assert f"the loader ended with exit code {code}\n" in text + "\n"
    if stage == "end" and number == "SIGTERM":
        assert text.endswith(
            "the loader did not write the tap's last STATE, so it may not have loaded all"
        )


def test_a_loader_that_says_nothing_has_not_loaded(settings: dict[str, Any]) -> None:
    assert "did not write the tap's last STATE" in why(job(settings, "sh -c 'cat >/dev/null'"))


def test_a_stream_that_is_asked_for_whole_tells_how_far_it_was_read(
    settings: dict[str, Any],
) -> None:
    whole = job(settings, "cat")
    for entry in whole.catalog["streams"]:
        entry["replication_method"] = "FULL_TABLE"
    text = why(whole)
    assert "the tap's last line is not a STATE, so it may not have read all" in text
    tap = TapEventExport(config=settings, catalog=dict(whole.catalog))
    load(replace(whole, catalog=catalog_for(tap, "croct_events")))


def test_a_program_that_is_missing_is_named(settings: dict[str, Any]) -> None:
    assert missing("cat") == ""
    assert missing("target-nowhere").startswith("target-nowhere is neither beside ")
    assert why(job(settings, "target-nowhere")).startswith("target-nowhere is neither beside ")


def test_ending_a_backfill_ends_its_processes_and_loads_no_more_of_it(
    sandbox: Sandbox, settings: dict[str, Any]
) -> None:
    sandbox.faults.append(Fault("silence", seconds=3600))
    errors: list[str] = []
    endless = job(settings, "cat", "another backfill")
    thread = threading.Thread(target=lambda: errors.append(why(endless)))
    thread.start()
    while not sandbox.requests:
        thread.join(0.01)
    end("another backfill")
    thread.join()
    assert errors == ["tap and loader were ended"] or "143" in errors[0]
    assert why(endless) == "the backfill was ended"


def test_tap_and_loader_end_with_the_process_that_started_them(
    tmp_path: Path, sandbox: Sandbox, settings: dict[str, Any]
) -> None:
    sandbox.faults.append(Fault("silence", seconds=3600))
    script = (
        "import json, sys; from tap_eventexport.backfill.load import Job, load; "
        "load(Job('a backfill', ('cat',), *json.load(open(sys.argv[1]))))"
    )
    file = tmp_path / "job.json"
    endless = job(settings, "cat")
    file.write_text(json.dumps([endless.config, endless.catalog]))
    with subprocess.Popen([sys.executable, "-c", script, str(file)]) as worker:
        while not sandbox.requests:
            assert worker.poll() is None
        processes = psutil.Process(worker.pid).children(recursive=True)
        assert len(processes) == 3
        commands = [" ".join(process.cmdline()) for process in processes]
        worker.kill()
    assert psutil.wait_procs(processes, timeout=20)[1] == []
    assert not [command for command in commands if CROCT_KEY in command]


def test_a_job_that_is_logged_shows_no_secret(settings: dict[str, Any]) -> None:
    assert CROCT_KEY not in repr(job(settings, "cat"))
