"""The same backfill with 1, 2 and 4 workers: what more of them bring, and where that ends.

Thirty days of Croct by day, twelve pages a day, from the sandbox with latency; once with a loader
that does nothing, once into PostgreSQL.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Sandbox
from tests.postgres import postgres, programs

ROOT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).with_name("tap-eventexport-backfill")
TARGET = ROOT / ".venv-target-postgres/bin/target-postgres"
KEY = "a-key-of-the-benchmark"
START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 30
PAGE = 100  # events
PAGES = 12  # a day
WORKERS = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Took:
    """What a backfill took."""

    seconds: float
    computed: float  # seconds of all its processes


def backfill(folder: Path, config: Path, loader: str, workers: int) -> Took:
    end = (START + timedelta(days=DAYS)).isoformat()
    span = ("--start", START.isoformat(), "--end", end, "--stream", "croct_events")
    how = ("--loader", loader, "--workers", str(workers), "--done", folder / f"done-{workers}")
    began = time.perf_counter()
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(  # noqa: S603
            [COMMAND, "run", "--config", config, *span, *how], stderr=log
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit((folder / "log.txt").read_text())
    return Took(time.perf_counter() - began, used.ru_utime + used.ru_stime)


def measure(table: Table, name: str, loader: str, settings: dict[str, object]) -> None:
    first = None
    for workers in WORKERS:
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "config.json"
            config.write_text(json.dumps(settings))
            took = backfill(Path(folder), config, loader, workers)
        first = first or took
        table.add_row(
            name,
            f"{workers}",
            f"{took.seconds:.1f}",
            f"{workers * took.seconds / DAYS:.2f}",
            f"{first.seconds / took.seconds:.2f} x",
            f"{took.computed / took.seconds:.2f}",
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks/scale", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds each answer takes")
    options = parser.parse_args()
    table = Table("loader", "workers", "seconds", "a partition and worker", "gain", "cores busy")
    croct = Croct(History(PAGE * PAGES, begin=START), api_key=KEY)
    with Sandbox([croct], latency=options.latency) as sandbox:
        settings: dict[str, object] = {
            "croct_api_key": KEY,
            "croct_api_url": sandbox.url,
            "croct_page_size": PAGE,
        }
        measure(table, "none (cat)", "cat", settings)
        if binaries := programs():
            with postgres(binaries) as server, tempfile.NamedTemporaryFile("w") as loader:
                json.dump({**server.settings, "default_target_schema": "public"}, loader)
                loader.flush()
                command = f"{TARGET} --config {loader.name}"
                measure(table, "target-postgres", command, settings)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
