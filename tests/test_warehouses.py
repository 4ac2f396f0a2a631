"""All five vendors into a real warehouse with a real loader: rows against the vendors' truth."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.meltano import ROOT, Project
from tests.postgres import Postgres, postgres, programs
from tests.trust.world import KEYS, LENGTH, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store

SCHEMA = "events"
VIEWS = ROOT / "examples/sql/postgres/views.sql"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    binaries = programs()
    if binaries is None:  # a system's package, which no environment of Python can bring
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres(binaries) as server:
        yield server


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[World]:
    """Two days that ended yesterday, by the machine's clock."""
    today = datetime.now(ZoneInfo("Asia/Seoul")).replace(hour=0, minute=0, second=0, microsecond=0)
    directory = f"{tmp_path.parent.name}/{tmp_path.name}/"
    with World(store, directory, start=today - LENGTH - DAY).running() as world:
        world.shift = timedelta(0)
        yield world


@pytest.fixture
def project(tmp_path: Path, server: Postgres) -> Project:
    loader = {f"TARGET_POSTGRES_{name.upper()}": f"{v}" for name, v in server.settings.items()}
    return Project(tmp_path / "project", **loader, TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA=SCHEMA)


def keys(server: Postgres, stream: str) -> Counter[str]:
    return Counter(row[0] for row in server.ask(f"select {KEYS[stream]} from {SCHEMA}.{stream}"))


def test_meltano_fills_postgres_and_goes_on_where_it_stood(
    project: Project, server: Postgres, world: World
) -> None:
    """Twice, with each vendor's lookback, so that rows that are there are sent again."""
    settings: dict[str, Any] = {**world.settings()}
    del settings["lookback_minutes"]
    middle = world.start + DAY
    settings["end_date"] = middle.isoformat()
    project.run("run", "tap-eventexport", "target-postgres", **settings)
    for stream in KEYS:
        rows = keys(server, stream)
        assert rows.total() == len(rows) == world.truth(stream, end=middle).total(), stream

    dfinery: Any = world.vendors["dfinery"]
    dfinery.new_column = ("colour", middle.date())
    settings["end_date"] = world.end.isoformat()
    world.sandbox.requests.clear()
    project.run("run", "tap-eventexport", "target-postgres", **settings)
    for stream in KEYS:
        rows = keys(server, stream)
        assert rows.total() == len(rows) == world.truth(stream).total(), stream
    bodies = [request.body for request in world.sandbox.requests]
    days = [body for body in bodies if b'"events_condition_type": "all"' in body]
    assert len(days) == 2  # the day before, because of the lookback, and the new one

    def count(stream: str, where: str) -> int:
        ((rows,),) = server.ask(f"select count(*) from {SCHEMA}.{stream} where {where}")
        return int(rows)

    assert 0 < count("dfinery_events", "colour is not null") < count("dfinery_events", "true")
    assert count("happytalk_siem_events", "msg like '%상담%'") > 0
    assert count("croct_events", "jsonb_typeof(payload) = 'object'") == count(
        "croct_events", "payload->>'@type' = \"eventType\""
    )
    big = "123456789012345678901234567890"
    assert count("infobip_events", f"properties->>'price' = '{big}'") > 0
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
