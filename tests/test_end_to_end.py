"""With real loaders: rows in the store against records of the vendor."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import END, START

if TYPE_CHECKING:
    from tap_eventexport.sandbox.croct import Croct

ROOT = Path(__file__).parents[1]
MELTANO = ROOT / ".venv-meltano/bin/meltano"
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


def test_meltano_runs_twice_the_second_time_incrementally(
    tmp_path: Path, settings: dict[str, Any], croct: Croct
) -> None:
    """The project as a user has it: its own meltano.yml, in a folder of its own."""
    project = tmp_path / "project"
    for name in ("pyproject.toml", "README.md", "LICENSE", "meltano.yml", "tap_eventexport"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        project.mkdir(exist_ok=True)
        copy(source, project / name)
    output = project / "output"
    output.mkdir()

    def run(**changes: Any) -> list[str]:
        """The ids in the store after `meltano run`."""
        environment = {
            f"TAP_EVENTEXPORT_{name.upper()}": str(value)
            for name, value in {**settings, "lookback_minutes": 0, **changes}.items()
        }
        done = subprocess.run(
            [MELTANO, "run", "tap-eventexport", "target-jsonl"],
            cwd=project,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        lines = (output / "croct_events.jsonl").read_text().splitlines()
        return [json.loads(line)["id"] for line in lines]

    middle = START.replace(day=3)
    first = run(end_date=middle.isoformat())
    assert Counter(first) == Counter(croct.truth("croct_events", START, middle) or [])
    second = run()
    assert Counter(second) == Counter(croct.truth("croct_events", START, END) or [])
    assert second[: len(first)] == first
