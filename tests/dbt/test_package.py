"""A user has the package from git, tries it with its seeds, and is told of what isn't fresh."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from docs.dbt_package import column_name, model_name
from tests.dbt.project import PACKAGE, STAGING, InDuckdb, Project
from tests.meltano import ROOT
from tests.trust.world import KEYS, TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dbt.project import Warehouse

MADE_BY_DBT = shutil.ignore_patterns("target", "logs", "dbt_packages", ".user.yml")
AUTHOR = ("-c", "user.name=shop", "-c", "user.email=shop@shop.example")


def repository(folder: Path) -> Path:
    """A git repository that has the package in a folder, as this project's has."""
    shutil.copytree(PACKAGE, folder / "dbt", ignore=MADE_BY_DBT)
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*AUTHOR, "commit", "-qm", "dbt"]):
        subprocess.run(["git", *command], cwd=folder, check=True)  # noqa: S607
    return folder


def seeded(stream: str) -> list[dict[str, str]]:
    """The rows of a stream's seed."""
    with (PACKAGE / f"seeds/seed_{stream}.csv").open() as file:
        return [*csv.DictReader(file)]


def test_the_package_comes_from_git_and_is_tried_with_its_seeds(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", InDuckdb(tmp_path / "shop.duckdb"))
    project.install(repository(tmp_path / "repository"))
    said = project.run("build", "--select", STAGING, seeds=True)
    assert "ERROR=0" in said
    assert "was loaded" not in said
    for stream, key in KEYS.items():
        found = sorted(row[column_name(key)] for row in project.rows(model_name(stream)))
        assert found == sorted({row[key] for row in seeded(stream)}), stream
    (order,) = [row for row in project.rows("stg_croct__events") if row["id"] == "event-4"]
    assert len(order["payload"]["order"]["items"]) == 2  # as in the newer one of its two rows


def test_what_was_not_loaded_is_no_reason_to_be_told_of_stale_data(
    tmp_path: Path, warehouse: Warehouse
) -> None:
    """Of two accounts, that counts whose newest event is older."""
    hours = {
        ("one", "croct_events", "timestamp"): 1,
        ("two", "croct_events", "timestamp"): 2,
        ("one", "dfinery_events", "df_server_datetime"): 1,
        ("two", "dfinery_events", "df_server_datetime"): 30,
        ("one", "infobip_events", "timestamp"): 100,
    }
    warehouse.execute("create schema one; create schema two")
    for (schema, stream, column), age in hours.items():
        newest = datetime.now(UTC) - timedelta(hours=age)
        times = f"(timestamptz '{newest}'), (timestamptz '2026-03-01T00:00:00Z')"
        warehouse.execute(
            f'create table {schema}.{stream} as select * from (values {times}) as t ("{column}")'
        )
    project = Project(tmp_path / "project", warehouse)
    project.link()
    said = project.run("source", "freshness", code=1, schemas=["one", "two"])
    results = json.loads((project.folder / "target/sources.json").read_text())["results"]
    found = {each["unique_id"].split(".")[-1]: each["status"] for each in results}
    seen = {"croct_events": "pass", "dfinery_events": "warn", "infobip_events": "error"}
    assert found == {**dict.fromkeys(KEYS.keys() - TABLES, "pass"), **seen}
    assert "nothing of croct_sessions was loaded into one, two, so" in said
    assert "nothing of infobip_events was loaded into two, so" in said
    assert "nothing of croct_events was loaded" not in said


def described(file: str) -> Any:
    return yaml.safe_load((PACKAGE / "models/staging" / file).read_text())


@pytest.mark.parametrize("stream", KEYS)
def test_every_column_is_described(stream: str) -> None:
    (source,) = described("sources.yml")["sources"]
    tables = {table["name"]: table["columns"] for table in source["tables"]}
    vendor = stream.partition("_")[0]
    models = {
        each["name"]: each["columns"] for each in described(f"{vendor}/{vendor}.yml")["models"]
    }
    for columns in (tables[stream], models[model_name(stream)]):
        assert [column["name"] for column in columns if not column["description"]] == []


def test_nothing_of_the_package_can_be_taken_for_dbt_itself() -> None:
    """Python takes a folder without code for a package of that name, if there is no other."""
    assert [*PACKAGE.rglob("*.py")] == []
    assert "dbt" not in (ROOT / "pyproject.toml").read_text().partition("[tool.ruff]")[0]
