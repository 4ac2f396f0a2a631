"""Dfinery: settings, limits and checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_eventexport.engine.windows import is_time_zone, zone_names
from tap_eventexport.schema_errors import format_value, meant
from tap_eventexport.vendor import Api, Vendor
from tap_eventexport.vendors.dfinery.events import DfineryEvents
from tap_eventexport.vendors.dfinery.profiles import DfineryProfiles

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

MAX_REQUESTS = 5  # requests, "at most 5 at the same time"

SETTINGS = th.PropertiesList(
    th.Property(
        "dfinery_api_token",
        th.StringType,
        secret=True,
        title="Dfinery API token",
        description="The service's Export token, issued by an administrator.",
    ),
    th.Property(
        "dfinery_service_id",
        th.StringType,
        title="Dfinery service id",
        description="The service whose events are read.",
    ),
    th.Property(
        "dfinery_api_url",
        th.StringType,
        default="https://openapi.dfinery.ai",
        title="Dfinery API URL",
        description="The base URL of the API.",
    ),
    th.Property(
        "dfinery_timezone",
        th.StringType,
        default="Asia/Seoul",
        title="Dfinery time zone",
        description="The service's time zone, an IANA name.",
    ),
    th.Property(
        "dfinery_event_names",
        th.ArrayType(th.StringType),
        default=[],
        title="Dfinery event names",
        description='The names sent as the request\'s events, such as ["df_purchase"].',
    ),
    th.Property(
        "dfinery_event_names_condition_type",
        th.StringType,
        allowed_values=["all", "include", "exclude"],
        title="Dfinery event names' condition",
        description="all exports all events; include or exclude applies to those of "
        "dfinery_event_names. If not set: include if dfinery_event_names has names, else all.",
    ),
    th.Property(
        "dfinery_properties",
        th.ArrayType(th.StringType),
        default=[],
        title="Dfinery properties",
        description='The names sent as the request\'s properties, such as ["df_items_df_price"].',
    ),
    th.Property(
        "dfinery_properties_condition_type",
        th.StringType,
        allowed_values=["all", "include", "exclude"],
        title="Dfinery properties' condition",
        description="all exports all properties; include or exclude applies to those of "
        "dfinery_properties. If not set: include if dfinery_properties has names, else all.",
    ),
    th.Property(
        "dfinery_property_types",
        th.ObjectType(
            additional_properties=th.StringType(
                allowed_values=["string", "integer", "number", "boolean", "date-time", "array"]
            )
        ),
        default={},
        title="Dfinery property types",
        description='Types of columns that are text otherwise, such as {"visits": "integer"}: '
        "string, integer, number, boolean, date-time, array.",
    ),
    th.Property(
        "dfinery_repeated_ids",
        th.StringType,
        allowed_values=["warn", "number"],
        default="warn",
        title="Dfinery's repeated ids",
        description="What to do with different rows of a day that have the same "
        "df_event_detail_log_id. warn: log a warning and send them unchanged. number: add :1, :2 "
        "and so on to the id of all but the first.",
    ),
    th.Property(
        "dfinery_profile_audience",
        th.StringType,
        title="Dfinery profiles' audience",
        description="The id of an audience, whose users dfinery_user_profiles holds; all users if "
        "not set.",
    ),
    th.Property(
        "dfinery_profile_properties",
        th.ArrayType(th.StringType),
        default=[],
        title="Dfinery profiles' properties",
        description="The names sent as the properties of the request for profiles, such as "
        '["df_membership"].',
    ),
    th.Property(
        "dfinery_profile_properties_condition_type",
        th.StringType,
        allowed_values=["all", "include", "exclude"],
        title="Dfinery profiles' properties' condition",
        description="all exports all properties; include or exclude applies to those of "
        "dfinery_profile_properties. If not set: include if it has names, else all.",
    ),
    th.Property(
        "dfinery_profile_activate_version",
        th.BooleanType,
        default=False,
        title="Dfinery profiles' ACTIVATE_VERSION",
        description="true: after the profiles, an ACTIVATE_VERSION message says which users there "
        "are; a loader that supports it drops all others, or marks them as deleted.",
    ),
)


def problems(right: Mapping[str, Any], named: Collection[str]) -> Iterator[str]:  # noqa: ARG001
    """Check for an unknown time zone, types that break the key, and conditions without names."""
    zone = right.get("dfinery_timezone")
    if zone and not is_time_zone(zone):
        yield (
            f"dfinery_timezone: got {format_value(zone)}, expected an IANA name such as Asia/Seoul"
            f"{meant(zone, zone_names())}"
        )
    for name, kind in (("df_event_detail_log_id", "string"), ("df_server_datetime", "date-time")):
        chosen = right.get("dfinery_property_types", {}).get(name, kind)
        if chosen != kind:
            yield (
                f'dfinery_property_types["{name}"]: got {format_value(chosen)}, expected '
                f"{format_value(kind)}: the stream's keys and bookmarks need it"
            )
    for name in ("dfinery_event_names", "dfinery_properties", "dfinery_profile_properties"):
        condition = right.get(f"{name}_condition_type", "all")
        if condition != "all" and right.get(name) == []:
            yield f"{name}: got an empty list, expected names to {condition}"


VENDOR = Vendor(
    name="Dfinery",
    settings=SETTINGS,
    apis={
        "": Api(
            name="Dfinery",
            credential="dfinery_api_token",
            required=("dfinery_service_id",),
            urls=("dfinery_api_url",),
            max_concurrency=MAX_REQUESTS,
            streams=(DfineryEvents, DfineryProfiles),
        )
    },
    guide="console → service settings → API; the Export token (not the Import token), issued by an "
    "administrator. The service id is on the same page.",
    guide_in_korean="콘솔 → 서비스 설정 → API. 관리자가 발급한 Export 토큰을 씁니다(Import 토큰이 "
    "아닙니다). 서비스 ID도 같은 화면에 있습니다.",
    examples={
        "dfinery_api_token": "your-dfinery-export-token",
        "dfinery_service_id": "your-dfinery-service-id",
        "dfinery_api_url": "https://openapi.dfinery.ai",
        "dfinery_timezone": "Asia/Seoul",
        "dfinery_event_names": '["df_purchase"]',
        "dfinery_event_names_condition_type": "include",
        "dfinery_properties": '["df_items_df_price"]',
        "dfinery_properties_condition_type": "include",
        "dfinery_property_types": '{"visits": "integer"}',
        "dfinery_repeated_ids": "warn",
        "dfinery_profile_audience": "your-audience-id",
        "dfinery_profile_properties": '["df_membership"]',
        "dfinery_profile_properties_condition_type": "include",
        "dfinery_profile_activate_version": "false",
    },
    problems=problems,
)
