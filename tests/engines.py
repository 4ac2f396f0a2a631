"""Airflow and Dagster run the backfills of the examples, as the README beside each says.

The vendors are the sandbox's Croct and Dfinery. All else is real: the engines, Meltano, the loader,
PostgreSQL. Of twelve days Croct fails two, each behind its first page; then it works again, and the
engine's own command runs these days again. The rows are compared with what the vendors have.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from rich.console import Console

from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.croct_kinds import SESSIONS
from tap_eventexport.sandbox.dfinery import Dfinery
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Fault, Request, Sandbox
from tests.documents import blocks
from tests.meltano import MELTANO, ROOT, Project
from tests.postgres import Postgres, postgres, programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

JOB = "events_backfill"
SEOUL = ZoneInfo("Asia/Seoul")
DAY = timedelta(days=1)
DAYS = 12
FAILING = (4, 9)  # of March, in the documents
MARCH = re.compile(r"2026-03-(\d\d)")
PER_DAY = 240
PAGE = 100
LONGEST = 900.0  # seconds, for a backfill
SECRETS = {
    "croct_api_key": "a-croct-key-of-the-engines",
    "postgres_password": "a-postgres-password-of-the-engines",
}
COLUMNS = {
    "croct_events": ("id", '"timestamp"'),
    "dfinery_events": ("df_event_detail_log_id", "df_server_datetime"),
}

# Prints the state of each partition's latest run, by its day.
DAGSTER_STATES = """
import json
from dagster import DagsterInstance
runs = reversed(DagsterInstance.get().get_runs())
print(json.dumps({run.tags["dagster/partition"]: run.status.value for run in runs}))
"""

console = Console(width=160)


@dataclass(slots=True)
class Outage(Fault):
    """Croct's answer to the further pages of some days.

    Attributes:
        starts: When these days begin, as Croct is asked for them.
    """

    starts: frozenset[str] = frozenset()

    def is_due(self, request: Request) -> bool:
        """Whether a request is for such a page."""
        is_further = request.first("start") in self.starts and request.first("cursor") is not None
        return is_further and request.path == "/export/events"


class Engine(Protocol):
    """What is an engine's own.

    Attributes:
        name: The folder of its example, and the end of its environment's name.
        failed: Its word for a run that failed; `done` for one that didn't.
        again: What it says where it must be asked again later.
    """

    name: str
    example: str
    done: str
    failed: str
    again: str

    def environment(self, home: Path, code: Path) -> dict[str, str]:
        """Its variables, the secrets among them."""

    def prepare(self) -> list[str]:
        """Commands that must have been run before anything else."""

    def services(self) -> list[str]:
        """Commands that run as long as it is used."""

    def states(self, run: Callable[[str], str]) -> dict[date, str]:
        """The state of each day's latest run."""


class Airflow:
    """Airflow with its SQLite and the LocalExecutor."""

    name = "airflow"
    example = "backfill.py"
    done = "success"
    failed = "failed"
    again = "Another backfill is running"

    def __init__(self) -> None:
        self.port = free_port()

    def environment(self, home: Path, code: Path) -> dict[str, str]:
        """Secrets are variables of Airflow."""
        url = f"http://127.0.0.1:{self.port}"
        return {
            "AIRFLOW_HOME": f"{home}",
            "AIRFLOW__CORE__DAGS_FOLDER": f"{code}",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API__PORT": f"{self.port}",
            "AIRFLOW__API_AUTH__JWT_SECRET": "for-an-hour-on-loopback-" * 3,
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            **{f"AIRFLOW_VAR_{name.upper()}": value for name, value in SECRETS.items()},
        }

    def prepare(self) -> list[str]:
        """The database, with the DAG."""
        return ["airflow db migrate", "airflow dags reserialize"]

    def services(self) -> list[str]:
        """What `airflow standalone` starts, without the triggerer."""
        return [
            "airflow api-server --host 127.0.0.1 --workers 1",
            "airflow scheduler --skip-serve-logs",
            "airflow dag-processor",
        ]

    def states(self, run: Callable[[str], str]) -> dict[date, str]:
        """By the beginning of each run's data interval."""
        said = run(f"airflow dags list-runs {JOB} --output json")
        return {
            datetime.fromisoformat(each["logical_date"]).astimezone(SEOUL).date(): each["state"]
            for each in json.loads(said[said.index("[{") :] if "[{" in said else "[]")
        }


