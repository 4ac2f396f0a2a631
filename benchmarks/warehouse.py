"""Loads the same events with several loaders, from the vendor to committed rows, and compares."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from dfinery_server import serve, write_csv
from measure import MEASURED, served
from rich.console import Console
from rich.table import Table

from tests.postgres import Postgres, postgres, programs

HERE = Path(__file__).parent
ROOT = HERE.parent
PYTHON = ROOT / ".venv/bin/python"
TAP = ROOT / ".venv/bin/tap-eventexport"
TARGET = ROOT / ".venv/bin/target-eventexport"
PEER = ROOT / ".venv-target-postgres/bin/target-postgres"
DLT = ROOT / ".venv-benchmarks-dlt-load/bin/python"
MELTANO = ROOT / ".venv-meltano/bin/meltano"
START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=30)
MEMORY_MOST = 250  # MiB

progress = Console(stderr=True)


def milliseconds(instant: datetime) -> str:
    return str(int(instant.timestamp() * 1000))


class Warehouse:
    """All rows of the table.

    Args:
        folder: For configurations, and for files.
        server: A PostgreSQL.
        events: How many Croct events there are.
        runs: How often the own loader is run; the quickest counts.
    """

    def __init__(self, folder: Path, server: Postgres, events: int, runs: int) -> None:
        self.folder = folder
        self.server = server
        self.address = f"postgresql://postgres:any@127.0.0.1:{server.port}/postgres"
        self.events = events
        self.runs = runs
        self.memory = 0.0
        self.table = Table("work", "beside", "beside/s", "own/s", "ratio", "mark", "")

    def row(self, work: str, peer: str, theirs: float, own: float, mark: float) -> None:
        """Rates: how many times as many records a second the own loader takes."""
        cells = (work, peer, f"{theirs:,.0f}", f"{own:,.0f}", f"{own / theirs:.2f} x", f"≥ {mark}")
        self.table.add_row(*cells, "" if own / theirs >= mark else "missed")
        progress.print("  ".join(cells))

    def config(self, name: str, **settings: Any) -> Path:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(settings))
        return path

    def pipe(self, tap: list[Any], loader: list[Any]) -> float:
        """Run a pipe; returns its seconds, and keeps the loader's greatest memory."""
        began = time.perf_counter()
        with subprocess.Popen(tap, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source:
            measured = subprocess.run(
                [sys.executable, "-c", MEASURED, *loader],
                stdin=source.stdout,
                capture_output=True,
                text=True,
                check=True,
            )
        code, _, kibibytes = measured.stdout.split()
        if source.returncode or code != "0":
            raise SystemExit(f"{loader} ended with {source.returncode}, {code}")
        if loader[0] == TARGET:
            self.memory = max(self.memory, int(kibibytes) / 1024)
        return time.perf_counter() - began

    def run(self, command: list[Any], **options: Any) -> float:
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
        if done.returncode:
            raise SystemExit(f"{command} ended with {done.returncode}: {done.stderr[-2000:]}")
        return time.perf_counter() - began

    def ask(self, query: str) -> list[Any]:
        with psycopg.connect(self.address) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def drop(self, schema: str) -> None:
        self.ask(f"DROP SCHEMA IF EXISTS {schema} CASCADE")

    def own(self, destination: str, schema: str, tap: list[Any], records: int) -> float:
        """The rate of the own loader into an empty place: the best of some runs."""
        rates = []
        for _ in range(self.runs):
            if destination.startswith("postgresql"):
                self.drop(schema)
            else:
                self.clear(destination)
            config = self.config("own", destination=destination, schema=schema)
            rates.append(records / self.pipe(tap, [TARGET, "--config", config]))
        return max(rates)

    def clear(self, destination: str) -> None:
        path = Path(destination.partition(":///")[2])
        shutil.rmtree(path, ignore_errors=True)
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink(missing_ok=True)

    # Croct

    def croct(self, url: str) -> list[Any]:
        config = self.config(
            "tap",
            croct_api_key="a-key-of-the-benchmark",
            croct_api_url=url,
            start_date=START.isoformat(),
            end_date=END.isoformat(),
        )
        return [TAP, "--config", config]

    def peer(self, schema: str, tap: list[Any], records: int, **more: Any) -> float:
        config = self.config("peer", **self.server.settings, default_target_schema=schema, **more)
        self.drop(schema)
        return records / self.pipe(tap, [PEER, "--config", config])

    def postgres(self, url: str, tap: list[Any]) -> None:
        n = self.events
        own = self.own(self.address, "own", tap, n)
        size = self.ask("SELECT pg_total_relation_size('own.croct_events')")[0][0]
        config = self.config("own", destination=self.address, schema="own")
        again = n / min(self.pipe(tap, [TARGET, "--config", config]) for _ in range(self.runs))
        after = self.ask("SELECT pg_total_relation_size('own.croct_events')")[0][0]
        work = "croct_events to PostgreSQL"
        self.row(f"{work}, again", "into the empty table", own, again, 1)
        self.row(f"{work}, again: bytes of the table", "after the first time", after, size, 0.99)
        default = self.peer("peer", tap, n)
        self.compare("peer", "croct_events")
        self.row(work, "target-postgres, defaults", default, own, 10)
        best = {"use_copy": True, "validate_records": False, "batch_size_rows": 50_000}
        self.row(work, "target-postgres, best settings", self.peer("peer", tap, n, **best), own, 3)
        self.compare("peer", "croct_events")
        span = (url, milliseconds(START), milliseconds(END))
        command = [DLT, HERE / "peers/croct_dlt_load.py", *span, self.folder / "dlt"]
        dlt = n / self.run([*command, "postgres", self.address])
        self.row(work, "dlt, merge", dlt, own, 3.5)
        self.meltano(tap, own)

    def compare(self, schema: str, table: str) -> None:
        """End with an error unless a peer's table has the same values, column by column."""
        peers = {_letters(name): (name, type_) for name, type_ in self.columns(schema, table)}
        for column, _ in self.columns("own", table):
            peer, type_ = peers[_letters(column)]
            utc = " AT TIME ZONE 'UTC'" if type_ == "timestamp without time zone" else ""
            digests = [
                self.ask(
                    f"SELECT count({name}), sum(hashtext({name})::bigint) FROM (SELECT "
                    f"nullif(({name}{cast})::text, 'null') AS {name} "  # JSON's null is one, too
                    f'FROM {where}."{table}") AS texts'
                )
                for where, name, cast in (
                    ("own", f'"{column}"', ""),
                    (schema, f'"{peer}"', utc),
                )
            ]
            if digests[0] != digests[1]:
                raise SystemExit(f"{schema}.{table}.{column} has other values: {digests}")

    def columns(self, schema: str, table: str) -> list[Any]:
        return self.ask(
            "SELECT column_name, data_type FROM information_schema.columns "
            f"WHERE table_schema = '{schema}' AND table_name = '{table}'"
        )

    def meltano(self, tap: list[Any], plain: float) -> None:
        """The same through `meltano run`."""
        project = self.folder / "meltano"
        project.mkdir()
        settings = json.loads(Path(tap[2]).read_text())
        self.drop("own")
        plugins = {
            "extractors": [
                {
                    "name": "tap-eventexport",
                    "namespace": "tap_eventexport",
                    "executable": str(TAP),
                    "capabilities": ["catalog", "discover", "state"],
                    "settings": [{"name": name} for name in settings],
                    "config": settings,
                    "select": ["croct_events.*"],
                }
            ],
            "loaders": [
                {
                    "name": "target-eventexport",
                    "namespace": "target_eventexport",
                    "executable": str(TARGET),
                    "settings": [{"name": "destination"}, {"name": "schema"}],
                    "config": {"destination": self.address, "schema": "own"},
                }
            ],
        }
        # JSON is YAML, too
        (project / "meltano.yml").write_text(
            json.dumps(
                {
                    "send_anonymous_usage_stats": False,
                    "default_environment": "dev",
                    "environments": [{"name": "dev"}],
                    "plugins": plugins,
                }
            )
        )
        command = [MELTANO, "run", "--force", "tap-eventexport", "target-eventexport"]
        seconds = self.run(command, cwd=project)
        self.row("the same through meltano run", "plain pipe", plain, self.events / seconds, 0.6)

    def files(self, url: str, tap: list[Any], alone: float) -> None:
        n = self.events
        path = self.folder / "events.duckdb"
        own = self.own(f"duckdb:///{path}", "main", tap, n)
        with duckdb.connect(str(path), read_only=True) as database:
            ((rows,),) = database.execute("SELECT count(DISTINCT id) FROM croct_events").fetchall()
        if rows != n:
            raise SystemExit(f"DuckDB has {rows} events")
        self.row("croct_events to DuckDB", "the tap alone", alone, own, 0.4)
        span = (url, milliseconds(START), milliseconds(END))
        command = [DLT, HERE / "peers/croct_dlt_load.py", *span, self.folder / "dlt-duckdb"]
        dlt = n / self.run([*command, "duckdb", str(self.folder / "dlt.duckdb")])
        self.row("croct_events to DuckDB", "dlt, merge", dlt, own, 3)
        own = self.own(f"parquet:///{self.folder}/parquet", "", tap, n)
        self.row("croct_events to Parquet", "the tap alone", alone, own, 0.4)

    # Dfinery

    def dfinery(self, rows: int, peer_rows: int) -> None:
        rates = []
        for number in (rows, peer_rows):
            path = self.folder / "day.csv"
            write_csv(path, number)
            server = serve(path)
            day = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"
            config = self.config(
                "dfinery",
                dfinery_api_token="token",
                dfinery_service_id="sandbox",
                dfinery_api_url=f"http://127.0.0.1:{server.server_address[1]}",
                start_date=f"{day}T16:00:00Z",
                end_date=f"{day}T17:00:00Z",
            )
            tap = [TAP, "--config", config]
            if number == rows:
                rates.append(self.own(self.address, "own", tap, number))
            else:
                rates.append(self.peer("peer", tap, number))
            server.shutdown()
        work = f"dfinery_events, {rows:,} rows of 47 columns"
        self.row(work, f"target-postgres, defaults, {peer_rows:,} rows", rates[1], rates[0], 6)


def _letters(name: str) -> str:
    """A column's name without what loaders change in names."""
    return name.replace("_", "").lower()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks/warehouse", description=__doc__)
    parser.add_argument("--events", type=int, default=300_000, help="Croct events")
    parser.add_argument("--rows", type=int, default=1_000_000, help="Dfinery rows")
    parser.add_argument("--peer-rows", type=int, default=50_000, help="Dfinery rows of the peer")
    parser.add_argument("--runs", type=int, default=3, help="of the own loader; the best counts")
    options = parser.parse_args()
    binaries = programs()
    if binaries is None:
        raise SystemExit("PostgreSQL isn't installed: apt-get install postgresql")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(postgres(binaries))
        warehouse = Warehouse(folder, server, options.events, options.runs)
        times = (milliseconds(START), milliseconds(END))
        command = [PYTHON, HERE / "croct_server.py", str(options.events), *times, "0"]
        with served(command) as url:
            tap = warehouse.croct(url)
            alone = min(warehouse.run(tap) for _ in range(options.runs))
            warehouse.files(url, tap, options.events / alone)
            warehouse.postgres(url, tap)
        warehouse.dfinery(options.rows, options.peer_rows)
        progress.print(f"The loader's greatest memory: {warehouse.memory:.0f} MiB")
        Console(width=140).print(warehouse.table)


if __name__ == "__main__":
    main()
