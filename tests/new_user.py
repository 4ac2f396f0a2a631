"""A new user, who clones this repository and types what the documents say, in their order.

What the documents call vendors is the sandbox. All else is real: Meltano, pipx, the loaders,
PostgreSQL, DuckDB. After each load the rows in the store are counted against what the vendors have.
Each command must succeed; one that loads is counted, whatever its settings are.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tap_eventexport.sandbox.command import settings, vendors
from tap_eventexport.sandbox.history import Chapters, History
from tap_eventexport.sandbox.server import Sandbox
from tap_eventexport.sandbox.store import Store
from tests.documents import Block, blocks
from tests.postgres import USER, Postgres, postgres, programs
from tests.trust.world import KEYS as ALL_KEYS
from tests.trust.world import PERSONAL, TABLES, TIMES

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "docs/install.md", "docs/trust.md", "docs/recipes.md", "docs/dbt.md")
CLONE, PROJECT = "tap-eventexport", "my-project"
SCHEMA = "events"

DAY = timedelta(days=1)
DAYS = 3  # from start_date until now
BEGIN = datetime(2024, 12, 1, tzinfo=UTC)  # before the earliest backfill in the documents
PER_DAY = 50
LIVE_PER_DAY = 2 * 24 * 60 * 60  # two events a second while the user types
SHORTLY = timedelta(seconds=2)  # of the time before a run, some vendors leave out the last second
SHOWN = 68  # characters of a command, at most
LONGEST = 900.0  # seconds, for one command

KEYS = {stream: key for stream, key in ALL_KEYS.items() if stream not in TABLES | PERSONAL}
KEPT = {"dfinery_events": 30 * DAY, "infobip_events": 364 * DAY}
DFINERYS_ZONE = ZoneInfo("Asia/Seoul")
VENDORS = ("Dfinery", "HappyTalk", "Croct", "Infobip", "Naver Cloud")

LOAD = re.compile(
    r"meltano (run|el) (--\S+ )?tap-\S+ target-|tap-eventexport .*\| (\.venv/bin/)?target-"
)

# What a command must say, by its beginning.
SAID = {
    ".venv/bin/tap-eventexport --config=ENV --test": [f"{name}: connection OK" for name in VENDORS],
    "meltano state list": ["dev:tap-eventexport-to-target-jsonl"],
    "meltano state get": ["replication_key_value"],
}
HIDES = "config['hash_seed']"  # a stream map that is tried
# Blocks that are no commands, by their beginning, and why there is nothing to do with them.
ONLY_READ = {
    " vendor's API ──▶": "a drawing",
    '{"bookmarks": {"croct_events"': "what STATE looks like",
    '{"croct_users": {"email"': "run by tests/vendors/test_croct_users.py",
    "      metadata:": "a part of meltano.yml",
    "create view croct_events_once": "run by tests/test_recipes.py",
    "packages:": "run by tests/dbt/test_package.py",
    "vars:": "parts of a dbt_project.yml",
    "flowchart LR": "a drawing",
}

console = Console(width=None if sys.stdout.isatty() else 160)


class Failure(Exception):  # noqa: N818 - it is what the user sees
    """Something isn't as the documents say."""


class Rows(Protocol):
    """Counts the rows of a stream in a store, each key once, of [start, end)."""

    def __call__(self, stream: str, start: datetime, end: datetime) -> int: ...


def in_files(folder: Path, stream: str, start: datetime, end: datetime) -> int:
    """The rows in what target-jsonl wrote into a folder."""
    keys = set()
    for file in folder.glob(f"{stream}*.jsonl"):
        for record in map(json.loads, file.read_text().splitlines()):
            if start <= datetime.fromisoformat(record[TIMES[stream]]) < end:
                keys.add(record[KEYS[stream]])
    return len(keys)


def tables_in(file: Path) -> set[str]:
    """The names of the tables in a DuckDB file; none if it isn't there."""
    if not file.exists():
        return set()
    with duckdb.connect(str(file), read_only=True) as database:
        query = "select table_name from duckdb_tables()"
        return {name for (name,) in database.execute(query).fetchall()}