class Dagster:
    """Dagster with its SQLite and its daemon."""

    name = "dagster"
    example = "definitions.py"
    done = "SUCCESS"
    failed = "FAILURE"
    again = "never said"

    def environment(self, home: Path, code: Path) -> dict[str, str]:  # noqa: ARG002
        """Secrets are variables of the environment."""
        return {
            "DAGSTER_HOME": f"{home}",
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            **{name.upper(): value for name, value in SECRETS.items()},
        }

    def prepare(self) -> list[str]:
        """The database, which its programs must not make at the same time."""
        return ["dagster instance migrate"]

    def services(self) -> list[str]:
        """The daemon, which starts the runs that are queued."""
        return ["dagster-daemon run -f definitions.py"]

    def states(self, run: Callable[[str], str]) -> dict[date, str]:
        """By partition."""
        said: dict[str, str] = json.loads(run(f"python -c '{DAGSTER_STATES}'"))
        return {date.fromisoformat(day): state for day, state in said.items()}


ENGINES: dict[str, Callable[[], Engine]] = {"airflow": Airflow, "dagster": Dagster}
DOCUMENTS = tuple(f"examples/{name}/README.md" for name in ENGINES)


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def midnight(day: date) -> datetime:
    """When a day of Seoul begins."""
    return datetime(day.year, day.month, day.day, tzinfo=SEOUL)


def milliseconds(instant: datetime) -> str:
    """An instant as Croct is asked for it."""
    return str(int(instant.timestamp()) * 1000)


