"""The peer: the same endpoint as a low-code connector of the Airbyte CDK.

croct_airbyte.py URL START END SLICES: one slice, or slices of a day, so many at once.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.sources.declarative.concurrent_declarative_source import (
    ConcurrentDeclarativeSource,
)

url, start, end, slices = sys.argv[1], *map(int, sys.argv[2:5])
FORM = "%ms"
stream: dict[str, Any] = {
    "type": "DeclarativeStream",
    "name": "croct_events",
    "primary_key": "id",
    "retriever": {
        "type": "SimpleRetriever",
        "requester": {
            "type": "HttpRequester",
            "url_base": url,
            "path": "/export/events",
            "request_parameters": {"pageSize": "1000"},
        },
        "record_selector": {
            "type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": ["items"]},
        },
        "paginator": {
            "type": "DefaultPaginator",
            "page_token_option": {
                "type": "RequestOption",
                "field_name": "cursor",
                "inject_into": "request_parameter",
            },
            "pagination_strategy": {
                "type": "CursorPagination",
                "cursor_value": "{{ response.nextCursor }}",
                "stop_condition": "{{ not response.nextCursor }}",
            },
        },
    },
    "incremental_sync": {
        "type": "DatetimeBasedCursor",
        "cursor_field": "timestamp",
        "datetime_format": FORM,
        "cursor_datetime_formats": [FORM],
        "start_datetime": {
            "type": "MinMaxDatetime",
            "datetime": str(start),
            "datetime_format": FORM,
        },
        "end_datetime": {"type": "MinMaxDatetime", "datetime": str(end), "datetime_format": FORM},
        "start_time_option": {
            "type": "RequestOption",
            "field_name": "start",
            "inject_into": "request_parameter",
        },
        "end_time_option": {
            "type": "RequestOption",
            "field_name": "end",
            "inject_into": "request_parameter",
        },
        **({"step": "P1D", "cursor_granularity": "PT0.001S"} if slices > 1 else {}),
    },
    "schema_loader": {
        "type": "InlineSchemaLoader",
        "schema": {"type": "object", "additionalProperties": True, "properties": {}},
    },
}
manifest = {
    "version": "7.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": ["croct_events"]},
    "streams": [stream],
    "concurrency_level": {"type": "ConcurrencyLevel", "default_concurrency": slices},
    "spec": {
        "type": "Spec",
        "connection_specification": {"type": "object", "properties": {}},
    },
}
catalog = {
    "streams": [
        {
            "stream": {
                "name": "croct_events",
                "json_schema": {},
                "supported_sync_modes": ["full_refresh", "incremental"],
            },
            "sync_mode": "incremental",
            "destination_sync_mode": "append",
        }
    ]
}
with tempfile.TemporaryDirectory() as folder:
    paths = {name: Path(folder) / f"{name}.json" for name in ("config", "catalog")}
    paths["config"].write_text("{}")
    paths["catalog"].write_text(json.dumps(catalog))
    arguments = ["read", "--config", str(paths["config"]), "--catalog", str(paths["catalog"])]
    source = ConcurrentDeclarativeSource(
        catalog=None, config={}, state=None, source_config=manifest
    )
    launch(source, arguments)