def in_duckdb(file: Path, stream: str, start: datetime, end: datetime) -> int:
    """The rows in a DuckDB file, where a key that stands twice is not counted once."""
    if stream not in tables_in(file):
        return 0
    with duckdb.connect(str(file), read_only=True) as database:
        query = (
            f'select count(*) from {stream} where "{TIMES[stream]}" >= ? and "{TIMES[stream]}" < ?'
        )
        ((rows,),) = database.execute(query, [start, end]).fetchall()
    return int(rows)


def in_tables(server: Postgres, schema: str, stream: str, start: datetime, end: datetime) -> int:
    """The rows in PostgreSQL, where a key that stands twice is not counted once."""
    if server.ask(f"select to_regclass('{schema}.{stream}')") == [[""]]:
        return 0
    bounds = (f"'{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}'" for instant in (start, end))
    time_of = f'"{TIMES[stream]}"'
    ((rows,),) = server.ask(
        f"select count(*) from {schema}.{stream} "
        f"where {time_of} >= {next(bounds)} and {time_of} < {next(bounds)}"
    )
    return int(rows)


def ask_duckdb(file: Path, query: str) -> list[list[str]]:
    """The rows of a query to a DuckDB file, as texts."""
    with duckdb.connect(str(file), read_only=True) as database:
        return [list(map(str, row)) for row in database.execute(query).fetchall()]


def lines_in(folder: Path) -> int:
    """How many lines target-jsonl has written into a folder."""
    return sum(file.read_bytes().count(b"\n") for file in folder.glob("*_*.jsonl"))


def given(command: str) -> dict[str, str]:
    """The variables that stand before a command."""
    return dict(re.findall(r"(\b[A-Z_]+)=(\S+) ", command))


def instant(text: str) -> datetime:
    """An instant of a setting; UTC where it doesn't say."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must be in a store after a load."""

    streams: tuple[str, ...]
    start: datetime
    end: datetime
    settle: timedelta

    @classmethod
    def by(cls, command: str, start: datetime) -> Wanted:
        """What a command wants that is run now, where .env has a `start_date`."""
        variables = given(command)
        settle = timedelta(minutes=int(variables.get("TAP_EVENTEXPORT_SETTLE_MINUTES", 0)))
        end = datetime.now(UTC).replace(microsecond=0) - settle - SHORTLY
        return cls(
            ("croct_events",) if "--second" in command else tuple(KEYS),
            instant(variables.get("TAP_EVENTEXPORT_START_DATE", start.isoformat())),
            instant(variables.get("TAP_EVENTEXPORT_END_DATE", end.isoformat())),
            settle,
        )

    def until(self, stream: str) -> datetime | None:
        """Until when a stream must be there; None if its vendor doesn't keep events for so long."""
        if stream in KEPT and self.start < datetime.now(UTC) - KEPT[stream]:
            return None
        if self.settle and stream == "dfinery_events":  # days, when they are over
            midnight = self.end.astimezone(DFINERYS_ZONE).replace(hour=0, minute=0, second=0)
            return midnight.astimezone(UTC)
        return self.end


