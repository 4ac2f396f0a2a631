"""The peer: the same endpoint as a plain singer-sdk RESTStream, as the SDK's template makes it.

croct_sdk.py --config FILE [--state FILE], with api_url, start and end (in milliseconds since 1970).
With a state, the tap reads from its bookmark, less a lag in milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import JSONPathPaginator

if TYPE_CHECKING:
    from collections.abc import Mapping


OBJECT = th.ObjectType(additional_properties=True)


class Events(RESTStream[str]):
    name = "croct_events"
    path = "/export/events"
    primary_keys = ("id",)
    replication_key = "timestamp"
    records_jsonpath = "$.items[*]"
    schema = th.PropertiesList(
        th.Property("id", th.StringType),
        th.Property("timestamp", th.IntegerType),
        th.Property("sessionId", th.StringType),
        th.Property("userId", th.StringType),
        th.Property("context", OBJECT),
        th.Property("payload", OBJECT),
    ).to_dict()

    @property
    def url_base(self) -> str:
        return str(self.config["api_url"])

    def get_new_paginator(self) -> JSONPathPaginator:
        return JSONPathPaginator("$.nextCursor")

    def get_url_params(
        self,
        context: Mapping[str, Any] | None,
        next_page_token: str | None,
    ) -> dict[str, Any]:
        bookmark = self.get_starting_replication_key_value(context)
        start = self.config["start"] if bookmark is None else bookmark - self.config["lag"]
        asked = {"start": start, "end": self.config["end"], "pageSize": 1000}
        return {**asked, "cursor": next_page_token} if next_page_token else asked


class PlainTap(Tap):
    name = "tap-plain"
    config_jsonschema = th.PropertiesList(
        th.Property("api_url", th.StringType),
        th.Property("start", th.IntegerType),
        th.Property("end", th.IntegerType),
        th.Property("lag", th.IntegerType, default=0),
    ).to_dict()

    def discover_streams(self) -> list[Events]:
        return [Events(self)]


if __name__ == "__main__":
    PlainTap.cli()
