"""All five vendors into a real warehouse with a real loader: rows against the vendors' truth."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tap_eventexport.sandbox.server import Fault, Response, Sandbox
from tests.conftest import CROCT_KEY
from tests.meltano import ROOT, Project
from tests.singer import Tap
from tests.trust.world import KEYS, LENGTH, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.server import Vendor
    from tap_eventexport.sandbox.store import Store
    from tests.postgres import Postgres

SCHEMA = "events"
RECIPES = (ROOT / "docs/recipes.md").read_text()
TARGET_POSTGRES = ROOT / ".venv-target-postgres/bin/target-postgres"
VIEWS = ROOT / "examples/sql/postgres/views.sql"
TABLES = ROOT / "examples/sql/duckdb/tables.sql"
BIG = "123456789012345678901234567890"
DAY = timedelta(days=1)


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[World]:
    """Two days that ended yesterday, by the machine's clock."""
    today = datetime.now(ZoneInfo("Asia/Seoul")).replace(hour=0, minute=0, second=0, microsecond=0)
    directory = f"{tmp_path.parent.name}/{tmp_path.name}/"
    with World(store, directory, start=today - LENGTH - DAY).running() as world:
        world.shift = timedelta(0)
        yield world


def load_in_two_parts(
    world: World, project: Project, loader: str, **others: str
) -> Iterator[datetime]:
    """Load a day, then the next with each vendor's lookback; after each, its end.

    From the second day on, Dfinery has a column more.
    """
    settings: dict[str, Any] = {**world.settings(), **others}
    del settings["lookback_minutes"]
    for end in (world.start + DAY, world.end):
        project.run("run", "tap-eventexport", loader, **{**settings, "end_date": end.isoformat()})
        yield end
        dfinery: Any = world.vendors["dfinery"]
        dfinery.new_column = ("colour", end.date())
        world.sandbox.requests.clear()


def keys(server: Postgres, stream: str) -> Counter[str]:
    return Counter(row[0] for row in server.ask(f"select {KEYS[stream]} from {SCHEMA}.{stream}"))


def test_meltano_fills_postgres_and_goes_on_where_it_stood(
    tmp_path: Path, server: Postgres, world: World
) -> None:
    loader = {f"TARGET_POSTGRES_{name.upper()}": f"{v}" for name, v in server.settings.items()}
    loader["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA"] = SCHEMA
    project = Project(tmp_path / "project", **loader)
    for end in load_in_two_parts(world, project, "target-postgres"):
        for stream in KEYS:
            rows = keys(server, stream)
            assert rows.total() == len(rows) == world.truth(stream, end=end).total(), stream
        bodies = [request.body for request in world.sandbox.requests]
        days = [body for body in bodies if b'"to_date"' in body]
    assert len(days) == 2  # the day before, because of the lookback, and the new one

    def count(stream: str, where: str) -> int:
        ((rows,),) = server.ask(f"select count(*) from {SCHEMA}.{stream} where {where}")
        return int(rows)

    assert 0 < count("dfinery_events", "colour is not null") < count("dfinery_events", "true")
    assert count("happytalk_siem_events", "msg like '%상담%'") > 0
    assert count("croct_events", "jsonb_typeof(payload) = 'object'") == count(
        "croct_events", "payload->>'@type' = \"eventType\""
    )
    assert count("infobip_events", f"properties->>'price' = '{BIG}'") > 0
    assert count("infobip_events", '"externalPersonId" is null') > 0
    server.ask(f"set search_path to {SCHEMA}; {VIEWS.read_text()}")
    for view, stream in {
        "sessions_per_day": "croct_events",
        "alarms_by_type": "ncp_apigateway_events",
        "late_arrivals": "dfinery_events",
    }.items():
        ((events,),) = server.ask(f"select sum(events) from {SCHEMA}.{view}")
        assert int(events) == world.truth(stream).total(), view
    assert server.ask(f"select * from {SCHEMA}.missing_days") == []
    assert server.ask(f"select distinct vendor from {SCHEMA}.orders order by 1") == [
        ["Croct"],
        ["Dfinery"],
    ]
    assert count("log_ins_by_user", "log_ins > 0 and last_at >= first_at") > 0

    first = server.ask(f"select min(time), max(time) from {SCHEMA}.ncp_apigateway_events")[0]
    start, end = (datetime.fromisoformat(f"{text}+00:00") for text in first)
    assert world.start <= start < end < world.end


def test_meltano_fills_files_that_duckdb_reads_in_place(tmp_path: Path, world: World) -> None:
    """A file has a record as often as it was sent; the tables of the examples have it once."""
    project = Project(tmp_path / "project")
    connection = duckdb.connect()
    connection.execute(f"set variable folder = '{project.output}'")

    def ask(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query).fetchall()

    def count(stream: str, where: str) -> int:
        return int(ask(f"select count(*) from {stream} where {where}")[0][0])

    for end in load_in_two_parts(world, project, "target-jsonl", lookback_resend="all"):
        connection.execute(TABLES.read_text())
        for stream, key in KEYS.items():
            truth = world.truth(stream, end=end).total()
            assert ask(f"select count(*), count(distinct {key}) from {stream}") == [(truth, truth)]
    lines = (project.output / "dfinery_events.jsonl").read_text().splitlines()
    assert len(lines) > count("dfinery_events", "true")  # as the lookback is sent again
    assert {"colour" in json.loads(line) for line in lines} == {True, False}
    assert count("happytalk_siem_events", "msg like '%상담%'") > 0
    assert count("croct_events", "json_type(payload) = 'OBJECT'") == count("croct_events", "true")
    assert count("infobip_events", f"properties->>'price' = '{BIG}'") > 0
    assert count("infobip_events", '"externalPersonId" is null') > 0


@pytest.mark.parametrize("way", ["stream map", "flattening"])
def test_a_nul_in_an_object_reaches_postgres(
    tmp_path: Path, server: Postgres, croct: Vendor, way: str
) -> None:
    (recipe,) = [line for line in RECIPES.splitlines() if "ufffd" in line]
    settings: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 1}
    if way == "stream map":
        settings = {"stream_maps": json.loads(recipe)}
    payload = {"@type": "x", "list": [{"text": "a\0b", "literal": "\\u0000", "total": 0.1}]}
    event = {"id": "e", "timestamp": 1772366400000, "payload": payload}
    loader = tmp_path / "loader.json"
    loader.write_text(json.dumps({**server.settings, "default_target_schema": SCHEMA}))
    with Sandbox([croct]) as sandbox:
        answer = Response(200, json.dumps({"items": [event]}).encode())
        sandbox.faults.append(Fault("answer", times=99, response=answer))
        settings |= {"croct_api_key": CROCT_KEY, "croct_api_url": sandbox.url}
        settings |= {"start_date": "2026-03-01", "end_date": "2026-03-02"}
        lines = Tap(tmp_path, **settings).run().lines
    loaded = subprocess.run(
        [TARGET_POSTGRES, "--config", loader],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    ((text,),) = server.ask(f"select payload from {SCHEMA}.croct_events")
    if way == "stream map":
        payload["list"][0] |= {"text": "a\ufffdb", "literal": "\\ufffd"}  # type: ignore[index, operator]
    assert json.loads(text) == payload
