"""Destinations of their own for each test."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.postgres import Postgres, postgres
from tests.target.loading import DuckDbPlace, ParquetPlace, PostgresPlace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.target.loading import Place

NUMBERS = count()


@pytest.fixture(scope="session")
def server(binaries: Path) -> Iterator[Postgres]:
    """A PostgreSQL for the tests of one process; each makes a schema of its own."""
    with postgres(binaries) as server:
        yield server


@pytest.fixture
def address(server: Postgres) -> str:
    """The address of its database."""
    settings = server.settings
    return "postgresql://{user}:{password}@{host}:{port}/{database}".format(**settings)


@pytest.fixture
def in_postgres(address: str) -> PostgresPlace:
    return PostgresPlace(address, f"schema_{next(NUMBERS)}")


@pytest.fixture
def in_duckdb(tmp_path: Path) -> DuckDbPlace:
    return DuckDbPlace(tmp_path / "events.duckdb")


@pytest.fixture
def in_parquet(tmp_path: Path) -> ParquetPlace:
    return ParquetPlace(tmp_path / "events")


@pytest.fixture(params=["postgres", "duckdb", "parquet"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each destination."""
    found: Place = request.getfixturevalue(f"in_{request.param}")
    return found


@pytest.fixture(params=["postgres", "duckdb"])
def database(request: pytest.FixtureRequest) -> PostgresPlace | DuckDbPlace:
    """Each destination that has tables."""
    found: PostgresPlace | DuckDbPlace = request.getfixturevalue(f"in_{request.param}")
    return found
