"""A cluster of processes fills a real warehouse, loses a worker, is stopped, and goes on."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psutil
import pytest

from tests.backfill.command import Backfill
from tests.meltano import ROOT
from tests.trust.world import KEYS, PERSONAL, SECRETS, World, only

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.postgres import Postgres

SCHEMA = "events"
TARGET = ROOT / ".venv-target-postgres/bin/target-postgres"
STREAMS = [  # Infobip's exports take a while
    name for name in KEYS if not name.startswith("infobip") and name not in PERSONAL
]
TIME = """to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
SAID = {  # in the words of the vendor's truth, where that isn't the key
    "happytalk_siem_events": "raw",
    "ncp_apigateway_events": f"concat_ws('|', {TIME}, level, type, message)",
}


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[World]:
    """The last 30 days that Dfinery keeps, by the machine's clock.

    Shortly before midnight they are 29, so that the first is still kept when it is asked for.
    """
    soon = datetime.now(ZoneInfo("Asia/Seoul")) + timedelta(minutes=10)
    start = soon.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=30)
    days = min(timedelta(days=30), datetime.now(UTC) - start)
    length = timedelta(days=days.days)
    with World(store, f"{tmp_path.name}/", 10, start=start, length=length).running() as world:
        world.shift = timedelta(0)
        yield world


@pytest.fixture
def backfill(tmp_path: Path, server: Postgres, world: World) -> Backfill:
    loader = tmp_path / "loader.json"
    loader.write_text(json.dumps({**server.settings, "default_target_schema": SCHEMA}))
    left_out = only("dfinery", "happytalk", "croct", "ncp")
    settings = {name: value for name, value in world.settings().items() if name not in left_out}
    return Backfill(tmp_path, settings, f"{TARGET} --config {loader}")


def until(is_reached: Callable[[], bool], command: subprocess.Popen[str]) -> None:
    """Look again and again, as long as the command runs."""
    while not is_reached():
        assert command.poll() is None, command.stderr and command.stderr.read()
        time.sleep(0.01)


def workers_that_load(command: subprocess.Popen[str]) -> list[psutil.Process]:
    children = psutil.Process(command.pid).children()
    return [child for child in children if len(child.children(recursive=True)) == 3]


def still_running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that don't end soon."""
    return psutil.wait_procs(processes, timeout=20)[1]


def test_thirty_days_survive_a_killed_worker_and_an_interruption(
    backfill: Backfill, server: Postgres, world: World
) -> None:
    span = ("--start", world.start.isoformat(), "--end", world.end.isoformat(), "--by", "week")
    planned = {partition["id"] for partition in backfill.plan(*span)}
    assert len(planned) >= 4 * len(STREAMS)

    command = backfill.start(*span)
    until(lambda: len(backfill.ids) >= 3 and bool(workers_that_load(command)), command)
    victim = workers_that_load(command)[0]
    orphans = victim.children(recursive=True)
    victim.kill()
    assert not still_running(orphans)
    at_death = len(backfill.ids)
    until(lambda: len(backfill.ids) >= at_death + 4, command)
    children = psutil.Process(command.pid).children(recursive=True)
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 130, said
    assert not still_running(children)
    before = backfill.ids
    assert before < planned

    again = backfill.run(*span)
    assert again.returncode == 0, again.stderr
    assert f"{len(planned - before)} of {len(planned)} partitions to load" in again.stderr
    assert backfill.ids == planned

    for stream in STREAMS:
        key = f'"{KEYS[stream]}"'
        rows = server.ask(f"select {key}, to_json({SAID.get(stream, key)}) from {SCHEMA}.{stream}")
        assert len({key for key, _ in rows}) == len(rows)
        assert Counter(json.loads(said) for _, said in rows) == world.truth(stream), stream
    kept = "".join(path.read_text() for path in backfill.done.iterdir())
    assert not [secret for secret in SECRETS.values() if secret in said + again.stderr + kept]
