"""Meltano loads and builds the marts with one command, wherever target-eventexport loads to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
import yaml

from tests.dbt.project import DBT, SCHEMA, InDuckdb, InPostgres
from tests.meltano import Project
from tests.trust.world import KEYS, LENGTH, PERSONAL, TABLES, World
from tests.values import parsed

if TYPE_CHECKING:
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.dbt.project import Warehouse
    from tests.postgres import Postgres

RUN = ("run", "tap-eventexport", "target-eventexport", "dbt:build")
ADDRESS = "postgresql://{user}:{password}@{host}:{port}/{database}"


def with_installed_dbt(project: Project) -> Project:
    """Take the dbt of the tests instead of installing one; bin/new-user installs it."""
    file = project.folder / "meltano.yml"
    settings = yaml.safe_load(file.read_text())
    (dbt,) = settings["plugins"]["utilities"]
    del dbt["pip_url"]
    dbt["executable"] = f"{DBT}"
    file.write_text(yaml.safe_dump(settings))
    return project


@pytest.mark.parametrize("zone", ["Asia/Seoul"])
def test_one_command_loads_and_builds(store: Store, tmp_path: Path, server: Postgres) -> None:
    today = datetime.now(ZoneInfo("Asia/Seoul")).replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - LENGTH - timedelta(days=1)
    project = with_installed_dbt(Project(tmp_path / "project", DBT_TIMEZONE="Asia/Seoul"))
    with World(store, f"{tmp_path.parent.name}/{tmp_path.name}/", start=start).running() as world:
        world.shift = timedelta(0)

        def check(warehouse: Warehouse) -> None:
            rows = list(map(parsed, warehouse.rows(f"{SCHEMA}.daily_counts")))
            days = {str(start.date()), str((start + timedelta(days=1)).date())}
            assert {row["business_date"] for row in rows} == days
            for stream in KEYS.keys() - PERSONAL - TABLES:
                events = sum(row["events"] for row in rows if row["stream"] == stream)
                assert events == world.truth(stream).total(), stream

        project.run(*RUN, **world.settings())
        check(InDuckdb(project.output / "events.duckdb"))

        project.environment |= {
            "TARGET_EVENTEXPORT_DESTINATION": ADDRESS.format(**server.settings),
            "TARGET_EVENTEXPORT_SCHEMA": "loaded",
        }
        project.run(*RUN, "--full-refresh", **world.settings())
        check(InPostgres(server))
