"""With real loaders: rows against records of the vendor, values against those of the tap."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from tap_eventexport.sandbox.dfinery import Dfinery
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Fault, Response, Sandbox
from tests.conftest import END, START
from tests.meltano import ROOT, Project
from tests.values import differences, emitted, parsed, table

if TYPE_CHECKING:
    from tap_eventexport.sandbox.croct import Croct
    from tests.singer import Tap

TARGET_JSONL = ROOT / ".venv-target-jsonl/bin/target-jsonl"


def test_the_demo(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tap_eventexport.sandbox.demo",
            "--tap",
            Path(sys.executable).with_name("tap-eventexport"),
            "--target",
            Path(sys.executable).with_name("target-eventexport"),
            "--output",
            tmp_path / "demo",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Your own events next" in done.stdout
    assert "in 0 of them a stream failed" in (tmp_path / "demo/report.html").read_text()


def test_meltano_runs_twice_the_second_time_incrementally(
    tmp_path: Path, settings: dict[str, Any], croct: Croct, tap: Tap
) -> None:
    project = Project(tmp_path / "project")

    def run(**changes: Any) -> list[str]:
        """The ids in the store after `meltano run`."""
        chosen = {**settings, "lookback_minutes": 0, **changes}
        project.run("run", "tap-eventexport", "target-jsonl", **chosen)
        lines = (project.output / "croct_events.jsonl").read_text().splitlines()
        return [json.loads(line)["id"] for line in lines]

    middle = START.replace(day=3)
    first = run(end_date=middle.isoformat())
    assert Counter(first) == Counter(croct.truth("croct_events", START, middle) or [])
    second = run()
    assert Counter(second) == Counter(croct.truth("croct_events", START, END) or [])
    assert second[: len(first)] == first
    for end in (middle, END):  # a pair of its own, with a STATE of its own
        chosen = {**settings, "end_date": end.isoformat()}
        project.run("run", "tap-eventexport", "target-eventexport", **chosen)
        with duckdb.connect(str(project.output / "events.duckdb"), read_only=True) as database:
            ids = [key for (key,) in database.execute("select id from croct_events").fetchall()]
        assert Counter(ids) == Counter(croct.truth("croct_events", START, end) or [])
    stream = emitted(tap.run().lines)["croct_events"]
    stored = (project.output / "croct_events.jsonl").read_text().splitlines()
    found = table(stream, map(parsed, stored))
    assert differences("croct_events", found, table(stream, stream.records.values())) == []
    assert (project.folder / "meltano.yml").read_text() == (ROOT / "meltano.yml").read_text()


def test_meltano_selects_what_discovery_has_not_seen(tmp_path: Path) -> None:
    """Its patterns hold for columns that the catalog has no trace of."""
    csv = (
        "df_event_detail_log_id,df_server_datetime,df_event_name,phone,email\n"
        "a,2026-03-18 10:00:00,df_login,010-1234-5678,a@example.com\n"
    )
    project = Project(tmp_path / "project")
    with Sandbox([Dfinery(History(1))]) as sandbox:
        settings = {
            "dfinery_api_token": "token",
            "dfinery_service_id": "sandbox",
            "dfinery_api_url": sandbox.url,
            "start_date": (datetime.now(UTC) - timedelta(days=2)).isoformat(),
            "end_date": (datetime.now(UTC) - timedelta(days=1)).isoformat(),
        }

        def columns(*select: str) -> set[str]:
            sandbox.faults[:] = [
                Fault("answer", response=Response(401)),  # what discovery gets
                Fault("answer", times=99, response=Response(200, csv.encode())),
            ]
            said = project.run("invoke", "tap-eventexport", **settings, _select=json.dumps(select))
            messages = [json.loads(line) for line in said.splitlines()]
            schemas = [message["schema"] for message in messages if message["type"] == "SCHEMA"]
            records = [message["record"] for message in messages if message["type"] == "RECORD"]
            return {*schemas[-1]["properties"]} & {*records[0]}

        keys = {"df_event_detail_log_id", "df_server_datetime"}
        assert columns("*.*", "!dfinery_events.phone") == {*keys, "df_event_name", "email"}
        assert columns("dfinery_events.df_event_name") == {*keys, "df_event_name"}
