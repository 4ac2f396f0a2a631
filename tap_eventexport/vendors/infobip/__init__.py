"""Infobip: settings, limits and checks."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_eventexport.schema_errors import format_value
from tap_eventexport.vendor import Api, Vendor
from tap_eventexport.vendors.infobip.definitions import InfobipDefinitions
from tap_eventexport.vendors.infobip.exports import InfobipExports
from tap_eventexport.vendors.infobip.files import InfobipFiles

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

RATE = (1.0, 5)  # requests per second, and in a burst
MOST_DEFINITIONS = 200  # "definitionIdList": at most 200 entries, unique

_region = re.compile(r"[a-z]{2,4}(?:-[a-z]+){1,2}-\d{1,2}")

SETTINGS = th.PropertiesList(
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
        description="The bucket that the files are written to.",
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
        description="The folder of the files in the bucket, such as exports/infobip/.",
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
        description="export: request exports and read their files. files: only read files that "
        "other exports put into the bucket.",
    ),
    th.Property(
        "aws_access_key_id",
        th.StringType,
        secret=True,
        title="AWS access key id",
        description="The key that the tap reads S3 with. If no AWS setting is set, AWS's default "
        "chain is used.",
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
        description="The session token of temporary credentials.",
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
        description="ARN of a role that the tap assumes to read S3; its credentials are renewed "
        "automatically.",
    ),
    th.Property(
        "aws_external_id",
        th.StringType(pattern=r"^[\w+=,.@:/-]{2,1224}$", examples=["my-external-id"]),
        title="AWS external id",
        description="The external id that the trust policy of aws_role_arn requires.",
    ),
    th.Property(
        "aws_endpoint_url",
        th.StringType,
        title="AWS endpoint URL",
        description="The address of an S3-compatible store; aws_role_arn is assumed there too.",
    ),
)


def prepare(config: dict[str, Any]) -> None:
    """Add https:// to the base URL, which Infobip shows without it."""
    url = config.get("infobip_api_url")
    if isinstance(url, str) and "://" not in url:
        config["infobip_api_url"] = f"https://{url}"


def problems(right: Mapping[str, Any], named: Collection[str]) -> Iterator[str]:
    """Check for boto3, the region, the definitions, and AWS settings that belong together."""
    if {"infobip_api_key", "infobip_s3_bucket"} & set(named) and find_spec("boto3") is None:
        yield (
            "reading S3 needs boto3, which is not installed: pip install 'tap-eventexport[s3]' "
            "(with Meltano, pip_url: tap-eventexport[s3]@git+…, without blanks)"
        )
    region = right.get("infobip_s3_region", "")
    is_odd = region and not _region.fullmatch(region.lower().replace("_", "-"))
    if is_odd and "aws_endpoint_url" not in named:
        yield (
            f"infobip_s3_region: got {format_value(region)}, expected a region such as eu-central-1"
        )
    definitions = right.get("infobip_definition_ids", [])
    if len(definitions) > MOST_DEFINITIONS or len(set(definitions)) < len(definitions):
        yield f"infobip_definition_ids: expected at most {MOST_DEFINITIONS} names, each once"
    keys = ("aws_access_key_id", "aws_secret_access_key")
    missing = [name for name in keys if name not in named]
    if len(missing) == 1:
        yield f"{missing[0]}: not set, but {' and '.join(keys)} belong together"
    if "aws_session_token" in named and missing:
        yield f"{missing[0]}: not set, but aws_session_token is, which belongs to it"
    if "aws_external_id" in named and "aws_role_arn" not in named:
        yield "aws_role_arn: not set, but aws_external_id is, which belongs to it"


VENDOR = Vendor(
    name="Infobip",
    settings=SETTINGS,
    mode="infobip_mode",
    apis={
        "export": Api(
            name="Infobip",
            credential="infobip_api_key",
            required=(
                "infobip_api_url",
                "infobip_export_role_arn",
                "infobip_s3_bucket",
                "infobip_s3_region",
            ),
            urls=("infobip_api_url", "aws_endpoint_url"),
            rate=RATE,
            streams=(InfobipExports, InfobipDefinitions),
        ),
        "files": Api(
            name="Infobip files",
            credential="infobip_s3_bucket",
            urls=("aws_endpoint_url",),
            max_concurrency=1,
            streams=(InfobipFiles,),
        ),
    },
    guide="portal → Developer tools → API keys, with the scope people:manage; the base URL is next "
    "to the key. Infobip assumes the role to write into your bucket. To only read files that other "
    "exports put there, set the mode to files and the bucket, and no key. If no AWS setting is "
    "set, the bucket is read with AWS's default chain (environment, profile, the machine's role).",
    guide_in_korean="포털 → Developer tools → API keys. 키에 people:manage scope가 있어야 하고, "
    "base URL은 키 옆에 나옵니다. Infobip은 아래 역할(role)로 고객의 버킷에 파일을 씁니다. 다른 "
    "export가 넣어 둔 파일만 읽으려면 mode를 files로 하고 버킷을 설정하며, 키는 넣지 않습니다. "
    "AWS 설정이 하나도 없으면 AWS의 기본 순서(환경 변수, 프로파일, 서버의 역할)로 버킷을 "
    "읽습니다.",
    examples={
        "infobip_api_key": "your-infobip-api-key",
        "infobip_api_url": "xxxxx.api.infobip.com",
        "infobip_export_role_arn": "arn:aws:iam::000000000000:role/your-export-role",
        "infobip_s3_bucket": "your-bucket",
        "infobip_s3_region": "your-region",
        "infobip_s3_directory": "exports/infobip/",
        "infobip_definition_ids": '["pageView","sms*"]',
        "infobip_mode": "files",
        "aws_access_key_id": "your-access-key-id",
        "aws_secret_access_key": "your-secret-access-key",
        "aws_session_token": "your-session-token",
        "aws_profile": "your-profile",
        "aws_role_arn": "arn:aws:iam::000000000000:role/your-reader-role",
        "aws_external_id": "your-own-external-id",
        "aws_endpoint_url": "https://s3.example.com",
    },
    prepare=prepare,
    problems=problems,
)
