"""The settings: one block for all vendors, one for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Mapping

TEN_YEARS = 10 * 365 * 24 * 60  # minutes
DAY = 24 * 60 * 60  # seconds

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
        th.IntegerType(minimum=0, maximum=TEN_YEARS),
        title="Lookback",
        description="How far behind the bookmark a run reads again, for events that arrive late. "
        "If not set, as each vendor needs it: Dfinery 1440, Croct and Infobip 60, HappyTalk and "
        "Naver Cloud 10.",
    ),
    th.Property(
        "settle_minutes",
        th.IntegerType(minimum=0, maximum=TEN_YEARS),
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
        th.IntegerType(minimum=1, maximum=DAY),
        default=300,
        title="Request timeout",
        description="Seconds to connect, and seconds to wait for an answer or its next part.",
    ),
    th.Property(
        "max_retry_wait",
        th.IntegerType(minimum=0, maximum=30 * DAY),
        default=3900,
        title="Longest wait for a retry",
        description="Longest wait, in seconds, that a vendor's rate limit may impose before the "
        "stream fails.",
    ),
    th.Property(
        "on_gap",
        th.StringType,
        allowed_values=["warn", "fail"],
        default="warn",
        title="On a gap",
        description="What to do where the bookmark is older than the vendor keeps data: warn and "
        "go on, or fail the stream.",
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
        description="The names sent as the request's events, such as "
        '["orderPlaced"]; empty is all.',
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
        description='The names sent as the request\'s events, such as ["df_purchase"].',
    ),
    th.Property(
        "dfinery_event_names_condition_type",
        th.StringType,
        allowed_values=["all", "include", "exclude"],
        title="Dfinery event names' condition",
        description="Whether the service's export has all events, or is to include or exclude "
        "those of dfinery_event_names. If not set: include where names are given, else all.",
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
        description="Whether the service's export has all properties, or is to include or exclude "
        "those of dfinery_properties. If not set: include where names are given, else all.",
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
        description="What to do with rows of a day that share a df_event_detail_log_id and differ: "
        "warn and send them as they are, or number them: :1, :2 and so on behind the id of all but "
        "the first.",
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

INFOBIP = th.PropertiesList(
    th.Property(
        "infobip_api_key",
        th.StringType,
        secret=True,
        title="Infobip API key",
        description="With the scope people:manage.",
    ),
    th.Property(
        "infobip_api_url",
        th.StringType,
        title="Infobip API URL",
        description="The account's own base URL, such as xxxxx.api.infobip.com.",
    ),
    th.Property(
        "infobip_export_role_arn",
        th.StringType(
            pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:role/.+$",
            examples=["arn:aws:iam::000000000000:role/x"],
        ),
        title="Infobip export role",
        description="ARN of the AWS role that Infobip assumes to write into the bucket.",
    ),
    th.Property(
        "infobip_s3_bucket",
        th.StringType(pattern=r"^[A-Za-z0-9._-]{1,255}$", examples=["my-exports"]),
        title="Infobip S3 bucket",
        description="The bucket that the files go into.",
    ),
    th.Property(
        "infobip_s3_region",
        th.StringType(pattern=r"^[A-Za-z0-9_-]+$", examples=["eu-central-1"]),
        title="Infobip S3 region",
        description="The bucket's region, such as eu-central-1.",
    ),
    th.Property(
        "infobip_s3_directory",
        th.StringType(pattern=r"^[A-Za-z0-9!_.*'()=/-]*$", examples=["exports/infobip/"]),
        default="",
        title="Infobip S3 directory",
        description="The folder in the bucket that the files go into, such as exports/infobip/.",
    ),
    th.Property(
        "infobip_definition_ids",
        th.ArrayType(th.StringType),
        default=[],
        title="Infobip definition ids",
        description="The names sent as the request's definitionIdList, at most 200, such as "
        '["pageView", "sms*"]; empty is all.',
    ),
    th.Property(
        "infobip_mode",
        th.StringType,
        allowed_values=["export", "files"],
        default="export",
        title="Infobip mode",
        description="export asks for exports and reads them; files only reads what someone else's "
        "exports put into the bucket.",
    ),
    th.Property(
        "aws_access_key_id",
        th.StringType,
        secret=True,
        title="AWS access key id",
        description="How the tap reads S3; AWS's default chain if nothing is set.",
    ),
    th.Property(
        "aws_secret_access_key",
        th.StringType,
        secret=True,
        title="AWS secret access key",
        description="The access key's secret.",
    ),
    th.Property(
        "aws_session_token",
        th.StringType,
        secret=True,
        title="AWS session token",
        description="Of temporary credentials.",
    ),
    th.Property(
        "aws_profile",
        th.StringType,
        title="AWS profile",
        description="A profile of AWS's configuration files.",
    ),
    th.Property(
        "aws_role_arn",
        th.StringType(
            pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:role/.+$",
            examples=["arn:aws:iam::000000000000:role/x"],
        ),
        title="AWS role",
        description="ARN of a role that the tap assumes to read S3; renewed by itself.",
    ),
    th.Property(
        "aws_external_id",
        th.StringType(pattern=r"^[\w+=,.@:/-]{2,1224}$", examples=["my-external-id"]),
        title="AWS external id",
        description="What the trust policy of aws_role_arn asks for.",
    ),
    th.Property(
        "aws_endpoint_url",
        th.StringType,
        title="AWS endpoint URL",
        description="The address of an S3-compatible store; aws_role_arn is assumed there too.",
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
        th.StringType(pattern=r"^[+-](0[0-9]|1[0-4]):[0-5][0-9]$", examples=["+09:00"]),
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
        th.IntegerType(minimum=1, maximum=10_000),
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
        rate: The vendor's own limit of requests, a second and at once; None if there is none.
    """

    name: str
    credential: str
    required: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    most_at_once: int | None = None
    rate: tuple[float, int] | None = None

    def is_configured(self, config: Mapping[str, Any]) -> bool:
        """Whether the vendor's credential is set."""
        return bool(config.get(self.credential))


