"""A day of hourly runs, each with the state of the run before, over a history that grows.

The last day is read again by each run, since some events arrive late. After each run, all that was
sent so far must be what the vendor has then.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from croct_server import EVENT, Events
from dfinery_server import COLUMNS, csv_row
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import Console

HERE = Path(__file__).parent
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MIDNIGHT = datetime(2026, 3, 3, tzinfo=ZoneInfo("Asia/Seoul"))  # as Dfinery's days begin
FIRST = MIDNIGHT + timedelta(minutes=7)  # when the first run is, which isn't counted
HOURS = 24
LATE = 0.03  # of all events
LATEST = timedelta(hours=6)
ALL = {"lookback_resend": "all"}
FOOT = (
    "24 runs, each of which reads the last day again; 3 % of the events arrive up to six hours "
    "late. The ratios are beside the tap's own row. MiB are those written to stdout; for dlt, "
    "which hands compressed files to its loader, those before compression. With a lag, dlt leaves "
    "out no row: its loader must merge. CPU is the command's, without the vendor and the loader."
)

Contents = dict[str, Any]  # of all events, by id


@dataclass(frozen=True, slots=True)
class Event:
    """When one event happened, and when the vendor got it."""

    number: int
    happened: datetime
    arrived: datetime

    @property
    def milliseconds(self) -> int:
        return int(self.happened.timestamp() * 1000)


class Vendors:
    """Croct and Dfinery, each with what has arrived up to now.

    Args:
        hourly: How many events happen in an hour.
    """

    def __init__(self, hourly: int) -> None:
        chance = random.Random(1)  # noqa: S311
        self._events: list[Event] = []
        self._payloads: list[tuple[str, Any]] = []
        self._rows: list[list[str]] = []
        begin = MIDNIGHT - DAY
        for number in range(hourly * (HOURS * 2 + 1)):
            happened = begin + number * HOUR / hourly
            late = chance.random() * LATEST if chance.random() < LATE else timedelta(0)
            event = Event(number, happened, happened + late)
            self._events.append(event)
            sent = json.loads(EVENT % (number, event.milliseconds, number, number))
            self._payloads.append((sent["id"], sent["payload"]))
            self._rows.append(csv_row(number, happened, event.arrived, chance))
        self.go_to(FIRST)

    def go_to(self, now: datetime) -> None:
        """Let time pass."""
        self._arrived = [event for event in self._events if event.arrived < now]
        self._pages = Events((event.number, event.milliseconds) for event in self._arrived)

    @property
    def count(self) -> int:
        """How many events have arrived."""
        return len(self._arrived)

    def croct(self, query: str) -> bytes:
        """A page."""
        return self._pages.answer(query)

    def croct_contents(self) -> Contents:
        """The payload of each event."""
        return dict(self._payloads[event.number] for event in self._arrived)

    def dfinery(self, day: str) -> bytes:
        """The CSV of a day, with what happened on it."""
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(COLUMNS)
        rows.writerows(
            self._rows[event.number] for event in self._arrived if f"{event.happened.date()}" == day
        )
        return text.getvalue().encode()

    def dfinery_contents(self) -> Contents:
        """The user of each row."""
        key, user = COLUMNS.index("df_event_detail_log_id"), COLUMNS.index("df_unified_id")
        rows = (self._rows[event.number] for event in self._arrived)
        return {row[key]: row[user] for row in rows}


@contextmanager
def served(vendors: Vendors) -> Iterator[str]:
    """Serve both on one address; without Date, since their time isn't this machine's."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            is_events = parts.path == "/export/events"  # there are no sessions
            body = vendors.croct(parts.query) if is_events else b'{"items":[],"nextCursor":""}'
            self._answer(body, "application/json")

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(vendors.dfinery(asked["from_date"]), "text/csv")

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response_only(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run sent, wrote and computed, or what all runs did."""

    records: int = 0
    size: int = 0  # bytes
    seconds: float = 0

    def plus(self, other: Ran) -> Ran:
        return Ran(
            self.records + other.records, self.size + other.size, self.seconds + other.seconds
        )


class Runs(Protocol):
    """What goes on from run to run."""

    def run(self, now: datetime, sent: Contents) -> Ran:
        """Run once, and note in `sent` what comes."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a record that are compared."""

    key: str
    value: str

    def note(self, record: Mapping[str, Any], sent: Contents) -> None:
        sent[record[self.key]] = record[self.value]


CROCT = Columns("id", "payload")
DFINERY = Columns("df_event_detail_log_id", "df_unified_id")


class Singer:
    """Runs of a Singer tap.

    Args:
        folder: For what it reads and writes.
        columns: The columns that are compared.
        command: The command at an instant.
        settings: The settings at an instant.
    """

    def __init__(
        self,
        folder: Path,
        columns: Columns,
        command: Callable[[datetime], list[str | Path]],
        settings: Callable[[datetime], Mapping[str, Any]],
    ) -> None:
        self._config, self._state = folder / "config.json", folder / "state.json"
        self._messages = folder / "messages.jsonl"
        self._columns = columns
        self._command = command
        self._settings = settings
        self._state.write_text("{}")

    def run(self, now: datetime, sent: Contents) -> Ran:
        self._config.write_text(json.dumps(self._settings(now)))
        files: list[str | Path] = ["--config", self._config, "--state", self._state]
        seconds = computed([*self._command(now), *files], self._messages)
        records = 0
        with self._messages.open("rb") as lines:
            for line in lines:
                message = msgspec.json.decode(line)
                if message["type"] == "RECORD":
                    records += 1
                    self._columns.note(message["record"], sent)
                elif message["type"] == "STATE":
                    self._state.write_bytes(msgspec.json.encode(message["value"]))
        return Ran(records, self._messages.stat().st_size, seconds)


class Dlt:
    """Runs of dlt's extract step; what it has for the loader is taken away.

    Args:
        folder: For what it keeps.
        python: That of its environment.
        url: Croct's address.
    """

    def __init__(self, folder: Path, python: Path, url: str) -> None:
        self._folder = folder
        start = milliseconds(MIDNIGHT - DAY)
        self._command: list[str | Path] = [python, HERE / "peers/croct_dlt.py", url, start]

    def run(self, now: datetime, sent: Contents) -> Ran:
        lag = str(DAY // timedelta(milliseconds=1))
        command = [*self._command, milliseconds(now), self._folder, lag]
        ran = Ran(seconds=computed(command, self._folder / "output.txt"))
        packages = self._folder / "croct/normalize/extracted"
        for file in packages.glob("*/new_jobs/croct_events.*"):
            for line in gzip.decompress(file.read_bytes()).splitlines(keepends=True):
                records = msgspec.json.decode(line)
                ran = ran.plus(Ran(len(records), len(line)))
                for record in records:
                    CROCT.note(record, sent)
        shutil.rmtree(packages)
        packages.mkdir()
        return ran


def milliseconds(instant: datetime) -> str:
    return str(int(instant.timestamp() * 1000))


def computed(command: list[str | Path], output: Path) -> float:
    """Run a command, its stdout into a file, and return the seconds in which it computed."""
    log = output.with_suffix(".log")
    with output.open("wb") as out, log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors)  # noqa: S603
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(log.read_text())
    return used.ru_utime + used.ru_stime


class Hourly:
    """The table.

    Args:
        folder: For what the runs read and write.
        hourly: How many events happen in an hour.
        progress: Where each row is told when it is measured.
    """

    def __init__(self, folder: Path, hourly: int, progress: Console) -> None:
        self._folder = folder
        self._progress = progress
        self._vendors = Vendors(hourly)
        headers = ("a day of hourly runs", "of", "sent per new record", "ratio")
        self.table = Table(*headers, "MiB", "CPU seconds", "ratio", caption=FOOT)

    def measure(self, sdk: Path, dlt: Path) -> None:
        """Run all.

        Args:
            sdk: The Python of the plain SDK tap.
            dlt: That of dlt.
        """
        with served(self._vendors) as url:
            croct = {"croct_api_key": "a-key-of-the-benchmark", "croct_api_url": url}
            self._compare(
                "croct_events",
                self._vendors.croct_contents,
                {
                    "the tap": self._of_tap("croct", CROCT, croct),
                    "lookback_resend: all": self._of_tap("croct-all", CROCT, {**croct, **ALL}),
                    "plain SDK tap, less a day": self._of_plain(sdk, url),
                    "dlt, incremental with lag": Dlt(self._made("dlt"), dlt, url),
                },
            )
            dfinery = {
                "dfinery_api_token": "token",
                "dfinery_service_id": "sandbox",
                "dfinery_api_url": url,
            }
            self._compare(
                "dfinery_events",
                self._vendors.dfinery_contents,
                {
                    "the tap": self._of_tap("dfinery", DFINERY, dfinery),
                    "lookback_resend: all": self._of_tap(
                        "dfinery-all", DFINERY, {**dfinery, **ALL}
                    ),
                },
            )

    def _compare(
        self, work: str, contents: Callable[[], Contents], each: Mapping[str, Runs]
    ) -> None:
        """Add a row for each; the first is the one that the others are beside."""
        ours: Ran | None = None
        for name, runs in each.items():
            day, new = self._day(f"{work}, {name}", runs, contents)
            ours = ours or day
            cells = (
                f"{work}, {new:,} new",
                name,
                f"{day.records / new:.2f}",
                f"{day.records / ours.records:.1f} x",
                f"{day.size / 2**20:.1f}",
                f"{day.seconds:.1f}",
                f"{day.seconds / ours.seconds:.2f} x",
            )
            self.table.add_row(*cells)
            self._progress.print("  ".join(cells))

    def _day(self, name: str, runs: Runs, contents: Callable[[], Contents]) -> tuple[Ran, int]:
        """Run each hour, and return what all runs but the first did, and how much was new."""
        day, sent, before = Ran(), Contents(), 0
        for hour in range(HOURS + 1):
            now = FIRST + hour * HOUR
            self._vendors.go_to(now)
            ran = runs.run(now, sent)
            if sent != contents():
                raise SystemExit(f"{name}: at {now} what was sent isn't what the vendor has")
            if hour:
                day = day.plus(ran)
            else:
                before = self._vendors.count
        return day, self._vendors.count - before

    def _of_tap(self, name: str, columns: Columns, vendor: Mapping[str, Any]) -> Runs:
        start = (MIDNIGHT - DAY).isoformat()
        settings = {**vendor, "start_date": start, "lookback_minutes": DAY // timedelta(minutes=1)}
        script = HERE / "at_another_time.py"
        return Singer(
            self._made(name),
            columns,
            lambda now: [sys.executable, script, now.isoformat()],
            lambda _: settings,
        )

    def _of_plain(self, sdk: Path, url: str) -> Runs:
        start, lag = int(milliseconds(MIDNIGHT - DAY)), DAY // timedelta(milliseconds=1)
        return Singer(
            self._made("plain"),
            CROCT,
            lambda _: [sdk, HERE / "peers/croct_sdk.py"],
            lambda now: {"api_url": url, "start": start, "end": int(milliseconds(now)), "lag": lag},
        )

    def _made(self, name: str) -> Path:
        folder = self._folder / f"hourly-{name}"
        folder.mkdir()
        return folder
