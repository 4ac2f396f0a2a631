"""The settings: one block for all vendors, one for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Mapping

GENERAL = th.PropertiesList(
    th.Property(
        "start_date",
        th.DateTimeType,
        title="Start date",
        description="Earliest event wanted on a first run; 30 days ago if not set.",
    ),
    th.Property(
        "end_date",
        th.DateTimeType,
        title="End date",
        description="Exclusive; bounds a run, for backfills. Now if not set.",
    ),
    th.Property(
        "lookback_minutes",
        th.IntegerType(minimum=0),
        title="Lookback",
        description="How far behind the bookmark a run reads again, for events that arrive late. "
        "If not set, as each vendor needs it: Dfinery 1440, Croct 60, "
        "HappyTalk 10, Naver Cloud 10.",
    ),
    th.Property(
        "settle_minutes",
        th.IntegerType(minimum=0),
        default=0,
        title="Settle time",
        description="A run reads no event younger than this; with lookback_minutes 0 it suits "
        "targets that only append.",
    ),
    th.Property(
        "concurrency",
        th.IntegerType(minimum=1, maximum=64),
        default=4,
        title="Concurrency",
        description="Requests in flight at most, per vendor; never above a vendor's own limit.",
    ),
    th.Property(
        "request_timeout",
        th.IntegerType(minimum=1),
        default=300,
        title="Request timeout",
        description="Seconds to connect, and seconds to wait for an answer or its next part.",
    ),
    th.Property(
        "max_retry_wait",
        th.IntegerType(minimum=0),
        default=3900,
        title="Longest wait for a retry",
        description="Seconds that a vendor's rate limit may make a request wait before the "
        "stream fails.",
    ),
    th.Property(
        "on_gap",
        th.StringType,
        allowed_values=["warn", "fail"],
        default="warn",
        title="On a gap",
        description="What to do where the bookmark is older than the vendor keeps data.",
    ),
    th.Property(
        "user_agent",
        th.StringType,
        title="User agent",
        description="Sent with each request; tap-eventexport/<version> if not set.",
    ),
)

CROCT = th.PropertiesList(
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
        description="Where the API is; https://api.test.croct.io is the vendor's staging.",
    ),
    th.Property(
        "croct_event_types",
        th.ArrayType(th.StringType),
        default=[],
        title="Croct event types",
        description="The request's events, such as orderPlaced; empty is all.",
    ),
    th.Property(
        "croct_page_size",
        th.IntegerType(minimum=1, maximum=1000),
        default=1000,
        title="Croct page size",
        description="Events in one answer, 1 to 1000.",
    ),
)

DFINERY = th.PropertiesList(
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
        description="Where the API is.",
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
        description="The request's events, such as df_purchase.",
    ),
    th.Property(
        "dfinery_event_names_condition_type",
        th.StringType,
        allowed_values=["all", "include", "exclude"],
        title="Dfinery event names' condition",
        description="What is done with the event names; include where some are given, else all.",
    ),
    th.Property(
        "dfinery_properties",
        th.ArrayType(th.StringType),
        default=[],
        title="Dfinery properties",
        description="The request's properties, such as df_items_df_price.",
    ),
    th.Property(
        "dfinery_properties_condition_type",
        th.StringType,
        allowed_values=["all", "include", "exclude"],
        title="Dfinery properties' condition",
        description="What is done with the properties; include where some are given, else all.",
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
)

HAPPYTALK = th.PropertiesList(
    th.Property(
        "happytalk_token",
        th.StringType,
        secret=True,
        title="HappyTalk token",
        description="The customer's token, from the admin console.",
    ),
    th.Property(
        "happytalk_api_url",
        th.StringType,
        default="https://bnd.happytalk.io",
        title="HappyTalk API URL",
        description="Where the API is; https://patch-bnd.happytalk.io is the vendor's test site.",
    ),
)

NCP = th.PropertiesList(
    th.Property(
        "ncp_access_key",
        th.StringType,
        secret=True,
        title="Naver Cloud access key",
        description="Of an account with the policy NCP_API_GATEWAY_VIEWER.",
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
        description="Where the API is; the gov and fin sites have their own.",
    ),
    th.Property(
        "ncp_time_zone",
        th.StringType(pattern=r"^[+-](0\d|1[0-4]):[0-5]\d$", examples=["+09:00"]),
        default="+09:00",
        title="Naver Cloud time zone",
        description="The time zone of days and times in requests and answers, as an offset.",
    ),
    th.Property(
        "ncp_event_levels",
        th.ArrayType(th.StringType),
        default=[],
        title="Naver Cloud event levels",
        description="The request's level: EVENT, ALARM, ALERT; empty is all.",
    ),
    th.Property(
        "ncp_event_types",
        th.ArrayType(th.StringType),
        default=[],
        title="Naver Cloud event types",
        description="The request's type: ES010, ES020, EU400, EU410, EU420; empty is all.",
    ),
    th.Property(
        "ncp_page_size",
        th.IntegerType(minimum=1),
        default=1000,
        title="Naver Cloud page size",
        description="The request's limit: events in one answer.",
    ),
)


@dataclass(frozen=True, slots=True)
class Vendor:
    """What makes a vendor configured, and what it then needs.

    Attributes:
        name: For people.
        credential: The setting that makes the vendor configured.
        required: The settings that must be set then.
        urls: The settings that hold the vendor's addresses.
        most_at_once: The vendor's own limit of concurrent requests; None if there is none.
    """

    name: str
    credential: str
    required: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    most_at_once: int | None = None

    def is_configured(self, config: Mapping[str, Any]) -> bool:
        """Whether the vendor's credential is set."""
        return bool(config.get(self.credential))


VENDORS = (
    Vendor("Dfinery", "dfinery_api_token", ("dfinery_service_id",), ("dfinery_api_url",), 5),
    Vendor("HappyTalk", "happytalk_token", urls=("happytalk_api_url",)),
    Vendor("Croct", "croct_api_key", urls=("croct_api_url",)),
    Vendor("Naver Cloud", "ncp_access_key", ("ncp_secret_key",), ("ncp_api_url",)),
)

BLOCKS = (GENERAL, DFINERY, HAPPYTALK, CROCT, NCP)
SCHEMA: dict[str, Any] = th.PropertiesList(*(each for block in BLOCKS for each in block)).to_dict()
