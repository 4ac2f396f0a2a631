"""What arrives with each loader: the sandbox's events, and every value compared with what was sent.

The tap reads all vendors once. Each loader gets these lines, and what it stored is tallied column
by column: rows, values that aren't null, and a digest of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import yaml
from rich.console import Console

from tap_eventexport.sandbox.store import REGION, Store
from tests.postgres import Postgres, postgres, programs
from tests.trust.world import World
from tests.values import Emitted, Table, differences, emitted, keyed, parsed, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    Rows = Iterable[Mapping[str, Any]]

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/loaders.md"
BEGIN, END = "<!-- values: made by benchmarks/loaders -->\n", "<!-- /values -->\n"
SCHEMA = "events"
SEOUL = "Asia/Seoul"
SHOWN = 8  # of the columns that differ
PARQUET = {"format": {"format_type": "parquet", "format_parquet": {}}, "compression": "none"}
FLATTENED = {"flattening_enabled": True, "flattening_max_depth": 1}
TYPES = {"visits": "integer", "is_member": "boolean", "tags": "array"}

console = Console(stderr=True, soft_wrap=True)


def in_postgres(server: Postgres, stream: str) -> Rows:
    """The rows of a table."""
    found = server.ask(f"select to_jsonb(t) from {SCHEMA}.{stream} t")  # noqa: S608
    return [parsed(row) for (row,) in found]


def in_duckdb(folder: Path, stream: str) -> Rows:
    with duckdb.connect(str(folder / "loaded.duckdb"), read_only=True) as connection:
        query = f"select to_json(t) from {SCHEMA}.{stream} t"  # noqa: S608
        found = connection.execute(query).fetchall()
    return [parsed(row) for (row,) in found]


def in_lines(folder: Path, stream: str) -> Rows:
    return map(parsed, (folder / f"{stream}.jsonl").read_text().splitlines())


def in_parquet(folder: Path, stream: str) -> Rows:
    """The rows of the files of a stream, in the order in which they were written."""
    files = sorted(folder.glob(f"loaded/{stream}/**/*.parquet"))
    rows = duckdb.sql(
        f"select to_json(t) from read_parquet({[str(file) for file in files]}, "  # noqa: S608
        "union_by_name = true) t"
    ).fetchall()
    return [parsed(row) for (row,) in rows]


def in_bucket(store: Store, stream: str) -> Rows:
    """The rows of the files of a stream, in Parquet or as JSON lines."""
    s3 = store.client("s3", store.owner)
    found = s3.list_objects_v2(Bucket=store.bucket, Prefix=f"loaded/{stream}/").get("Contents", ())
    for key in (each["Key"] for each in found):
        body = s3.get_object(Bucket=store.bucket, Key=key)["Body"].read()
        if key.endswith(".jsonl"):
            yield from map(parsed, body.splitlines())
            continue
        with tempfile.NamedTemporaryFile() as file:
            file.write(body)
            file.flush()
            rows = duckdb.sql(f"select to_json(t) from read_parquet('{file.name}') t").fetchall()  # noqa: S608
            yield from (parsed(row) for (row,) in rows)


@contextmanager
def a_folder(folder: Path) -> Iterator[tuple[dict[str, Any], Any]]:
    """Files in the loader's own folder."""
    yield {}, folder


def a_server(zone: str) -> Callable[[Path], AbstractContextManager[tuple[dict[str, Any], Any]]]:
    """A PostgreSQL with a time zone."""

    @contextmanager
    def started(_: Path) -> Iterator[tuple[dict[str, Any], Any]]:
        binaries = programs()
        if binaries is None:
            raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
        with postgres(binaries, zone) as server:
            to = server.settings
            address = f"postgresql://{to['user']}:{to['password']}@{to['host']}:{to['port']}/"
            names = {"default_target_schema": SCHEMA, "schema": SCHEMA, "dbname": to["database"]}
            yield {**to, **names, "destination": f"{address}{to['database']}"}, server

    return started


