"""An audit of many rows in PostgreSQL, beside one reading of the vendor by the tap alone.

Once all rows are there; then rows are missing on some days, whose keys must be fetched. Seconds of
CPU are those of the command with its tap, and of PostgreSQL.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
from croct_server import EVENT, METADATA

from tests.postgres import Postgres, postgres, programs

TAP, AUDIT = (Path(sys.executable).with_name(f"tap-eventexport{end}") for end in ("", "-audit"))
FIRST, DAYS = datetime(2026, 3, 1, tzinfo=UTC), 30
TABLE = """
create schema events;
create table events.croct_events (id text, "timestamp" timestamp, payload text);
insert into events.croct_events
select '924f6c8f-3b5b-47ea-b483-' || lpad(number::text, 12, '0'),
    timestamp '2026-03-01' + number * interval '{step} milliseconds', repeat('x', 300)
from generate_series(0, {events} - 1) as numbers (number);
alter table events.croct_events add primary key (id);
analyze events.croct_events;
"""
HARM = """
delete from events.croct_events
where extract(day from "timestamp") in (3, 11) and right(id, 2) = '07'
"""


def serve(events: int, step: int, latency: float) -> str:
    """Serve events every so many milliseconds, and return the address."""
    first = int(FIRST.timestamp() * 1000)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            time.sleep(latency)
            asked = parse_qs(urlsplit(self.path).query)
            start, end, size = (int(asked[name][0]) for name in ("start", "end", "pageSize"))
            most = min(-(-(end - first) // step), events)
            cursor = asked.get("cursor", [""])[0]
            begin = int(cursor) if cursor else max(-(-(start - first) // step), 0)
            stop = min(begin + size, most)
            items = ",".join(EVENT % (n, first + n * step, n, n) for n in range(begin, stop))
            following = str(stop) if stop < most else ""
            body = METADATA + f'{items}],"nextCursor":"{following}"}}'.encode()
            self.send_response_only(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def cpu_of(server: Postgres) -> float:
    """The seconds of CPU that a server has taken for queries that have ended."""
    asked = ["-p", str(server.port)]
    for process in psutil.process_iter(["name", "cmdline"]):
        command = process.info["cmdline"] or []
        if process.info["name"] == "postgres" and command[3:5] == asked:
            times = process.cpu_times()
            return float(times.children_user + times.children_system)
    raise SystemExit("PostgreSQL is not running")


def run(server: Postgres, *command: str | Path) -> str:
    """Run a command; its exit code, seconds, seconds of CPU, and the most MiB of all of it."""
    began, before, most = time.perf_counter(), cpu_of(server), 0
    with tempfile.TemporaryFile() as log:
        process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        while not (ended := os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)):
            try:
                every = [process, *process.children(recursive=True)]
                most = max(most, sum(each.memory_info().rss for each in every))
            except psutil.NoSuchProcess:
                pass
            time.sleep(0.1)
        _, _, used = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        if ended.si_status not in {0, 1}:
            log.seek(0)
            raise SystemExit(log.read().decode())
    own = used.ru_utime + used.ru_stime
    queries = cpu_of(server) - before
    return f"{ended.si_status:5}{took:10.1f}{own:10.1f}{queries:12.1f}{most / (1 << 20):8.0f}"


def measure(server: Postgres, folder: Path, events: int, latency: float) -> None:
    step = DAYS * 24 * 60 * 60 * 1000 // events
    end = FIRST + timedelta(days=DAYS)
    config = folder / "config.json"
    settings = {
        "croct_api_key": "a-key-of-the-benchmark",
        "croct_api_url": serve(events, step, latency),
        "start_date": FIRST.isoformat(),
        "end_date": end.isoformat(),
    }
    config.write_text(json.dumps(settings))
    server.ask(TABLE.format(events=events, step=step))
    span = ("--start", FIRST.isoformat(), "--end", end.isoformat(), "--schema", "events")
    address = f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
    command = (AUDIT, "--config", config, "--warehouse", address, *span)
    print(f"{'':24}{'exit':>5}{'seconds':>10}{'CPU':>10}{'PostgreSQL':>12}{'MiB':>8}")  # noqa: T201
    for name, what in (
        ("the tap alone", (TAP, "--config", config)),
        ("all is there", command),
        ("two days differ", command),
    ):
        if "differ" in name:
            server.ask(HARM)
        print(f"{name:24}{run(server, *what)}", flush=True)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds of each answer")
    options = parser.parse_args()
    binaries = programs()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    with postgres(binaries) as server, tempfile.TemporaryDirectory() as folder:
        measure(server, Path(folder), options.events, options.latency)


if __name__ == "__main__":
    main()
