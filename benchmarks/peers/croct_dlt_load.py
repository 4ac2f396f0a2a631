"""The peer: the same endpoint with dlt's rest_api source, merged into a database.

croct_dlt_load.py URL START END FOLDER postgres|duckdb ADDRESS
"""

from __future__ import annotations

import sys

import dlt
from dlt.sources.rest_api import rest_api_source

url, start, end, folder, kind, address = sys.argv[1:]
source = rest_api_source(
    {
        "client": {"base_url": url},
        "resources": [
            {
                "name": "croct_events",
                "primary_key": "id",
                "write_disposition": "merge",
                "max_table_nesting": 0,
                "endpoint": {
                    "path": "export/events",
                    "params": {"start": start, "end": end, "pageSize": 1000},
                    "data_selector": "items",
                    "paginator": {
                        "type": "cursor",
                        "cursor_path": "nextCursor",
                        "cursor_param": "cursor",
                    },
                },
            }
        ],
    }
)
destination = getattr(dlt.destinations, kind)(address)
pipeline = dlt.pipeline(
    "croct", pipelines_dir=folder, destination=destination, dataset_name="dlt_croct"
)
pipeline.run(source, loader_file_format="csv" if kind == "postgres" else "parquet")
