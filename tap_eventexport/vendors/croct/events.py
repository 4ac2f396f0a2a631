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
    from singer_sdk import Tap

    from tap_eventexport.engine.http.client import HttpClient
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
        th.Property("id", th.StringType, required=True),
        th.Property("timestamp", th.DateTimeType, required=True, description="when tracked"),
        th.Property("eventType", th.StringType, description="the payload's @type"),
        th.Property("sessionId", th.StringType),
        th.Property("userId", th.StringType),
        th.Property("context", th.ObjectType(additional_properties=True)),
        th.Property("payload", th.ObjectType(additional_properties=True)),
        *(th.Property(name, th.StringType) for name in Metadata.__struct_fields__),
        COLUMN,
    )

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        for name in sorted(set(self.config["croct_event_types"]) - EVENT_TYPES):
            self.logger.warning("croct_event_types: %r is not among Croct's documented types", name)

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