@contextmanager
def a_bucket(_: Path) -> Iterator[tuple[dict[str, Any], Any]]:
    """An S3, with the settings of target-s3."""
    with Store() as store:
        aws = {"aws_region": REGION, "aws_bucket": store.bucket, **store.owner}
        provider = {
            "cloud_provider_type": "aws",
            "aws": {**aws, "aws_endpoint_override": store.url},
        }
        yield {"cloud_provider": provider, "prefix": "loaded"}, store


@dataclass(frozen=True, slots=True)
class Loader:
    """A loader, its settings, and how to read what it stored.

    Attributes:
        name: What it is called in the table.
        command: Its command.
        stored: Reads the rows of a stream from where it stores.
        settings: Its settings; {folder} stands for its own folder.
        place: Where it stores: its settings for that, and what `stored` reads from.
        tap: Settings of the tap for it.
    """

    name: str
    command: str
    stored: Callable[[Any, str], Rows]
    settings: Mapping[str, Any] = field(default_factory=dict)
    place: Callable[[Path], AbstractContextManager[tuple[dict[str, Any], Any]]] = a_folder
    tap: Mapping[str, Any] = field(default_factory=dict)


def of_meltano(loader: str) -> dict[str, Any]:
    """The settings that this project's meltano.yml has for a loader."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())
    loaders = {each["name"]: each["settings"] for each in project["plugins"]["loaders"]}
    return {each["name"]: each["value"] for each in loaders[loader] if "value" in each}


POSTGRES = ".venv-target-postgres/bin/target-postgres"
S3 = ".venv-loaders-s3/bin/target-s3"
OWN = ".venv/bin/target-eventexport"
LOADERS = (
    Loader("`target-eventexport`, PostgreSQL", OWN, in_postgres, place=a_server(SEOUL)),
    Loader(
        "`target-eventexport`, DuckDB",
        OWN,
        in_duckdb,
        {"destination": "duckdb:///{folder}/loaded.duckdb", "schema": SCHEMA},
    ),
    Loader(
        "`target-eventexport`, Parquet",
        OWN,
        in_parquet,
        {"destination": "parquet:///{folder}/loaded"},
    ),
    Loader(
        "`target-jsonl` 0.1.4",
        ".venv-target-jsonl/bin/target-jsonl",
        in_lines,
        {"destination_path": "{folder}", "do_timestamp_file": False},
    ),
    Loader(
        "`target-postgres` 0.8.1, as `meltano.yml` sets it; server in Asia/Seoul",
        POSTGRES,
        in_postgres,
        of_meltano("target-postgres"),
        a_server(SEOUL),
    ),
    Loader(
        "`target-postgres` 0.8.1, its defaults; server in UTC",
        POSTGRES,
        in_postgres,
        place=a_server("UTC"),
    ),
    Loader(
        "`target-postgres` 0.8.1, its defaults; server in Asia/Seoul",
        POSTGRES,
        in_postgres,
        place=a_server(SEOUL),
    ),
    Loader(
        "`pipelinewise-target-postgres` 2.1.2",
        ".venv-loaders-pipelinewise/bin/target-postgres",
        in_postgres,
        place=a_server(SEOUL),
    ),
    Loader(
        "`target-duckdb` 0.8.0",
        ".venv-loaders-duckdb/bin/target-duckdb",
        in_duckdb,
        {"path": "{folder}/loaded.duckdb", "default_target_schema": SCHEMA},
    ),
    Loader(
        "`target-s3` 0.1.7 (plinxore), JSON lines",
        S3,
        in_bucket,
        {"format": {"format_type": "jsonl", "format_json": {}}, "compression": "none"},
        a_bucket,
    ),
    Loader("`target-s3` 0.1.7 (plinxore), Parquet", S3, in_bucket, PARQUET, a_bucket),
    Loader(
        "`target-s3` 0.1.7 (plinxore), Parquet, flattened by itself",
        S3,
        in_bucket,
        {**PARQUET, **FLATTENED},
        a_bucket,
    ),
    Loader(
        "`target-s3` 0.1.7 (plinxore), Parquet, flattened by the tap",
        S3,
        in_bucket,
        PARQUET,
        a_bucket,
        FLATTENED,
    ),
)


@dataclass(slots=True)
class Found:
    """What a loader stored.

    Attributes:
        rows, values: How many.
        changed: A line for each column that has other values, in the rows that are there.
        failure: Why it stopped; empty if it ended well.
    """

    rows: int = 0
    values: int = 0
    changed: list[str] = field(default_factory=list)
    failure: str = ""

    def count(self, stored: Table) -> None:
        self.rows += stored.rows
        self.values += sum(column.values for column in stored.columns.values())


def events(per_day: int, **settings: Any) -> list[str]:
    """What the tap says of two days of all vendors."""
    with (
        Store() as store,
        tempfile.TemporaryDirectory() as folder,
        World(store, "loaders/", per_day).running() as world,
    ):
        done = world.tap(Path(folder), dfinery_property_types=TYPES, **settings).run()
    if done.code:
        raise SystemExit(done.log)
    return done.lines


def load(loader: Loader, lines: list[str], streams: Mapping[str, Emitted]) -> Found:
    """Load lines, and compare what is stored with them."""
    with (
        tempfile.TemporaryDirectory() as folder,
        loader.place(Path(folder)) as (place, store),
    ):
        settings = json.dumps({**loader.settings, **place}).replace("{folder}", folder)
        config = Path(folder, "config.json")
        config.write_text(settings)
        done = subprocess.run(  # noqa: S603
            [ROOT / loader.command, "--config", config],
            input="\n".join([*lines, ""]),
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        found = Found()
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            found.failure = last.rpartition("|")[2].strip()
        for name, stream in streams.items():
            try:
                rows = keyed(stream, [_named(row, stream) for row in loader.stored(store, name)])
            except (OSError, RuntimeError, duckdb.Error) as error:
                rows = {}
                console.print(f"{loader.name}: {name} can't be read: {error}", markup=False)
            stored = table(stream, rows.values())
            expected = table(stream, [stream.records[key] for key in rows])
            found.count(stored)
            found.changed += differences(name, stored, expected)
    return found


def _named(row: Mapping[str, Any], stream: Emitted) -> dict[str, Any]:
    """Return a row with the stream's own names, which some loaders write in lower case."""
    names = {name.lower(): name for name in stream.schema["properties"]}
    return {names.get(name.lower(), name): value for name, value in row.items()}


