"""The models are the same whatever a loader has made of names, types and repeated records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.dbt.project import STAGING, Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dbt.project import Warehouse

PAYLOAD = '{"@type": "x", "order": {"id": "o1", "total": 12.50, "items": [{"n": "1"}, 2, null]}}'
FORMS = {  # what a loader may make of the same two events
    "exact": f"""
        create table exact.croct_events
            (id text, "timestamp" timestamptz, "eventType" text, payload json);
        insert into exact.croct_events values
            ('e1', '2026-03-01T15:30:00.25Z', 'x', '{PAYLOAD}'),
            ('e2', '2026-03-01T14:30:00Z', null, null)""",
    "without_a_zone_and_appended": f"""
        create table without_a_zone_and_appended.croct_events
            (id text, "timestamp" timestamp, "eventType" text, payload json, _sdc_sequence bigint);
        insert into without_a_zone_and_appended.croct_events values
            ('e1', '2026-03-01 15:30:00.25', 'old', null, 2),
            ('e1', '2026-03-01 15:30:00.25', 'x', '{PAYLOAD}', 3),
            ('e2', '2026-03-01 14:30:00', null, null, 3),
            ('e2', '2026-03-01 14:30:00', null, null, 3)""",
    "in_lower_case_as_text": f"""
        create table in_lower_case_as_text.croct_events
            (ID text, "TIMESTAMP" text, eventtype text, payload text);
        insert into in_lower_case_as_text.croct_events values
            ('e1', '2026-03-01T15:30:00.250Z', 'x', '{PAYLOAD}'),
            ('e2', '2026-03-01 14:30:00', null, '')""",
    "in_snake_case_and_appended": f"""
        create table in_snake_case_and_appended.croct_events
            (id text, "timestamp" text, event_type text, payload json, _dlt_load_id text);
        insert into in_snake_case_and_appended.croct_events values
            ('e1', '2026-03-02T00:30:00.25+09:00', 'x', '{PAYLOAD}', '2'),
            ('e1', '2026-03-01T15:30:00.25Z', 'old', '{PAYLOAD}', '1'),
            ('e2', '2026-03-01T23:30:00+09', null, null, '1')""",
    "appended_without_a_word": f"""
        create table appended_without_a_word.croct_events
            (id text, "timestamp" timestamptz, "eventType" text, payload json);
        insert into appended_without_a_word.croct_events values
            ('e1', '2026-03-01T15:30:00.25Z', 'x', '{PAYLOAD}'),
            ('e1', '2026-03-01T15:00:00Z', 'old', null),
            ('e2', '2026-03-01T14:30:00Z', null, null),
            ('e2', '2026-03-01T14:30:00Z', null, null)""",
    "deleted": f"""
        create table deleted.croct_events (
            id text, "timestamp" timestamptz, "eventType" text, payload json,
            _sdc_deleted_at timestamptz, _sdc_sequence bigint);
        insert into deleted.croct_events values
            ('e1', '2026-03-01T15:30:00.25Z', 'x', '{PAYLOAD}', null, 1),
            ('e2', '2026-03-01T14:30:00Z', null, null, null, 1),
            ('e3', '2026-03-01T14:30:00Z', null, null, null, 1),
            ('e3', '2026-03-01T14:30:00Z', null, null, '2026-03-02T14:30:00Z', 2)""",
}
EVENTS = {  # id, timestamp, event type, payload and day in Seoul
    ("e1", "2026-03-01T15:30:00.25", "x", PAYLOAD, "2026-03-02"),
    ("e2", "2026-03-01T14:30:00", None, None, "2026-03-01"),
}
OTHERS = """
    create table exact.dfinery_events (
        df_event_detail_log_id text, df_server_datetime timestamptz, df_event_datetime timestamptz,
        df_discount text, "order" text, "userLevel" bigint, "user_level" text, "가\"\"격" text);
    insert into exact.dfinery_events values
        ('d1', '2026-03-03T00:00:00Z', '2026-03-01T15:30:00Z', '1.5', 'gift', 7, 'high', '값'),
        ('d2', '2026-03-03T00:00:00Z', null, '', null, null, null, null);
    create table deleted.dfinery_events (
        df_event_detail_log_id text, df_server_datetime timestamptz, "Order" bigint);
    insert into deleted.dfinery_events values ('d1', '2026-03-03T00:00:00Z', 12);
    create table exact.croct_users (
        "userId" text, "lastModifiedTime" timestamptz, "birthDate" text, activities text[]);
    insert into exact.croct_users values
        ('u1', '2026-03-01T15:30:00Z', '1990-05-17', array['buying', 'a "b"']);
    create table exact.infobip_event_definitions (
        "definitionId" text, "isInternalDefinition" text, fields json[], _extra text);
    insert into exact.infobip_event_definitions values
        ('sms', 'true', array[cast('{"name": "a"}' as json)], '{"new": 1}')"""
MODELS = {
    "facts": """
        select
            {{ tap_eventexport.json_text('payload', '@type') }} as kind,
            {{ tap_eventexport.json_text('payload', 'order.id') }} as order_id,
            {{ tap_eventexport.json_number('payload', 'order.total') }} * 2 as twice,
            {{ tap_eventexport.json_number('payload', 'order.id') }} as no_number,
            {{ tap_eventexport.json_text('payload', 'no.such.path') }} as nothing
        from {{ ref('stg_croct__events') }}
        where source_schema = 'exact' and id = 'e1'""",
    "items": """
        select
            items.index,
            items.value,
            {{ tap_eventexport.json_text('items.value', 'n') }} as n
        from {{ ref('stg_croct__events') }} as events
        {{ tap_eventexport.json_items('events.payload', 'order.items', 'items') }}
        where events.source_schema = 'exact'""",
}


def test_any_form(tmp_path: Path, warehouse: Warehouse) -> None:
    for schema, statements in FORMS.items():
        warehouse.execute(f"create schema {schema}; {statements}")
    warehouse.execute(OTHERS)
    project = Project(tmp_path / "project", warehouse, MODELS)
    project.link()
    select = ["--select", STAGING, *MODELS]
    said = project.run("run", *select, schemas=[*FORMS], timezone="Asia/Seoul")

    events = project.rows("stg_croct__events")
    for schema in FORMS:
        rows = [row for row in events if row["source_schema"] == schema]
        assert {facts(row) for row in rows} == {
            (key, time, kind, payload and canonical(payload), day)
            for key, time, kind, payload, day in EVENTS
        }, schema
        assert len(rows) == len(EVENTS), schema

    for stream in ("happytalk_siem_events", "ncp_apigateway_events"):
        assert f"nothing of {stream} was loaded" in said
    assert "nothing of croct_users was loaded into without_a_zone_and_appended, in_" in said
    assert "nothing of croct_events was loaded" not in said
    assert project.rows("stg_ncp__apigateway_events") == []

    rows = project.rows("stg_dfinery__events")
    names = ("df_discount", "order", "user_level", "user_level_2", "가_격", "business_date")
    assert {tuple(row[name] for name in names) for row in rows} == {
        (1.5, "gift", "high", 7, "값", "2026-03-02"),
        (None, None, None, None, None, "2026-03-03"),
        (None, "12", None, None, None, "2026-03-03"),
    }
    (user,) = project.rows("stg_croct__users")
    assert (user["birth_date"], user["activities"]) == ("1990-05-17", ["buying", 'a "b"'])
    (definition,) = project.rows("stg_infobip__event_definitions")
    assert definition["is_internal_definition"] is True
    assert (definition["fields"], definition["_extra"]) == ([{"name": "a"}], {"new": 1})

    assert project.rows("facts") == [
        {"kind": "x", "order_id": "o1", "twice": 25, "no_number": None, "nothing": None}
    ]
    assert sorted(project.rows("items"), key=lambda item: item["index"]) == [
        {"index": 0, "value": {"n": "1"}, "n": "1"},
        {"index": 1, "value": 2, "n": None},
        {"index": 2, "value": None, "n": None},
    ]


def facts(row: dict[str, Any]) -> tuple[Any, ...]:
    time = row["timestamp"].replace(" ", "T").removesuffix("+00:00").removesuffix("+00")
    payload = row["payload"] and canonical(json.dumps(row["payload"]))
    return row["id"], time, row["event_type"], payload, row["business_date"]


def canonical(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True)
