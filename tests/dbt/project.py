"""A project of a user that has the dbt package, and what its models hold."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import duckdb

from tests.meltano import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Postgres

PACKAGE = ROOT / "dbt"
DBT = ROOT / ".venv-dbt/bin/dbt"
SCHEMA = "analytics"
STAGING = "+tap_eventexport.staging"  # its models, with their tests and what they are made of
QUIET = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}


class Warehouse(Protocol):
    """Where the models are."""

    @property
    def profile(self) -> dict[str, Any]:
        """What dbt needs to connect."""

    def execute(self, statements: str) -> None:
        """Run statements."""

    def rows(self, relation: str) -> list[str]:
        """The rows of a table or a view, each as JSON."""


@dataclass
class InDuckdb:
    """A DuckDB file, whose connections are in no zone of a vendor."""

    file: Path

    @property
    def profile(self) -> dict[str, Any]:
        settings = {"TimeZone": "America/New_York"}
        return {"type": "duckdb", "path": f"{self.file}", "threads": 2, "settings": settings}

    def execute(self, statements: str) -> None:
        with duckdb.connect(self.file) as connection:
            connection.execute(statements)

    def rows(self, relation: str) -> list[str]:
        with duckdb.connect(self.file) as connection:
            connection.execute("set timezone = 'UTC'")
            found = connection.execute(f"select to_json(found)::varchar from {relation} as found")
            return [row for (row,) in found.fetchall()]


@dataclass
class InPostgres:
    """A PostgreSQL server."""

    server: Postgres

    @property
    def profile(self) -> dict[str, Any]:
        settings = self.server.settings
        return {"type": "postgres", "threads": 2, "dbname": settings.pop("database"), **settings}

    def execute(self, statements: str) -> None:
        self.server.ask(statements)

    def rows(self, relation: str) -> list[str]:
        query = f"set timezone = 'UTC'; select to_jsonb(found) from {relation} as found"
        return [row for (row,) in self.server.ask(query)]


class Project:
    """A project in a folder, which uses the package as `dbt deps` would have brought it.

    Args:
        folder: Where; it must not exist.
        warehouse: Where its models are.
        models: Its own models, by name.
    """

    def __init__(
        self, folder: Path, warehouse: Warehouse, models: dict[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.warehouse = warehouse
        (folder / "models").mkdir(parents=True)
        output = {**warehouse.profile, "schema": SCHEMA}
        profiles = {"shop": {"target": "test", "outputs": {"test": output}}}
        self._write("profiles.yml", json.dumps(profiles))
        self._write("dbt_project.yml", json.dumps({"name": "shop", "profile": "shop"}))
        for name, query in (models or {}).items():
            self._write(f"models/{name}.sql", query)

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def link(self) -> None:
        """Have the package of this tree."""
        self._write("packages.yml", json.dumps({"packages": [{"local": f"{PACKAGE}"}]}))
        (self.folder / "dbt_packages").mkdir()
        (self.folder / "dbt_packages/tap_eventexport").symlink_to(PACKAGE)

    def install(self, repository: Path) -> None:
        """Have the package of a git repository."""
        package = {"git": f"file://{repository}", "subdirectory": "dbt", "revision": "main"}
        self._write("packages.yml", json.dumps({"packages": [package]}))
        self.run("deps")

    def run(self, *arguments: str, code: int = 0, **variables: Any) -> str:
        """Run dbt with variables of the package; what it prints.

        Args:
            arguments: The command, and what it is given.
            code: What dbt must exit with.
            variables: Names begin with `tap_eventexport_`, which is left out here.
        """
        told = {f"tap_eventexport_{name}": value for name, value in variables.items()}
        done = subprocess.run(
            [DBT, "--no-use-colors", *arguments, *(["--vars", json.dumps(told)] if told else [])],
            cwd=self.folder,
            env={**os.environ, **QUIET},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def rows(self, model: str) -> list[dict[str, Any]]:
        """The rows of a model."""
        return [json.loads(row) for row in self.warehouse.rows(f"{SCHEMA}.{model}")]