@dataclass
class User:
    """Somebody at a shell.

    Attributes:
        home: Where they have begun.
        folder: Where they are.
        sandbox: The vendors.
        server: Their PostgreSQL.
        start: The `start_date` that they have chosen.
        environment: What their shell has set.
        filled: The lines of their .env.
        names: What they write in place of names that stand in the documents for their own.
        steps: What they did, for how long, and what was seen.
    """

    home: Path
    folder: Path
    sandbox: Sandbox
    server: Postgres
    start: datetime
    environment: dict[str, str]
    filled: dict[str, str]
    names: dict[str, str]
    log: Path
    steps: list[tuple[str, str, float, str]] = field(default_factory=list)
    typed: set[str] = field(default_factory=set)
    written: dict[Path, int] = field(default_factory=dict)

    def follow(self, document: str) -> None:
        """Do what a document says, in the clone if it is there."""
        if (clone := self.home / CLONE).exists():
            self.folder = clone
        for block in blocks(ROOT / document):
            for command in block.commands():
                self.do(document, command)
            if block.language not in {"sh", "crontab"}:
                self.heed(document, block)

    def heed(self, document: str, block: Block) -> None:
        """Do what is to be done with a block that is no command."""
        is_read = block.text.startswith(tuple(ONLY_READ))
        if block.language == "json" and HIDES in block.text and not is_read:
            self.do(
                document,
                f"TAP_EVENTEXPORT_STREAM_MAPS={shlex.quote(block.text.strip())} "
                'TAP_EVENTEXPORT_STREAM_MAP_CONFIG=\'{"hash_seed": "any"}\' '
                "TARGET_JSONL_DESTINATION_PATH=hidden "
                "meltano el tap-eventexport target-jsonl --state-id=hidden",
            )
            self.step(document, "look for personal data", self.look_for_personal_data)
        elif not is_read:
            raise Failure(f"{document} has a block that is neither run nor listed: {block.text}")

    def do(self, document: str, command: str) -> None:
        """Type a command, and look at what it did."""
        for name, own in self.names.items():
            command = command.replace(name, own)
        if f"cd ../{PROJECT} " in command:
            words = f"have a Meltano project {PROJECT}"
            self.step(document, words, lambda: self.type(f"meltano init ../{PROJECT}") and "")
        self.step(document, command, partial(self.type_and_look, command))
        if ".secrets.example" in command:
            self.step(document, "fill in .env", self.fill_in)
        if command.startswith("meltano add") and "--inherit-from" in command:
            self.step(document, "fill in .env", self.fill_in_second)
        self.typed.add(command)

    def step(self, document: str, words: str, act: Callable[[], str]) -> None:
        """Do something, and note what was seen."""
        console.print(f"[dim]{document}[/] $ {escape(words)}")
        began = time.monotonic()
        seen = "[red]failed"
        try:
            seen = act()
        finally:
            self.steps.append((document, words, time.monotonic() - began, seen))

    def type(self, command: str) -> str:
        """Let a shell run a command, which must succeed; what it says."""
        place = self.log.with_name("place")
        with self.log.open("a+") as log:
            log.write(f"\n$ {command}\n")
            log.flush()
            begin = log.tell()
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", f"trap 'pwd >{place}' EXIT\n{command}"],  # noqa: S607
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                timeout=LONGEST,
            )
            log.seek(begin)
            said = log.read()
        self.folder = Path(place.read_text().strip())
        if done.returncode:
            raise Failure(f"It ended with {done.returncode}, after this:\n{said[-3000:]}")
        return said

    def type_and_look(self, command: str) -> str:
        """Run a command; what was seen of what it did."""
        if LOAD.search(command):
            return self.load(command)
        said = self.type(command)
        for beginning, wanted in SAID.items():
            if command.startswith(beginning) and not all(words in said for words in wanted):
                raise Failure(f"It should say {wanted}, but said:\n{said[-3000:]}")
        if command.startswith("meltano state clear"):
            return self.start_anew()
        if "_jsonl_folder" in command:
            return self.look_at_files()
        return ""

    def load(self, command: str) -> str:
        """Run a load; its rows in the store must be those that the vendors have."""
        folder = self.folder / given(command).get("TARGET_JSONL_DESTINATION_PATH", "output")
        if "| target-jsonl" in command:
            folder = self.folder
        rows: Rows = partial(in_files, folder)
        if "target-postgres" in command:
            rows = partial(in_tables, self.server, SCHEMA)
        if "target-eventexport" in command:
            rows = partial(in_duckdb, folder / "events.duckdb")
        if "=postgresql:" in command:
            rows = partial(in_tables, self.server, "public")
        wanted = Wanted.by(command, self.start)
        lines = lines_in(folder)
        self.type(command)
        found = self.compare(wanted, rows)
        if personal := PERSONAL & tables_in(folder / "events.duckdb"):
            raise Failure(f"{personal} were loaded, which nobody has selected")
        added, before = lines_in(folder) - lines, self.written.get(folder, 0)
        self.written[folder] = added
        if command.endswith("dbt:build"):
            return f"{found:,} rows, {self.look_at_marts(command)}"
        is_first = command not in self.typed and " --state " not in command
        if is_first or "target-eventexport" in command:
            return f"{found:,} rows, as the vendors have"
        if not 0 < added < before:
            raise Failure(f"{added} lines were added, {before} before: not only what is new")
        return f"{found:,} rows, as the vendors have; {added:,} lines of them now"

    def compare(self, wanted: Wanted, rows: Rows) -> int:
        """Compare what is in a store with what the vendors have; how many rows that is."""
        found = 0
        for stream in KEYS:
            until = wanted.until(stream)
            if until is None:
                continue
            held, had = rows(stream, wanted.start, until), 0
            if stream in wanted.streams:
                had = self.count(stream, wanted.start, until)
            if held != had:
                raise Failure(
                    f"{stream}: {had} were wanted of {wanted.start} to {until}, found {held}"
                )
            if rows(stream, datetime.now(UTC) - wanted.settle, datetime.now(UTC) + DAY):
                raise Failure(f"{stream}: there are rows that are too young")
            found += held
        if not found:
            raise Failure("Nothing was loaded")
        return found

    def count(self, stream: str, start: datetime, end: datetime) -> int:
        """How many events of a stream its vendor has."""
        told = [vendor.truth(stream, start, end) for vendor in self.sandbox.vendors]
        return sum(len(keys) for keys in told if keys is not None)

    def fill_in(self) -> str:
        """Write the settings into .env, each in the line that is there for it."""
        file = self.folder / ".env"
        text = file.read_text()
        for name, value in self.filled.items():
            text, found = re.subn(rf"^#?{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            if found != 1:
                raise Failure(f".secrets.example has {found} lines for {name}")
        file.write_text(text)
        return f"{len(self.filled)} settings"

    def fill_in_second(self) -> str:
        """Add the settings of a second account of Croct to .env."""
        first = "TAP_EVENTEXPORT_"
        own = {
            name.replace(first, f"{first}_SECOND_"): value
            for name, value in self.filled.items()
            if name.startswith((f"{first}CROCT", f"{first}START"))
        }
        with (self.folder / ".env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in own.items())
        return f"{len(own)} settings"

    def look_for_personal_data(self) -> str:
        """Look whether users are hidden."""
        lines = (self.folder / "hidden/croct_events.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        if any("userId" in record or len(record["user"]) != len("d" * 32) for record in records):
            raise Failure("hidden/croct_events.jsonl has users, or no hashes of them")
        return f"{len(records):,} rows have none"

    def start_anew(self) -> str:
        """Remove the files, so that the next loads are counted alone."""
        for file in (self.folder / "output").glob("*.jsonl"):
            file.unlink()
        return "and removed the files"

    def look_at_marts(self, command: str) -> str:
        """Ask all marts that a command has built; each day must have all rows of the tables."""
        described = (ROOT / "dbt/models/marts/marts.yml").read_text()
        marts = re.findall(r"^  - name: (\w+)$", described, re.MULTILINE)
        server = self.server if "=postgresql:" in command else None
        ask = server.ask if server else partial(ask_duckdb, self.folder / "output/events.duckdb")
        for mart in marts:
            ((rows,),) = ask(f"select count(*) from analytics.{mart}")
            if rows == "0" and mart != "missing_days":
                raise Failure(f"{mart} is empty")
        for stream in KEYS:
            days = f"analytics.daily_counts where stream = '{stream}'"
            if ask(f"select sum(events) from {days}") != ask(f"select count(*) from {stream}"):
                raise Failure(f"daily_counts has not all rows of {stream}")
        return f"as the vendors have; all of them are in {len(marts)} marts"

    def look_at_files(self) -> str:
        """Compare what dbt has read in place with target-jsonl's files."""
        epoch, later = datetime(1970, 1, 1, tzinfo=UTC), datetime.now(UTC) + DAY
        database = self.folder / "output/files.duckdb"
        counted = "select coalesce(sum(events), 0) from analytics.daily_counts where stream = "
        for stream in KEYS:
            rows = in_files(self.folder / "output", stream, epoch, later)
            if ask_duckdb(database, f"{counted} '{stream}'") != [[f"{rows}"]]:
                raise Failure(f"daily_counts has not the {rows} records of {stream}")
        return f"{len(KEYS)} streams have what the files have"

    def show(self) -> None:
        """Show what was done."""
        table = Table("from", "done", "seconds", "seen")
        table.columns[2].justify = "right"
        for document, words, seconds, seen in self.steps:
            shown = words if len(words) < 80 else f"{words[:50]} … {words[-26:]}"
            table.add_row(document, escape(shown), f"{seconds:.1f}", seen)
        console.print(table)


def shell(folder: Path, pipx: Path, uvx: Path, server: Postgres) -> dict[str, str]:
    """The environment of a shell whose programs from pipx are in a folder of their own."""
    foreign = ("TAP_", "TARGET_", "MELTANO_", "AWS_", "PG", "PYTHON", "VIRTUAL_ENV", "COV_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    if not shutil.which("pipx"):
        (bin_folder / "pipx").symlink_to(pipx.absolute())
    if not shutil.which("uvx"):  # without uv itself, which bin/demo would take
        (bin_folder / "uvx").symlink_to(uvx.absolute())
    return {
        **inherited,
        "PATH": f"{bin_folder}:{os.environ['PATH']}:{server.programs}",
        "PIPX_HOME": f"{folder}/pipx",
        "PIPX_BIN_DIR": f"{bin_folder}",
        "PIPX_MAN_DIR": f"{folder}/man",
        "PGHOST": "127.0.0.1",
        "PGPORT": f"{server.port}",
        "PGUSER": USER,
    }


def play(folder: Path, pipx: Path, uvx: Path, binaries: Path) -> bool:
    """Play the user in a folder; True if all is as the documents say."""
    now = datetime.now(UTC).replace(microsecond=0)
    start = (now - DAYS * DAY).replace(hour=0, minute=0, second=0)
    past, present = History(PER_DAY, begin=BEGIN, end=now), History(LIVE_PER_DAY, begin=now)
    with ExitStack() as stack:
        server = stack.enter_context(postgres(binaries))
        store = stack.enter_context(Store())
        sandbox = stack.enter_context(Sandbox(vendors(Chapters(past, present), store)))
        chosen = {**settings(sandbox.url, store), "start_date": f"{start:%Y-%m-%dT%H:%M:%SZ}"}
        filled = {f"TAP_EVENTEXPORT_{name.upper()}": value for name, value in chosen.items()}
        filled |= {f"TARGET_POSTGRES_{k.upper()}": f"{v}" for k, v in server.settings.items()}
        user = User(
            folder,
            folder,
            sandbox,
            server,
            start,
            shell(folder, pipx, uvx, server),
            filled,
            {
                "<this repository>": f"file://localhost{ROOT}",  # with a host, which pip 23 wants
                "/srv/events": f"{folder / CLONE}",
                "postgresql://your-user:your-password@localhost/your-database": (
                    f"postgresql://{USER}:any@127.0.0.1:{server.port}/{USER}"
                ),
            },
            folder / "log",
        )
        try:
            for document in DOCUMENTS:
                user.follow(document)
        except Failure as failure:
            user.show()
            console.print(f"[red]failed[/] {escape(str(failure))}")
            return False
        user.show()
    return True


def main() -> None:
    """Play the user, and tell how it went."""
    parser = argparse.ArgumentParser(prog="bin/new-user", description=__doc__)
    parser.add_argument("--pipx", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--uvx", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--keep", action="store_true", help="keep the clone, even if all is well")
    options = parser.parse_args()
    binaries = programs()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="new-user-"))
    began = time.monotonic()
    is_well = False
    try:
        is_well = play(folder, options.pipx, options.uvx, binaries)
    finally:
        if is_well and not options.keep:
            shutil.rmtree(folder)
        else:
            console.print(f"The clone and the log are in {folder}.")
    took = time.monotonic() - began
    console.print(f"[bold]{'passed' if is_well else 'failed'}[/] in {took:.0f} s")
    raise SystemExit(not is_well)


if __name__ == "__main__":
    main()
