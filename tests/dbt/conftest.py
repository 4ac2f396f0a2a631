"""The warehouses that dbt's models are tried in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dbt.project import InDuckdb, InPostgres

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dbt.project import Warehouse


@pytest.fixture
def zone() -> str:
    """The zone of PostgreSQL, in which no time may be taken to be."""
    return "Asia/Kathmandu"


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    """A warehouse without tables."""
    if request.param == "duckdb":
        return InDuckdb(tmp_path / "shop.duckdb")
    return InPostgres(request.getfixturevalue("server"))
