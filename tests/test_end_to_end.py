"""With real loaders: rows in the store against records of the vendor."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import END, START
from tests.meltano import ROOT, Project

if TYPE_CHECKING:
    from tap_eventexport.sandbox.croct import Croct

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
            TARGET_JSONL,
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
    tmp_path: Path, settings: dict[str, Any], croct: Croct
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
    assert (project.folder / "meltano.yml").read_text() == (ROOT / "meltano.yml").read_text()
