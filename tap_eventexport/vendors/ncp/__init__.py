"""Naver Cloud API Gateway: settings."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_eventexport.vendor import Api, Vendor
from tap_eventexport.vendors.ncp.events import NcpApiGatewayEvents

EVENT_LEVELS = ("EVENT", "ALARM", "ALERT")
EVENT_TYPES = ("ES010", "ES020", "EU400", "EU410", "EU420")

SETTINGS = th.PropertiesList(
    th.Property(
        "ncp_access_key",
        th.StringType,
        secret=True,
        title="Naver Cloud access key",
        description="The access key of an account with the policy NCP_API_GATEWAY_VIEWER.",
    ),
    th.Property(
        "ncp_secret_key",
        th.StringType,
        secret=True,
        title="Naver Cloud secret key",
        description="The access key's secret key.",
    ),
    th.Property(
        "ncp_api_url",
        th.StringType,
        default="https://apigateway.apigw.ntruss.com",
        title="Naver Cloud API URL",
        description="The base URL of the API; the gov and fin sites have their own.",
    ),
    th.Property(
        "ncp_time_zone",
        th.StringType(pattern=r"^[+-](0[0-9]|1[0-4]):[0-5][0-9]$", examples=["+09:00"]),
        default="+09:00",
        title="Naver Cloud time zone",
        description="The time zone of days and times in requests and responses, as an offset.",
    ),
    th.Property(
        "ncp_event_levels",
        th.ArrayType(th.StringType),
        default=[],
        title="Naver Cloud event levels",
        description=f"The request's level: {', '.join(EVENT_LEVELS)}; empty is all.",
    ),
    th.Property(
        "ncp_event_types",
        th.ArrayType(th.StringType),
        default=[],
        title="Naver Cloud event types",
        description=f"The request's type: {', '.join(EVENT_TYPES)}; empty is all.",
    ),
    th.Property(
        "ncp_page_size",
        th.IntegerType(minimum=1, maximum=10_000),
        default=1000,
        title="Naver Cloud page size",
        description="The request's limit: events in one response.",
    ),
)

VENDOR = Vendor(
    name="Naver Cloud",
    settings=SETTINGS,
    apis={
        "": Api(
            name="Naver Cloud",
            credential="ncp_access_key",
            required=("ncp_secret_key",),
            urls=("ncp_api_url",),
            streams=(NcpApiGatewayEvents,),
        )
    },
    documented={"ncp_event_levels": EVENT_LEVELS, "ncp_event_types": EVENT_TYPES},
    guide="portal → My Page → authentication keys; a sub account needs the policy "
    "NCP_API_GATEWAY_VIEWER. Keys belong to one site: public, gov or fin.",
    guide_in_korean="포털 → 마이페이지 → 계정 관리 → 인증키 관리. 서브 계정에는 "
    "NCP_API_GATEWAY_VIEWER 정책이 필요합니다. 인증키는 민간, 공공, 금융 중 한 사이트에서만 쓸 수 "
    "있습니다.",
    examples={
        "ncp_access_key": "your-ncp-access-key",
        "ncp_secret_key": "your-ncp-secret-key",
        "ncp_api_url": "https://apigateway.apigw.ntruss.com",
        "ncp_time_zone": "+09:00",
        "ncp_event_levels": '["ALARM","ALERT"]',
        "ncp_event_types": '["EU400","EU410","EU420"]',
        "ncp_page_size": "1000",
    },
)
