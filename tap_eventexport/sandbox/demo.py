"""The demo: events travel from the sandbox through the tap and a loader into files, twice."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import requests
from rich.console import Console
from rich.table import Column, Table

from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.happytalk import HappyTalk
from tap_eventexport.sandbox.history import Chapters, History
from tap_eventexport.sandbox.ncp import Ncp
from tap_eventexport.sandbox.server import Sandbox, Vendor

PER_DAY = 1_500
DAYS = 7
LIVE_PER_DAY = 20 * 24 * 60 * 60  # 20 events a second while the demo runs
GROWTH = 3.0  # seconds between the two runs
TIMES = ("request_date", "event_time", "timestamp", "time")
STREAMS = {  # what tells a record, as the sandbox's truth tells it, and its time
    "happytalk_service_history": ("id", "request_date"),
    "happytalk_siem_events": ("raw", "event_time"),
    "croct_events": ("id", "timestamp"),
    "ncp_apigateway_events": ('concat_ws(\'|\', "time", "level", "type", message)', '"time"'),
}

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
        return {stream: len(self.keys(stream)) for stream in STREAMS}

    def keys(self, stream: str) -> list[str]:
        """What tells the records in the store, as often as they are there."""
        return [str(row[0]) for row in self._ask(stream, STREAMS[stream][0])]

    def primary_keys(self, stream: str) -> list[str]:
        """The records' primary keys."""
        key = "id" if STREAMS[stream][0] == "id" else "event_key"
        return [str(row[0]) for row in self._ask(stream, key)]

    def per_day(self) -> list[tuple[Any, ...]]:
        """Stream, day and records, as the store has them."""
        return [
            (stream, *row)
            for stream, (_, time_column) in STREAMS.items()
            for row in self._ask(
                stream, f"left({time_column}, 10), count(*)", "group by 1 order by 1"
            )
        ]

    def _ask(self, stream: str, what: str, how: str = "") -> list[tuple[Any, ...]]:
        files = self.output / f"{stream}.jsonl"
        columns = dict.fromkeys(
            ("id", "event_key", "raw", *TIMES, "level", "type", "message"), "text"
        )
        source = f"read_json('{files}', columns = {columns})"
        query = f"select {what} from {source} {how}"  # noqa: S608 - our own names
        with duckdb.connect() as connection:
            return connection.execute(query).fetchall()


def show(demo: Demo, url: str, start: datetime) -> bool:
    """Show what the store holds beside what the vendors have; True if it is the same."""
    per_day: dict[str, dict[str, int]] = {}
    for stream, day, records in demo.per_day():
        per_day.setdefault(str(day), {})[stream] = records
    headings = [Column(stream, overflow="fold") for stream in STREAMS]
    table = Table("day", *headings, title="Records per day in the store, asked with DuckDB")
    for day, records in sorted(per_day.items()):
        table.add_row(day, *(f"{records.get(stream, 0):,}" for stream in STREAMS))
    console.print(table)
    bookmarks = json.loads((demo.output / "state.json").read_text())["bookmarks"]
    is_right = True
    table = Table(
        "stream", "vendor has", "in store", "distinct keys", "missing", title="Is it all there?"
    )
    for stream in STREAMS:
        end = bookmarks[stream]["replication_key_value"]
        query = {"start": start.isoformat(), "end": end}
        truth = requests.get(f"{url}/sandbox/truth/{stream}", params=query, timeout=60).json()
        keys = demo.keys(stream)
        distinct = len(set(demo.primary_keys(stream)))
        missing = (Counter(truth) - Counter(keys)).total()
        is_right &= Counter(keys) == Counter(truth) and distinct == len(keys)
        counts = (len(truth), len(keys), distinct, missing)
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
    vendors: list[Vendor] = [HappyTalk(history), Croct(history), Ncp(history)]
    with Sandbox(vendors) as sandbox:
        console.print(
            f"[bold]1.[/] The sandbox serves the vendors' APIs at {sandbox.url}, with {DAYS} days "
            "of invented events, and more every second."
        )
        settings = {
            "start_date": start.isoformat(),
            "lookback_minutes": 0,  # target-jsonl only appends; nothing here arrives late
            "happytalk_token": "sandbox-happytalk-token",
            "happytalk_api_url": sandbox.url,
            "croct_api_key": "sandbox-croct-key",
            "croct_api_url": sandbox.url,
            "ncp_access_key": "sandbox-ncp-access-key",
            "ncp_secret_key": "sandbox-ncp-secret-key",
            "ncp_api_url": sandbox.url,
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