def table_of(results: Mapping[str, Found]) -> Iterator[str]:
    """The lines of the page's table; the first of the results is what was sent."""
    yield "| loader | rows | values | columns with other values |\n|---|---|---|---|\n"
    for name, found in results.items():
        columns = Counter(line.partition(":")[0] for line in found.changed if "." in line)
        names = [f"`{column}`" for column in columns]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        told = ", ".join(names[:SHOWN]) + more or "none"
        failure = f"; **it stopped**: `{found.failure}`" if found.failure else ""
        yield f"| {name} | {found.rows:,} | {found.values:,} | {told}{failure} |\n"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--per-day", type=int, default=500, help="events of each stream")
    arguments.add_argument("--only", default="", help="loaders whose name has this")
    arguments.add_argument("--write", action="store_true", help="write the table into the page")
    chosen = arguments.parse_args()
    lines = {
        is_flat: events(chosen.per_day, **(FLATTENED if is_flat else {}))
        for is_flat in (False, True)
    }
    streams = emitted(lines[False])
    sent = Found()
    for stream in streams.values():
        sent.count(table(stream, stream.records.values()))
    results = {"*what was sent*": sent}
    for loader in LOADERS:
        if chosen.only in loader.name:
            results[loader.name] = load(loader, lines[bool(loader.tap)], streams)
            for line in results[loader.name].changed:
                console.print(f"{loader.name}: {line}", markup=False)
    made = "".join(table_of(results))
    print(made, end="")  # noqa: T201
    if chosen.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(before + BEGIN + "\n" + made + "\n" + END + after)


if __name__ == "__main__":
    main()
