"""Measures the tap beside its peers, in one run on the same served pages, and prints ratios."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import requests
from dfinery_server import serve, write_csv
from hourly import Hourly
from measure import best, measure, served
from rich.console import Console
from rich.table import Table

from tap_eventexport.sandbox.command import vendors
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Sandbox
from tap_eventexport.sandbox.store import Store
from tests.postgres import postgres, programs

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
ROOT = HERE.parent
TAP = ROOT / ".venv/bin/tap-eventexport"
PYTHON = ROOT / ".venv/bin/python"
SDK = ROOT / ".venv-benchmarks/bin/python"
DLT = ROOT / ".venv-benchmarks-dlt/bin/python"
AIRBYTE = ROOT / ".venv-benchmarks-airbyte/bin/python"
START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=30)
HOUR = START + timedelta(days=15)
MEMORY_MOST = 150  # MiB
MEMORY_GROWTH, MEMORY_BUSY = 1.1, 1.3  # for 3 times the events; with two busy processes beside it
BUSY = "while True: pass"

progress = Console(stderr=True)


def milliseconds(instant: datetime) -> str:
    return str(int(instant.timestamp() * 1000))


class Benchmarks:
    """All rows of the table.

    Args:
        folder: For configurations.
        events: How many Croct events there are.
        runs: How often each is run; the quickest counts.
    """

    def __init__(self, folder: Path, events: int, runs: int) -> None:
        self.folder = folder
        self.events = events
        self.runs = runs
        self.table = Table("work", "beside", "seconds", "tap", "ratio", "mark", "")

    def row(self, work: str, peer: str, figures: tuple[float, float], mark: float) -> None:
        """How many times as long a peer takes."""
        theirs, ours = figures
        self._add(work, peer, f"{theirs:.2f}", f"{ours:.2f}", theirs / ours, f"≥ {mark}", mark)

    def most(self, work: str, peer: str, figures: tuple[float, float], mark: float) -> None:
        """How many times as much the tap takes."""
        theirs, ours = figures
        fits = ours / theirs <= mark
        ratio = f"{ours / theirs:.2f} x"
        self._show(work, peer, f"{theirs:.2f}", f"{ours:.2f}", ratio, f"≤ {mark}", fits=fits)

    def _add(self, *cells: Any) -> None:
        work, peer, theirs, ours, ratio, shown, mark = cells
        self._show(work, peer, theirs, ours, f"{ratio:.1f} x", shown, fits=ratio >= mark)

    def _show(self, *cells: str, fits: bool) -> None:
        self.table.add_row(*cells, "" if fits else "missed")
        progress.print("  ".join((*cells, "" if fits else "missed")))

    def config(self, name: str, **settings: Any) -> Path:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(settings))
        return path

    def croct(self, url: str, without: Sequence[str] = (), **more: Any) -> list[str | Path]:
        """The tap's command for the served events, without some of their properties."""
        config = self.config(
            "tap",
            croct_api_key="a-key-of-the-benchmark",
            croct_api_url=url,
            start_date=START.isoformat(),
            end_date=END.isoformat(),
            **more,
        )
        return self._selected([TAP, "--config", config], without)

    def sdk(self, url: str, without: Sequence[str] = (), **more: Any) -> list[str | Path]:
        """The plain SDK tap's command for the same."""
        start, end = int(milliseconds(START)), int(milliseconds(END))
        config = self.config("plain", api_url=url, start=start, end=end, **more)
        command = [SDK, HERE / "peers/croct_sdk.py", "--config", config]
        return self._selected(command, without) if without else command

    def _selected(self, command: list[str | Path], without: Sequence[str]) -> list[str | Path]:
        """The command for its first stream alone, since no peer reads another."""
        done = subprocess.run([*command, "--discover"], capture_output=True, check=True)  # noqa: S603
        stream = json.loads(done.stdout)["streams"][0]
        for entry in stream["metadata"]:
            if entry["breadcrumb"] in [["properties", name] for name in without]:
                entry["metadata"]["selected"] = False
        return [*command, "--catalog", self.config("catalog", streams=[stream])]

    def tap(self, config: Path) -> float:
        return best(self.runs, TAP, "--config", config)

    def serve(self, latency: float, first: datetime = START, last: datetime = END) -> Any:
        times = (milliseconds(first), milliseconds(last))
        command = [PYTHON, HERE / "croct_server.py", str(self.events), *times, str(latency)]
        return served(command)

    def without_latency(self) -> None:
        work = f"croct_events, {self.events:,} events, no latency"
        with self.serve(0) as url:
            span = (url, milliseconds(START), milliseconds(END))
            ours = best(self.runs, *self.croct(url))
            plain = best(1, *self.sdk(url))
            self.row(work, "plain SDK tap", (plain, ours), 12)
            dlt = best(self.runs, DLT, HERE / "peers/croct_dlt.py", *span, self.folder / "dlt")
            self.row(work, "dlt, extract step", (dlt, ours), 7)
            airbyte = best(1, AIRBYTE, HERE / "peers/croct_airbyte.py", *span, "1")
            self.row(work, "Airbyte CDK", (airbyte, ours), 11)
            bare = best(self.runs, SDK, HERE / "peers/bare.py", *span)
            self.row(work, "requests + orjson", (bare, ours), 1.8)
            self.changed(url)
            self.batches(url)

    def changed(self, url: str) -> None:
        maps = {"croct_events": {"userId": "md5(userId)"}}
        ours = best(self.runs, *self.croct(url, stream_maps=maps))
        plain = best(1, *self.sdk(url, stream_maps=maps))
        self.row("with a stream map", "plain SDK tap", (plain, ours), 2.5)
        ours = best(self.runs, *self.croct(url, without=["sessionId"]))
        plain = best(1, *self.sdk(url, without=["sessionId"]))
        self.row("with a property deselected", "plain SDK tap", (plain, ours), 2.5)

    def batches(self, url: str) -> None:
        times = {}
        for name, make, runs in (("tap", self.croct, self.runs), ("plain", self.sdk, 1)):
            root = self.folder / f"batches-{name}"
            root.mkdir(exist_ok=True)
            encoding = {"format": "jsonl", "compression": "gzip"}
            batch = {"encoding": encoding, "storage": {"root": f"file://{root}", "prefix": ""}}
            times[name] = best(runs, *make(url, batch_config=batch))
        self.row("as BATCH, JSONL gzip", "the SDK's batches", (times["plain"], times["tap"]), 5)

    def with_latency(self) -> None:
        with self.serve(0.02) as url:
            span = (url, milliseconds(START), milliseconds(END))
            ours = best(self.runs, *self.croct(url))
            bare = best(1, SDK, HERE / "peers/bare.py", *span)
            work = "20 ms a page, nothing set"
            self.row(work, "best serial peer (requests + orjson)", (bare, ours), 2)
        with self.serve(0.1) as url:
            span = (url, milliseconds(START), milliseconds(END))
            ours = best(self.runs, *self.croct(url, concurrency=8))
            bare = best(1, SDK, HERE / "peers/bare.py", *span)
            work = "100 ms a page, concurrency 8"
            self.row(work, "best serial peer (requests + orjson)", (bare, ours), 7)
        with self.serve(0.2) as url:
            span = (url, milliseconds(START), milliseconds(END))
            ours = best(self.runs, *self.croct(url, concurrency=16))
            airbyte = best(1, AIRBYTE, HERE / "peers/croct_airbyte.py", *span, "8")
            work = "200 ms a page, concurrency 16"
            self.row(work, "Airbyte CDK, 8 slices", (airbyte, ours), 4.5)
        with self.serve(0.1, HOUR, HOUR + timedelta(hours=1)) as url:
            span = (url, milliseconds(START), milliseconds(END))
            bare = best(1, SDK, HERE / "peers/bare.py", *span)
            pages = int(requests.get(f"{url}/count", timeout=60).text)
            ours = best(1, *self.croct(url, concurrency=8))
            asked = int(requests.get(f"{url}/count", timeout=60).text)
            work = "all within an hour, 100 ms, concurrency 8"
            self.row(work, "best serial peer (requests + orjson)", (bare, ours), 4)
            self.most(f"{work}: requests", "pages", (pages, asked), 1.25)

    def all_vendors(self) -> None:
        """Together, and each on its own."""
        history = History(400, begin=START)
        with Store() as store, Sandbox(vendors(history, store), latency=0.05) as sandbox:
            start = datetime.now(UTC).replace(hour=0, minute=0) - timedelta(days=4)
            period = {"start_date": start.isoformat(), "concurrency": 4}
            each: dict[str, dict[str, Any]] = {
                "Dfinery": {
                    "dfinery_api_token": "sandbox-dfinery-token",
                    "dfinery_service_id": "sandbox",
                    "dfinery_api_url": sandbox.url,
                },
                "HappyTalk": {
                    "happytalk_token": "sandbox-happytalk-token",
                    "happytalk_api_url": sandbox.url,
                },
                "Croct": {
                    "croct_api_key": "sandbox-croct-key",
                    "croct_api_url": sandbox.url,
                    "croct_page_size": 20,
                },
                "Infobip": {
                    "infobip_api_key": "sandbox-infobip-key",
                    "infobip_api_url": sandbox.url,
                    "infobip_export_role_arn": "arn:aws:iam::000000000000:role/infobip-export",
                    **store.settings,
                },
                "Naver Cloud": {
                    "ncp_access_key": "sandbox-ncp-access-key",
                    "ncp_secret_key": "sandbox-ncp-secret-key",
                    "ncp_api_url": sandbox.url,
                    "ncp_page_size": 20,
                },
            }
            alone = {
                name: self.tap(self.config("alone", **period, **settings))
                for name, settings in each.items()
            }
            together = {key: value for one in each.values() for key, value in one.items()}
            ours = self.tap(self.config("together", **period, **together))
            slowest = max(alone, key=lambda name: alone[name])
            work = "all five vendors at once, 50 ms a request"
            self.most(work, f"the slowest alone ({slowest})", (alone[slowest], ours), 1.2)

    def dfinery(self, rows: int) -> None:
        path = self.folder / "day.csv"
        write_csv(path, rows)
        server = serve(path)
        url = f"http://127.0.0.1:{server.server_address[1]}"
        day = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"
        config = self.config(
            "dfinery",
            dfinery_api_token="token",  # noqa: S106 - of the benchmark
            dfinery_service_id="sandbox",
            dfinery_api_url=url,
            start_date=f"{day}T16:00:00Z",
            end_date=f"{day}T17:00:00Z",
        )
        ours = self.tap(config)
        plain = best(1, SDK, HERE / "peers/dfinery_sdk.py", url)
        server.shutdown()
        work = f"dfinery_events, {rows:,} rows of 47 columns"
        self.row(work, "csv.DictReader, plain SDK stream", (plain, ours), 8)

    def infobip(self, files: int, rows: int) -> None:
        with Store("benchmark-exports") as store:
            for file in range(files):
                times = (START + timedelta(milliseconds=file * rows + row) for row in range(rows))
                lines = (
                    '{"definitionId":"pageView","personId":"%d","externalPersonId":null,'
                    '"timestamp":"%s","properties":{"url":"/products/%d","price":9900}}'
                    % (row % 999, f"{time:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z", row)
                    for row, time in enumerate(times)
                )
                body = gzip.compress("\n".join(lines).encode(), 1)
                store.put(f"{UUID(int=1)}-events-{file:04}.json.gz", body)
            config = self.config(
                "files", infobip_mode="files", start_date=START.isoformat(), **store.settings
            )
            ours = self.tap(config)
            keys = (store.reader["aws_access_key_id"], store.reader["aws_secret_access_key"])
            peer = [SDK, HERE / "peers/infobip_sdk.py", store.url, store.bucket, *keys]
            plain = best(1, *peer)
            work = f"infobip_events, {files} files of {rows:,} rows"
            self.row(work, "gzip + json.loads, plain SDK stream", (plain, ours), 8)

    def memory(self) -> None:
        """A third of the events fills what may be read ahead, so that more need no more."""
        few, many, busy = self.events // 3, self._peak(self.events), 0.0
        self.most("peak MiB", f"{few:,} events", (self._peak(few), many), MEMORY_GROWTH)
        with ExitStack() as stack:
            for _ in range(2):
                beside = stack.enter_context(subprocess.Popen([PYTHON, "-c", BUSY]))  # noqa: S603
                stack.callback(beside.kill)
            busy = self._peak(self.events)
        self.most("peak MiB, two busy processes beside it", "alone", (many, busy), MEMORY_BUSY)
        self.most("peak MiB", "the mark", (MEMORY_MOST, max(many, busy)), 1)

    def _peak(self, events: int) -> float:
        command = [PYTHON, HERE / "croct_server.py", str(events)]
        with served([*command, milliseconds(START), milliseconds(END), "0"]) as url:
            return measure(*self.croct(url)).mebibytes

    def start(self) -> None:
        sdk = best(7, PYTHON, "-c", "import singer_sdk")
        self.most("--version", "import singer_sdk", (sdk, best(7, TAP, "--version")), 1.15)
        ours = best(7, *self.croct("http://127.0.0.1:1"), "--discover")
        self.most("--discover", "import singer_sdk", (sdk, ours), 1.15)

    def loaders(self) -> None:
        """Real loads: what the tap leaves of the time to the loader."""
        output = self.folder / "loaded"
        output.mkdir()
        self._load("target-jsonl", destination_path=str(output))
        if binaries := programs():
            with postgres(binaries) as server:
                self._load("target-postgres", **server.settings, default_target_schema="public")

    def _load(self, target: str, **settings: Any) -> None:
        """A load, and the same messages from a file: what the loader needs where none is behind."""
        config = self.config(target, **settings)
        command = [ROOT / f".venv-{target}/bin/{target}", "--config", config]
        messages = self.folder / "messages.jsonl"
        with self.serve(0) as url:
            tap = self.croct(url)
            with messages.open("wb") as file:
                subprocess.run(tap, stdout=file, stderr=subprocess.DEVNULL, check=True)  # noqa: S603
            with subprocess.Popen(  # noqa: S603
                tap, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as running:
                took, computed = _fed(command, running.stdout)
        with messages.open("rb") as file:
            alone, _ = _fed(command, file)
        self.row(f"tap | {target}: CPU of the target", "wall", (computed, took), 0.9)
        self.row(f"tap | {target}", "the target, fed from a file", (alone, took), 0.9)


def _fed(command: list[str | Path], messages: Any) -> tuple[float, float]:
    """Seconds that a loader takes, and those of them in which it computes."""
    began = time.perf_counter()
    loader = subprocess.Popen(  # noqa: S603
        command, stdin=messages, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(loader.pid, 0)
    loader.returncode = os.waitstatus_to_exitcode(status)
    if loader.returncode:
        raise SystemExit(f"{command[0]} ended with {loader.returncode}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__)
    parser.add_argument("--events", type=int, default=300_000, help="Croct events")
    parser.add_argument("--rows", type=int, default=1_000_000, help="Dfinery rows")
    parser.add_argument("--files", type=int, default=100, help="Infobip files of 50,000 rows")
    parser.add_argument("--runs", type=int, default=3, help="of the tap; the quickest counts")
    parser.add_argument("--hourly", type=int, default=500, help="events an hour, in hourly runs")
    parser.add_argument("--only-hourly", action="store_true", help="nothing but the hourly runs")
    options = parser.parse_args()
    subprocess.run([sys.executable, "-m", "compileall", "-q", "tap_eventexport"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        if not options.only_hourly:
            measure_all(Path(folder), options)
        hourly = Hourly(Path(folder), options.hourly, progress)
        hourly.measure(SDK, DLT)
    Console(width=140).print(hourly.table)


def measure_all(folder: Path, options: argparse.Namespace) -> None:
    """Measure and print all but the hourly runs."""
    benchmarks = Benchmarks(folder, options.events, options.runs)
    benchmarks.without_latency()
    benchmarks.with_latency()
    benchmarks.all_vendors()
    benchmarks.dfinery(options.rows)
    benchmarks.infobip(options.files, 50_000)
    benchmarks.memory()
    benchmarks.start()
    benchmarks.loaders()
    Console(width=140).print(benchmarks.table)


if __name__ == "__main__":
    main()
