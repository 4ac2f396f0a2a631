"""The peer: gzip and json.loads of each file into a plain singer-sdk stream.

infobip_sdk.py ENDPOINT BUCKET ACCESS_KEY SECRET_KEY
"""

from __future__ import annotations

import gzip
import json
import sys
from typing import TYPE_CHECKING, Any

import boto3
from singer_sdk import Stream, Tap
from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

endpoint, bucket, access_key, secret_key = sys.argv[1:5]


class Events(Stream):
    name = "infobip_events"
    primary_keys = ("event_key",)
    schema = th.PropertiesList(
        *(
            th.Property(name, th.StringType)
            for name in ("definitionId", "personId", "externalPersonId", "timestamp")
        ),
        th.Property("properties", th.ObjectType(additional_properties=True)),
    ).to_dict()

    def get_records(self, context: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:  # noqa: ARG002
        s3 = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="eu-central-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
        )
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for found in page["Contents"]:
                body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"]
                with gzip.GzipFile(fileobj=body) as file:
                    for line in file:
                        yield json.loads(line)


class PlainTap(Tap):
    name = "tap-plain"

    def discover_streams(self) -> list[Stream]:
        return [Events(self)]


if __name__ == "__main__":
    PlainTap(config={}).sync_all()
