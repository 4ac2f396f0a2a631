"""The SDK's own tests of targets, at each destination."""

from __future__ import annotations

import tempfile

from singer_sdk.testing import get_target_test_class

from target_eventexport.target import TargetEventExport

FOLDER = tempfile.mkdtemp()

TestDuckDb = get_target_test_class(
    TargetEventExport, config={"destination": f"duckdb:///{FOLDER}/events.duckdb"}
)
TestParquet = get_target_test_class(
    TargetEventExport, config={"destination": f"parquet:///{FOLDER}/events"}
)
