"""The SQL of the examples says what the records say."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import duckdb

from tests.meltano import ROOT
from tests.trust.world import KEYS, PERSONAL, World

if TYPE_CHECKING:
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store

SQL = ROOT / "examples/sql"
MISSING = "2026-03-17"  # the only whole day of the world in UTC
DEFINITIONS = "infobip_event_definitions"
OLD = "2020-01-01T00:00:00.000Z"
TIMES = {"timestamp", "closeTime", "df_server_datetime", "request_date", "event_time", "time"}
RECIPES = (ROOT / "docs/recipes.md").read_text()

Rows = list[tuple[Any, ...]]


def loaded(folder: Path, records: dict[str, list[dict[str, Any]]]) -> duckdb.DuckDBPyConnection:
    """A database over files of a loader that only appends, in which all stands twice.

    Each record stands there with other times first, before it changed.
    """
    for stream, kept in records.items():
        before = [{**record, **dict.fromkeys(TIMES & record.keys(), OLD)} for record in kept]
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in (*before, *kept)]
        (folder / f"{stream}.jsonl").write_text("".join(lines))
    connection = duckdb.connect()
    connection.execute("set timezone = 'Asia/Seoul'")
    connection.execute(f"set variable folder = '{folder}'")
    for name in ("tables", "views"):
        connection.execute((SQL / f"duckdb/{name}.sql").read_text())
    return connection


def test_views_in_duckdb(store: Store, tmp_path: Path) -> None:
    with World(store, f"{tmp_path.parent.name}/{tmp_path.name}/").running() as world:
        read = world.tap(tmp_path).read().records
    records = {stream: kept for stream, kept in read.items() if stream not in PERSONAL}
    croct = records["croct_events"]
    with loaded(tmp_path, records) as connection:

        def ask(query: str) -> Rows:
            return connection.execute(query).fetchall()

        for stream, kept in records.items():
            assert ask(f"select count(*) from {stream}") == [(len(kept),)], stream
            for time in TIMES & kept[0].keys():
                assert ask(f'select count(*) from {stream} where year("{time}") < 2026') == [(0,)]
        sessions = {(r["timestamp"][:10], r["sessionId"]) for r in croct if r["sessionId"]}
        found = ask("select cast(day as varchar), sessions from sessions_per_day")
        assert dict(found) == Counter(day for day, _ in sessions)
        placed = [r["payload"]["order"] for r in croct if r["eventType"] == "orderPlaced"]
        totals = {order["orderId"]: float(order["total"]) for order in placed}
        query = "select order_id, cast(total as double) from orders where vendor = 'Croct'"
        assert dict(ask(query)) == totals
        bought = {record["df_order_id"] for record in records["dfinery_events"]} - {None}
        assert ask("select count(*) from orders where vendor = 'Dfinery'") == [(len(bought),)]
        assert ask("select sum(events) from alarms_by_type") == [
            (len(records["ncp_apigateway_events"]),)
        ]
        history = records["happytalk_service_history"]
        log_ins = [r for r in history if r["apply_content"] == "로그인"]
        assert ask("select sum(log_ins) from log_ins_by_user") == [(len(log_ins),)]
        assert ask("select sum(events), sum(late) from late_arrivals") == [
            (len(records["dfinery_events"]), 0)
        ]
        assert ask("select * from missing_days") == []
        titles = {each["definitionId"]: each["title"] for each in records[DEFINITIONS]}
        expected = Counter(titles[each["definitionId"]] for each in records["infobip_events"])
        assert dict(ask("select title, events from events_by_definition")) == expected


def test_a_day_without_events_is_found(store: Store, tmp_path: Path) -> None:
    with World(store, f"{tmp_path.parent.name}/{tmp_path.name}/").running() as world:
        read = world.tap(tmp_path).read().records
    records = {stream: kept for stream, kept in read.items() if stream not in PERSONAL}
    kept = [record for record in records["croct_events"] if record["timestamp"][:10] != MISSING]
    with loaded(tmp_path, {**records, "croct_events": kept}) as connection:
        found = connection.execute("select stream, cast(day as varchar) from missing_days")
        assert found.fetchall() == [("croct_events", MISSING)]


def test_the_newest_row_of_each_key_of_a_table_that_only_grows() -> None:
    (recipe,) = re.findall(r"^```sql\n(.*?)^```$", RECIPES, re.MULTILINE | re.DOTALL)
    with duckdb.connect() as connection:
        connection.execute(
            "create table croct_events as "
            "select * from (values ('a', 1, 'old'), ('a', 3, 'new'), ('b', 2, 'only'), "
            "('a', 2, 'older')) as rows (id, _sdc_sequence, payload)"
        )
        connection.execute(recipe)
        found = connection.execute("select id, payload from croct_events_once order by id")
        assert found.fetchall() == [("a", "new"), ("b", "only")]


def test_both_dialects_have_the_same_views() -> None:
    def views(dialect: str) -> list[str]:
        lines = (SQL / dialect / "views.sql").read_text().splitlines()
        return [line.split()[4] for line in lines if line.startswith("create or replace view")]

    described = (SQL / "README.md").read_text()
    assert views("duckdb") == views("postgres")
    assert all(f"| `{view}` |" in described for view in views("duckdb"))
    assert KEYS.keys() - PERSONAL <= set((SQL / "duckdb/tables.sql").read_text().split())
