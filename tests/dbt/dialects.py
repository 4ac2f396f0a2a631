"""Compiles the package for BigQuery and Snowflake, and parses what comes of it.

Neither is asked: what they would say of their tables is made up here, as loaders make them. So it
is seen whether each query is one in the dialect, but not whether the warehouse would run it.

bin/dialects runs it, with an environment that has dbt's adapters and sqlglot.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import agate
import sqlglot
from dbt.adapters.bigquery import BigQueryAdapter, BigQueryColumn
from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.snowflake import SnowflakeAdapter, SnowflakeColumn
from dbt.cli.main import dbtRunner
from jinja2 import Environment

PACKAGE = Path(__file__).parents[2] / "dbt"
PROFILES: dict[str, dict[str, Any]] = {
    "bigquery": {"method": "oauth-secrets", "project": "shop", "token": "none"},
    "snowflake": {
        "account": "shop",
        "user": "shop",
        "password": "none",
        "database": "shop",
        "warehouse": "none",
    },
}
ADAPTERS = {
    "bigquery": (BigQueryAdapter, BigQueryColumn),
    "snowflake": (SnowflakeAdapter, SnowflakeColumn),
}
TYPES = {  # by schema, as loaders make them; of what isn't listed, text
    "bigquery": {
        "typed": {
            "instant": "TIMESTAMP",
            "date": "DATE",
            "number": "FLOAT64",
            "boolean": "BOOL",
            "json": "JSON",
        },
        "naive": {"instant": "DATETIME", "number": "NUMERIC", "json": "STRUCT<a STRING>"},
        "texts": {},
    },
    "snowflake": {
        "typed": {
            "instant": "TIMESTAMP_TZ",
            "date": "DATE",
            "number": "FLOAT",
            "boolean": "BOOLEAN",
            "json": "VARIANT",
        },
        "naive": {"instant": "TIMESTAMP_NTZ", "number": "NUMBER", "json": "OBJECT"},
        "texts": {},
    },
}
TEXT = {"bigquery": "STRING", "snowflake": "VARCHAR"}
OTHERS = {"_sdc_sequence": "number", "_sdc_deleted_at": "instant", "order": "text"}
Columns = dict[str, dict[str, str]]


def columns_of_streams() -> Columns:
    """The columns of each stream with their kinds, as the package's macro has them."""
    found: list[dict[str, Any]] = []
    macro = (PACKAGE / "macros/streams.sql").read_text()
    Environment(autoescape=True).from_string(macro + "{{ streams() }}").render(
        {"return": found.append}
    )
    return {
        name: {**{column: kind for column, (_, kind) in facts["columns"].items()}, **OTHERS}
        for name, facts in found[0].items()
    }


class Warehouse:
    """What a warehouse would say, but for its queries, of which each has one row.

    Args:
        name: A key of `ADAPTERS`.
        with_models: Whether the package's models were built before.
    """

    def __init__(self, name: str, *, with_models: bool) -> None:
        self.name = name
        self.adapter, self.column = ADAPTERS[name]
        self.with_models = with_models
        self.streams = columns_of_streams()

    def patched(self) -> ExitStack:
        """Let dbt's adapter ask this instead of the warehouse."""
        stack = ExitStack()
        for name in ("set_relations_cache", "get_relation", "get_columns_in_relation", "execute"):
            stack.enter_context(patch.object(self.adapter, name, getattr(self, name)))
        return stack

    def set_relations_cache(self, *_: object, **__: object) -> None:
        """Nothing is known before."""

    def get_relation(self, database: str, schema: str, identifier: str) -> object:
        """A table, if it exists."""
        is_there = schema in TYPES[self.name] or self.with_models
        kind = "table" if is_there else None
        made = self.adapter.Relation.create(
            database=database, schema=schema, identifier=identifier, type=kind
        )
        return made if is_there else None

    def get_columns_in_relation(self, relation: Any) -> list[object]:
        """A table's columns; as texts, in upper case."""
        types = TYPES[self.name].get(relation.schema, {})
        is_upper = relation.schema == "texts"
        return [
            self.column(name.upper() if is_upper else name, types.get(kind, TEXT[self.name]))
            for name, kind in self.streams.get(relation.identifier, {}).items()
        ]

    def execute(self, *_: object, **__: object) -> tuple[AdapterResponse, agate.Table]:
        """One row."""
        row = {"source_schema": "typed", "day": "2026-03-01"}
        return AdapterResponse("SELECT"), agate.Table.from_object([row])


def compiled(warehouse: Warehouse, folder: Path) -> list[Path]:
    """The queries that the package becomes."""
    name = warehouse.name
    output = {"type": name, "schema": "analytics", "threads": 1, **PROFILES[name]}
    profiles = {"tap_eventexport": {"target": "test", "outputs": {"test": output}}}
    (folder / "profiles.yml").write_text(json.dumps(profiles))
    places = {"project": PACKAGE, "profiles": folder}
    variables = {
        "tap_eventexport_schemas": [*TYPES[name]],
        "tap_eventexport_timezone": "Asia/Seoul",
    }
    with warehouse.patched():
        done = dbtRunner().invoke(
            [
                *("--quiet", "compile", "--vars", json.dumps(variables)),
                *(text for at, path in places.items() for text in (f"--{at}-dir", f"{path}")),
                *("--target-path", f"{folder}/target", "--log-path", f"{folder}/logs"),
            ]
        )
    if not done.success:
        sys.exit(f"{name}: {done.exception or 'it does not compile'}")
    return sorted((folder / "target/compiled").rglob("*.sql"))


def main() -> None:
    """Compile and parse; say how many queries there were."""
    for name in ADAPTERS:
        for with_models in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                queries = compiled(Warehouse(name, with_models=with_models), Path(folder))
                for query in queries:
                    try:
                        sqlglot.parse_one(query.read_text(), dialect=name)
                    except sqlglot.errors.SqlglotError as error:
                        sys.exit(f"{name}: {query.name}: {error}")
                when = "again" if with_models else "anew"
                print(f"{name}, built {when}: {len(queries)} queries")  # noqa: T201 - a script


if __name__ == "__main__":
    main()
