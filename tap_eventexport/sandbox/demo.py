"""The demo: events travel from the sandbox through the tap and a loader into files, twice."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import requests
from rich.console import Console
from rich.table import Table

from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.history import Chapters, History
from tap_eventexport.sandbox.server import Sandbox

PER_DAY = 3_000
DAYS = 7
LIVE_PER_DAY = 20 * 24 * 60 * 60  # 20 events a second while the demo runs
GROWTH = 3.0  # seconds between the two runs
KEYS = {"croct_events": ("id", "timestamp")}

console = Console(stderr=False)


@dataclass(frozen=True, slots=True)
class Demo:
    """Where the parts of the demo are."""

    tap: Path
    target: Path
    output: Path

    def load(self, settings: dict[str, Any], label: str) -> float:
        """Run `tap | target` from the last state, and keep the state that the target confirms.

        Returns:
            The seconds it took.
        """
        state = self.output / "state.json"
        tap_config = self.output / "tap-config.json"
        tap_config.write_text(json.dumps(settings))
        target_config = self.output / "target-config.json"
        target_config.write_text(
            json.dumps({"destination_path": str(self.output), "do_timestamp_file": False})
        )
        resumed = ["--state", str(state)] if state.exists() else []
        began = time.monotonic()
        with console.status(label), (self.output / "tap.log").open("a") as log:
            tap = subprocess.Popen(  # noqa: S603 - the commands of this project
                [self.tap, "--config", tap_config, *resumed],
                stdout=subprocess.PIPE,
                stderr=log,
            )
            confirmed = subprocess.run(  # noqa: S603
                [self.target, "--config", target_config],
                stdin=tap.stdout,
                capture_output=True,
                text=True,
                check=False,
            )
            if tap.stdout:
                tap.stdout.close()
            if tap.wait() or confirmed.returncode:
                raise SystemExit(
                    f"The load failed; see {log.name} and:\n{confirmed.stderr[-2000:]}"
                )
        state.write_text(confirmed.stdout.strip().splitlines()[-1])
        return time.monotonic() - began

    def count(self) -> dict[str, int]:
        """Records of each stream in the store."""
        return {stream: len(self.keys(stream)) for stream in KEYS}

    def keys(self, stream: str) -> list[str]:
        """The keys in the store, as often as they are there."""
        return [str(row[0]) for row in self._ask(stream, KEYS[stream][0])]

    def per_day(self) -> list[tuple[Any, ...]]:
        """Stream, day and records, as the store has them."""
        return [
            (stream, *row)
            for stream, (_, time_column) in KEYS.items()
            for row in self._ask(
                stream, f"cast({time_column} as timestamp)::date, count(*)", "group by 1 order by 1"
            )
        ]

    def _ask(self, stream: str, what: str, how: str = "") -> list[tuple[Any, ...]]:
        files = self.output / f"{stream}.jsonl"
        query = f"select {what} from read_json('{files}') {how}"  # noqa: S608 - our own names
        with duckdb.connect() as connection:
            return connection.execute(query).fetchall()


def show(demo: Demo, url: str, start: datetime) -> bool:
    """Show what the store holds beside what the vendors have; True if it is the same."""
    table = Table("stream", "day", "records", title="In the store, asked with DuckDB")
    for stream, day, records in demo.per_day():
        table.add_row(stream, str(day), f"{records:,}")
    console.print(table)
    bookmarks = json.loads((demo.output / "state.json").read_text())["bookmarks"]
    is_right = True
    table = Table(
        "stream", "vendor has", "in store", "distinct", "missing", title="Is it all there?"
    )
    for stream in KEYS:
        end = bookmarks[stream]["replication_key_value"]
        query = {"start": start.isoformat(), "end": end}
        truth = requests.get(f"{url}/sandbox/truth/{stream}", params=query, timeout=60).json()
        keys = demo.keys(stream)
        missing = set(truth) - set(keys)
        is_right &= set(keys) == set(truth) and len(keys) == len(truth)
        counts = (len(truth), len(keys), len(set(keys)), len(missing))
        table.add_row(stream, *(f"{count:,}" for count in counts))
    console.print(table)
    return is_right


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="bin/demo", description=__doc__)
    for name in ("tap", "target", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    demo = Demo(options.tap.absolute(), options.target.absolute(), options.output.absolute())
    shutil.rmtree(demo.output, ignore_errors=True)
    demo.output.mkdir(parents=True)
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=DAYS)
    history = Chapters(History(PER_DAY, begin=start, end=now), History(LIVE_PER_DAY, begin=now))
    with Sandbox([Croct(history)]) as sandbox:
        console.print(
            f"[bold]1.[/] The sandbox serves the vendors' APIs at {sandbox.url}, with {DAYS} days "
            "of invented events, and more every second."
        )
        settings = {
            "start_date": start.isoformat(),
            "lookback_minutes": 0,  # target-jsonl only appends; nothing here arrives late
            "croct_api_key": "sandbox-croct-key",
            "croct_api_url": sandbox.url,
        }
        took = demo.load(settings, "tap-eventexport | target-jsonl …")
        first = demo.count()
        console.print(
            f"[bold]2.[/] First run of tap-eventexport | target-jsonl: {sum(first.values()):,} "
            f"records in {took:.1f} s."
        )
        with console.status("Meanwhile the history grows …"):
            time.sleep(GROWTH)
        took = demo.load(settings, "Once more, from the saved state …")
        added = {stream: count - first[stream] for stream, count in demo.count().items()}
        console.print(
            f"[bold]3.[/] Second run, from the saved state: {sum(added.values()):,} new records "
            f"in {took:.1f} s, nothing read twice."
        )
        is_right = show(demo, sandbox.url, start)
    console.print(f"The files, the state and the log are in {options.output}/.")
    if not is_right:
        raise SystemExit("The store doesn't hold exactly what the vendors have. Please report it.")
    console.print(
        "\n[bold]Your own events next:[/] cp .secrets.example .env, fill in what you have, then\n"
        "  .venv/bin/tap-eventexport --config=ENV --test\n"
        "  .venv/bin/tap-eventexport --config=ENV | .venv-target-jsonl/bin/target-jsonl\n"
        "or with Meltano, as the README shows."
    )


if __name__ == "__main__":
    main()