@dataclass(frozen=True, slots=True)
class Scene:
    """All that one engine's backfill needs.

    Attributes:
        days: What is loaded; they are the documents' March.
        code: Where the example is, with the folders of this machine.
        log: What everything says.
    """

    engine: Engine
    days: list[date]
    sandbox: Sandbox
    server: Postgres
    code: Path
    environment: Mapping[str, str]
    log: Path

    @property
    def failing(self) -> list[date]:
        """The days that Croct fails."""
        return [self.days[number - 1] for number in FAILING]

    def run(self, command: str) -> str:
        """Let a shell run a command, which must succeed; its output."""
        done = self.attempt(command)
        if done.returncode:
            raise SystemExit(f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}\n{self.log}")
        return done.stdout

    def attempt(self, command: str) -> subprocess.CompletedProcess[str]:
        """Let a shell run a command."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],  # noqa: S607
            cwd=self.code,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        with self.log.open("a") as log:
            log.write(f"\n$ {command}\n{done.stdout}{done.stderr}")
        return done

    def type(self, command: str) -> None:
        """Run a command of the document, with this year's days; later again if it must be."""
        command = MARCH.sub(lambda found: str(self.days[int(found[1]) - 1]), command)
        console.print(f"[dim]{self.engine.name}[/] $ {command}")
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            done = self.attempt(command)
            if not done.returncode:
                return
            if self.engine.again not in done.stdout + done.stderr:
                break
            time.sleep(5)
        raise SystemExit(f"It ended with {done.returncode}:\n{done.stderr[-3000:]}\n{self.log}")

    def wait(self, wanted: Mapping[date, str]) -> None:
        """Wait until all days are done or failed; they must be as wanted."""
        until, states = time.monotonic() + LONGEST, dict[date, str]()
        ends = {self.engine.done, self.engine.failed}
        began = time.monotonic()
        while time.monotonic() < until:
            said = self.engine.states(self.run)
            states = {day: said[day] for day in self.days if day in said}
            if len(states) == len(self.days) and set(states.values()) <= ends:
                break
            time.sleep(5)
        seconds = time.monotonic() - began
        counted = Counter(states.values())
        console.print(f"{dict(counted)} after {seconds:.0f} s", highlight=False)
        if states != wanted:
            raise SystemExit(f"{wanted} was wanted, not {states}; see {self.log}")

    def rows(self, stream: str, first: date, end: date) -> Counter[str]:
        """The keys in the table that lie in some days."""
        key, at = COLUMNS[stream]
        start, until = (f"{midnight(day).astimezone(UTC):%Y-%m-%d %H:%M}" for day in (first, end))
        bounds = f"{at} >= '{start}' and {at} < '{until}'"
        rows = self.server.ask(f"select {key} from events.{stream} where {bounds}")
        return Counter(row[0] for row in rows)

    def truth(self, stream: str, first: date, end: date) -> Counter[str]:
        """The keys that the vendor has in some days."""
        told = (v.truth(stream, midnight(first), midnight(end)) for v in self.sandbox.vendors)
        return Counter(next(keys for keys in told if keys is not None))

    def compare(self, missing: int) -> None:
        """Compare each day's rows with the truth; in each failing day of Croct some are missing."""
        for stream in COLUMNS:
            found = 0
            for day in self.days:
                lack = missing if stream == "croct_events" and day in self.failing else 0
                had, held = (ask(stream, day, day + DAY) for ask in (self.truth, self.rows))
                if held - had or (had - held).total() != lack:
                    raise SystemExit(
                        f"{stream} of {day}: {held.total()} rows, {had.total()} were had, "
                        f"{lack} should be missing; see {self.log}"
                    )
                found += held.total()
            had_all = self.truth(stream, self.days[0], self.days[-1] + DAY).total()
            console.print(f"{stream}: {found:,} rows of {had_all:,}, each once", highlight=False)

    def play(self) -> None:
        """Run the document's two blocks: all days, then those that failed."""
        document = ROOT / "examples" / self.engine.name / "README.md"
        first, again = (commands for block in blocks(document) if (commands := block.commands()))
        all_done = dict.fromkeys(self.days, self.engine.done)
        outage = Outage("answer", starts=frozenset(milliseconds(midnight(d)) for d in self.failing))
        self.sandbox.faults.append(outage)
        for command in first:
            self.type(command)
        self.wait({**all_done, **dict.fromkeys(self.failing, self.engine.failed)})
        self.compare(missing=PER_DAY - PAGE)
        self.check_days_of_dfinery()
        self.sandbox.faults.clear()
        self.sandbox.requests.clear()
        for command in again:
            self.type(command)
        self.wait(all_done)
        self.compare(missing=0)
        self.check_that_croct_went_on()

    def check_days_of_dfinery(self) -> None:
        """Each day was asked for by one run alone."""
        bodies = [json.loads(request.body) for request in self.sandbox.requests if request.body]
        asked = Counter(date.fromisoformat(body["from_date"]) for body in bodies)
        wrong = {day: asked[day] for day in self.days if asked[day] != 1}
        if wrong:
            raise SystemExit(f"Dfinery was asked more or less than once: {wrong}")
        console.print(f"Dfinery was asked once for each of {len(self.days)} days")

    def check_that_croct_went_on(self) -> None:
        """The days that failed were gone on with, not read from their start."""
        for day in self.failing:
            start = milliseconds(midnight(day))
            asked = [each for each in self.sandbox.requests if each.first("start") == start]
            if not asked or any(each.first("cursor") is None for each in asked):
                raise SystemExit(f"Croct's {day} was read from its start again")
        console.print(f"Croct was asked for the rest of {len(self.failing)} days alone")


@contextmanager
def running(scene: Scene) -> Iterator[None]:
    """The engine's services, each with all that it starts, until the end."""
    with ExitStack() as stack:
        for number, command in enumerate(scene.engine.services()):
            log = stack.enter_context(scene.log.with_name(f"service-{number}.log").open("w"))
            service = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],  # noqa: S607
                cwd=scene.code,
                env=scene.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            stack.callback(end, service)
        yield


