"""Selection, stream maps and flattening through the real command: what leaves, and how."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tap_eventexport.sandbox.dfinery import Dfinery
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Fault, Response, Sandbox
from tests.conftest import BESIDE_EVENTS, CROCT_KEY, START
from tests.singer import Heard, Run, Tap, catalog_without

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_eventexport.sandbox.server import Vendor

DFINERY, CROCT = "dfinery_events", "croct_events"
TOKEN = "a-dfinery-token-of-the-tests"  # noqa: S105
NOW = datetime(2026, 3, 20, 3, tzinfo=UTC)  # Dfinery keeps 30 days from now
SHIFT = NOW - datetime.now(UTC)
KEYS = {"df_event_detail_log_id", "df_server_datetime"}
CSV = """\
df_event_detail_log_id,df_server_datetime,df_event_name,df_unified_id,phone,email
a,2026-03-18 10:00:00.000,df_login,U1,010-1234-5678,a@example.com
b,2026-03-18 11:00:00.000,df_logout,U2,,b@example.com
"""
PERSONAL = {"phone", "email"}
ITEMS: list[dict[str, Any]] = [
    {
        "id": f"e-{number}",
        "sessionId": "s",
        "userId": None if number else "u",
        "timestamp": 1772366400000 + number,
        "context": {"url": "/cart", "metadata": {"email": "a@example.com"}},
        "payload": {
            "@type": "orderPlaced",
            "order": {"total": 12.5, "items": [{"index": 0, "email": "b@example.com"}]},
            "email": "c@example.com",
        },
        **({"region": "eu", "email": "d@example.com"} if number else {}),
    }
    for number in range(3)
]
EVENTS = {"items": ITEMS, "metadata": {"organizationName": "Acme"}}


@contextmanager
def answering(body: bytes, vendor: Vendor) -> Iterator[Sandbox]:
    """A vendor whose every answer is the same."""
    with Sandbox([vendor]) as sandbox:
        sandbox.faults.append(Fault("answer", times=10**6, response=Response(200, body)))
        yield sandbox


@pytest.fixture
def dfinery(tmp_path: Path) -> Iterator[Tap]:
    """The command over a service with columns that nobody had told of."""
    vendor = Dfinery(History(1), token=TOKEN, now=lambda: datetime.now(UTC) + SHIFT)
    with answering(CSV.encode(), vendor) as sandbox:
        yield Tap(
            tmp_path,
            shift=SHIFT.total_seconds(),
            without=("dfinery_user_profiles",),
            dfinery_api_token=TOKEN,
            dfinery_service_id="sandbox",
            dfinery_api_url=sandbox.url,
            start_date="2026-03-18T00:00:00+09:00",
            end_date="2026-03-19T00:00:00+09:00",
        )


@pytest.fixture
def croct_tap(tmp_path: Path, croct: Vendor) -> Iterator[Tap]:
    """The command over events with fields of any kind."""
    with answering(json.dumps(EVENTS).encode(), croct) as sandbox:
        yield Tap(
            tmp_path,
            croct_api_key=CROCT_KEY,
            croct_api_url=sandbox.url,
            without=BESIDE_EVENTS,
            start_date=START.isoformat(),
            end_date=(START + timedelta(days=1)).isoformat(),
        )


def catalog_of(tap: Tap) -> dict[str, Any]:
    """What discovery prints, where the vendor doesn't tell it of columns."""
    urls = ("dfinery_api_url", "croct_api_url")
    closed: dict[str, Any] = {name: "http://127.0.0.1:1" for name in urls if name in tap.settings}
    catalog: dict[str, Any] = json.loads("\n".join(tap.run("--discover", **closed).lines))
    catalog["streams"] = [
        stream for stream in catalog["streams"] if stream["tap_stream_id"] not in tap.without
    ]
    return catalog


