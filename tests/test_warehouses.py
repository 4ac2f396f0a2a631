"""All five vendors into a real warehouse with a real loader: rows and values against the truth."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from tap_eventexport.sandbox.server import Fault, Response, Sandbox
from tests.conftest import CROCT_KEY
from tests.documents import blocks
from tests.meltano import ROOT, Project
from tests.trust.world import KEYS, LENGTH, PERSONAL, World
from tests.values import differences, emitted, parsed, table
from tests.vendors.conftest import ARRIVAL, ID, serving
from tests.vendors.conftest import table as csv_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.server import Vendor
    from tap_eventexport.sandbox.store import Store
    from tests.postgres import Postgres

SCHEMA = "events"
TARGET_POSTGRES = ROOT / ".venv-target-postgres/bin/target-postgres"
LOADERS = ROOT / "docs/loaders.md"
BIG = "123456789012345678901234567890"
DAY = timedelta(days=1)
EXPORTED = {"_file"}  # has another name in each export


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


def wrong(world: World, folder: Path, stored: Callable[[str], Iterable[str]]) -> list[str]:
    """How the values in a store differ from those that the tap emits.

    Args:
        world: The vendors.
        folder: Where the tap runs.
        stored: Returns a stream's rows as JSON.
    """
    streams = emitted(world.tap(folder).run().lines)
    assert streams.keys() == KEYS.keys()
    return [
        line
        for name, stream in streams.items()
        if name not in PERSONAL  # which Meltano doesn't select
        for line in differences(
            name,
            table(stream, map(parsed, stored(name)), EXPORTED),
            table(stream, stream.records.values(), EXPORTED),
        )
    ]


def keys(server: Postgres, stream: str) -> Counter[str]:
    return Counter(row[0] for row in server.ask(f'select "{KEYS[stream]}" from {SCHEMA}.{stream}'))


def test_meltano_fills_postgres_and_goes_on_where_it_stood(
    tmp_path: Path, server: Postgres, world: World
) -> None:
    loader = {f"TARGET_POSTGRES_{name.upper()}": f"{v}" for name, v in server.settings.items()}
    loader["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA"] = SCHEMA
    project = Project(tmp_path / "project", **loader)
    for end in load_in_two_parts(world, project, "target-postgres"):
        for stream in KEYS.keys() - PERSONAL:
            rows = keys(server, stream)
            assert rows.total() == len(rows) == world.truth(stream, end=end).total(), stream
        bodies = [request.body for request in world.sandbox.requests]
        days = [body for body in bodies if b'"to_date"' in body]
    assert len(days) == 2  # the day before, because of the lookback, and the new one
    assert wrong(world, tmp_path, lambda stream: in_table(server, stream)) == []

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
    first = server.ask(f"select min(time), max(time) from {SCHEMA}.ncp_apigateway_events")[0]
    start, end = (datetime.fromisoformat(f"{text}+00:00") for text in first)
    assert world.start <= start < end < world.end


def in_table(server: Postgres, stream: str) -> list[str]:
    """A table's rows as JSON."""
    return [row for (row,) in server.ask(f"select to_jsonb(t) from {SCHEMA}.{stream} t")]


def test_meltano_fills_files(tmp_path: Path, world: World) -> None:
    """A file has a record as often as it was sent, the newest last."""
    project = Project(tmp_path / "project")
    files = {stream: project.output / f"{stream}.jsonl" for stream in KEYS}

    def newest(stream: str) -> list[dict[str, Any]]:
        records = map(json.loads, files[stream].read_text().splitlines())
        return list({record[KEYS[stream]]: record for record in records}.values())

    for end in load_in_two_parts(world, project, "target-jsonl", lookback_resend="all"):
        for stream in KEYS:
            if stream in PERSONAL:
                assert not files[stream].exists()
                continue
            assert len(newest(stream)) == world.truth(stream, end=end).total()
    lines = files["dfinery_events"].read_text().splitlines()
    assert len(lines) > len(newest("dfinery_events"))  # as the lookback is sent again
    assert {"colour" in json.loads(line) for line in lines} == {True, False}
    assert wrong(world, tmp_path, lambda stream: files[stream].read_text().splitlines()) == []
    assert any("상담" in record["msg"] for record in newest("happytalk_siem_events"))
    assert all(isinstance(record["payload"], dict) for record in newest("croct_events"))
    events = newest("infobip_events")
    assert any(str(record["properties"]["price"]) == BIG for record in events)
    assert any(record["externalPersonId"] is None for record in events)


