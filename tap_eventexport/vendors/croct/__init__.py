"""Croct: settings."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_eventexport.vendor import Api, Vendor
from tap_eventexport.vendors.croct.events import EVENT_TYPES, CroctEvents
from tap_eventexport.vendors.croct.sessions import CroctSessions
from tap_eventexport.vendors.croct.users import CroctUsers

SETTINGS = th.PropertiesList(
    th.Property(
        "croct_api_key",
        th.StringType,
        secret=True,
        title="Croct API key",
        description="Key of the application, with the permission data_export.",
    ),
    th.Property(
        "croct_api_url",
        th.StringType,
        default="https://api.croct.io",
        title="Croct API URL",
        description="The base URL of the API; https://api.test.croct.io is the vendor's staging.",
    ),
    th.Property(
        "croct_event_types",
        th.ArrayType(th.StringType),
        default=[],
        title="Croct event types",
        description="The names sent as the request's events, such as "
        '["orderPlaced"]; empty is all.',
    ),
    th.Property(
        "croct_page_size",
        th.IntegerType(minimum=1, maximum=1000),
        default=1000,
        title="Croct page size",
        description="Items in one response, 1 to 1000.",
    ),
)

VENDOR = Vendor(
    name="Croct",
    settings=SETTINGS,
    apis={
        "": Api(
            name="Croct",
            credential="croct_api_key",
            urls=("croct_api_url",),
            streams=(CroctEvents, CroctSessions, CroctUsers),
        )
    },
    documented={"croct_event_types": EVENT_TYPES},
    guide="workspace → application → API keys; the key needs the permission data_export.",
    guide_in_korean="workspace → application → API keys. 키에 data_export 권한이 있어야 합니다.",
    examples={
        "croct_api_key": "your-croct-api-key",
        "croct_api_url": "https://api.croct.io",
        "croct_event_types": '["orderPlaced","goalCompleted"]',
        "croct_page_size": "1000",
    },
)
