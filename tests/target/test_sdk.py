"""The SDK's own tests of targets, at each destination."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import TargetTestRunner, get_target_test_class

from target_eventexport.target import TargetEventExport

if TYPE_CHECKING:
    from tests.target.loading import PostgresPlace

FOLDER = tempfile.mkdtemp()

TestDuckDb = get_target_test_class(
    TargetEventExport, config={"destination": f"duckdb:///{FOLDER}/events.duckdb"}
)
TestParquet = get_target_test_class(
    TargetEventExport, config={"destination": f"parquet:///{FOLDER}/events"}
)


StandardTests: Any = get_target_test_class(TargetEventExport)


class TestPostgres(StandardTests):  # type: ignore[misc]
    """At a server whose address is known when the tests run."""

    @pytest.fixture
    def runner(self, in_postgres: PostgresPlace) -> TargetTestRunner:
        config = {"destination": in_postgres.address, "schema": in_postgres.schema}
        return TargetTestRunner(target_class=TargetEventExport, config=config)


del StandardTests
