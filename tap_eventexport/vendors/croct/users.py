"""Croct's users.

https://docs.croct.com/reference/api/service/data-export/endpoint/users
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from singer_sdk import typing as th

from tap_eventexport.engine.bodies.extra import COLUMN
from tap_eventexport.engine.bodies.fields import open_object, text
from tap_eventexport.vendors.croct.exports import CroctExport
from tap_eventexport.vendors.croct.items import day, decoder, texts

if TYPE_CHECKING:
    from tap_eventexport.vendors.croct.responses import Answered

CONTACTS = ("email", "alternateEmail", "phone", "alternatePhone")
WORK = ("avatar", "company", "companyUrl", "jobTitle")
TEXTS = ("externalUserId", "firstName", "lastName", "gender", *CONTACTS, *WORK)
LISTS, OBJECTS = ("activities", "interests"), ("address", "customAttributes", "statistics")

_decode = decoder(
    "userId",
    "lastModifiedTime",
    {
        **dict.fromkeys(TEXTS, text),
        "birthDate": day,
        **dict.fromkeys(LISTS, texts),
        **dict.fromkeys(OBJECTS, open_object),
    },
)


class CroctUsers(CroctExport):
    """The users of the workspace, as they are now.

    `GET /export/user`. They are personal data, so they are read only if a catalog selects them.
    """

    name = "croct_users"
    record = "one user of the workspace, sent again when modified"
    primary_keys = ("userId",)
    replication_key = "lastModifiedTime"
    selected_by_default = False  # personal data
    path = "/export/user"
    items = "users"
    columns: ClassVar = th.PropertiesList(
        th.Property("userId", th.StringType, required=True),
        th.Property(
            "lastModifiedTime", th.DateTimeType, required=True, description="not changed by a sync"
        ),
        *(th.Property(name, th.StringType) for name in TEXTS),
        th.Property("birthDate", th.DateType),
        *(th.Property(name, th.ArrayType(th.StringType)) for name in LISTS),
        *(th.Property(name, th.ObjectType(additional_properties=True)) for name in OBJECTS),
        COLUMN,
    )

    def decode(self, body: bytes) -> Answered:
        """Parse the body of a response."""
        return _decode(body)
