"""The peer: the same endpoint with dlt's rest_api source, its extract step alone.

croct_dlt.py URL START END FOLDER
"""

from __future__ import annotations

import sys

import dlt
from dlt.sources.rest_api import rest_api_source

url, start, end, folder = sys.argv[1:5]
source = rest_api_source(
    {
        "client": {"base_url": url},
        "resources": [
            {
                "name": "croct_events",
                "primary_key": "id",
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
pipeline = dlt.pipeline("croct", pipelines_dir=folder, destination="filesystem")
pipeline.extract(source)
