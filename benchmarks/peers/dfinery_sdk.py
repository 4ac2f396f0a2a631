"""The peer: a CSV through csv.DictReader into a plain singer-sdk stream."""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Any

import requests
from singer_sdk import Stream, Tap
from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def answer() -> io.TextIOWrapper:
    response = requests.post(sys.argv[1], stream=True, timeout=300)
    response.raw.auto_close = False
    return io.TextIOWrapper(response.raw, encoding="utf-8", newline="")


class Events(Stream):
    name = "dfinery_events"
    primary_keys = ("df_event_detail_log_id",)

    def get_records(self, context: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:  # noqa: ARG002
        yield from csv.DictReader(answer())


class PlainTap(Tap):
    name = "tap-plain"

    def discover_streams(self) -> list[Stream]:
        columns = next(csv.reader(answer()))
        schema = th.PropertiesList(*(th.Property(name, th.StringType) for name in columns))
        return [Events(self, schema=schema.to_dict())]


if __name__ == "__main__":
    PlainTap(config={}).sync_all()