DFINERY_API = Vendor(
    "Dfinery", "dfinery_api_token", ("dfinery_service_id",), ("dfinery_api_url",), most_at_once=5
)
HAPPYTALK_API = Vendor("HappyTalk", "happytalk_token", urls=("happytalk_api_url",))
CROCT_API = Vendor("Croct", "croct_api_key", urls=("croct_api_url",))
INFOBIP_API = Vendor(
    "Infobip",
    "infobip_api_key",
    ("infobip_api_url", "infobip_export_role_arn", "infobip_s3_bucket", "infobip_s3_region"),
    ("infobip_api_url", "aws_endpoint_url"),
    rate=(1.0, 5),
)
INFOBIP_FILES = Vendor(
    "Infobip files", "infobip_s3_bucket", urls=("aws_endpoint_url",), most_at_once=1
)
NCP_API = Vendor("Naver Cloud", "ncp_access_key", ("ncp_secret_key",), ("ncp_api_url",))


def vendors(config: Mapping[str, Any]) -> tuple[Vendor, ...]:
    """The vendors that may be configured."""
    infobip = INFOBIP_FILES if config.get("infobip_mode") == "files" else INFOBIP_API
    return (DFINERY_API, HAPPYTALK_API, CROCT_API, infobip, NCP_API)


BLOCKS = (GENERAL, DFINERY, HAPPYTALK, CROCT, INFOBIP, NCP)
SCHEMA: dict[str, Any] = th.PropertiesList(*(each for block in BLOCKS for each in block)).to_dict()

# What the SDK's own settings must be, beyond its schema.
BOUNDS: dict[str, dict[str, Any]] = {
    "flattening_max_depth": {"minimum": 0, "maximum": 100},
    "flattening_max_key_length": {"minimum": 1, "maximum": 1_000},
    "batch_config": {
        "properties": {
            "encoding": {
                "type": "object",
                "properties": {"format": {"type": "string", "enum": ["jsonl"]}},
                "required": ["format"],
                "additionalProperties": False,
            },
            "storage": {
                "type": "object",
                "properties": {"root": {"type": "string"}, "params": {"type": "object"}},
                "required": ["root"],
                "additionalProperties": False,
            },
            "batch_size": {"type": ["integer", "null"], "minimum": 1, "maximum": 1_000_000},
        },
        "required": ["encoding", "storage"],
        "additionalProperties": False,
    },
}


def bound(schema: dict[str, Any]) -> None:
    """Bound the SDK's own settings, where they are in a schema."""
    settings = schema["properties"]
    for name in BOUNDS.keys() & settings.keys():
        settings[name] = _merged(settings[name], BOUNDS[name])


def _merged(schema: Any, bounds: Any) -> Any:  # noqa: ANN401 - parts of a JSON schema
    if not (isinstance(schema, dict) and isinstance(bounds, dict)):
        return bounds
    return schema | {name: _merged(schema.get(name), part) for name, part in bounds.items()}


def is_secret(setting: Mapping[str, Any]) -> bool:
    """Whether a setting's value must never be shown."""
    return bool(setting.get("secret"))