def load(lines: list[str], folder: Path, server: Postgres, **settings: Any) -> None:
    """Load lines with target-postgres."""
    config = folder / "loader.json"
    to = {**settings, **server.settings, "default_target_schema": SCHEMA}
    config.write_text(json.dumps(to))
    loaded = subprocess.run(
        [TARGET_POSTGRES, "--config", config],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr


FLATTENED = {"flattening_enabled": True, "flattening_max_depth": 5}
EVENT = {
    "id": "e\0",
    "timestamp": 1773889200123,
    "context": {},
    "payload": {
        "@type": "x",
        "a\0": [{"text": "a\0b", "literal": "\\u0000", "empty": ""}, None, []],
        "numbers": [0.1, 12900, int(BIG), -1.5e-7],
    },
    "more": {"list": [1, "1"]},
}
TAGS = '["a\\u0000", null, 1, {"b": "c"}]'
ROW = ["e:1", "2026-03-19 00:00:00.123", TAGS, "line\nbreak\ttab", "a\0"]


def project_settings() -> dict[str, Any]:
    """What this project's meltano.yml sets for target-postgres."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())
    loaders = {loader["name"]: loader for loader in project["plugins"]["loaders"]}
    settings = loaders["target-postgres"]["settings"]
    return {each["name"]: each["value"] for each in settings if "value" in each}


@pytest.mark.parametrize("tap_settings", [{}, FLATTENED], ids=["whole", "flattened by the tap"])
@pytest.mark.parametrize(
    "loader_settings",
    [{}, project_settings(), FLATTENED],
    ids=["as installed", "as in meltano.yml", "flattened by the loader"],
)
def test_objects_lists_and_nuls_reach_postgres(
    tmp_path: Path,
    server: Postgres,
    croct: Vendor,
    tap_settings: dict[str, Any],
    loader_settings: dict[str, Any],
) -> None:
    with serving(tmp_path) as days, Sandbox([croct]) as sandbox:
        answer = Response(200, json.dumps({"items": [EVENT]}).encode())
        fault = Fault("answer", times=99, response=answer, path="/export/events")
        sandbox.faults.append(fault)
        types = {"tags": "array"}
        rows = csv_table([ID, ARRIVAL, "tags", "memo", "nul"], ROW)

        def lines(**settings: Any) -> list[str]:
            settings |= {"croct_api_key": CROCT_KEY, "croct_api_url": sandbox.url}
            return days.run(rows, dfinery_property_types=types, **settings).lines

        streams = emitted(lines())
        sent = lines(**tap_settings)
    load(sent, tmp_path, server, **loader_settings)
    for name in ("croct_events", "dfinery_events"):
        stream = streams[name]
        stored = table(stream, map(parsed, in_table(server, name)))
        assert differences(name, stored, table(stream, stream.records.values())) == []
        assert stored.rows == 1


@pytest.mark.parametrize("zone", ["Asia/Seoul", "America/New_York"])
def test_times_that_were_stored_in_the_zone_of_the_server_are_found_and_corrected(
    tmp_path: Path, server: Postgres, zone: str, world: World
) -> None:
    told, corrected = [block.text for block in blocks(LOADERS) if block.language == "sql"]
    lines = world.tap(tmp_path).run().lines
    streams = emitted(lines)
    of_croct = [line for line in lines if '"croct_events"' in line]

    def off() -> list[str]:
        return [ahead for ahead, _ in server.ask(told)]

    def changed() -> set[str]:
        """The columns with other values than those that were sent."""
        return {
            line.partition(": ")[0]
            for name, stream in streams.items()
            for line in differences(
                name,
                table(stream, map(parsed, in_table(server, name))),
                table(stream, stream.records.values()),
            )
        }

    times = {
        f"{name}.{column}"
        for name, stream in streams.items()
        for column, schema in stream.schema["properties"].items()
        if schema.get("format") == "date-time"
    }
    load(lines, tmp_path, server)  # as it was before this project set use_copy
    (ahead,) = off()
    assert ahead == "09:00:00" if zone == "Asia/Seoul" else ahead in {"-04:00:00", "-05:00:00"}
    assert changed() == times

    half = of_croct[: len(of_croct) // 2]
    load(half, tmp_path, server, **project_settings())
    assert sorted(off()) == sorted([ahead, "00:00:00"])

    server.ask(
        f"create view {SCHEMA}.seen as select * from {SCHEMA}.croct_events"
    )  # stays as it is
    for _ in range(2):
        server.ask(corrected.replace("Asia/Seoul", zone))
        assert off() == ["00:00:00"]
        assert changed() == set()
