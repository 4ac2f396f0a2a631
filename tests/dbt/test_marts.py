"""The marts say what the vendors have, also after late events and changes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from docs import dbt_page
from tap_eventexport.sandbox.history import History
from tests.dbt import truth
from tests.dbt.project import PACKAGE, InDuckdb, InPostgres, Project
from tests.dbt.test_loaded import load
from tests.dbt.truth import instant
from tests.target.running import COMMAND as TARGET_EVENTEXPORT
from tests.trust.world import KEYS, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.dbt.truth import Records, Row
    from tests.postgres import Postgres
    from tests.singer import Tap

DAY = timedelta(days=1)
LATE = timedelta(hours=4)
NAMES = (
    *("sessions", "orders", "order_items", "operator_actions", "log_ins", "gateway_alarms"),
    *("campaign_reach", "daily_counts", "missing_days", "late_arrivals"),
)
ALARMS = "ncp_apigateway_events"
VARIABLES: dict[str, Any] = {"timezone": "Asia/Seoul", "lookback_days": 0, "upserted": True}


@dataclass
class Loads:
    """Loads of vendors whose events may be late, each with the state of the one before.

    Args:
        world: The vendors.
        folder: Where the tap and the loader run.
        to: The loader's settings.
    """

    world: World
    folder: Path
    to: dict[str, str]
    state: Any = None

    def __post_init__(self) -> None:
        begin = self.world.start - 2 * DAY
        late = History(self.world.per_day, begin=begin, late_every=3, lateness=LATE)
        for vendor in self.world.vendors.values():
            made: Any = vendor
            if hasattr(made, "history"):
                made.history = late

    def load(self, now: datetime) -> None:
        """Load what has arrived until an instant, with what was late before."""
        self.world.shift = now - datetime.now(UTC)
        done = self.tap(now).run(state=self.state)
        assert done.code == 0, done.log
        self.state = done.heard.states[-1]
        load(done.lines, self.folder, TARGET_EVENTEXPORT, schema="events", **self.to)

    def truth(self, now: datetime) -> Records:
        """All records that a run without state reads now; as many as the vendors have."""
        records = self.tap(now).read().records
        for stream in KEYS:
            assert len(records[stream]) == self.world.truth(stream, end=now).total(), stream
        return records

    def tap(self, now: datetime) -> Tap:
        return self.world.tap(self.folder, end_date=now.isoformat(), lookback_minutes=360)


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[World]:
    with World(store, f"{tmp_path.parent.name}/{tmp_path.name}/").running() as world:
        yield world


def check(project: Project, records: Records) -> None:
    """Compare the marts with all records that the vendors have."""
    rows = {name: project.rows(name) for name in NAMES}
    assert found_sessions(rows["sessions"]) == truth.sessions(records)
    assert found_orders(rows["orders"]) == truth.orders(records)
    assert sum(row["total"] for row in rows["order_items"]) == pytest.approx(truth.price(records))

    history, lines = records["happytalk_service_history"], records["happytalk_siem_events"]
    actions = rows["operator_actions"]
    assert Counter(row["action_id"] for row in actions) == Counter(each["id"] for each in history)
    names = Counter(row["event_name"] for row in actions if row["event_name"])
    assert names == Counter(line["event_name"] for line in lines)
    assert Counter(row["operator"] for row in rows["log_ins"]) == truth.log_ins(records)
    assert {row["address"] for row in rows["log_ins"]} == {"192.168.1.100"}

    assert {
        (row["business_date"], row["level"], row["message"]): row["events"]
        for row in rows["gateway_alarms"]
    } == truth.alarms(records)
    reach = {row["definition_id"]: (row["events"], row["people"]) for row in rows["campaign_reach"]}
    assert reach == truth.people(records)
    titles = {e["definitionId"]: e["title"] for e in records["infobip_event_definitions"]}
    assert {row["title"] for row in rows["campaign_reach"]} == {titles[name] for name in reach}

    counts = {(row["stream"], row["business_date"]): row["events"] for row in rows["daily_counts"]}
    assert counts == truth.daily_counts(records)
    within = {row["business_date"]: row["within_a_minute"] for row in rows["late_arrivals"]}
    assert within == {on: n for (stream, on), n in counts.items() if stream == "dfinery_events"}


def found_sessions(rows: list[Row]) -> dict[str, Any]:
    return {
        row["session_id"]: (
            instant(row["started_at"]),
            instant(row["ended_at"]),
            row["events"],
            row["closed_at"] and instant(row["closed_at"]),
        )
        for row in rows
    }


def found_orders(rows: list[Row]) -> dict[tuple[str, str], Any]:
    return {
        (row["vendor"], row["order_id"]): (row["business_date"], row["total"], row["items"])
        for row in rows
    }


def build_twice(loads: Loads, project: Project) -> None:
    """Load and build; then, with late events and changed sessions, once more."""
    middle = loads.world.start + DAY
    loads.load(middle)
    project.run("build", **VARIABLES)
    before = loads.truth(middle)
    check(project, before)

    loads.load(loads.world.end)
    project.run("build", **VARIABLES)
    after = loads.truth(loads.world.end)
    check(project, after)
    events = {event["id"]: instant(event["timestamp"]) for event in after["croct_events"]}
    earlier = {event["id"] for event in before["croct_events"]}
    assert any(time < middle for key, time in events.items() if key not in earlier)  # late
    closed = {session["sessionId"]: session for session in before["croct_sessions"]}
    assert any(closed.get(each["sessionId"], each) != each for each in after["croct_sessions"])


def parents(project: Project) -> dict[str, list[str]]:
    """Each model with the models that it is made of, as dbt knows them."""
    manifest = json.loads((project.folder / "target/manifest.json").read_text())
    nodes = manifest["nodes"].values()
    made_of = {
        node["name"]: [name.split(".") for name in node["depends_on"]["nodes"]]
        for node in nodes
        if node["resource_type"] == "model"
    }
    return {
        name: sorted(parent for kind, _, parent, *_ in names if kind == "model")
        for name, names in made_of.items()
    }


# What a vendor may change of what is there, all of it on the last day in UTC.
CHANGES = """
set timezone = 'UTC';
create temp table newest as
select id, "sessionId", row_number() over (order by "timestamp" desc) as place
from events.croct_events where "timestamp" >= '2026-03-18' and "eventType" <> 'orderPlaced';
update events.croct_events set "sessionId" = (select "sessionId" from newest where place = 30)
where "sessionId" = (select "sessionId" from newest where place = 1);
update events.croct_events set "sessionId" = null
where id = (select id from newest where place = 10);
delete from events.croct_events where id = (select id from newest where place = 20);
create temp table orders as
select id, row_number() over (order by "timestamp" desc) as place
from events.croct_events where "timestamp" >= '2026-03-18' and "eventType" = 'orderPlaced';
update events.croct_events set "eventType" = 'cartViewed'
where id = (select id from orders where place = 1);
update events.dfinery_events set df_order_id = 'another'
where df_server_datetime >= '2026-03-18' and df_order_id is not null;
update events.dfinery_events set df_event_datetime = df_event_datetime - interval 3 days
where df_server_datetime >= '2026-03-18' and df_event_name = 'df_login';
update events.infobip_events set "personId" = 'one' where "timestamp" >= '2026-03-18';
delete from events.happytalk_siem_events where event_time >= '2026-03-18';
"""
# Another account, of which less is loaded; and an alarm older than what is read again.
SECOND = """
create schema second;
create table second.croct_events as
select * from events.croct_events where "timestamp" < '2026-03-17T20:00:00Z';
create table second.dfinery_events as
select * from events.dfinery_events where df_server_datetime < '2026-03-17T20:00:00Z';
"""
OLD = """
insert into events.ncp_apigateway_events (event_key, "time", level, type, message)
values ('old', '2026-03-16T16:00:00Z', 'ALERT', 'EU410', 'it was late');
"""


def test_marts_in_duckdb_are_what_a_whole_build_makes(world: World, tmp_path: Path) -> None:
    warehouse = InDuckdb(tmp_path / "warehouse.duckdb")
    loads = Loads(world, tmp_path, {"destination": f"duckdb:///{warehouse.file}"})
    project = Project(tmp_path / "project", warehouse)
    project.link()
    build_twice(loads, project)
    assert dbt_page.parents(PACKAGE) == parents(project)

    def marts() -> dict[str, list[str]]:
        return {
            name: sorted(
                str({**row, "built_on": None})
                for row in project.rows(name)
                if row.get("stream") != ALARMS
            )
            for name in NAMES
        }

    def alarms() -> int:
        counts = project.rows("daily_counts")
        return sum(row["events"] for row in counts if row["stream"] == ALARMS)

    before = alarms()
    warehouse.execute(CHANGES + SECOND + OLD)
    both = {**VARIABLES, "schemas": ["events", "second"]}
    printed = project.run("build", **both)
    assert "WARN 1 marts_count_all_events" in printed
    changed, known = marts(), alarms()
    project.run("run", "--full-refresh", **both)
    whole, all_alarms = marts(), alarms()
    assert (known, all_alarms) == (before, before + 1)
    assert any("'second'" in row for row in whole["orders"])
    for name in NAMES:
        assert changed[name] == whole[name], name


@pytest.mark.parametrize("zone", ["Asia/Seoul"])
def test_marts_in_postgres(world: World, tmp_path: Path, server: Postgres) -> None:
    address = "postgresql://{user}:{password}@{host}:{port}/{database}".format(**server.settings)
    project = Project(tmp_path / "project", InPostgres(server))
    project.link()
    build_twice(Loads(world, tmp_path, {"destination": address}), project)
