"""Infobip's definitions of events.

https://www.infobip.com/docs/api/customer-engagement/people (get list of event definitions)
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import requests
from singer_sdk import typing as th

from tap_eventexport.engine.bodies.extra import COLUMN, NewNames
from tap_eventexport.engine.bodies.fields import Item, boolean, open_list, record_of, text
from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.http.client import endpoint
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.paging.offset_facts import Paging
from tap_eventexport.engine.paging.offsets import OffsetReader
from tap_eventexport.engine.table import TableStream
from tap_eventexport.vendors.infobip.responses import reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from singer_sdk import Tap

    from tap_eventexport.engine.http.client import HttpClient
    from tap_eventexport.engine.windows import Window

LIMIT = 100  # definitions in a response; the largest limit isn't documented
MOST = 100_000  # definitions; a vendor with more repeats them

COLUMNS = {
    "definitionId": text,
    "title": text,
    "description": text,
    "category": text,
    "subcategory": text,
    "isInternalDefinition": boolean,
    "fields": open_list,
}
_read = reader(list[Item])


class InfobipDefinitions(TableStream):
    """The definitions of the account's events, each with its fields.

    `GET /peopleevents/2/definitions`. A response is a bare array without a total, so the list ends
    if nothing follows it.
    """

    name = "infobip_event_definitions"
    record = "one event definition with its fields"
    primary_keys = ("definitionId",)
    vendor = "Infobip"
    path = "/peopleevents/2/definitions"
    read_every: ClassVar = timedelta(hours=1)
    columns: ClassVar = th.PropertiesList(
        th.Property(
            "definitionId",
            th.StringType,
            required=True,
            description="the definitionId of infobip_events",
        ),
        th.Property("title", th.StringType, description="name for people"),
        th.Property("description", th.StringType, description="when such an event happens"),
        th.Property(
            "category",
            th.StringType,
            description="which part of Infobip the events come from",
            examples=["external", "person", "channel", "product", "template"],
        ),
        th.Property("subcategory", th.StringType, description="a part of the category"),
        th.Property(
            "isInternalDefinition",
            th.BooleanType,
            description="true if Infobip defined it, false if the account did",
        ),
        th.Property(
            "fields",
            th.ArrayType(th.ObjectType(additional_properties=True)),
            description="name, type, and perhaps schema of each field",
        ),
        COLUMN,
    )

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        self._new_names = NewNames(self.name, self.logger)

    @property
    def filters(self) -> tuple[Any, ...]:
        """The account."""
        return (self.config["infobip_api_url"],)

    def pages(self, window: Window, cursor: Mapping[str, Any] | None) -> Iterator[Page]:  # noqa: ARG002
        """Read the whole list, page by page in order of the ids."""
        listed = OffsetReader(self._list, _id, LIMIT, Paging())
        items: list[Item] = []
        for part in listed.parts():
            items += part.rows
            if len(items) > MOST:
                raise FatalVendorError(
                    f"Infobip lists more than {MOST} definitions of events; please report it"
                )
        records = [
            record_of(dict(item), COLUMNS, f"$[{number}]") for number, item in enumerate(items)
        ]
        self._new_names.note(set().union(*items) - COLUMNS.keys())
        yield Page([records], None)

    def check_connection(self) -> None:
        """Request one definition."""
        self._list(0, 1)

    def _list(self, offset: int, limit: int) -> tuple[Sequence[Item], None]:
        def request() -> requests.Request:
            return requests.Request(
                "GET",
                endpoint(self.config["infobip_api_url"], self.path),
                headers={
                    "Authorization": f"App {self.config['infobip_api_key']}",
                    "Accept": "application/json",
                },
                params={
                    "offset": offset,
                    "limit": limit,
                    "orderField": "DefinitionId",
                    "orderType": "Asc",
                },
            )

        return self.client.fetch(request, _read), None


def _id(item: Item) -> str:
    """Return what the list is ordered by."""
    return bytes(item.get("definitionId", msgspec.Raw(b""))).decode()