def end(service: subprocess.Popen[bytes]) -> None:
    """End a service and what it started."""
    os.killpg(service.pid, signal.SIGTERM)
    try:
        service.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(service.pid, signal.SIGKILL)
        service.wait()


def play(engine: Engine, folder: Path, binaries: Path) -> None:
    """Play one engine in a folder."""
    today = datetime.now(SEOUL).date()
    days = [today - (DAYS + 1 - number) * DAY for number in range(DAYS)]
    history = History(PER_DAY, begin=midnight(days[0]) - DAY)
    croct = Croct(history, api_key=SECRETS["croct_api_key"])
    password = SECRETS["postgres_password"]
    project = Project(folder / "project", TARGET_POSTGRES_PASSWORD=password)
    code, home = folder / "code", folder / "home"
    for made in (code, home):
        made.mkdir()
    example = ROOT / "examples" / engine.name / engine.example
    text = example.read_text().replace('"/srv/events"', f'"{project.folder}"')
    (code / engine.example).write_text(text)
    with (
        postgres(binaries) as server,
        Sandbox([croct, replace(croct, kind=SESSIONS), Dfinery(history)]) as sandbox,
    ):
        settings = {
            "TAP_EVENTEXPORT_CROCT_API_URL": sandbox.url,
            "TAP_EVENTEXPORT_CROCT_PAGE_SIZE": PAGE,
            "TAP_EVENTEXPORT_DFINERY_API_URL": sandbox.url,
            "TAP_EVENTEXPORT_DFINERY_API_TOKEN": "sandbox-dfinery-token",
            "TAP_EVENTEXPORT_DFINERY_SERVICE_ID": "sandbox",
            **{f"TARGET_POSTGRES_{name.upper()}": v for name, v in server.settings.items()},
        }
        del settings["TARGET_POSTGRES_PASSWORD"]
        lines = (f"{name}={value}\n" for name, value in settings.items())
        (project.folder / ".env").write_text("".join(lines))
        project.run("install")
        before = {"start_date": midnight(days[0] - DAY), "end_date": midnight(days[0])}
        croct_api_key = SECRETS["croct_api_key"]
        project.run(
            *("run", "tap-eventexport", "target-postgres"), **before, croct_api_key=croct_api_key
        )
        sandbox.requests.clear()
        bin_folder = ROOT / f".venv-{engine.name}/bin"
        environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            **engine.environment(home, code),
            "PATH": f"{bin_folder}:{MELTANO.parent}:{os.environ['PATH']}",
            "NO_PROXY": "127.0.0.1,localhost",
        }
        scene = Scene(engine, days, sandbox, server, code, environment, folder / "log")
        for command in engine.prepare():
            scene.run(command)
        with running(scene):
            scene.play()
        check_secrets(home)
        console.print(f"At most {sandbox.max_concurrency} requests at once")


def check_secrets(home: Path) -> None:
    """No secret is in what an engine keeps."""
    for file in home.rglob("*"):
        if file.is_file():
            kept = file.read_bytes()
            for name, value in SECRETS.items():
                if value.encode() in kept:
                    raise SystemExit(f"{name} is in {file}")
    console.print(f"No secret is in what it keeps in {home.name}")


def main() -> None:
    """Play the engines that are named, and tell how it went."""
    parser = argparse.ArgumentParser(prog="bin/engines", description=__doc__)
    parser.add_argument("--only", choices=ENGINES, help="leave the other engine out")
    parser.add_argument("--keep", action="store_true", help="keep the folders, if all is well too")
    options = parser.parse_args()
    binaries = programs()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    for name in [options.only] if options.only else ENGINES:
        folder = Path(tempfile.mkdtemp(prefix=f"engine-{name}-"))
        began = time.monotonic()
        play(ENGINES[name](), folder, binaries)
        if not options.keep:
            shutil.rmtree(folder)
        console.print(f"[bold]{name} passed[/] in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
