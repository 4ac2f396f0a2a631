"""A warehouse that target-postgres filled: what is harmed is found exactly, and repaired."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.audit.command import TARGETS, Audit, none_missing

if TYPE_CHECKING:
    from pathlib import Path

    from tap_eventexport.sandbox.server import Sandbox
    from tests.postgres import Postgres

SCHEMA = ("--schema", "events")
HISTORY, SIEM = "happytalk_service_history", "happytalk_siem_events"
HARM = """
set search_path to events;
delete from croct_events
    where id in (select id from croct_events where timestamp < '2026-03-02' order by id limit 3);
delete from croct_events where timestamp >= '2026-03-02' and timestamp < '2026-03-03';
update croct_events set "userId" = 'another'
    where id in (select id from croct_events where timestamp >= '2026-03-03' order by id limit 2);
alter table happytalk_service_history drop constraint happytalk_service_history_pkey;
insert into happytalk_service_history
    select * from happytalk_service_history where request_date >= '2026-03-03T05:00' limit 4;
insert into happytalk_service_history (id, request_date) values ('unknown', '2026-03-01T01:00');
drop table happytalk_siem_events;
"""


@pytest.fixture
def loader(tmp_path: Path, server: Postgres) -> str:
    config = tmp_path / "loader.json"
    config.write_text(json.dumps({**server.settings, "default_target_schema": "events"}))
    return f"{TARGETS['target-postgres']} --config {config}"


@pytest.fixture
def audit(tmp_path: Path, server: Postgres, all_settings: dict[str, Any]) -> Audit:
    """Everything but Naver Cloud's events is going to be loaded."""
    return Audit(tmp_path, all_settings, address(server))


def address(server: Postgres) -> str:
    return f"postgresql://postgres:any@127.0.0.1:{server.port}/postgres"


def without_ncp(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if not name.startswith("ncp_")}


def test_what_is_harmed_is_found_exactly_and_repaired(
    audit: Audit, loader: str, server: Postgres, sandbox: Sandbox
) -> None:
    everything = audit.settings
    audit.settings = without_ncp(everything)
    audit.load(loader)
    told = audit.run(*SCHEMA, "--content", "--format", "json")
    assert (told.code, told.different) == (0, {})
    assert none_missing(told.days.values())

    audit.settings = everything  # so that one stream was never loaded
    server.ask(HARM)
    sandbox.requests.clear()
    told = audit.run(*SCHEMA, "--content", "--format", "json")
    requests = len(sandbox.requests)
    assert told.code == 1
    days = told.days
    assert told.different == {
        ("croct_events", "2026-03-01"): {"missing": 3},
        ("croct_events", "2026-03-02"): {"missing": 240},
        ("croct_events", "2026-03-03"): {"changed": 2},
        (HISTORY, "2026-03-01"): {"gone": 1},
        (HISTORY, "2026-03-03"): {"doubled": 4},
        **{
            (stream, day): {"missing": counts["vendor"]}
            for (stream, day), counts in days.items()
            if stream in {SIEM, "ncp_apigateway_events"}
        },
    }
    assert f"{SIEM}: there is no table of it, so all is missing" in told.log
    assert "--repair 'LOADER' would load croct_events from 2026-03-01T00:00:00.000Z to " in told.log
    assert "would load croct_events from 2026-03-01T00:00:00.000Z to 2026-03-04T" in told.log

    sandbox.requests.clear()
    told = audit.run(*SCHEMA, "--content", "--format", "json", "--repair", loader)
    assert (told.code, told.different) == (0, {(HISTORY, "2026-03-01"): {"gone": 1}}), told.log
    assert f"{HISTORY}: removed 4 rows" in told.log
    assert len(sandbox.requests) <= 2 * requests  # read once, and loaded once
    assert told.days.keys() == days.keys()


def test_times_of_a_server_in_another_zone_and_odd_bounds(
    audit: Audit, loader: str, server: Postgres
) -> None:
    """Columns without a zone have the server's local times."""
    server.ask("alter system set timezone = 'America/New_York'")
    server.ask("select pg_reload_conf()")
    audit.load(loader)
    audit.span = ("--start", "2026-03-01T05:07:11.123", "--end", "2026-03-03T22:00:33Z")
    told = audit.run(*SCHEMA, "--format", "json")
    assert (told.code, told.different) == (0, {})
    assert none_missing(told.days.values())
    told = audit.run(*SCHEMA, "--format", "json", "--content")
    assert (told.code, told.different) == (0, {})


def test_names_in_lower_case_texts_as_times_and_a_view(
    audit: Audit, loader: str, server: Postgres
) -> None:
    """As other loaders make them."""
    audit.load(loader)
    server.ask("""
        create schema other;
        create table other."CROCT_EVENTS" as select "sessionId" session_id, id "ID",
            to_char("timestamp", 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') "TimeStamp",
            "eventType" eventtype, payload::text
            from events.croct_events;
        create view other.ncp_apigateway_events as select * from events.ncp_apigateway_events
            where right(event_key, 1) <> '0';
    """)
    streams = ("--stream", "croct_events", "--stream", "ncp_apigateway_events")
    told = audit.run("--schema", "other", "--format", "json", "--content", *streams)
    ((missing,),) = server.ask(
        "select count(*) from events.ncp_apigateway_events where right(event_key, 1) = '0'"
    )
    assert {stream for stream, _ in told.different} == {"ncp_apigateway_events"}
    counts = told.different.values()
    assert sum(each["missing"] for each in counts) == int(missing) > 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "no table in schema public, but in bare, events, secret: give --schema"),
        (["--schema", "bare"], "table croct_events has no column timestamp"),
        (["--schema", "secret"], "grant SELECT to reader, or give another user"),
    ],
)
def test_what_can_not_be_read_is_told_in_a_line(
    audit: Audit, server: Postgres, arguments: list[str], expected: str
) -> None:
    columns = 'croct_events (id text, "timestamp" timestamptz)'
    server.ask(f"""
        create schema events; create table events.{columns};
        create schema bare; create table bare.croct_events (id text);
        create schema secret; create table secret.{columns};
        create role reader login; grant usage on schema secret to reader;
    """)
    if "secret" in arguments:
        audit.warehouse = audit.warehouse.replace("//postgres:any", "//reader:hidden-word")
    told = audit.run(*arguments, "--stream", "croct_events")
    (line,) = [line for line in told.log.splitlines() if not line.startswith("croct_events: comp")]
    assert (told.code, told.output) == (2, "")
    assert expected in line
    assert "hidden-word" not in told.log
