"""Croct's events.

https://docs.croct.com/reference/api/service/data-export/export-events
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_eventexport.engine.bodies.extra import COLUMN
from tap_eventexport.vendors.croct.exports import CroctExport
from tap_eventexport.vendors.croct.responses import Metadata, answered

if TYPE_CHECKING:
    from tap_eventexport.vendors.croct.responses import Answered

# fmt: off
EVENT_TYPES = {
    "userSignedUp", "userSignedIn", "userSignedOut", "tabOpened", "tabUrlChanged",
    "tabVisibilityChanged", "locationDetected", "clientDetected", "pageOpened", "pageLoaded",
    "productAbandoned", "productViewed", "cartAbandoned", "cartViewed", "cartModified",
    "checkoutStarted", "orderPlaced", "nothingChanged", "goalCompleted", "eventOccurred",
    "slotPersonalized", "leadGenerated", "audienceMatched", "userClicked", "userScrolled",
}
# fmt: on
SOURCES = {
    "organizationName": "name of the organization that the application belongs to",
    "organizationSlug": "the organization, as in addresses",
    "workspaceName": "name of the application's workspace",
    "workspaceSlug": "the workspace, as in addresses",
    "applicationName": "name of the application that the key belongs to",
    "applicationSlug": "the application, as in addresses",
}


class CroctEvents(CroctExport):
    """All events of the application that the API key belongs to.

    `GET /export/events`. Events may arrive late, since browsers queue them. No limit is documented
    for this delay.
    """

    name = "croct_events"
    record = "one event of the application that the key belongs to"
    primary_keys = ("id",)
    replication_key = "timestamp"
    path = "/export/events"
    items = "events"
    columns: ClassVar = th.PropertiesList(
        th.Property("id", th.StringType, required=True, description="of the event"),
        th.Property("timestamp", th.DateTimeType, required=True, description="when tracked"),
        th.Property(
            "eventType",
            th.StringType,
            description="the payload's @type",
            examples=sorted(EVENT_TYPES),
        ),
        th.Property("sessionId", th.StringType, description="the sessionId of croct_sessions"),
        th.Property("userId", th.StringType, description="the userId of croct_users"),
        th.Property(
            "context",
            th.ObjectType(additional_properties=True),
            description="where in the application; null for events of a server",
        ),
        th.Property(
            "payload",
            th.ObjectType(additional_properties=True),
            description="what happened; its fields depend on @type",
        ),
        *(
            th.Property(name, th.StringType, description=SOURCES[name])
            for name in Metadata.__struct_fields__
        ),
        COLUMN,
    )

    @property
    def filters(self) -> tuple[Any, ...]:
        """The settings that a cursor may depend on."""
        return (
            self.config["croct_api_url"],
            self.config["croct_event_types"],
            self.config["croct_page_size"],
        )

    @property
    def query(self) -> dict[str, Any]:
        """The requested types of events."""
        return {"events": self.config["croct_event_types"]}

    def decode(self, body: bytes) -> Answered:
        """Parse the body of a response."""
        return answered(body)
