"""The peer: the same endpoint with dlt's rest_api source, its extract step alone.

croct_dlt.py URL START END FOLDER [LAG]: with a lag, in milliseconds as the others, a run reads from
the latest event of the runs before, less the lag, and the loader must merge.
"""

from __future__ import annotations

import sys

import dlt
from dlt.sources.rest_api import rest_api_source

url, start, end, folder, *lag = sys.argv[1:]
resumed = {
    "type": "incremental",
    "cursor_path": "timestamp",
    "initial_value": int(start),
    "lag": sum(map(int, lag)),
}
source = rest_api_source(
    {
        "client": {"base_url": url},
        "resources": [
            {
                "name": "croct_events",
                "primary_key": "id",
                "write_disposition": "merge" if lag else "append",
                "endpoint": {
                    "path": "export/events",
                    "params": {"start": resumed if lag else start, "end": end, "pageSize": 1000},
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
