"""The demo: loads events from the sandbox with the tap and its loader into DuckDB, twice."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import requests
from rich.console import Console
from rich.table import Table

from tap_eventexport.sandbox.command import settings, vendors
from tap_eventexport.sandbox.history import Chapters, History
from tap_eventexport.sandbox.server import Sandbox
from tap_eventexport.sandbox.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

PER_DAY = 1_500
DAYS = 7
LIVE_PER_DAY = 20 * 24 * 60 * 60  # 20 events a second while the demo runs
GROWTH = 3.0  # seconds between the two runs
MILLISECONDS = "'%Y-%m-%dT%H:%M:%S.%gZ'"
DFINERY_KEY = "df_event_detail_log_id"


@dataclass(frozen=True, slots=True)
class Columns:
    """The SQL expressions that the demo uses for a stream's records."""

    label: str
    key: str  # the primary key
    content: str  # what identifies a record, as in the sandbox's truth
    time: str
    of_truth: Callable[[str], str] = str  # makes `content` from the sandbox's truth


def infobip_content(row_text: str) -> str:
    """Return what identifies a row of Infobip: its time, and its URL, which has its number."""
    row = json.loads(row_text)
    return f"{row['timestamp']}|{row['properties']['url']}"


STREAMS = {
    "dfinery_events": Columns("Dfinery", DFINERY_KEY, DFINERY_KEY, "df_server_datetime"),
    "happytalk_service_history": Columns("HappyTalk", "id", "id", "request_date"),
    "happytalk_siem_events": Columns("HappyTalk SIEM", "event_key", "raw", "event_time"),
    "croct_events": Columns("Croct", "id", "id", "timestamp"),
    "croct_sessions": Columns("Croct sessions", "sessionId", "sessionId", "closeTime"),
    "infobip_events": Columns(
        "Infobip",
        "event_key",
        f"concat_ws('|', strftime(\"timestamp\", {MILLISECONDS}), properties->>'url')",
        '"timestamp"',
        infobip_content,
    ),
    "ncp_apigateway_events": Columns(
        "Naver Cloud",
        "event_key",
        f"concat_ws('|', strftime(\"time\", {MILLISECONDS}), level, type, message)",
        '"time"',
    ),
}

LOOPBACK = "127.0.0.1,localhost"

