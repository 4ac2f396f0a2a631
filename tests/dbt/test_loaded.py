"""The models say what the tap has sent, whichever loader has written it, and however often."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from docs.dbt_package import column_name, model_name
from tests.dbt.project import SCHEMA, STAGING, InDuckdb, InPostgres, Project
from tests.target.running import COMMAND as TARGET_EVENTEXPORT
from tests.test_warehouses import TARGET_POSTGRES, project_settings
from tests.trust.world import World
from tests.values import Emitted, differences, emitted, parsed, table

if TYPE_CHECKING:
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.dbt.project import Warehouse
    from tests.postgres import Postgres


def sent(store: Store, folder: Path) -> list[str]:
    """What the tap sends of all vendors; from the second day on, Dfinery has a column more."""
    with World(store, f"{folder.parent.name}/{folder.name}/").running() as world:
        dfinery: Any = world.vendors["dfinery"]
        dfinery.new_column = ("colour", world.end.date())
        return world.tap(folder).run().lines


def load(lines: list[str], folder: Path, loader: Any, **settings: Any) -> None:
    config = folder / "loader.json"
    config.write_text(json.dumps(settings))
    command = [loader, "--config", config]
    done = subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def wrong(warehouse: Warehouse, lines: list[str], schema: str) -> list[str]:
    """How the rows of one schema in the models differ from what was sent."""
    found = []
    for name, stream in emitted(lines).items():
        relation = f"(select * from {SCHEMA}.{model_name(name)} where source_schema = '{schema}')"
        rows = [parsed(row) for row in warehouse.rows(relation)]
        assert len(rows) == len(stream.records), name
        expected = as_model(stream)
        sent = table(expected, expected.records.values())
        found += differences(name, table(expected, rows), sent)
    return found


def as_model(stream: Emitted) -> Emitted:
    """A stream with the names that its model has."""
    properties = stream.schema["properties"]
    return replace(
        stream,
        schema={"properties": {column_name(name): each for name, each in properties.items()}},
        keys=tuple(map(column_name, stream.keys)),
        records={
            key: {column_name(name): value for name, value in record.items()}
            for key, record in stream.records.items()
        },
    )


def test_models_say_what_was_sent_in_duckdb(store: Store, tmp_path: Path) -> None:
    """From the tables of target-eventexport, and from the files of a loader that only appends."""
    lines = sent(store, tmp_path)
    warehouse = InDuckdb(tmp_path / "events.duckdb")
    load(
        lines,
        tmp_path,
        TARGET_EVENTEXPORT,
        destination=f"duckdb:///{warehouse.file}",
        schema="events",
    )
    project = Project(tmp_path / "project", warehouse)
    project.link()
    assert "was loaded" not in project.run("build", "--select", STAGING)  # as all streams were
    assert wrong(warehouse, lines, "events") == []

    folder = tmp_path / "files"
    folder.mkdir()
    for name, stream in emitted(lines).items():
        newest = stream.records.values()
        odd = {"": "", "null": "a", "1": True, "a\"b'c": ["d"]}
        before = [{key: record[key] for key in stream.keys} | odd for record in newest]
        for time, records in {
            "20260301T000000": [*before, *before],
            "20260302T000000": newest,
        }.items():
            text = "".join(json.dumps(record, default=float) + "\n" for record in records)
            (folder / f"{name}-{time}.jsonl").write_text(text)
    project.run("run", "--select", STAGING, jsonl_folder=f"{folder}", upserted=True)
    assert wrong(warehouse, lines, "events") == []
    (event, *_) = project.rows("stg_dfinery__events")
    assert {"null", "1", "a_b_c"} < event.keys()


def test_models_say_what_was_sent_in_postgres(
    store: Store, tmp_path: Path, server: Postgres
) -> None:
    """From the tables of two loaders in two schemas, which are united."""
    lines = sent(store, tmp_path)
    warehouse = InPostgres(server)
    to = server.settings
    address = "postgresql://{user}:{password}@{host}:{port}/{database}".format(**to)
    load(lines, tmp_path, TARGET_EVENTEXPORT, destination=address, schema="one")
    settings = {**project_settings(), **to, "default_target_schema": "two"}
    load(lines, tmp_path, TARGET_POSTGRES, **settings)
    project = Project(tmp_path / "project", warehouse)
    project.link()
    project.run("build", "--select", STAGING, schemas=["one", "two"], upserted=True)
    assert wrong(warehouse, lines, "one") == []
    assert wrong(warehouse, lines, "two") == []