def select(catalog: dict[str, Any], *select: str) -> dict[str, Any]:
    """A catalog as Meltano makes it: every property that is known is selected or not."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            name = entry["breadcrumb"][1:2]
            entry["metadata"]["selected"] = not name or name[0] in select or "*" in select
    return catalog


def changed(catalog: dict[str, Any], *breadcrumb: str, **metadata: Any) -> dict[str, Any]:
    """A catalog with one more entry of metadata, or a changed one."""
    entries = catalog["streams"][0]["metadata"]
    found = [entry for entry in entries if entry["breadcrumb"] == [*breadcrumb]]
    if not found:
        found = [{"breadcrumb": [*breadcrumb], "metadata": {}}]
        entries.extend(found)
    found[0]["metadata"].update(metadata)
    return catalog


def names(heard: Heard, stream: str) -> set[str]:
    """All names of columns that left, in a SCHEMA or in a RECORD."""
    messages = [*heard.records[stream], *(each["properties"] for each in heard.schemas[stream])]
    return {name for message in messages for name in message}


def leaves(value: object) -> set[str]:
    """All names in a value, wherever."""
    if isinstance(value, dict):
        return {*value}.union(*map(leaves, value.values()))
    return set().union(*map(leaves, value)) if isinstance(value, list) else set()


def meltano(*patterns: str) -> dict[str, str]:
    return {"MELTANO_EXTRACT__SELECT": json.dumps(patterns)}


def cut(catalog: dict[str, Any], name: str, *, schema: bool, metadata: bool) -> dict[str, Any]:
    """A catalog from which a property was taken out by hand."""
    (stream,) = catalog["streams"]
    if schema:
        del stream["schema"]["properties"][name]
    if metadata:
        stream["metadata"] = [
            entry for entry in stream["metadata"] if entry["breadcrumb"] != ["properties", name]
        ]
    return catalog


def test_columns_that_discovery_has_not_seen(dfinery: Tap) -> None:
    """What is sent of a CSV with two columns of personal data, by catalog after catalog."""
    known = catalog_of(dfinery)
    assert not PERSONAL & known["streams"][0]["schema"]["properties"].keys()

    def sent(catalog: dict[str, Any] | None, *patterns: str, **settings: Any) -> set[str]:
        environment = meltano(*patterns) if patterns else {}
        done = dfinery.run(catalog=catalog, environment=environment, **settings)
        assert done.code == 0, done.log
        assert len(done.heard.records[DFINERY]) == 2
        assert ("aren't sent" in done.log) == (names(done.heard, DFINERY) & PERSONAL != PERSONAL)
        return names(done.heard, DFINERY)

    def fresh() -> dict[str, Any]:
        return deepcopy(known)

    every = "*"
    by_name = select(fresh(), "df_event_name")
    assert sent(None) >= PERSONAL
    assert sent(fresh()) >= PERSONAL
    assert sent(select(fresh(), every)) >= PERSONAL
    assert sent(select(fresh(), every), "*.*") >= PERSONAL
    assert sent(by_name) == {*KEYS, "df_event_name"}
    assert sent(by_name, f"{DFINERY}.df_event_name") == {*KEYS, "df_event_name"}
    assert sent(by_name, "*.*") == {*KEYS, "df_event_name"}  # not what the catalog was made by
    maps = {DFINERY: {"name": "df_event_name"}}
    flat = {"flattening_enabled": True, "flattening_max_depth": 1, "stream_maps": maps}
    assert sent(by_name, **flat) == {*KEYS, "df_event_name", "name"}
    for change in ({"schema": True, "metadata": False}, {"schema": True, "metadata": True}):
        found = sent(cut(fresh(), "df_unified_id", **change))
        assert not {"df_unified_id", *PERSONAL} & found
    unlisted = cut(fresh(), "df_unified_id", schema=False, metadata=True)
    assert not {"df_unified_id", *PERSONAL} & sent(unlisted)
    deselected = changed(fresh(), "properties", "df_unified_id", selected=False)
    assert not {"df_unified_id", *PERSONAL} & sent(deselected)
    unseen = changed(fresh(), "properties", "phone", selected=False)
    assert not PERSONAL & sent(unseen)


def test_patterns_that_meltano_leaves_no_trace_of(dfinery: Tap) -> None:
    whole = select(catalog_of(dfinery), "*")
    done = dfinery.run(catalog=whole, environment=meltano("*.*", f"!{DFINERY}.phone"))
    assert done.code == 0
    assert "phone" not in names(done.heard, DFINERY)
    assert {record["email"] for record in done.heard.records[DFINERY]} == {
        "a@example.com",
        "b@example.com",
    }
    assert done.log_line("doesn't know them: phone;")


def test_all_columns_arrive_with_the_first_schema(dfinery: Tap) -> None:
    heard = dfinery.read(catalog=select(catalog_of(dfinery), "*"))
    (schema,) = heard.schemas[DFINERY]
    assert schema["properties"].keys() >= PERSONAL
    assert [record["phone"] for record in heard.records[DFINERY]] == ["010-1234-5678", None]


def test_fields_inside_columns(croct_tap: Tap) -> None:
    known = catalog_of(croct_tap)

    def sent(catalog: dict[str, Any], *patterns: str, **settings: Any) -> dict[str, Any]:
        environment = meltano(*patterns) if patterns else {}
        done = croct_tap.run(catalog=catalog, environment=environment, **settings)
        assert done.code == 0, done.log
        record: dict[str, Any] = done.heard.records[CROCT][-1]
        return record

    payload = ("properties", "payload", "properties")
    assert leaves(sent(deepcopy(known))) >= {"email", "region", "total"}
    record = sent(changed(deepcopy(known), *payload, "email", selected=False))
    assert record["payload"].keys() == {"@type", "order"}
    record = sent(
        changed(deepcopy(known), *payload, "order", "properties", "total", selected=False)
    )
    assert record["payload"]["order"].keys() == {"items"}
    record = sent(changed(deepcopy(known), *payload, "@type", selected=True))
    assert record["payload"] == {"@type": "orderPlaced"}
    record = sent(changed(deepcopy(known), "properties", "email", selected=False))
    assert record["_extra"] == {"region": "eu"}
    for patterns in (["*.*", "!*.*email"], ["*.*", f"!{CROCT}.*.email"]):
        record = sent(select(deepcopy(known), "*"), *patterns)
        assert "email" not in leaves(record)
        assert leaves(record) >= {"region", "total", "metadata", "index"}
    flat = {"flattening_enabled": True, "flattening_max_depth": 1}
    record = sent(select(deepcopy(known), "*"), "*.*", "!*.*email", **flat)
    assert "email" not in leaves([json.loads(record[name]) for name in ("context", "payload")])
    record = sent(cut(deepcopy(known), "_extra", schema=True, metadata=True))
    assert "_extra" not in record
    older = select(cut(deepcopy(known), "_extra", schema=True, metadata=True), "*")
    assert sent(older, "*.*")["_extra"]["region"] == "eu"  # as Meltano may have kept it


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"breadcrumb": "id", "selected": False}, "id"),
        ({"breadcrumb": "timestamp", "selected": False, "inclusion": "available"}, "timestamp"),
        ({"breadcrumb": "id", "inclusion": "unsupported"}, "id"),
        ({"cut": "timestamp"}, "timestamp"),
    ],
)
def test_a_key_that_is_left_out_is_named(
    tap: Tap, sandbox: Sandbox, change: dict[str, Any], key: str
) -> None:
    catalog = catalog_of(tap)
    if "cut" in change:
        cut(catalog, change["cut"], schema=True, metadata=False)
    else:
        changed(catalog, "properties", change.pop("breadcrumb"), **change)
    done = tap.run(catalog=catalog)
    assert (done.code, done.lines) == (1, [])
    assert done.log_line(f"croct_events: {key} is a key and left out; expected it in the schema")
    assert not sandbox.requests


def test_a_key_need_not_be_selected_by_name(tap: Tap, truth: list[str]) -> None:
    done = tap.run(catalog=select(catalog_of(tap), "userId"))
    assert names(done.heard, CROCT) == {"id", "timestamp", "userId"}
    assert Counter(done.heard.keys()) == Counter(truth)


def test_keys_are_not_a_catalogs_to_change(tap: Tap, truth: list[str]) -> None:
    catalog = catalog_of(tap)
    catalog["streams"][0] |= {"key_properties": ["userId"], "replication_key": "eventType"}
    done = tap.run(catalog=catalog)
    assert Counter(done.heard.keys()) == Counter(truth)
    assert done.log_line("the catalog has other keys than id, timestamp: eventType, userId; they")
    catalog["streams"][0] |= {"key_properties": [], "replication_key": None}
    schema = json.loads(tap.run(catalog=catalog).lines[0])
    assert schema["key_properties"] == ["id"]


@pytest.mark.parametrize(
    ("catalog", "words"),
    [
        ({"bookmarks": {}}, "the file isn't a catalog; this is a state"),
        ({"type": "STATE", "value": {}}, "the file isn't a catalog; expected what --discover"),
        ({"streams": None}, "streams: got null, expected a list of streams"),
        ({"streams": [{"tap_stream_id": "croct_events"}]}, "croct_events: has no schema"),
        (
            {"streams": [{"tap_stream_id": "croct_events", "schema": {"properties": {}}}] * 2},
            "croct_events appears 2 times",
        ),
        (
            {
                "streams": [
                    {
                        "tap_stream_id": "croct_events",
                        "schema": {"properties": {}},
                        "metadata": None,
                    }
                ]
            },
            "croct_events: metadata: got null, expected a list of",
        ),
    ],
)
def test_what_is_no_catalog_is_told(
    tap: Tap, sandbox: Sandbox, catalog: dict[str, Any], words: str
) -> None:
    done = tap.run(catalog=catalog)
    assert (done.code, done.lines) == (1, [])
    assert "catalog.json: " in done.log_line(f"{words}")
    assert "Traceback" not in done.log
    assert not sandbox.requests


def test_a_run_that_reads_nothing_says_so(tap: Tap, sandbox: Sandbox) -> None:
    known = catalog_of(tap)
    (stream,) = known["streams"]
    other = {**stream, "tap_stream_id": "other_events"}
    off = catalog_without([CROCT, *BESIDE_EVENTS], tap.settings)
    catalogs: list[dict[str, Any]] = [{"streams": []}, {"streams": [other]}, off]
    for catalog in catalogs:
        done = tap.run(catalog=catalog)
        assert (done.code, done.lines) == (0, [])
        assert "WARNING" in done.log_line("no stream is selected, so nothing is read")
        is_other = "has streams that no configured vendor has: other_events" in done.log
        assert is_other == (catalog["streams"] == [other])
        is_unlisted = "these streams aren't in the catalog, so they aren't read" in done.log
        assert is_unlisted == (catalog != off)
    assert not sandbox.requests
    done = tap.run(catalog={"streams": [stream, other]})
    assert done.heard.records.keys() == {CROCT}
    assert "no stream is selected" not in done.log


def test_what_is_wrong_in_stream_maps(
    tap: Tap, sandbox: Sandbox, all_settings: dict[str, Any]
) -> None:
    maps = {
        "croct_events": {"x": "1 +", "y": 5, "__key_properties__": []},
        "ncp_*": {"z": "foo(time)"},
        "dfinery_events": {"x": "1 +"},  # not configured
    }
    done = tap.run(**{**all_settings, "stream_maps": maps})
    assert (done.code, done.lines) == (1, [])
    for place in (
        "croct_events: x",
        "croct_events: y",
        "croct_events: __key",
        "ncp_apigateway_events: z",
    ):
        assert "expected" in done.log_line(f"stream_maps: {place}")
    assert "dfinery" not in done.log
    assert done.log.count("ERROR") == 4
    for wrong in ({"__else__": "x"}, {"croct_events": [1]}, "x"):
        done = tap.run(stream_maps=wrong)
        assert (done.code, done.lines) == (1, [])
        assert done.log_line("| stream_maps")
        assert "Traceback" not in done.log
    names_alike = {name: {"__alias__": "events"} for name in ("croct_events", "ncp_*")}
    done = tap.run(**{**all_settings, "stream_maps": names_alike})
    assert done.log_line("stream_maps: 2 streams have the name events; expected different")
    assert not sandbox.requests


def test_stream_maps_of_other_streams_do_not_matter(tap: Tap, truth: list[str]) -> None:
    maps = {
        "ncp_apigateway_events": {"x": "1 +"},
        "nothing": {"x": "1"},
        "croct_events": {"userid": None},
    }
    done = tap.run(stream_maps=maps)
    assert Counter(done.heard.keys()) == Counter(truth)
    assert done.log_line("stream_maps: nothing is not a stream, so its map has no effect")
    assert done.log_line("stream_maps: croct_events has no column userid to remove")
    assert done.log.count("WARNING") == 2


def test_a_stream_that_a_map_removes_is_not_read(
    tap: Tap, sandbox: Sandbox, all_settings: dict[str, Any]
) -> None:
    maps = {"croct_events": None, "happytalk_*": "__NULL__"}
    heard = tap.read(**{**all_settings, "stream_maps": maps})
    assert heard.records.keys() == heard.states[-1]["bookmarks"].keys() == {"ncp_apigateway_events"}
    assert {request.path for request in sandbox.requests} == {"/api/v1/dashboards/events/search"}


def test_an_expression_that_fails_fails_its_stream_alone(
    tap: Tap, all_settings: dict[str, Any]
) -> None:
    maps = {
        "croct_events": {"ratio": "1 / int(record.get('nope', 0))"},
        "ncp_*": {"event_key": "None"},
        "happytalk_siem_events": {"part": "record['nope']"},
    }
    done = tap.run(**{**all_settings, "stream_maps": maps})
    assert done.code == 1
    assert "ratio can't be computed for a record (ZeroDivisionError)" in done.log_line(
        "croct_events failed"
    )
    assert "event_key is a key, but it is empty" in done.log_line("ncp_apigateway_events failed")
    assert "part can't be computed for a record (KeyError)" in done.log_line(
        "happytalk_siem_events failed"
    )
    assert "Traceback" not in done.log
    assert done.heard.records.keys() == {"happytalk_service_history"}
    assert done.heard.bookmark("croct_events") in {None, "2026-03-01T00:00:00.000Z"}


MAPS = {
    CROCT: {
        "__filter__": "eventType != 'nothing'",
        "user": "md5(str(userId))",
        "userId": None,
        "area": "record['_extra']['region'] if record['_extra'] else None",
        "copy": "context",
        "order": "payload['order']",
        "count": "payload['order']['total']",
        "is_new": "sessionId == 's'",
        "total": "float(payload['order']['total'])",
    }
}


def records_of(done: Run) -> list[dict[str, Any]]:
    """Records of a run, checked against their SCHEMA; also those of batches."""
    assert done.code == 0, done.log
    for batch in done.heard.batches:
        for address in batch["manifest"]:
            for line in gzip.decompress(Path(urlsplit(address).path).read_bytes()).splitlines():
                message = {"type": "RECORD", "stream": CROCT, "record": json.loads(line)}
                done.heard.hear(json.dumps(message))
    return done.heard.records[CROCT]


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_flattening_keeps_objects_whole(croct_tap: Tap, depth: int) -> None:
    plain = croct_tap.read().records[CROCT]
    batch = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": croct_tap.folder.as_uri()},
    }
    objects = ("context", "payload", "_extra")
    for settings in ({}, {"batch_config": batch}, {"flattening_separator": "."}):
        done = croct_tap.run(flattening_enabled=True, flattening_max_depth=depth, **settings)
        records = records_of(done)
        properties = done.heard.schemas[CROCT][-1]["properties"]
        assert list(properties) == list(plain[0])
        for record, expected in zip(records, plain, strict=True):
            whole = {name: record[name] for name in objects}
            if depth:
                whole = {name: value and json.loads(value) for name, value in whole.items()}
            assert {**record, **whole} == expected
        told = "flattening keeps each of these as one column of JSON text"
        assert (told in done.log) == bool(depth)
        if depth:
            assert done.log_line(told).endswith("context, payload, _extra")
            assert all(properties[name]["type"] == ["string", "null"] for name in objects)


def test_names_that_flattening_shortens(tap: Tap, sandbox: Sandbox) -> None:
    flat: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 1}
    done = tap.run(**flat, flattening_max_key_length=9)
    assert (done.code, done.lines) == (1, [])
    assert done.log_line("flattening: croct_events: timestamp: no column has this name any more")
    assert not sandbox.requests


@pytest.mark.parametrize("depth", [None, 1, 5])
def test_mapped_records_fit_their_schema(croct_tap: Tap, depth: int | None) -> None:
    flat: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": depth}
    flat = flat if depth else {}
    record = records_of(croct_tap.run(stream_maps=MAPS, **flat))[-1]
    assert (record["count"], record["is_new"], record["total"]) == ("12.5", "true", 12.5)
    assert (record["area"], len(record["user"])) == ("eu", 32)
    assert json.loads(record["order"])["total"] == 12.5
    copy = json.loads(record["copy"]) if depth else record["copy"]
    assert copy == ITEMS[-1]["context"]
    only = {CROCT: {**MAPS[CROCT], "__else__": None, "id": "id"}}
    record = records_of(croct_tap.run(stream_maps=only, **flat))[-1]
    assert record.keys() == {"id", *MAPS[CROCT]} - {"__filter__", "userId"}


def test_a_catalog_of_an_earlier_version_with_flattening(croct_tap: Tap) -> None:
    """It said that objects have no properties, which made flattening drop them."""
    catalog = catalog_of(croct_tap)
    for name in ("context", "payload"):
        catalog["streams"][0]["schema"]["properties"][name]["properties"] = {}
    flat: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 3}
    record = records_of(croct_tap.run(catalog=catalog, **flat))[-1]
    assert json.loads(record["payload"])["@type"] == "orderPlaced"


def test_new_columns_pass_flattening_and_maps(dfinery: Tap) -> None:
    done = dfinery.run(
        flattening_enabled=True,
        flattening_max_depth=1,
        dfinery_property_types={"phone": "array"},
        stream_maps={DFINERY: {"mail": "md5(record.get('email'))", "email": None}},
    )
    heard = done.heard
    assert "to remove" not in done.log
    assert names(heard, DFINERY) >= {"phone", "mail"}
    assert "email" not in names(heard, DFINERY)
    assert heard.schemas[DFINERY][-1]["properties"]["phone"]["type"] == ["string", "null"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stream_maps": {CROCT: {"context": None}}},
        {"stream_maps": {CROCT: {"made": "'c\\x00'"}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
    ],
    ids=["as they are", "one by one", "made by a stream map", "flattened"],
)
def test_a_nul_is_replaced_and_told_once(
    tmp_path: Path, croct: Vendor, settings: dict[str, Any]
) -> None:
    body = json.dumps(EVENTS).replace("orderPlaced", "a\\u0000b").encode()
    with answering(body, croct) as sandbox:
        tap = Tap(
            tmp_path,
            croct_api_key=CROCT_KEY,
            croct_api_url=sandbox.url,
            without=BESIDE_EVENTS,
            start_date=START.isoformat(),
            end_date=(START + timedelta(days=5)).isoformat(),
        )
        done = tap.run(**settings)
    records = done.heard.records[CROCT]
    assert {record["eventType"] for record in records} == {"a\ufffdb"}
    assert {record.get("made", "c\ufffd") for record in records} == {"c\ufffd"}
    for record in records:
        payload = record["payload"]
        flat = json.loads(payload) if isinstance(payload, str) else payload
        assert flat["@type"] == "a\ufffdb"
    assert "WARNING" in done.log_line("croct_events: a text holds a NUL character (\\u0000)")


def test_no_nul_no_word(croct_tap: Tap) -> None:
    assert "NUL" not in croct_tap.run(stream_maps={CROCT: {"x": "'\\\\u0000'"}}).log