# A file has room for all columns; at a terminal the width is known.
is_narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
console = Console(width=None if is_narrow else 120)
progress = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Record:
    """A record in the store."""

    key: str
    content: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Demo:
    """The paths and commands of the demo."""

    tap: Path
    target: Path
    output: Path

    @property
    def store(self) -> Path:
        """The DuckDB file."""
        return self.output / "events.duckdb"

    def load(self, settings: dict[str, Any]) -> float:
        """Run `tap | target` from the last state, and save the state that the target confirms.

        The tap's log goes to a file, so that a terminal shows its tables alone.

        Returns:
            The seconds it took.
        """
        state, log = self.output / "state.json", self.output / "tap.log"
        tap_config = self.output / "tap-config.json"
        tap_config.write_text(json.dumps(settings))
        target_config = self.output / "target-config.json"
        target_config.write_text(json.dumps({"destination": f"duckdb:///{self.store}"}))
        resumed = ["--state", str(state)] if state.exists() else []
        began = time.monotonic()
        tap = subprocess.Popen(  # noqa: S603 - the commands of this project
            [self.tap, "--config", tap_config, *resumed],
            stdout=subprocess.PIPE,
            env={**os.environ, "SINGER_SDK_LOG_CONFIG": str(self._log_to(log))},
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
            raise SystemExit(f"The load failed; see {log} and:\n{confirmed.stderr[-2000:]}")
        state.write_text(confirmed.stdout.strip().splitlines()[-1])
        return time.monotonic() - began

    def _log_to(self, log: Path) -> Path:
        """Write the configuration of a log that goes to a file only."""
        file = {
            "class": "logging.FileHandler",
            "filename": str(log),
            "formatter": "lines",
            "encoding": "utf-8",
        }
        configuration = {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"lines": {"()": "singer_sdk.logging.ConsoleFormatter"}},
            "handlers": {"file": file},
            "root": {"level": "INFO", "handlers": ["file"]},
        }
        path = self.output / "logging.yaml"
        path.write_text(json.dumps(configuration))
        return path

    def records(self, stream: str) -> list[Record]:
        """Return the records in the store, including repeated ones."""
        columns = STREAMS[stream]
        time = f"strftime({columns.time}, '%Y-%m-%dT%H:%M:%S.%fZ')"
        found = self.ask(stream, f"{columns.key}, {columns.content}, {time}")
        return [
            Record(str(key), str(content), datetime.fromisoformat(time))
            for key, content, time in found
        ]

    def count(self) -> dict[str, int]:
        """Count the records of each stream in the store, each record once."""
        return {stream: len({record.key for record in self.records(stream)}) for stream in STREAMS}

    def complete_until(self) -> datetime:
        """Return the time until which all streams are completely loaded, according to the state."""
        bookmarks = json.loads((self.output / "state.json").read_text())["bookmarks"]
        instants = [bookmarks[stream]["replication_key_value"] for stream in STREAMS]
        return datetime.fromisoformat(min(instants)).replace(microsecond=0)

    def per_day(self) -> dict[str, dict[str, int]]:
        """Count the records by day and stream, each record once."""
        found: dict[str, dict[str, int]] = {}
        for stream, columns in STREAMS.items():
            what = f"strftime({columns.time}, '%Y-%m-%d'), count(distinct {columns.key})"
            for day, records in self.ask(stream, what, "group by 1"):
                found.setdefault(day, {})[stream] = records
        return found

    def audit(self, settings: dict[str, Any], start: datetime) -> Table:
        """Let the audit compare the store with the vendors, and return a table of what it found.

        Raises:
            SystemExit: If it couldn't look, or found a difference.
        """
        config, log = self.output / "settings-of-audit.json", self.output / "audit.txt"
        config.write_text(json.dumps({**settings, "lookback_minutes": 0}))
        program = self.tap.with_name("tap-eventexport-audit")
        span = (f"--start={start.isoformat()}", f"--end={self.complete_until().isoformat()}")
        store = f"--warehouse=duckdb:///{self.store}"
        with progress.status("tap-eventexport-audit …"), log.open("w") as told:
            audited = subprocess.run(  # noqa: S603
                [program, f"--config={config}", store, *span, "--format=json"],
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
                check=False,
            )
        if audited.returncode:
            raise SystemExit(f"The audit failed; see {log}. It found:\n{audited.stdout}")
        (self.output / "audit.json").write_text(audited.stdout)
        counts = ("vendor", "store", "missing", "doubled", "changed", "gone")
        table = Table(
            "", *counts, title="tap-eventexport-audit, as it would look at your own store:"
        )
        days = json.loads(audited.stdout)
        for stream, columns in STREAMS.items():
            own = [day for day in days if day["stream"] == stream]
            table.add_row(columns.label, *(f"{sum(day[name] for day in own):,}" for name in counts))
        return table

    def ask(self, source: str, what: str, how: str = "") -> list[tuple[Any, ...]]:
        """Return what the store answers to a query of a table, or of joined ones."""
        query = f"select {what} from {source} {how}"  # noqa: S608 - our own names
        with duckdb.connect(str(self.store), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(query).fetchall()


def truth(url: str, stream: str, start: datetime, end: datetime) -> Counter[str]:
    """Return the events of a stream that the vendor has."""
    query = {"start": start.isoformat(), "end": end.isoformat()}
    contents = requests.get(f"{url}/sandbox/truth/{stream}", params=query, timeout=60).json()
    return Counter(map(STREAMS[stream].of_truth, contents))


def show_days(demo: Demo) -> None:
    """Show the number of records of each day in the store."""
    labels = [columns.label for columns in STREAMS.values()]
    table = Table("day", *labels, title="Records per day in the store, asked with DuckDB")
    for day, counts in sorted(demo.per_day().items()):
        table.add_row(day, *(f"{counts.get(stream, 0):,}" for stream in STREAMS))
    console.print(table)


def show_comparison(demo: Demo, url: str, start: datetime) -> bool:
    """Compare the store with the vendors, and show both; True if they are the same.

    New events still happen, so both are counted until one instant. Later records in the store must
    also exist at the vendors.
    """
    until, now = demo.complete_until(), datetime.now(UTC)
    is_right = True
    table = Table(
        *("", "vendor has", "in store", "missing", "twice", "newer"),
        title=f"Is it all there? Until {until:%Y-%m-%d %H:%M:%S} UTC:",
        caption="newer: what the store holds of the time since",
    )
    for stream, columns in STREAMS.items():
        had = truth(url, stream, start, until)
        records = demo.records(stream)
        once = {record.key: record for record in records}.values()
        held = Counter(record.content for record in once if record.time < until)
        newer = Counter(record.content for record in once if record.time >= until)
        is_right &= held == had and newer <= truth(url, stream, until, now)
        totals = (
            *(had.total(), held.total(), (had - held).total()),
            *(len(records) - len(once), newer.total()),
        )
        table.add_row(columns.label, *(f"{total:,}" for total in totals))
    console.print(table)
    return is_right


def show_joined(demo: Demo) -> None:
    """Show events joined with what their ids stand for: sessions, and definitions."""
    sessions = demo.ask(
        "croct_sessions join croct_events using (sessionId)",
        "coalesce(campaign->>'source', '-'), count(distinct sessionId), count(*)",
        "group by 1 order by 1",
    )
    events = demo.ask(
        "infobip_events join infobip_event_definitions using (definitionId)",
        "title, count(distinct personId), count(*)",
        "group by 1 order by 1",
    )
    for title, heads, rows in (
        ("Croct's closed sessions", ("source of their campaign", "sessions", "events"), sessions),
        ("Infobip's events", ("title of their definition", "persons", "events"), events),
    ):
        table = Table(*heads, title=title)
        for name, *counts in rows:
            table.add_row(name, *(f"{count:,}" for count in counts))
        console.print(table)


def report(output: Path) -> None:
    """Make a report of the demo's files."""
    made = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "tap_eventexport.report", output, f"--output={output}/report.html"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise SystemExit(f"No report could be made:\n{made.stderr[-2000:]}")


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="bin/demo", description=__doc__)
    for name in ("tap", "target", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = LOOPBACK  # all its requests go there
    demo = Demo(options.tap.absolute(), options.target.absolute(), options.output.absolute())
    shutil.rmtree(demo.output, ignore_errors=True)
    demo.output.mkdir(parents=True)
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=DAYS)
    history = Chapters(History(PER_DAY, begin=start, end=now), History(LIVE_PER_DAY, begin=now))
    with Store() as store, Sandbox(vendors(history, store)) as sandbox:
        console.print(
            f"[bold]1.[/] The sandbox serves the vendors' APIs at {sandbox.url}, with {DAYS} days "
            "of invented events, and more every second."
        )
        chosen = {
            "start_date": start.isoformat(),
            **settings(sandbox.url, store),
        }
        console.print("[bold]2.[/] First run of tap-eventexport | target-eventexport:")
        took = demo.load(chosen)
        first = demo.count()
        console.print(f"{sum(first.values()):,} records in {took:.1f} s.")
        with progress.status("Meanwhile the history grows …"):
            time.sleep(GROWTH)
        console.print("[bold]3.[/] Second run, from the saved state:")
        took = demo.load(chosen)
        added = {stream: count - first[stream] for stream, count in demo.count().items()}
        console.print(
            f"{sum(added.values()):,} new records in {took:.1f} s. It read the lookback again, and "
            "sent only what had changed."
        )
        show_days(demo)
        show_joined(demo)
        is_right = show_comparison(demo, sandbox.url, start)
        console.print(demo.audit(chosen, start))
    console.print(f"The database, the state and the log are in {options.output}/.")
    report(demo.output)
    console.print(f"Events per day, gaps and runs as a page: {options.output}/report.html")
    if not is_right:
        raise SystemExit("The store doesn't hold exactly what the vendors have. Please report it.")
    console.print(
        "\n[bold]Your own events next:[/] install -m 600 .secrets.example .env\n"
        "Fill in what you have, then\n"
        "  .venv/bin/tap-eventexport --config=ENV --test\n"
        "  .venv/bin/tap-eventexport --config=ENV | .venv/bin/target-eventexport\n"
        "or with Meltano, as the README shows."
    )


if __name__ == "__main__":
    main()
