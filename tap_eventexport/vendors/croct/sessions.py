"""Croct's sessions.

https://docs.croct.com/reference/api/service/data-export/endpoint/sessions
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from singer_sdk import typing as th

from tap_eventexport.engine.bodies.extra import COLUMN
from tap_eventexport.engine.bodies.fields import open_object, text
from tap_eventexport.vendors.croct.exports import CroctExport
from tap_eventexport.vendors.croct.items import decoder, instants

if TYPE_CHECKING:
    from tap_eventexport.vendors.croct.responses import Answered

OPEN = th.ObjectType(additional_properties=True)

_decode = decoder(
    "sessionId",
    "closeTime",
    {
        **dict.fromkeys(("userId", "parentId", "externalUserId"), text),
        "window": instants,
        **dict.fromkeys(("referrer", "landingPageUrl"), text),
        **dict.fromkeys(
            ("campaign", "location", "client", "attributes", "statistics"), open_object
        ),
    },
)


class CroctSessions(CroctExport):
    """The sessions of the application that the API key belongs to, as they are when they close.

    `GET /export/session`. "The close time may be extended if new events arrive before the session
    is closed": so a session is read when its close time has passed. Events that arrive late may
    change it even then; it is sent again.
    """

    name = "croct_sessions"
    record = "one session, sent again when it changes"
    primary_keys = ("sessionId",)
    replication_key = "closeTime"
    path = "/export/session"
    items = "sessions"
    columns: ClassVar = th.PropertiesList(
        th.Property("sessionId", th.StringType, required=True, description="of the application"),
        th.Property(
            "closeTime", th.DateTimeType, required=True, description="when it took no more events"
        ),
        th.Property("userId", th.StringType, description="the userId of croct_users"),
        th.Property("parentId", th.StringType, description="the session that superseded it"),
        th.Property("externalUserId", th.StringType, description="null for anonymous users"),
        th.Property(
            "window",
            th.ObjectType(
                th.Property("start", th.DateTimeType, description="from when"),
                th.Property("end", th.DateTimeType, description="until when"),
                additional_properties=True,
            ),
            description="start and end: from when until when it was",
        ),
        th.Property("referrer", th.StringType, description="the page that linked to the first one"),
        th.Property("landingPageUrl", th.StringType, description="the first page"),
        th.Property("campaign", OPEN, description="name, source, medium, content, term"),
        th.Property("location", OPEN, description="continent, country, region, city and so on"),
        th.Property("client", OPEN, description="browser, device and operating system"),
        th.Property("attributes", OPEN, description="custom attributes"),
        th.Property("statistics", OPEN, description="pageViews, tabViews, orders"),
        COLUMN,
    )

    def decode(self, body: bytes) -> Answered:
        """Parse the body of a response."""
        return _decode(body)
